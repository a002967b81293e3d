"""A plan's calls, or an ONNX file, in TensorRT-RTX."""
