"""Where the command starts and ends: exit codes, and every error as words for a person."""

from __future__ import annotations

import errno
import os
import sys
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from wengert.cli import command_clock
from wengert.cli.exit_codes import BAD_INPUT, BROKEN_PIPE, BUG, INTERRUPTED, SUCCESS
from wengert.errors import VerificationError, WengertError, WengertWarning, WorkerLostError
from wengert.printable import printable

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    arguments : sequence of str, optional
        Those of the process by default.

    Returns
    -------
    int
        Exit code: 0 for success, 2 for options or input that cannot be used, 3 for a claim that `check` found
        wrong, 130 after Ctrl-C (when training had begun, the best weights so far are saved), 141 when the
        reader of the output went away, 75 when another worker was lost, 1 for a bug of wengert.
    """
    command_clock.begin()
    _open_streams()
    try:
        code = _dispatch(sys.argv[1:] if arguments is None else list(arguments))
        # Here and not at the exit of the interpreter, where nobody could catch the broken pipe.
        sys.stdout.flush()
    except BrokenPipeError:
        _discard_output()
        return BROKEN_PIPE
    except KeyboardInterrupt:
        _say("interrupted", "nothing was saved.")
        return INTERRUPTED
    except VerificationError:
        return _report_bug()
    except WengertError as error:
        _say("error", str(error))
        return error.exit_code if isinstance(error, WorkerLostError) else BAD_INPUT
    except OSError as error:
        return _report_refusal(error)
    except MemoryError:
        _say("error", "there is not enough memory for this. Use a smaller table or network.")
        return BAD_INPUT
    except Exception:
        return _report_bug()
    return code


def _open_streams() -> None:
    """Give what was closed by the caller (``>&-``) a place where it is lost, as it was asked for."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 – for as long as the process lives
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115 – for as long as the process lives


def _discard_output() -> None:
    """Let nobody notice what is left: Python flushes once more when it exits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _dispatch(arguments: list[str]) -> int:
    from cyclopts import CycloptsError

    from wengert.cli.app import app
    from wengert.cli.commands.launch import script_apart
    from wengert.cli.console import result_console

    if arguments[:1] == ["launch"]:
        arguments = script_apart(arguments)
    try:
        command, bound, _ = app.parse_args(
            arguments, exit_on_error=False, print_error=False, console=result_console()
        )
    except CycloptsError as error:
        named = arguments[0] if arguments and arguments[0] in app else None
        _say("error", str(error).strip())
        _say("", f"Options and examples: wengert {f'{named} ' if named else ''}--help")
        return BAD_INPUT
    from wengert.run.numpy.blas_threads import one_blas_thread

    # The networks of tables are small, and the same command must give the same bits on any machine load.
    with one_blas_thread(), _warnings_in_words():
        code = command(*bound.args, **bound.kwargs)
    return code if isinstance(code, int) else SUCCESS  # --help and --version return nothing


@contextmanager
def _warnings_in_words() -> Iterator[None]:
    """Print our own warnings as the messages that they are, without a line of our source."""
    with warnings.catch_warnings():
        usual = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *place: Any, **options: Any) -> None:
            if issubclass(category, WengertWarning):
                _say("warning", str(message))
            else:
                usual(printable(str(message)), category, *place, **options)

        warnings.showwarning = show
        yield


def _say(label: str, message: str) -> None:
    from wengert.cli.console import error_console, label_and_text

    error_console().print(label_and_text(label, message), soft_wrap=True)


def _report_refusal(error: OSError) -> int:
    """Say what the system refused, where that is for the user to change."""
    if error.errno in _NO_ROOM:
        _say("error", f"the output could not be written: {error.strerror}.")
        _discard_output()
        return BAD_INPUT
    if error.filename is None:
        return _report_bug()
    _say("error", f"{error.filename}: {error.strerror}. Check the path and its permissions.")
    return BAD_INPUT


def _report_bug() -> int:
    sys.stderr.write(printable(traceback.format_exc()))
    _say("bug", "wengert failed in a way that it should not. Please report it with the lines above.")
    return BUG
