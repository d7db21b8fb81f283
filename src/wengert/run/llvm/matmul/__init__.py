"""Products of matrices: blocking, packing, and the micro-kernel."""
