"""Compression by Intel's igzip, in parallel, with the same bytes every time.

Each piece becomes a deflate block of its own, so the result depends on the pieces and
not on the number of threads; the headers hold neither a time nor a name.
"""

from __future__ import annotations

import io
import os
import struct
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from typing import Any, BinaryIO

from isal import igzip, isal_zlib

LEVEL = 2
"""igzip's trade-off: 284 MB/s a core on CT."""
THREADS = min(4, os.cpu_count() or 1)
EXPANSION = 1032
"""Deflate makes at most so many bytes of one (258 bytes of two bits)."""
Damaged: Any = isal_zlib.error
"""What igzip raises of a damaged stream, beside EOFError and OSError."""

GZIP_HEADER = bytes((0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255))
ZLIB_HEADER = bytes((0x78, 0x5E))
LAST_BLOCK = bytes((0x03, 0x00))

Piece = Any
"""Anything with a contiguous buffer: bytes, or an array."""


def write_gzip(stream: BinaryIO, pieces: Iterable[Piece]) -> None:
    """Write pieces as one gzip member (RFC 1952) without a time or a name."""
    checked = _Checked(isal_zlib.crc32, 0)
    stream.write(GZIP_HEADER)
    _write_deflated(stream, checked.over(pieces))
    stream.write(struct.pack("<II", checked.value, checked.length & 0xFFFFFFFF))


def write_zlib(stream: BinaryIO, pieces: Iterable[Piece]) -> None:
    """Write pieces as one zlib stream (RFC 1950)."""
    checked = _Checked(isal_zlib.adler32, 1)
    stream.write(ZLIB_HEADER)
    _write_deflated(stream, checked.over(pieces))
    stream.write(struct.pack(">I", checked.value))


def _write_deflated(stream: BinaryIO, pieces: Iterator[Piece]) -> None:
    with ThreadPoolExecutor(THREADS) as pool, closing(_deflated(pieces, pool)) as blocks:
        for block in blocks:
            stream.write(block)
    stream.write(LAST_BLOCK)


def _deflated(pieces: Iterator[Piece], pool: ThreadPoolExecutor) -> Generator[bytes, None, None]:
    """Compress a few pieces ahead of the one that is asked for, in their order."""
    under_way: deque[Future[bytes]] = deque()
    for piece in pieces:
        under_way.append(pool.submit(_block, piece))
        if len(under_way) > THREADS:
            yield under_way.popleft().result()
    while under_way:
        yield under_way.popleft().result()


def _block(piece: Piece) -> bytes:
    compressor = isal_zlib.compressobj(LEVEL, isal_zlib.DEFLATED, -15)
    return compressor.compress(piece) + compressor.flush(isal_zlib.Z_SYNC_FLUSH)


class _Checked:
    """A checksum and a length that grow as pieces pass."""

    def __init__(self, checksum: Callable[[Piece, int], int], start: int) -> None:
        self.checksum, self.value, self.length = checksum, start, 0

    def over(self, pieces: Iterable[Piece]) -> Iterator[Piece]:
        for piece in pieces:
            self.value = self.checksum(piece, self.value)
            self.length += memoryview(piece).nbytes
            yield piece


def open_gzip(stream: BinaryIO) -> BinaryIO:
    """Read what a gzip file holds; its checksum is compared at its end."""
    return igzip.open(stream, "rb")


def open_zlib(stream: BinaryIO) -> BinaryIO:
    """Read what a zlib stream holds; its checksum is compared at its end."""
    return io.BufferedReader(_Inflated(stream), READ_AHEAD)


READ_AHEAD = 1 << 20


class _Inflated(io.RawIOBase):
    """The bytes a zlib stream stands for, never more in memory than are asked for."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self.inflater = isal_zlib.decompressobj()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self.inflater.eof:
            waiting = self.inflater.unconsumed_tail or self.stream.read(READ_AHEAD)
            got = self.inflater.decompress(waiting, len(buffer))
            if got:
                buffer[: len(got)] = got
                return len(got)
            if not (waiting or self.inflater.eof):
                raise EOFError("the compressed voxels end early")
        return 0
