"""From an ONNX graph to a plan."""
