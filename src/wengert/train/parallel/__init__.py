"""Training by several workers: each has some blocks of every batch, and all take the same step."""
