"""A model as a TensorRT network definition: lowered from ONNX to a plan, and emitted as C++."""
