"""Files that lie within other files, read as files of their own and never unpacked.

A part of a file is read where it lies. What is compressed is inflated only as far as it is
read, and kept as long as it is open: headers stand at the beginning.
"""

from __future__ import annotations

import io
import os
import zlib
from collections.abc import Callable
from typing import Any, BinaryIO, Protocol, cast

from volume.dicom.encoding import Unreadable
from volume.dicom.limits import MIB, Limits

AT_ONCE = 2**18
"""So many bytes are inflated at once."""
READ_AHEAD = 2**16
CUT = "it is cut short"


class Part(io.RawIOBase):
    """A file within a file: what it reads at a place depends on nothing but the place."""

    def __init__(self) -> None:
        super().__init__()
        self._at = 0

    @property
    def size(self) -> int:
        """Bytes in it."""
        raise NotImplementedError

    def bytes_at(self, at: int, count: int) -> bytes:
        """Give up to `count` bytes at a place; fewer only at the end."""
        raise NotImplementedError

    def check(self) -> None:
        """Read to the end, and raise `Unreadable` where a checksum says it is damaged."""

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that it can be read from any place."""
        return True

    def tell(self) -> int:
        """Say where the next byte is read."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place."""
        if whence == os.SEEK_CUR:
            offset += self._at
        elif whence == os.SEEK_END:
            offset += self.size
        if offset < 0:
            raise ValueError("a place before the beginning")
        self._at = offset
        return offset

    def read(self, count: int | None = -1) -> bytes:
        """Read up to `count` bytes, or all there are."""
        if count is None or count < 0:
            count = max(0, self.size - self._at)
        data = self.bytes_at(self._at, count)
        self._at += len(data)
        return data

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


class Plain(Part):
    """A whole file on the disk."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file = file

    @property
    def size(self) -> int:
        """Bytes in it."""
        return os.fstat(self._file.fileno()).st_size

    def bytes_at(self, at: int, count: int) -> bytes:
        """Give up to `count` bytes at a place."""
        self._file.seek(at)
        return self._file.read(count)

    def close(self) -> None:
        """Close the file too."""
        self._file.close()
        super().close()


class Window(Part):
    """A stretch of another file, which is closed with it unless it is `shared`."""

    def __init__(
        self, of: Part, start: int, size: int, crc: int | None = None, *, shared: bool = False
    ) -> None:
        super().__init__()
        self._of = of
        self._start = start
        self._size = size
        self._crc = crc
        self._shared = shared

    @property
    def size(self) -> int:
        """Bytes in it."""
        return self._size

    def bytes_at(self, at: int, count: int) -> bytes:
        """Give up to `count` bytes at a place."""
        count = min(count, self._size - at)
        return self._of.bytes_at(self._start + at, count) if count > 0 else b""

    def check(self) -> None:
        """Compare the checksum, where there is one."""
        if self._crc is None:
            return
        total = 0
        for at in range(0, self._size, AT_ONCE):
            total = zlib.crc32(self.bytes_at(at, AT_ONCE), total)
        if total != self._crc:
            raise damaged("its checksum differs")

    def close(self) -> None:
        """Close what it is a part of."""
        if not self._shared:
            self._of.close()
        super().close()


class Reader(Protocol):
    """Gives what compressed bytes stand for, in order, never more at once than is asked for."""

    def read1(self, count: int, /) -> bytes:
        """Give up to `count` bytes as soon as there are any, none at the end."""
        ...


class Inflated(Part):
    """What a compressed file stands for, inflated as far as it was read, and kept.

    `size` and `crc` are what the archive says, where it does; without a size all is inflated
    to know it. `limits` cap it; `spend` is told of all that is inflated, and may refuse.
    """

    def __init__(
        self,
        packed: Part,
        reader: Reader,
        limits: Limits,
        size: int | None = None,
        crc: int | None = None,
        spend: Callable[[int], None] | None = None,
    ) -> None:
        super().__init__()
        self._packed = packed
        self._reader = reader
        self._limits = limits
        self._size = size
        self._crc = crc
        self._spend = spend
        self._buffer = bytearray()
        self._total = 0
        self._ended = False
        if size is not None and size > limits.inflated * MIB:
            raise swells(limits)

    @property
    def size(self) -> int:
        """Bytes in it."""
        if self._size is None:
            self._inflate()
            return len(self._buffer)
        return self._size

    def bytes_at(self, at: int, count: int) -> bytes:
        """Give up to `count` bytes at a place, inflated if they are not yet."""
        end = at + count
        self._inflate(end if self._size is None else min(end, self._size))
        with memoryview(self._buffer) as inflated:
            return bytes(inflated[at:end])

    def check(self) -> None:
        """Inflate all of it and compare size and checksum, where there are any."""
        self._inflate()

    def _inflate(self, end: int | None = None) -> None:
        """Inflate up to `end`, or all."""
        most = self._limits.inflated * MIB
        while not self._ended and (end is None or len(self._buffer) < end):
            left = (most + 1 if self._size is None else self._size) - len(self._buffer)
            wanted = AT_ONCE if end is None else end - len(self._buffer)
            block = self._next(min(AT_ONCE, wanted, left)) if left > 0 else b""
            if not block:
                self._end()
            elif len(self._buffer) + len(block) > most:
                raise swells(self._limits)
            self._buffer += block
            self._total = zlib.crc32(block, self._total)
            if self._spend is not None:
                self._spend(len(block))

    def _next(self, count: int) -> bytes:
        try:
            return self._reader.read1(count)
        except Unreadable:
            raise
        except OSError as fault:
            if fault.errno is not None:  # of the disk, not of the data
                raise
            raise damaged(str(fault)) from None
        except EOFError:
            raise damaged(CUT) from None
        except MemoryError:
            raise
        except Exception as fault:  # noqa: BLE001 each compression has errors of its own
            raise damaged(str(fault)) from None

    def _end(self) -> None:
        """Hold what was inflated against what the archive says of it."""
        self._ended = True
        if self._size is not None and len(self._buffer) < self._size:
            raise damaged("it is shorter than it says")
        if self._size is not None and self._goes_on():
            raise damaged("it is longer than it says")
        if self._crc is not None and self._total != self._crc:
            raise damaged("its checksum differs")

    def _goes_on(self) -> bool:
        try:
            return bool(self._reader.read1(1))
        except Exception:  # noqa: BLE001 LZMA may have no mark at its end
            return False

    def close(self) -> None:
        """Close the compressed file too."""
        self._packed.close()
        super().close()


class Inflater(Protocol):
    """A decompressor in the manner of bz2's and lzma's."""

    @property
    def eof(self) -> bool:
        """Whether the compressed bytes have ended."""
        ...

    @property
    def needs_input(self) -> bool:
        """Whether nothing more comes of the bytes it has."""
        ...

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        """Give up to `max_length` bytes."""
        ...


class Deflate:
    """zlib's inflater in that manner, for a stream without a head."""

    def __init__(self) -> None:
        self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)

    @property
    def eof(self) -> bool:
        """Whether the compressed bytes have ended."""
        return self._inflater.eof

    @property
    def needs_input(self) -> bool:
        """Whether nothing more comes of the bytes it has."""
        return not self._inflater.unconsumed_tail

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        """Give up to `max_length` bytes."""
        return self._inflater.decompress(self._inflater.unconsumed_tail + data, max_length)


class Decompressed:
    """Reads what the bytes of a stream stand for, in order."""

    def __init__(self, packed: Part, inflater: Inflater) -> None:
        self._packed = packed
        self._inflater = inflater

    def read1(self, count: int, /) -> bytes:
        """Give up to `count` bytes as soon as there are any, none at the end."""
        while not self._inflater.eof:
            fed = self._packed.read(READ_AHEAD) if self._inflater.needs_input else None
            out = self._inflater.decompress(fed or b"", count)
            if out:
                return out
            if fed == b"":
                raise damaged(CUT)
        return b""


def damaged(how: str) -> Unreadable:
    """Say that what is compressed does not inflate to what it was."""
    return Unreadable(f"the compressed file is damaged: {how}")


def swells(limits: Limits) -> Unreadable:
    """Say that a compressed file is larger than is allowed."""
    return Unreadable(
        f"the compressed file swells beyond {limits.inflated} MiB",
        remedy=("limits", f"inflated={4 * limits.inflated}"),
    )


def inflate_file(
    packed: Part, compression: str, limits: Limits, spend: Callable[[int], None] | None = None
) -> Inflated:
    """Read what a file that was compressed as a whole stands for."""
    if compression == "gzip":
        from gzip import GzipFile

        reader: Any = GzipFile(fileobj=cast(BinaryIO, packed), mode="rb")
    elif compression == "bzip2":
        from bz2 import BZ2File

        reader = BZ2File(cast(BinaryIO, packed))
    else:
        from lzma import LZMAFile

        reader = LZMAFile(cast(BinaryIO, packed))  # noqa: SIM115 it is `packed` that is open
    return Inflated(packed, cast(Reader, reader), limits, spend=spend)
