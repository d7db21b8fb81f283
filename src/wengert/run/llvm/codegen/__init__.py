"""Third pass: the code of each kernel, and of the functions that run the kernels."""
