"""One training step: its program, the rows that it takes, how steps are taken and when they make no sense."""
