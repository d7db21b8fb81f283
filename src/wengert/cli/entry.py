"""Where the command starts and ends: exit codes, and every error as words for a person."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from collections.abc import Sequence

from wengert.errors import VerificationError, WengertError

SUCCESS = 0
BUG = 1
BAD_INPUT = 2
INTERRUPTED = 130  # as a shell has it: 128 + the number of the signal
BROKEN_PIPE = 141

_THREAD_VARIABLES = (
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "OMP_NUM_THREADS",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    arguments : sequence of str, optional
        Those of the process by default.

    Returns
    -------
    int
        Exit code: 0 for success, 2 for options or input that cannot be used, 130 after Ctrl-C (when training
        had begun, the best weights so far are saved), 141 when the reader of the output went away, 1 for a
        bug of wengert.
    """
    try:
        code = _dispatch(sys.argv[1:] if arguments is None else list(arguments))
        # Here and not at the exit of the interpreter, where nobody could catch the broken pipe.
        sys.stdout.flush()
    except BrokenPipeError:
        # Python flushes once more when it exits, and then there must be somebody who listens.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except KeyboardInterrupt:
        _say("interrupted", "nothing was saved.")
        return INTERRUPTED
    except VerificationError:
        return _report_bug()
    except WengertError as error:
        _say("error", str(error))
        return BAD_INPUT
    except Exception:
        return _report_bug()
    return code


def _dispatch(arguments: list[str]) -> int:
    from cyclopts import CycloptsError

    from wengert.cli.app import app

    try:
        command, bound, _ = app.parse_args(arguments, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        named = arguments[0] if arguments and arguments[0] in app else None
        _say("error", str(error).strip())
        _say("", f"Options and examples: wengert {f'{named} ' if named else ''}--help")
        return BAD_INPUT
    with _one_thread_for_products():
        code = command(*bound.args, **bound.kwargs)
    return code if isinstance(code, int) else SUCCESS  # --help and --version return nothing


def _one_thread_for_products() -> contextlib.AbstractContextManager[object]:
    """Keep the matrix products of NumPy to one thread, unless the user's environment says otherwise.

    Those of networks for tables are too small to share: on a busy machine, two threads that wait for each
    other were measured to take ten times as long. And the number of threads changes the last bits.
    """
    if any(name in os.environ for name in _THREAD_VARIABLES):
        return contextlib.nullcontext()
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1, user_api="blas")


def _say(label: str, message: str) -> None:
    from wengert.cli.console import error_console, label_and_text

    error_console().print(label_and_text(label, message), soft_wrap=True)


def _report_bug() -> int:
    traceback.print_exc()
    _say("bug", "wengert failed in a way that it should not. Please report it with the lines above.")
    return BUG
