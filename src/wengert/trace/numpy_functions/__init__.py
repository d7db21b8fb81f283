"""NumPy's functions on tensors: each module writes some of them in terms of primitives."""

from wengert.trace.numpy_functions import (
    contraction as contraction,
    creation as creation,
    diagonals as diagonals,
    einsum as einsum,
    joining as joining,
    linear_algebra as linear_algebra,
    reductions as reductions,
    selection as selection,
    shapes as shapes,
)
from wengert.trace.numpy_functions.table import call_function as call_function
