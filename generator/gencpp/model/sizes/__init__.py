"""Which sizes a model takes, and its answers at them."""
