"""Answers from a tuned prompt, with torch or ONNX Runtime, and exports for other programs."""
