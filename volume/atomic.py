"""A file is whole or absent: drafts beside the output, published when all is well.

A draft is a hidden file in the output's folder. When the work is done its size is
checked, it is forced to the disk and linked to the output's name in one step that
never replaces; whatever happens before that leaves nothing under the name. Nobody
else writes files.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, cast

from volume.errors import ExistsError, VolumeError

PathLike = str | os.PathLike[str]


@contextmanager
def whole_file(path: PathLike, *, overwrite: bool = False) -> Iterator[BinaryIO]:
    """Open a draft of the file at `path` for writing and reading; see `whole_files`."""
    with whole_files((path,), overwrite=overwrite) as (stream,):
        yield stream


@contextmanager
def whole_files(
    paths: Sequence[PathLike], *, overwrite: bool = False
) -> Iterator[tuple[BinaryIO, ...]]:
    """Open drafts of several files that belong together; all are published, or none.

    Name the one that matters most first: it is published last, so that nobody finds it
    without its company. Raises `ExistsError` where a name is taken and `overwrite` is
    False, at the start and again at the end (of two processes one wins), and
    `VolumeError` where the disk refuses. With `overwrite` a file that was replaced
    before a later one failed stays replaced: it is whole.
    """
    targets = tuple(Path(path) for path in paths)
    for target in targets:
        refuse_unwritable(target, overwrite=overwrite)
    drafts = tuple(_hidden_beside(target) for target in targets)
    with _disk_told_by(targets[0]), _removing(drafts):
        with ExitStack() as opened:
            streams = tuple(opened.enter_context(_create(draft)) for draft in drafts)
            yield streams
            for stream, draft in zip(streams, drafts, strict=True):
                _settle(stream, draft)
        _publish(drafts, targets, overwrite=overwrite)


def refuse_unwritable(path: PathLike, *, overwrite: bool = False) -> None:
    """Refuse an output that is there already, or cannot be there, before any work.

    Raises `ExistsError` where the name is taken and `overwrite` is False, `VolumeError`
    where it names something other than a file, or a folder that is not there.
    """
    target = Path(path)
    if "\0" in str(target):
        raise VolumeError("no file can have this name", files=(repr(str(target)),))
    with _disk_told_by(target):
        if not stat.S_ISDIR(target.parent.stat().st_mode):
            raise NotADirectoryError(errno.ENOTDIR, "not a folder", str(target.parent))
        try:
            there = target.lstat()
        except FileNotFoundError:
            return
        if stat.S_ISDIR(there.st_mode):
            raise VolumeError("the output is a folder, not a file", files=(str(target),))
        if not overwrite:
            raise ExistsError(str(target))
        if not (stat.S_ISREG(there.st_mode) or stat.S_ISLNK(there.st_mode)):
            raise VolumeError("the output is not a regular file", files=(str(target),))


def _hidden_beside(target: Path) -> Path:
    """Name a draft in the output's folder, short enough for every file system."""
    return target.with_name(f".{target.name[:NAME_SHOWN]}.{secrets.token_hex(4)}.part")


NAME_SHOWN = 40
"""So many characters of an output's name are in its draft's: 160 bytes at most."""


def _create(draft: Path) -> BinaryIO:
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    return cast(BinaryIO, os.fdopen(os.open(draft, flags, 0o666), "w+b"))


def _settle(stream: BinaryIO, draft: Path) -> None:
    """Force a draft to the disk and see that all of it got there."""
    stream.flush()
    written = stream.seek(0, os.SEEK_END)
    os.fsync(stream.fileno())
    there = draft.stat().st_size
    if written != there:
        raise OSError(errno.EIO, f"{there} of {written} bytes reached the disk")


def _publish(drafts: Sequence[Path], targets: Sequence[Path], *, overwrite: bool) -> None:
    """Give the drafts their names, the first last; take all back if one is refused."""
    put = Path.replace if overwrite else _put_without_replacing
    fresh = [
        (target, draft.stat())
        for draft, target in zip(drafts, targets, strict=True)
        if not os.path.lexists(target)
    ]
    try:
        for draft, target in zip(reversed(drafts), reversed(targets), strict=True):
            put(draft, target)
    except BaseException:
        for target, ours in fresh:
            _take_back(target, ours)
        raise
    for folder in {target.parent for target in targets}:
        _sync_folder(folder)


def _put_without_replacing(draft: Path, target: Path) -> None:
    """Link a draft to the output's name; a name that was taken meanwhile is left alone."""
    try:
        os.link(draft, target)
    except FileExistsError:
        raise ExistsError(str(target)) from None
    except OSError as refusal:
        if refusal.errno not in NO_LINKS_HERE:
            raise
        _reserve_and_replace(draft, target)


NO_LINKS_HERE = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}
"""What file systems without links (FAT, exFAT, some of the network) answer."""


def _reserve_and_replace(draft: Path, target: Path) -> None:
    """Take the name with an empty file, which one process alone can, and replace that."""
    try:
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    except FileExistsError:
        raise ExistsError(str(target)) from None
    try:
        draft.replace(target)
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _take_back(target: Path, ours: os.stat_result) -> None:
    """Remove a published file, if it is the one of this process."""
    with suppress(OSError):
        if os.path.samestat(target.lstat(), ours):
            target.unlink()


def _sync_folder(folder: Path) -> None:
    """Force a folder's new names to the disk, on systems where a folder can be opened."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def _removing(drafts: Sequence[Path]) -> Iterator[None]:
    try:
        yield
    finally:
        for draft in drafts:
            with suppress(OSError):
                draft.unlink()


@contextmanager
def _disk_told_by(target: Path) -> Iterator[None]:
    """Word what the disk refuses: what, where and the way out."""
    try:
        yield
    except VolumeError:
        raise
    except OSError as refusal:
        what, way_out = REFUSALS.get(refusal.errno or 0, (refusal.strerror or str(refusal), None))
        raise VolumeError(what, files=(str(target),), remedy=way_out) from refusal


_FOLDER = "choose a folder you may write to"
REFUSALS: dict[int, tuple[str, str | None]] = {
    errno.ENOSPC: ("no space is left on the disk", "free some space, or write to another disk"),
    errno.EDQUOT: ("your quota of the disk is used up", "free some space, or write elsewhere"),
    errno.EFBIG: ("the file grew larger than is allowed here", "write to another disk"),
    errno.EACCES: ("writing is not allowed here", _FOLDER),
    errno.EPERM: ("writing is not allowed here", _FOLDER),
    errno.EROFS: ("the disk can only be read", _FOLDER),
    errno.ENOENT: ("the output's folder is not there", "make the folder first"),
    errno.ENOTDIR: ("the output's folder is not a folder", _FOLDER),
    errno.ENAMETOOLONG: ("the output's name is too long", "choose a shorter name"),
    errno.EIO: ("the disk failed while writing", "write to another disk"),
}
"""What the system says, in words, with a way out."""


def safe_name(text: str) -> str:
    """Make a file's stem of any text: letters (Hangul too), digits, `-`, `_` and `.`.

    What else is there becomes `_`, and so do letters written from right to left. Never
    empty, hidden, a name that Windows reserves, or longer than 100 characters.
    """
    kept = "".join(c if _is_safe(c) else "_" for c in unicodedata.normalize("NFKC", text))
    while "__" in kept:
        kept = kept.replace("__", "_")
    name = _shorten(kept.lstrip("._-"))
    if name.split(".")[0].upper() in RESERVED:
        name = _shorten(f"x_{name}")
    return name or "unnamed"


def _is_safe(character: str) -> bool:
    if character.isascii():
        return character.isalnum() or character in "-_."
    return character.isalpha() and unicodedata.bidirectional(character) == "L"


LONGEST_NAME, LONGEST_NAME_IN_BYTES = 100, 200
"""File systems allow 255 bytes; a suffix such as `.valid.nii.gz` is added to a stem."""


def _shorten(name: str) -> str:
    short = name[:LONGEST_NAME].encode()[:LONGEST_NAME_IN_BYTES].decode(errors="ignore")
    return short.rstrip("._-")


RESERVED = {"CON", "PRN", "AUX", "NUL"} | {
    device + digit for device in ("COM", "LPT") for digit in "0123456789"
}
"""Device names of Windows, which no file can have there, whatever its suffix."""
