"""What a primitive is: an elementary operation with all its rules declared in one place."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from wengert.checks import is_masked
from wengert.errors import DTypeError, WengertError
from wengert.ir.vocabulary import load_vocabulary

if TYPE_CHECKING:
    from wengert.ir.types import TensorType


class Kind(enum.Enum):
    """The structural kinds; executors and index notation switch on these, never on names."""

    INPUT = "input"
    CONSTANT = "constant"
    ELEMENTWISE = "elementwise"
    REDUCTION = "reduction"
    SCAN = "scan"
    CONTRACTION = "contraction"
    MOVEMENT = "movement"
    INDEXING = "indexing"
    RANDOM = "random"
    LIBRARY = "library"
    REGION = "region"  # a loop or a branch: its parameters are programs, and it has several results
    ITEM = "item"  # one of the results of a region


@dataclass(frozen=True, slots=True)
class Interval:
    """Closed interval from which tests and checks draw an operand; ``integer``: whole numbers only."""

    low: float
    high: float
    integer: bool = False


@dataclass(frozen=True, slots=True)
class NotDifferentiable:
    """Stands in place of a derivative rule, with the reason: the derivative is zero or has no meaning."""

    reason: str


@dataclass(frozen=True, slots=True)
class RegionRules:
    """What a region declares besides the rules that each primitive has.

    Attributes
    ----------
    prepare : callable
        ``prepare(compiled, wanted, **params)``: a function of the operands that gives a tuple of the results,
        None for those that are not among the positions `wanted`. ``compiled(program)`` is the callable by
        which an executor runs a body: from a list of arrays to a list of arrays. The function also takes
        ``into=``, arrays by position among the results, into which it may write them.
    unread : callable
        ``unread(wanted, **params)``: the positions of the operands on which the results at `wanted` do not
        depend.
    statements : callable
        ``statements(results, operands, function, types, fresh, **params)``: lines of NumPy source that give
        the results their names; `results` has None for what nobody reads. ``function(body)`` is the name of
        the function of a body, which returns a tuple, `types` are the types of the results, and
        ``fresh(wanted)`` is a name that is still free.
    joined : callable, optional
        ``joined(params, other)``: the parameters of one line in place of two with the same operands, and
        where the results of the first and of the second are among its results; None where that cannot be.
    lighter : callable, optional
        ``lighter(wanted, *operands, **params)``: the results as recorded by a line that does less, with what
        need not be done in a loop outside of it; None where everything must. Only results at `wanted` may be
        computed otherwise than in the loop.
    repetition : callable, optional
        ``repetition(wanted, **params)``: a loop of known length as a `Repetition`, see
        `wengert.transform.regions.iterations`; `prepare` runs the same body.
    """

    prepare: Callable[..., Callable[..., tuple[Any, ...]]]
    unread: Callable[..., set[int]]
    statements: Callable[..., list[str]]
    joined: Callable[..., tuple[dict[str, Any], list[int], list[int]] | None] | None = None
    lighter: Callable[..., tuple[Any, ...] | None] | None = None
    repetition: Callable[..., Any] | None = None


_FLOAT16 = np.dtype(np.float16)
VjpRule = Callable[..., tuple[Any, ...]]


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Primitive:
    """An elementary operation and all its rules.

    Attributes
    ----------
    name : str
        The name in the Wengert list.
    kind : Kind
        Gives broadcasting, index notation and the loop nest.
    numpy : callable
        ``numpy(*arrays, **params)``: the reference semantics. The other executors must agree with it.
    infer : callable
        ``infer(*types, **params)``: the type of the result; raises `ShapeError` or `DTypeError`.
    promote : callable
        ``promote(dtypes)``: the dtypes the operands are converted to, by the promotion of NumPy 2; the
        Python types ``bool``, ``int``, ``float``, ``complex`` stand for weak scalars. See `operand_dtypes`.
    vjp : callable or NotDifferentiable
        ``vjp(cotangent, out, *operands, **params)``: for each operand its contribution to the adjoint, or
        None. Written in plain NumPy, so that traced it gives graph operations that can be differentiated
        again. It need not undo broadcasting or match dtypes: the gradient transformation does.
    python : str or callable
        NumPy source with the operands as ``{0}``, ``{1}``, …; a callable gets the types and the params.
    flops : callable
        ``flops(result type, operand types, params)``: number of floating-point operations.
    domain : tuple of Interval
        Where each operand may be drawn from.
    special : tuple of float
        Values at which every executor is compared with the reference.
    source : str
        Where the rule can be looked up: paper, DLMF section, lecture file.
    ties : str
        What the derivative is at the points where it is not defined.
    implements : tuple of callables or str
        What this primitive stands for when it meets a tensor: universal functions, for a reduction or a scan
        NumPy functions such as ``np.cumsum`` and ``np.add.accumulate``, and SciPy's functions by their names,
        ``"scipy.special.erf"``, so that SciPy need not be imported.
    linear : bool
        Linear in each operand, so a cotangent of zero can only contribute zero.
    selects : bool
        Takes each element from the second operand or the third, as the first says: what is not taken
        contributes nothing to a derivative, even where its own is infinite.
    letters : callable, optional
        ``letters(*types, **params)`` of a contraction, or of a movement that leaves each element at its own
        indices: a letter for each axis of the operands and of the result, as `einsum` writes them.
    spacing : callable, optional
        ``spacing(type, **params)`` of a movement that takes elements at even distances: for each axis the
        place in the operand that comes first, and the step to the next.
    decomposition : callable, optional
        ``decomposition(*operands, **params)``: the same value made of simpler primitives, in plain NumPy code
        that is traced. It serves every backend that has no code of its own for the primitive; rounding may
        differ from the reference's in the last bits, special values may not.
    formula : str
        An elementwise primitive on paper, where that is not `python`: a Python expression in its operands
        x, y, z, for softplus ``log(1 + exp(x))``. A function that is no primitive is its own name: ``ln(x)``.
        A reduction: an expression in its operand x, the n elements of which other reductions run over, for a
        mean ``sum(x) / n``. Without one a reduction has no formula. Of routines the
        solution of equations has one, ``x**-1 @ y``, and a factorisation: the product of its factors.
    derivative : tuple of str
        Of an elementwise primitive by each operand, in x, y, z and ``out``, its value. Empty where `vjp`
        with a cotangent of 1 is what a reader wants to see, and not code that cares for overflow, say.
    complex : bool or callable
        Whether it takes complex numbers, and `vjp` is right for them: with J as the matrix of a map that is
        linear over ℝ, it gives the c with Re(c·z) = Re(cotangent·Jz) for every z, without a conjugate, so
        the rule of a holomorphic function is that of real numbers. A callable says in other primitives what
        it is of complex numbers.
    batch : callable, optional
        ``batch(primitive, mapped, size, *operands, **params)``: the values for a batch of `size` entries,
        whose axis stands first in the result and in the operands that are `mapped`; see
        `wengert.primitives.batching`. Without one a batch is a stack of single applications.
    region : RegionRules, optional
        Of a loop or a branch. Its `vjp` is called as ``vjp(cotangents, results, *operands, active=,
        **params)``: `cotangents` has None where nothing depends on a result, and `active` says to which
        operands a contribution is wanted. Its `batch` gives a tuple.
    """

    name: str
    kind: Kind
    numpy: Callable[..., Any]
    infer: Callable[..., TensorType]
    promote: Callable[[Sequence[Any]], tuple[np.dtype[np.generic], ...]]
    vjp: VjpRule | NotDifferentiable
    python: str | Callable[..., str]
    flops: Callable[..., int]
    domain: tuple[Interval, ...]
    source: str
    special: tuple[float, ...] = ()
    ties: str = ""
    implements: tuple[Callable[..., Any] | str, ...] = ()
    linear: bool = False
    selects: bool = False
    letters: Callable[..., tuple[list[str], str]] | None = None
    spacing: Callable[..., list[tuple[int, int]]] | None = None
    decomposition: Callable[..., Any] | None = None
    formula: str = ""
    derivative: tuple[str, ...] = ()
    complex: bool | Callable[..., Any] = False
    batch: Callable[..., Any] | None = None
    region: RegionRules | None = None

    def __post_init__(self) -> None:
        for field in ("name", "source"):
            if not getattr(self, field):
                raise WengertError(f"primitive {self.name!r} declares no {field}")
        if self.derivative and len(self.derivative) != len(self.domain):
            raise WengertError(f"primitive {self.name!r}: write one derivative for each operand, or none")

    def __call__(self, *operands: Any, **params: Any) -> Any:
        """Apply to arrays, giving an array, or to traced tensors, giving a tensor."""
        for operand in operands:
            apply = getattr(operand, "__wengert_apply__", None)
            if apply is not None:
                return apply(self, operands, params)
        dtypes = self.operand_dtypes([weak_dtype(operand) for operand in operands])
        if _FLOAT16 in dtypes:
            raise DTypeError(f"{self.name} is not computed in float16: convert with .astype(np.float32)")
        arrays = [np.asarray(operand, dtype) for operand, dtype in zip(operands, dtypes, strict=True)]
        with np.errstate(all="ignore"):
            return self.numpy(*arrays, **params)

    def operand_dtypes(self, dtypes: Sequence[Any]) -> tuple[np.dtype[np.generic], ...]:
        """Return the dtypes that operands of these are converted to; see `promote`.

        Raises
        ------
        DTypeError
            When it has no rule for them.
        """
        converted = self.promote(dtypes)
        if not self.complex:
            for dtype in converted:
                if dtype.kind == "c":
                    raise DTypeError(
                        f"{self.name} has no rule for complex numbers ({dtype}): write it in functions of "
                        "np.real(z), np.imag(z) or np.abs(z)"
                    )
        return converted

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"

    def __reduce__(self) -> tuple[Any, ...]:
        # Identity carries meaning: a copy or a pickle must give the registered object again.
        return _registered, (self.name,)


REGISTRY: dict[str, Primitive] = {}
IMPLEMENTATIONS: dict[Any, Primitive] = {}  # which primitive stands for a function of NumPy's or SciPy's


def register(primitive: Primitive) -> Primitive:
    """Enter a primitive under its name.

    Raises
    ------
    WengertError
        When the name is taken, or another primitive implements one of its functions.
    """
    if primitive.name in REGISTRY:
        raise WengertError(f"primitive {primitive.name!r} is declared twice: give one of them another name")
    for function in primitive.implements:
        if function in IMPLEMENTATIONS:
            name = function if isinstance(function, str) else getattr(function, "__qualname__", function)
            known = IMPLEMENTATIONS[function].name
            raise WengertError(
                f"primitive {primitive.name!r} implements {name}, for which {known!r} stands already"
            )
    REGISTRY[primitive.name] = primitive
    IMPLEMENTATIONS.update(dict.fromkeys(primitive.implements, primitive))
    return primitive


def _registered(name: str) -> Primitive:
    if name not in REGISTRY:
        load_vocabulary()
    return REGISTRY[name]


NUMBERS = (bool, int, float, complex)  # Python's, which do not decide the dtype of a result


def weak_dtype(operand: Any) -> Any:
    """Return the dtype of an operand, or its Python type where NumPy 2 treats it as a weak scalar."""
    # An exact comparison: numpy.float64 is a subclass of float and is not weak.
    if type(operand) in NUMBERS:
        return type(operand)
    if is_masked(operand):
        raise DTypeError("masked arrays are refused; fill them first with .filled(value)")
    dtype = getattr(operand, "dtype", None)
    return dtype if isinstance(dtype, np.dtype) else np.asarray(operand).dtype
