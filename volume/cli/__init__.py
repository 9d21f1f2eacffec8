"""The command line: parse, call, print. One verb a file, each flag defined once."""

from __future__ import annotations

import gc
import logging
import os
import sys
import traceback
import warnings
from types import TracebackType
from typing import TYPE_CHECKING, NoReturn

from volume.cli.interruption import ends_promptly

if TYPE_CHECKING:
    import click

USAGE = 2
MANY = 20_000
"""Objects made between two searches for cycles: imports make objects and no garbage, and Python's
own 700 cost them 8 ms."""


def command() -> NoReturn:
    """Be the program `volume`: `main` in a process of its own, which ends when `main` has."""
    gc.set_threshold(MANY)
    try:
        main()
    finally:
        gc.freeze()  # looking through all that is left for cycles took 20 ms


@ends_promptly
def main() -> NoReturn:
    """Run the command line and leave with the exit code of the contract."""
    import click

    from volume.cli.program import program
    from volume.own_process import claimed

    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # starting its threads takes 50 ms of numpy
    _open_streams()
    _silence_libraries()
    sys.excepthook = _print_bug
    try:
        with claimed(threads=2):  # this one, and the one that waits for signals
            code = program.main(prog_name="volume", standalone_mode=False)
        sys.stdout.flush()
    except click.UsageError as fault:
        _show_usage(fault)
        code = USAGE
    except click.Abort:  # what click makes of Ctrl-C
        raise KeyboardInterrupt from None
    except BrokenPipeError:  # the reader of our output has gone
        _forget_stdout()
        code = 1
    except Exception as fault:  # noqa: BLE001 `_report` raises a bug again
        code = _report(fault)
    sys.exit(code if isinstance(code, int) else 0)


def _open_streams() -> None:
    """Speak UTF-8 in any locale; where a stream was closed by the caller, speak to no one."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def _silence_libraries() -> None:
    """Let no library quote tags on the terminal: what there is to say is a finding."""
    logging.getLogger("pydicom").addHandler(logging.NullHandler())
    if not sys.warnoptions:
        warnings.simplefilter("ignore")


def _show_usage(fault: click.UsageError) -> None:
    """Say what was typed wrong; a shell's `*` puts the names of files there."""
    import click

    from volume.escaping import escape

    if isinstance(fault, getattr(click.exceptions, "NoArgsIsHelpError", ())):  # from click 8.2
        fault.show()
        return
    if fault.ctx is not None:
        hint = f"Try '{fault.ctx.command_path} -h' for help."
        sys.stderr.write(f"{fault.ctx.get_usage()}\n{hint}\n\n")
    sys.stderr.write(f"Error: {escape(fault.format_message())}\n")


def _report(fault: Exception) -> int:
    """Word a user's problem in what, where and the way out; let a bug keep its traceback."""
    from volume.cli.console import word_choices, word_error
    from volume.errors import MemoryLimitError, SeriesChoiceError, VolumeError

    if isinstance(fault, MemoryError) and not isinstance(fault, VolumeError):
        fault = MemoryLimitError("there is not enough memory for this volume")
    if isinstance(fault, OSError) and not isinstance(fault, VolumeError):
        _forget_stdout()
        fault = VolumeError(
            f"the system refuses: {fault.strerror or fault}", files=_files_of(fault)
        )
    if not isinstance(fault, VolumeError):
        raise fault
    sys.stderr.write(word_error(fault))
    if isinstance(fault, SeriesChoiceError):
        sys.stderr.write(word_choices(fault, sys.argv[1:]))
    return fault.exit_code


def _print_bug(
    kind: type[BaseException], fault: BaseException, trace: TracebackType | None
) -> None:
    """Print a traceback of which every line is escaped: its message may quote a file."""
    from volume.escaping import escape

    lines = "".join(traceback.format_exception(kind, fault, trace)).splitlines()
    sys.stderr.write("".join(f"{escape(line)}\n" for line in lines))


def _files_of(fault: OSError) -> list[str]:
    return [str(fault.filename)] if fault.filename else []


def _forget_stdout() -> None:
    """Keep the interpreter from flushing at its end what nobody can take."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
