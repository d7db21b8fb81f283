"""Every primitive, declared once with all its rules, one file per family."""

from wengert.primitives import (
    arithmetic as arithmetic,
    comparison as comparison,
    contraction as contraction,
    exponential as exponential,
    factorisations as factorisations,
    indexing as indexing,
    linear_algebra as linear_algebra,
    movement as movement,
    order as order,
    random as random,
    reductions as reductions,
    rounding as rounding,
    selection as selection,
    trigonometric as trigonometric,
)
