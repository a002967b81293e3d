"""A plan, computed by PyTorch."""
