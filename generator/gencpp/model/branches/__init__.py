"""Control flow that depends on values: which ways an artifact has, and which were taken."""
