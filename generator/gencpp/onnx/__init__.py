"""An ONNX graph: read, its passes, and its runner."""
