"""Room for voxels in the very file they are meant for: they are read to where they will stand.

A volume that is only written needs no memory of its own besides its file's, and is not copied
there. Linux alone; elsewhere, and where the disk has no room, voxels have memory of their own.
"""

from __future__ import annotations

import mmap
import os
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import DTypeLike, NDArray


class Room:
    """Room in a file that is open for writing and reading, behind so many bytes of a header.

    Such a header is for axes of up to `longest` voxels.
    """

    def __init__(self, stream: BinaryIO, header: int, longest: int) -> None:
        self._stream = stream
        self.header = header
        self._longest = longest

    def mapping(self, shape: tuple[int, ...], dtype: DTypeLike) -> _Mapping | None:
        """Map the file with zeros for such an array behind the header; None if that cannot be.

        The disk has set them aside then: it cannot be full when they are filled.
        """
        if max(shape) > self._longest:
            return None
        size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
        try:
            self._stream.truncate(0)
            os.posix_fallocate(self.descriptor, 0, self.header + size)
            return _Mapping(self._stream, self.header + size)
        except (AttributeError, OSError, ValueError):
            return None

    @property
    def descriptor(self) -> int:
        return self._stream.fileno()

    def zeros(self, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any] | None:
        """Give an array of zeros that lies in the file; None if that cannot be."""
        mapping = self.mapping(shape, dtype)
        if mapping is None:
            return None
        return np.frombuffer(mapping, dtype, offset=self.header).reshape(shape)


class _Mapping(mmap.mmap):
    """The memory of a file, which knows whose."""

    stream: BinaryIO

    def __new__(cls, stream: BinaryIO, size: int) -> _Mapping:
        made = super().__new__(cls, stream.fileno(), size)
        made.stream = stream
        return made


def place_in(array: NDArray[Any], stream: BinaryIO) -> int | None:
    """Say at which byte of a file an array lies, all of it in one piece; None if it does not.

    Raises `ValueError` for an array that lies there in another order.
    """
    owner: Any = array
    while isinstance(owner, np.ndarray):
        owner = owner.base
    owner = owner.obj if isinstance(owner, memoryview) else owner
    if not isinstance(owner, _Mapping) or owner.stream is not stream:
        return None
    if not array.flags.c_contiguous:
        raise ValueError("an array lies in the file in another order than it is written")
    return array.ctypes.data - np.frombuffer(owner, np.uint8, 1).ctypes.data
