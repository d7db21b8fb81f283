"""Routines of NumPy, LAPACK and SciPy, which every backend leaves to NumPy, one file per family."""

from wengert.primitives.library import (
    factorisations as factorisations,
    fourier as fourier,
    linear_algebra as linear_algebra,
    order as order,
    parametric as parametric,
    recursion as recursion,
    special as special,
)
