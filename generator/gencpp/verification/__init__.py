"""A built project, proven: its steps, and the parity of its answers."""
