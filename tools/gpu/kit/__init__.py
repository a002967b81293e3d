"""The GPU proof kit: what only a machine with an NVIDIA GPU can show, in one command and within minutes."""
