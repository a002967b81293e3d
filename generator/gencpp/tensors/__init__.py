"""What goes into and comes out of a module, and the comparison of two answers."""
