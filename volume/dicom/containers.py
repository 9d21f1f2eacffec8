"""What holds other files, known by its first bytes: archives and compressed files."""

from __future__ import annotations

ZIP = "zip archive"
TAR = "tar archive"
COMPRESSED = {b"\x1f\x8b\x08": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\0": "xz"}
"""First bytes of a file that was compressed as a whole."""
MAGIC = max(map(len, COMPRESSED))
ARCHIVES = {
    b"PK\x03\x04": ZIP,
    b"PK\x05\x06": ZIP,
    b"PK\x07\x08": ZIP,
    b"7z\xbc\xaf\x27\x1c": "7z archive",
    b"Rar!\x1a\x07": "rar archive",
}
READ = frozenset({ZIP, TAR})
"""The archives that are read in place."""
BLOCK = 512
"""Bytes of a block of a tar archive: as many as tell what a file is."""
CHECKSUM = slice(148, 156)


class IsArchive(Exception):  # noqa: N818 it is a verdict about a file, not a failure
    """The file holds other files; `kind` says in what form."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"a {kind}")
        self.kind = kind


def compression_of(start: bytes) -> str:
    """Name the compression of a whole file; "" where there is none."""
    return next((name for magic, name in COMPRESSED.items() if start.startswith(magic)), "")


def archive_kind(start: bytes) -> str:
    """Name the archive that begins with these bytes; "" where it is none."""
    for magic, kind in ARCHIVES.items():
        if start.startswith(magic):
            return kind
    return TAR if is_tar_header(start[:BLOCK]) else ""


def is_tar_header(block: bytes) -> bool:
    """Say whether a block heads a member of a tar archive: its checksum tells (POSIX ustar)."""
    if len(block) < BLOCK or not block[0]:
        return False
    digits = block[CHECKSUM].strip(b" \0")
    if not digits or digits.strip(b"01234567"):
        return False
    blank = block[: CHECKSUM.start] + b" " * 8 + block[CHECKSUM.stop :]
    return sum(blank) == int(digits, 8)
