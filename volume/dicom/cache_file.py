"""The file in which a cache lies: an index, and a block for the files of every folder.

    volume scan cache 1\\n | length of the index | digest | index | block | block ...

The index names the reader that made it and, of every block, its folder, limits, first file,
length and digest. All is compressed JSON. What does not agree with its digest is not used.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

import volume
from volume.dicom.cache_block import COLUMNS, Entry, pack, unpack

MAGIC = b"volume scan cache 1\n"
LENGTH, DIGEST = 8, 16
UNPACKED_AT_MOST = 2**28
"""Bytes that an index or a block may inflate to; a thousand slices take less than one MiB."""
FILE_AT_MOST = 2**31


class NotUsable(Exception):  # noqa: N818 it is a verdict about a file, not a failure
    """The cache says nothing that can be believed; the text says why."""


@dataclass(frozen=True, slots=True)
class Block:
    """What was read of some files of a folder, in order of name from `first` on."""

    folder: str
    limits: str
    first: str
    digest: str
    packed: bytes

    def entries(self) -> list[Entry]:
        """Read what is in it. Raises `NotUsable` where it is damaged."""
        if digest_of(self.packed).hex() != self.digest:
            raise NotUsable("it is damaged")
        try:
            return unpack(_inflate(self.packed))
        except Exception:  # noqa: BLE001 a net below: it was written by someone else
            raise NotUsable("it is damaged") from None


def block_of(folder: str, limits: str, entries: Sequence[Entry]) -> Block | None:
    """Write entries of one folder; None where that cannot be done."""
    try:
        raw = pack(entries)
    except (TypeError, ValueError):
        return None
    if len(raw) > UNPACKED_AT_MOST:
        return None
    packed = zlib.compress(raw, 1)
    return Block(folder, limits, entries[0].name, digest_of(packed).hex(), packed)


def is_cache(start: bytes) -> bool:
    """Say whether a file begins as a cache does; one that has no bytes yet may become one."""
    return start[: len(MAGIC)] == MAGIC[: len(start)]


def read_blocks(data: bytes) -> list[Block]:
    """List the blocks of a cache. Raises `NotUsable` with the reason."""
    try:
        index, at = _read_index(data)
        blocks = []
        reader, rows = index["reader"], index["blocks"]
        if reader == reader_digest():
            for folder, limits, first, length, digest in rows:
                blocks.append(Block(folder, limits, first, digest, data[at : at + length]))
                at += length
    except NotUsable:
        raise
    except Exception:  # noqa: BLE001 a net below: anyone may have written it
        raise NotUsable("it is damaged") from None
    if reader != reader_digest():
        raise NotUsable("another version of volume made it")
    if at != len(data):
        raise NotUsable("it is damaged")
    return blocks


def _read_index(data: bytes) -> tuple[dict[str, Any], int]:
    """Give the index and where it ends."""
    begin = len(MAGIC) + LENGTH + DIGEST
    length = int.from_bytes(data[len(MAGIC) : len(MAGIC) + LENGTH], "little")
    packed = data[begin : begin + length]
    if len(packed) != length or digest_of(packed) != data[begin - DIGEST : begin]:
        raise NotUsable("it is damaged")
    return json.loads(_inflate(packed)), begin + length


def write_blocks(stream: BinaryIO, blocks: Sequence[Block]) -> None:
    """Write a cache of these blocks."""
    index = {
        "reader": reader_digest(),
        "blocks": [[b.folder, b.limits, b.first, len(b.packed), b.digest] for b in blocks],
    }
    packed = zlib.compress(json.dumps(index).encode("ascii"), 1)
    stream.write(MAGIC + len(packed).to_bytes(LENGTH, "little") + digest_of(packed) + packed)
    for block in blocks:
        stream.write(block.packed)


def digest_of(data: bytes) -> bytes:
    """Sum up bytes, so that damage shows."""
    return hashlib.blake2b(data, digest_size=DIGEST).digest()


def _inflate(packed: bytes) -> bytes:
    whole = zlib.decompressobj()
    raw = whole.decompress(packed, UNPACKED_AT_MOST)
    if not whole.eof:
        raise NotUsable("it is damaged")
    return raw


@cache
def reader_digest() -> str:
    """Sum up the version of the program, what it keeps of a slice, and its own reader.

    A reader that was changed in any way reads every file anew.
    """
    total = hashlib.blake2b(f"{volume.__version__} {COLUMNS}".encode(), digest_size=DIGEST)
    for path in sorted(Path(__file__).parent.glob("*.py")):
        total.update(path.read_bytes())
    return total.hexdigest()
