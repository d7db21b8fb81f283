"""Trained models as files for other programs (ONNX, safetensors, NumPy source), and networks from theirs."""
