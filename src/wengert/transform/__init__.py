"""Transformations from programs to programs: gradient, forward mode, simplification."""
