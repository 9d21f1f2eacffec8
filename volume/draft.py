"""A file in the making: it has no name, or a hidden one, until it is published whole.

Where the system has files without a name (Linux: O_TMPFILE) the draft is one: the system
takes it away with its process, even one that was killed. Elsewhere it is a hidden file
beside the output.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, cast

from volume.errors import ExistsError

NAME_SHOWN = 40
"""So many characters of an output's name are in its hidden draft's: 160 bytes at most."""
NO_LINKS_HERE = {
    errno.EPERM,
    errno.ENOTSUP,
    errno.EOPNOTSUPP,
    errno.ENOSYS,
    errno.EINVAL,
    errno.EXDEV,
}
"""What file systems without links (FAT, exFAT, some of the network) answer."""


class Draft:
    """The draft of the file at `target`; `discard` it whatever happened."""

    def __init__(self, target: Path) -> None:
        name = f".{target.name[:NAME_SHOWN]}.{os.urandom(4).hex()}.part"
        self.target = target
        self._hidden = target.with_name(name)
        self._stream: BinaryIO | None = None
        self._is_nameless = False
        self._status: os.stat_result | None = None

    def open(self) -> BinaryIO:
        """Begin it, for writing and reading, unless it was begun."""
        if self._stream is not None:
            return self._stream
        handle = _open_nameless(self.target.parent)
        self._is_nameless = handle is not None
        self._stream = _stream(_open_new(self._hidden) if handle is None else handle)
        return self._stream

    def settle(self) -> None:
        """Force it to the disk and see that all of it got there."""
        stream = self._opened()
        stream.flush()
        written = stream.seek(0, os.SEEK_END)
        os.fsync(stream.fileno())
        self._status = os.fstat(stream.fileno())
        if written != self._status.st_size:
            raise OSError(errno.EIO, f"{self._status.st_size} of {written} bytes reached the disk")
        if not self._is_nameless:  # Windows renames no open file
            stream.close()

    def publish(self, *, overwrite: bool) -> None:
        """Give it its name in one step, which replaces a file of this name only if it may.

        Raises `ExistsError` where the name was taken meanwhile.
        """
        try:
            self._link(self.target)
        except FileExistsError:
            if not overwrite:
                raise ExistsError(str(self.target)) from None
            self._name().replace(self.target)
        except OSError as refusal:
            if refusal.errno not in NO_LINKS_HERE:
                raise
            put = Path.replace if overwrite else _reserve_and_replace
            put(self._name(), self.target)

    def take_back(self) -> None:
        """Remove what was published, if it is still this file."""
        with suppress(OSError):
            if self._status and os.path.samestat(self.target.lstat(), self._status):
                self.target.unlink()

    def discard(self) -> None:
        """Let go of it; what was published stays."""
        with suppress(OSError, ValueError):
            if self._stream is not None:
                self._stream.close()
        with suppress(OSError):
            self._hidden.unlink()

    def _opened(self) -> BinaryIO:
        if self._stream is None:
            raise ValueError("the draft was not begun")
        return self._stream

    def _link(self, name: Path) -> None:
        """Give it one more name; a name that is taken is left alone."""
        if self._is_nameless:
            handle = self._opened().fileno()
            # the folder is not looked at; that one is given makes `os.link` follow the link
            os.link(f"{HANDLES}/{handle}", name, src_dir_fd=handle)
        else:
            os.link(self._hidden, name)

    def _name(self) -> Path:
        """See that it has its hidden name, which can then be moved over a file."""
        if self._is_nameless:
            try:
                self._link(self._hidden)
            except OSError as refusal:
                if refusal.errno not in NO_LINKS_HERE:
                    raise
                self._copy()
        return self._hidden

    def _copy(self) -> None:
        """Make a hidden file of a nameless one that can have no name."""
        nameless = self._opened()
        nameless.seek(0)
        self._is_nameless = False
        with nameless:
            mode = stat.S_IMODE(os.fstat(nameless.fileno()).st_mode)
            self._stream = _stream(_open_new(self._hidden, mode))
            import shutil

            shutil.copyfileobj(nameless, self._stream)
        self.settle()


HANDLES = "/proc/self/fd"
"""Where Linux shows the open files of a process, those without a name too."""


def _open_nameless(folder: Path) -> int | None:
    """Open a file without a name that can be given one; None where there are none."""
    flag = getattr(os, "O_TMPFILE", None)
    if flag is None:
        return None
    try:
        handle = os.open(folder, os.O_RDWR | flag, 0o666)
    except OSError:  # not of this file system; or it refuses every file, and will again
        return None
    if Path(f"{HANDLES}/{handle}").exists():
        return handle
    os.close(handle)
    return None


def _open_new(path: Path, mode: int = 0o666) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)


def _stream(handle: int) -> BinaryIO:
    return cast(BinaryIO, os.fdopen(handle, "w+b"))


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
