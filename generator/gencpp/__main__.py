"""`python -m gencpp`: the same as the command `gencpp`."""

from .cli.main import main

main()
