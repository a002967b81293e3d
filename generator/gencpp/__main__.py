"""`python -m gencpp`: the same as the command `gencpp`."""

from .cli import main

main()
