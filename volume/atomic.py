"""A file is whole or absent: drafts beside the output, published when all is well.

A draft lies in the output's folder, without a name where the system can do that. When
the work is done its size is checked, it is forced to the disk and linked to the output's
name in one step that never replaces; whatever happens before that leaves nothing under
the name. Nobody else writes files.
"""

from __future__ import annotations

import errno
import os
import stat
import time
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from volume.draft import Draft
from volume.errors import ExistsError, VolumeError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

PathLike = str | os.PathLike[str]


@contextmanager
def whole_file(path: PathLike, *, overwrite: bool = False) -> Iterator[BinaryIO]:
    """Open a draft of the file at `path` for writing and reading; see `whole_files`."""
    with whole_files((path,), overwrite=overwrite) as (stream,):
        yield stream


@contextmanager
def whole_files(
    paths: Sequence[PathLike], *, overwrite: bool = False, first: Draft | None = None
) -> Iterator[tuple[BinaryIO, ...]]:
    """Open drafts of several files that belong together; all are published, or none.

    `first` is the draft of the first, if it was begun before.
    Name the one that matters most first: it is published last, so that nobody finds it
    without its company. Raises `ExistsError` where a name is taken and `overwrite` is
    False, at the start and again at the end (of two processes one wins), and
    `VolumeError` where the disk refuses. With `overwrite` a file that was replaced
    before a later one failed stays replaced: it is whole.
    """
    drafts = tuple(Draft(Path(path)) for path in paths)
    if first is not None:
        drafts = (first, *drafts[1:])
    for draft in drafts:
        refuse_unwritable(draft.target, overwrite=overwrite)
    with disk_told_by(drafts[0].target), _discarding(drafts):
        yield tuple(draft.open() for draft in drafts)
        for draft in drafts:
            draft.settle()
        _publish(drafts, overwrite=overwrite)


def refuse_unwritable(path: PathLike, *, overwrite: bool = False) -> None:
    """Refuse an output that is there already, or cannot be there, before any work.

    Raises `ExistsError` where the name is taken and `overwrite` is False, `VolumeError`
    where it names something other than a file, or a folder that is not there.
    """
    target = Path(path)
    if "\0" in str(target):
        raise VolumeError("no file can have this name", files=(repr(str(target)),))
    with disk_told_by(target):
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


def refuse_one_for_two(*paths: PathLike | None) -> None:
    """Refuse outputs of which the later would replace the earlier; None is no output."""
    seen = set()
    for path in paths:
        if path is None:
            continue
        real = os.path.normcase(os.path.realpath(path))
        if real in seen:
            raise VolumeError(
                "two outputs have one name", files=(str(path),), remedy="give each its own name"
            )
        seen.add(real)


def refuse_in_source(path: PathLike, source: PathLike) -> None:
    """Refuse an output, or a folder of outputs, that would change what it is made from.

    Links are followed. Of a source that is one file, that file alone is protected, and an
    archive like a folder; a DICOMDIR stands for its folder. Raises `VolumeError`.
    """
    try:
        read = Path(source).stat()
        if Path(source).name.upper() == "DICOMDIR" and stat.S_ISREG(read.st_mode):
            read = Path(source).absolute().parent.stat()
    except (OSError, ValueError):  # whoever reads it will say so
        return
    output = Path(path)
    places = (Path(os.path.realpath(output.parent), output.name), Path(os.path.realpath(output)))
    if not any(_is(part, read) for place in places for part in (place, *place.parents)):
        return
    within = stat.S_ISDIR(read.st_mode) or not any(_is(place, read) for place in places)
    what, way_out = (
        ("the output would lie inside the source", "choose a folder beside it")
        if within
        else ("the output would take the place of the source", "choose another name")
    )
    raise VolumeError(f"{what}, which is never written to", files=(str(path),), remedy=way_out)


def _is(path: Path, there: os.stat_result) -> bool:
    try:
        return os.path.samestat(path.stat(), there)
    except (OSError, ValueError):
        return False


def _publish(drafts: Sequence[Draft], *, overwrite: bool) -> None:
    """Give the drafts their names, the first last; take all back if one is refused."""
    folders = sorted({draft.target.parent for draft in drafts})
    with _locking(folders if len(drafts) > 1 else ()):
        fresh = [draft for draft in drafts if not os.path.lexists(draft.target)]
        try:
            for draft in reversed(drafts):
                draft.publish(overwrite=overwrite)
        except BaseException:
            for draft in fresh:
                draft.take_back()
            raise
    for folder in folders:
        _sync_folder(folder)


@contextmanager
def _locking(folders: Iterable[Path]) -> Iterator[None]:
    """Publish sets in a folder one after another, so that no two mix, where locks are kept."""
    with ExitStack() as held:
        for folder in folders:
            with suppress(OSError):
                handle = os.open(folder, os.O_RDONLY)
                held.callback(os.close, handle)
                _lock(handle)
        yield


def _lock(handle: int) -> None:
    """Take a lock, or go on without it where another program keeps it for long."""
    if fcntl is None:
        return
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.01)
        else:
            return


PATIENCE_S = 5.0
"""Publishing a set takes milliseconds; `flock FOLDER volume export ...` keeps its own."""


def _sync_folder(folder: Path) -> None:
    """Force a folder's new names to the disk, on systems where a folder can be opened."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def _discarding(drafts: Sequence[Draft]) -> Iterator[None]:
    try:
        yield
    finally:
        for draft in drafts:
            draft.discard()


@contextmanager
def disk_told_by(target: Path) -> Iterator[None]:
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
