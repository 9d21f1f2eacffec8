"""An array that child processes fill: anonymous shared memory, or a temporary file."""

from __future__ import annotations

import mmap
import os
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import tempfile


class SharedArray:
    """Zeroed memory that this process and its children see.

    On Linux it is a memfd (a container's small /dev/shm does not bound it); elsewhere a
    temporary file. `array` owns the mapping: it lives as long as any view of it.
    """

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        count = int(np.prod(shape, dtype=np.int64))
        size = max(1, count * dtype.itemsize)
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        if hasattr(os, "memfd_create"):
            self._descriptor = os.memfd_create("volume-pixels")
            self.pass_fds: tuple[int, ...] = (self._descriptor,)
            self.address = f"fd:{self._descriptor}"
        else:
            import tempfile

            self._folder = tempfile.TemporaryDirectory(prefix="volume-")
            path = os.path.join(self._folder.name, "pixels")  # noqa: PTH118
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0))
            self.pass_fds = ()
            self.address = f"path:{path}"
        os.ftruncate(self._descriptor, size)
        mapping = mmap.mmap(self._descriptor, size)
        self.array: NDArray[Any] = np.frombuffer(mapping, dtype, count).reshape(shape)

    def close(self) -> None:
        """Close the door to the memory; the array keeps its own mapping."""
        os.close(self._descriptor)
        if self._folder is not None:
            try:
                self._folder.cleanup()
            except OSError:  # Windows removes no file that is still mapped; its temp folder may
                self._folder._finalizer.detach()  # type: ignore[attr-defined]


def open_mapping(address: str) -> mmap.mmap:
    """Map a `SharedArray` in a child process, by its address."""
    kind, _, place = address.partition(":")
    if kind == "fd":
        return mmap.mmap(int(place), 0)
    with open(place, "r+b") as file:  # noqa: PTH123
        return mmap.mmap(file.fileno(), 0)
