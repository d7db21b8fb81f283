"""Samples of PyTorch's own tests (OpInfo), computed by NumPy or SciPy and differentiated by wengert.

    python -m benchmarks.opinfo [--only cumsum,kron] [--samples 12]

Needs ``pip install torch expecttest``. For each sample of each operation that NumPy or SciPy has: the value,
the gradient of a weighted sum, and the gradient of a weighted sum of that, beside torch's autograd. A sample
that is refused counts as not right, one that differs as wrong; one of which NumPy itself computes another
value than torch, or none, is skipped. Where torch has another convention for a point without a derivative,
as `CONVENTIONS` lists with the reason, a sample that differs there counts as declared: not as right.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import warnings
from collections import Counter
from typing import Any

import numpy as np
import torch
from benchmarks.opinfo.functions import OPERATIONS

import wengert as wg
from wengert.errors import WengertError

# By operation, variant of the samples and order of the derivative: what wengert declares there, and why.
CONVENTIONS = {
    ("linalg.norm", "subgradients_at_zero", 2): "a norm at 0, where it has no derivative, is given the "
    "derivative 0 of every order; torch differentiates its 0 to NaN",
}


def _hermitian(x: Any) -> Any:
    """Return what torch's wrapper makes of a sample, so that changes of it are symmetric."""
    return x + np.swapaxes(x, -1, -2)


def leaves(value: Any) -> list[torch.Tensor]:
    """Return the tensors of a sample that are differentiated."""
    if isinstance(value, torch.Tensor):
        return [value] if value.requires_grad else []
    items = value.values() if isinstance(value, dict) else value
    return [one for item in items for one in leaves(item)] if isinstance(value, (list, tuple, dict)) else []


def with_arrays(value: Any, given: Any) -> Any:
    """Return a sample's arguments with the next of `given` for each tensor that is differentiated."""
    if isinstance(value, torch.Tensor):
        return next(given) if value.requires_grad else value.detach().numpy()
    if isinstance(value, dict):
        return {name: with_arrays(one, given) for name, one in value.items()}
    if isinstance(value, (list, tuple)) and not isinstance(value, torch.Size):
        return type(value)([with_arrays(one, given) for one in value])
    return tuple(value) if isinstance(value, torch.Size) else value


def flat(value: Any) -> list[Any]:
    """Return the results that are floating arrays."""
    if isinstance(value, (list, tuple)):
        return [one for item in value for one in flat(item)]
    return (
        [value]
        if str(getattr(value, "dtype", type(value).__name__)) in ("torch.float64", "float64", "float")
        else []
    )


def weights(shape: Any, shift: float) -> np.ndarray[Any, Any]:
    """Return fixed numbers of a shape."""
    return np.cos(shift + np.arange(float(np.prod(shape, dtype=int)))).reshape(tuple(shape))


class Sample:
    """One sample: its function in both libraries, and the arrays that are differentiated."""

    def __init__(self, op: Any, sample: Any) -> None:
        self._function = OPERATIONS[op.name]
        self._arguments = (sample.input, sample.args, sample.kwargs)
        self.tensors = leaves(self._arguments)
        self._wrapper = op.gradcheck_wrapper
        self._op = op

    def by_torch(self) -> tuple[list[Any], list[Any], list[Any]]:
        """Return values, gradient, and gradient along it."""
        first, args, kwargs = self._arguments
        results = flat(self._wrapper(self._op, first, *args, **kwargs))
        total = sum((one * torch.as_tensor(weights(one.shape, 1))).sum() for one in results)
        slopes = _torch_grad(total, self.tensors)
        along = sum((one * torch.as_tensor(weights(one.shape, 2))).sum() for one in slopes)
        curves = _torch_grad(along, self.tensors)
        values, gradient, curve = (
            [one.detach().numpy() for one in part] for part in (results, slopes, curves)
        )
        return values, gradient, curve

    def value(self, *arrays: Any) -> list[Any]:
        """Return the results of the NumPy function."""
        if "hermitian" in self._wrapper.__name__:
            arrays = (_hermitian(arrays[0]), *arrays[1:])
        elif "triangular" in self._wrapper.__name__:
            arrays = (
                np.triu(arrays[0]) if self._arguments[2].get("upper") else np.tril(arrays[0]),
                *arrays[1:],
            )
        first, args, kwargs = with_arrays(self._arguments, iter(arrays))
        listed = isinstance(self._arguments[0], (list, tuple)) and self._op.name in ("block_diag", "meshgrid")
        return flat(
            self._function(*first, *args, **kwargs) if listed else self._function(first, *args, **kwargs)
        )

    def by_wengert(self) -> tuple[list[Any], list[Any], list[Any]]:
        """Return values, gradient, and gradient along it."""
        arrays = [one.detach().numpy() for one in self.tensors]
        every = tuple(range(len(arrays)))

        def total(*arrays: Any) -> Any:
            return sum(np.sum(one * weights(one.shape, 1)) for one in self.value(*arrays))

        def along(*arrays: Any) -> Any:
            slopes = wg.grad(total, argnums=every)(*arrays)
            return sum(np.sum(one * weights(one.shape, 2)) for one in slopes)

        values = wg.trace(lambda *arrays: self.value(*arrays), *arrays)(*arrays)
        return (
            list(values),
            list(wg.grad(total, argnums=every)(*arrays)),
            list(wg.grad(along, argnums=every)(*arrays)),
        )


def _torch_grad(total: Any, tensors: list[Any]) -> list[Any]:
    if not isinstance(total, torch.Tensor) or not total.requires_grad:
        return [torch.zeros_like(one) for one in tensors]
    found = torch.autograd.grad(total, tensors, create_graph=True, allow_unused=True)
    return [
        torch.zeros_like(one) if slope is None else slope for one, slope in zip(tensors, found, strict=True)
    ]


def agree(mine: list[Any], theirs: list[Any]) -> bool:
    """Whether all arrays are equal to eight digits, of float32 to four; NaN and infinities included."""
    digits = 1e-4 if any(np.asarray(one).dtype == np.float32 for one in theirs) else 1e-8
    return len(mine) == len(theirs) and all(
        np.shape(a) == np.shape(b)
        and np.allclose(a, b, digits, digits * max(1.0, np.nanmax(np.abs(b), initial=0)), equal_nan=True)
        for a, b in zip(mine, theirs, strict=True)
    )


def verdict(op: Any, sample: Any) -> tuple[str, str]:
    """Return right, refused, wrong, declared, or skipped where torch cannot, and what was found."""
    one = Sample(op, sample)
    if not one.tensors:
        return "skipped", "nothing is differentiated"
    try:
        wanted = one.by_torch()
        plain = one.value(*[tensor.detach().numpy() for tensor in one.tensors])
    except Exception as error:  # torch refuses some of its own samples, in any way
        return "skipped", f"{type(error).__name__}: {error}"
    if not agree(plain, wanted[0]):
        return "skipped", "NumPy's function has other values than torch's"
    try:
        found = one.by_wengert()
    except WengertError as error:
        return "refused", f"{type(error).__name__}: {error}"
    except Exception as error:  # an error that is not ours is counted as a failure, whatever it is
        return "failed", f"{type(error).__name__}: {error}"
    for order, (mine, theirs) in enumerate(zip(found, wanted, strict=True)):
        if not agree(mine, theirs):
            reason = CONVENTIONS.get((op.name, op.variant_test_name, order))
            if reason and all(np.isnan(b).all() and not np.any(a) for a, b in zip(mine, theirs, strict=True)):
                return "declared", f"order {order}: {reason}"
            return "wrong", f"order {order}: {str(mine)[:160]} for {str(theirs)[:160]}"
    return "right", ""


def main() -> None:
    """Print a line for each sample that is not right, and the counts."""
    from torch.testing._internal.common_methods_invocations import op_db

    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.opinfo",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", default="")
    parser.add_argument("--samples", type=int, default=12)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    chosen, counts = set(options.only.split(",")) if options.only else set(OPERATIONS), Counter[str]()
    for op in op_db:
        if op.name not in chosen or op.name not in OPERATIONS:
            continue
        samples = op.sample_inputs("cpu", torch.float64, requires_grad=True)
        for number, sample in enumerate(itertools.islice(samples, options.samples)):
            result, what = verdict(op, sample)
            counts[result] += 1
            if result not in ("right", "skipped"):
                print(f"{op.name} {op.variant_test_name} {number}: {result}, {what[:330]}", flush=True)
    compared = counts.total() - counts["skipped"]
    print(f"{dict(counts)}: {counts['right'] / compared:.1%} right", file=sys.stderr)


if __name__ == "__main__":
    main()
