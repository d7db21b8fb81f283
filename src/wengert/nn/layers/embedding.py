"""Embeddings of categories."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from wengert.checks import positive_integer
from wengert.errors import ConfigurationError, DTypeError, IndexRangeError, ShapeError
from wengert.nn.initialisers import Initialiser, initialiser_function, initialiser_name
from wengert.nn.module import ArrayRules, Module, parameter
from wengert.nn.values import check_values, first_position
from wengert.primitives import random
from wengert.trace.tensor import here


class Embedding(Module):
    """A table with one trained row for each category: the output for category i is row i.

    Parameters
    ----------
    categories, outputs : int
        Numbers of rows and columns of the table.
    initialiser : str or callable
        See `nn.initialisers`; standard normal by default.
    weight : array, shape (categories, outputs), optional

    Notes
    -----
    Input: integers of shape (...) from 0 to categories − 1; output: shape (..., outputs).
    """

    categories: int
    outputs: int
    initialiser: str | Initialiser = "gaussian"
    weight: Any = parameter(penalised=True)

    def __post_init__(self) -> None:
        positive_integer("Embedding", "categories", self.categories)
        positive_integer("Embedding", "outputs", self.outputs)
        object.__setattr__(self, "initialiser", initialiser_name("Embedding", self.initialiser))
        super().__post_init__()

    def array_rules(self) -> ArrayRules:
        """Return shape and initialiser of the table."""
        return {"weight": ((self.categories, self.outputs), initialiser_function(self.initialiser))}

    def __call__(self, x: Any) -> Any:
        """Return the rows of the categories x.

        Raises
        ------
        DTypeError
            When x is not of integers.
        IndexRangeError
            When a category is out of range, and the values of x are known.
        """
        dtype = x.dtype if hasattr(x, "dtype") else np.asarray(x).dtype
        if dtype.kind not in "iu":
            raise DTypeError(f"an embedding takes integer categories, got {dtype}{here()}")
        check_values(x, partial(_look_at_categories, self.categories))
        return self.weight[x]


def _look_at_categories(categories: int, known: Any) -> None:
    wrong = (known < 0) | (known >= categories)
    if wrong.any():
        where, value = first_position(wrong, known)
        raise IndexRangeError(
            f"category {value} at {where} is out of range: the embedding has {categories} "
            f"categories, 0 to {categories - 1}{here()}"
        )


def _normal_but_first(key: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """Return a table of normal numbers whose first row is zeros."""
    known = random.normal(key, (shape[0] - 1, *shape[1:]), dtype)
    return np.concatenate([np.zeros((1, *shape[1:]), dtype), known])


class CategoryEmbeddings(Module):
    """Columns of categories, each as the trained row of its column's table, beside each other.

    Category 0 stands for whatever is not known; its row starts as zeros, so that a category never seen in
    training adds nothing.

    Parameters
    ----------
    categories : tuple of int
        Of each column, category 0 included.
    outputs : int
        Columns of each table.
    weight : array, shape (Σ categories, outputs), optional
        All tables, one below the other; standard normal at the start but for the rows of categories 0.

    Notes
    -----
    Input: whole numbers of shape (..., columns), of any dtype, so that they can stand in one array with other
    features; output: (..., columns · outputs). Values out of range are taken for category 0.
    """

    categories: tuple[int, ...]
    outputs: int = 8
    weight: Any = parameter(penalised=True)

    def __post_init__(self) -> None:
        for number, count in enumerate(self.categories):
            positive_integer("CategoryEmbeddings", f"categories[{number}]", count)
        if not self.categories:
            raise ConfigurationError("CategoryEmbeddings: categories has the number of each column")
        positive_integer("CategoryEmbeddings", "outputs", self.outputs)
        super().__post_init__()

    def array_rules(self) -> ArrayRules:
        """Return shape and initialiser of the tables."""
        return {"weight": ((sum(self.categories), self.outputs), self._tables)}

    def _tables(self, key: Any, shape: tuple[int, ...], dtype: Any) -> Any:
        sizes = enumerate(self.categories)
        tables = [
            _normal_but_first(random.fold_in(key, number), (size, *shape[1:]), dtype)
            for number, size in sizes
        ]
        return np.concatenate(tables)

    def __call__(self, x: Any) -> Any:
        """Return the rows of the categories x.

        Raises
        ------
        ShapeError
            When the last axis of x does not have one entry for each column.
        """
        shape = np.shape(x)
        columns = len(self.categories)
        if not shape or shape[-1] != columns:
            raise ShapeError(
                f"the input has shape {shape}, the embeddings take {columns} columns of categories in the "
                f"last axis{here()}"
            )
        sizes = np.array(self.categories)
        numbers = x if x.dtype.kind in "iu" else x.astype(np.int64)
        places = np.where((numbers >= 0) & (numbers < sizes), numbers, 0) + (np.cumsum(sizes) - sizes)
        return self.weight[places].reshape((*shape[:-1], columns * self.outputs))
