"""Room for voxels in the very file they are meant for: they are read to where they will stand.

A volume that is only written needs no memory of its own besides its file's. What is read of it
may lie in the file's memory, or be put there slice by slice: the system has nothing to map then,
and begins to write it to the disk. Linux alone; elsewhere, and where the disk has no room, voxels
have memory of their own.
"""

from __future__ import annotations

import mmap
import os
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import DTypeLike, NDArray

from volume.write_behind import AT_ONCE, WriteBehind


class DiskRefusedError(Exception):
    """The disk refuses what is put into a room; its cause is the `OSError`."""


class Room:
    """Room in a file that is open for writing and reading, behind so many bytes of a header.

    Such a header is for axes of up to `longest` voxels.
    """

    def __init__(self, stream: BinaryIO, header: int, longest: int) -> None:
        self._stream = stream
        self._header = header
        self._longest = longest
        self._behind: WriteBehind | None = None

    def zeros(self, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any] | None:
        """Give an array of zeros that lies in the file, behind the header; None if that cannot be.

        The disk has set them aside then: it cannot be full when they are filled.
        """
        if max(shape) > self._longest:
            return None
        size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
        try:
            self._stream.truncate(0)
            os.posix_fallocate(self._descriptor, 0, self._header + size)
            mapping = _Mapping(self._stream, self._header + size)
        except (AttributeError, OSError, ValueError):
            return None
        return np.frombuffer(mapping, dtype, offset=self._header).reshape(shape)

    def put(self, at: int, voxels: NDArray[Any]) -> None:
        """Write voxels to their place in an array that lies here, `at` bytes behind its beginning.

        Raises `DiskRefusedError`: what is read is not at fault.
        """
        left = voxels.data.cast("B")
        try:
            while left:
                done = os.pwrite(self._descriptor, left, self._header + at)
                at, left = at + done, left[done:]
        except OSError as refusal:
            raise DiskRefusedError from refusal
        if self._behind is not None:
            self._behind.wrote(voxels.nbytes)

    def begin_to_force(self, size: int) -> None:
        """Force what is put here to the disk, from now on: `size` bytes in all, if that is much."""
        if size >= AT_ONCE:
            self._behind = WriteBehind(self._descriptor, size)

    def settle(self) -> None:
        """Wait for what is being forced. Raises `DiskRefusedError` where the disk refused it."""
        behind, self._behind = self._behind, None
        try:
            if behind is not None:
                behind.finish()
        except OSError as refusal:
            raise DiskRefusedError from refusal

    def give_up(self) -> None:
        """Wait for nothing: what is here is not wanted any more."""
        if self._behind is not None:
            self._behind.stop()

    @property
    def _descriptor(self) -> int:
        return self._stream.fileno()


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
