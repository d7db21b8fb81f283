"""Transformations from programs to programs: gradient, forward mode, simplification."""

# The rules of loops and branches are transformations, so these primitives stand here, not among the others.
from wengert.transform import regions as regions
