"""Files that a window writes, each under the next name that is free in the working folder."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path

from volume.errors import ExistsError, VolumeError


def write_next(stem: str, suffix: str, write: Callable[[Path], object]) -> str:
    """Write a file under the next free name; say which, or why it cannot be."""
    for number in count(1):
        path = Path(f"{stem}_{number}{suffix}")
        try:
            write(path)
        except ExistsError:
            continue
        except VolumeError as problem:
            return str(problem)
        break
    return f"written: {path}"
