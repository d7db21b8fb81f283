"""Tracing: tensors that stand for nodes, the NumPy protocols, trees in and out."""
