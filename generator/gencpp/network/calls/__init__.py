"""Which calls of TensorRT's API a plan becomes."""
