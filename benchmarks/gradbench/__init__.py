"""The twelve problems of GradBench, written as plain NumPy."""
