"""Second pass: the order of kernels, which of them threads share, and where their buffers lie."""
