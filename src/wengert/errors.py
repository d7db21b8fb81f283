"""The exceptions users meet.

Each message says what is wrong, where (argument, layer, file, row), the shapes or values met, and what to do.
Every class also derives from the built-in exception that fits, so that ordinary ``except ValueError`` works.
"""

from __future__ import annotations

from typing import ClassVar

from wengert.printable import printable


class WengertError(Exception):
    """Base of every exception that wengert raises on purpose.

    Messages quote files: control characters in them are shown as escapes.
    """

    def __str__(self) -> str:
        return printable(super().__str__())


class TraceError(WengertError, TypeError):
    """A function did something that a traced program cannot hold."""


class UnsupportedFunctionError(TraceError):
    """A NumPy function (or an option of one) that wengert has no rule for."""


class UnsupportedAttributeError(UnsupportedFunctionError, AttributeError):
    """An attribute or a method of arrays that traced values do not have."""


class ConcreteValueError(TraceError):
    """The value of a tensor was asked for in a trace that has only its type."""


class ShapeError(WengertError, ValueError):
    """Shapes that do not fit together."""


class DTypeError(WengertError, TypeError):
    """An argument of a dtype that the operation cannot take."""


class GradientError(WengertError, ValueError):
    """A derivative that is not defined or was asked for in the wrong way."""


class IndexRangeError(WengertError, IndexError):
    """An index or class label outside its range."""


class NonFiniteError(WengertError, ArithmeticError):
    """A NaN or an infinity where training or checking found one."""


class ConfigurationError(WengertError, ValueError):
    """Options that are out of range or contradict each other."""


class FormulaError(WengertError, ValueError):
    """A formula given as text that cannot be read or worked out; shows the place."""


class LimitError(WengertError, ValueError):
    """More memory or work is asked for than is allowed; nothing of it was begun."""


class DataError(WengertError, ValueError):
    """A table or array that cannot be used as it is; names the file, column and row where known."""


class ModelFileError(WengertError, ValueError):
    """A model or checkpoint on disk that is missing, damaged or not what it says it is."""


class WorkerLostError(WengertError, ConnectionError):
    """Another worker was killed, stopped or did not answer in time; names it.

    Attributes
    ----------
    ranks : tuple of int
        The workers that are missing, where they are known.
    exit_code : int
        With which a process ends for it: ``EX_TEMPFAIL`` of ``sysexits.h``, which says that it has no fault
        and can be started again.
    """

    exit_code: ClassVar = 75

    def __init__(self, message: str, ranks: tuple[int, ...] = ()) -> None:
        super().__init__(message)
        self.ranks = ranks


class VerificationError(WengertError, AssertionError):
    """A program that breaks the rules of the representation; always a bug in wengert."""


class DerivationError(WengertError, AssertionError):
    """A line of a derivation that disagrees with the engine, so it is not shown; always a bug in wengert."""


class WengertWarning(UserWarning):
    """Base of every warning that wengert gives."""

    def __str__(self) -> str:
        return printable(super().__str__())


class DataWarning(WengertWarning):
    """Part of a table is left out, or counts as missing; names the column and says why."""


class DivergenceWarning(WengertWarning):
    """Training stopped: a loss, gradient or parameter left the finite numbers, or all proportion."""


class InterruptionWarning(WengertWarning):
    """Training stopped at Ctrl-C; what it returns is usable."""
