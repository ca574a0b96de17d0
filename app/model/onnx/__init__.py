"""ONNX files: read as data by a bounded walk of their bytes, and computed with numpy."""
