"""The command line: parse, call, print. One verb a file, each flag defined once."""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import NoReturn

INTERRUPTED, TERMINATED, USAGE = 130, 143, 2


def main() -> NoReturn:
    """Run the command line and leave with the exit code of the contract."""
    import click

    from volume.cli.program import program

    signal.signal(signal.SIGTERM, _terminate)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        code = program.main(prog_name="volume", standalone_mode=False)
    except click.UsageError as fault:
        fault.show()
        code = USAGE
    except (KeyboardInterrupt, click.Abort):
        sys.stderr.write("volume: interrupted; nothing half-written was left\n")
        code = INTERRUPTED
    except BrokenPipeError:  # the reader of our output has gone
        sys.stderr.close()
        code = 1
    except Exception as fault:  # noqa: BLE001 `_report` raises a bug again
        code = _report(fault)
    sys.exit(code if isinstance(code, int) else 0)


def _report(fault: Exception) -> int:
    """Word a user's problem in what, where and the way out; let a bug keep its traceback."""
    from volume.cli.console import word_choices, word_error
    from volume.errors import MemoryLimitError, SeriesChoiceError, VolumeError

    if isinstance(fault, MemoryError) and not isinstance(fault, VolumeError):
        fault = MemoryLimitError("there is not enough memory for this volume")
    if not isinstance(fault, VolumeError):
        raise fault
    sys.stderr.write(word_error(fault))
    if isinstance(fault, SeriesChoiceError):
        sys.stderr.write(word_choices(fault, sys.argv[1:]))
    return fault.exit_code


def _terminate(_number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(TERMINATED)
