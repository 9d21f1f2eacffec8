"""What a broken or hostile file makes a reader raise, told with the file's name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from volume.errors import VolumeError


def damaged_stream() -> tuple[type[Exception], ...]:
    """List what decompression raises of a stream that was changed.

    An `except` asks for it only where something was raised: nothing is imported before.
    """
    import gzip
    import zipfile
    import zlib

    from volume.formats import deflate

    return deflate.Damaged, zlib.error, zipfile.BadZipFile, gzip.BadGzipFile


@contextmanager
def damage_told_of(source: Path) -> Iterator[None]:
    """Word what a broken or hostile file makes a reader raise."""
    try:
        yield
    except VolumeError as error:
        if not error.files:
            error.files = (str(source),)
        raise
    except damaged_stream() as error:
        what = f"the compressed voxels are damaged ({error})"
        raise VolumeError(what, files=(str(source),)) from error
    except (ValueError, OverflowError, EOFError) as error:
        raise VolumeError(str(error), files=(str(source),)) from error
    except OSError as error:
        what = f"the file could not be read: {error.strerror or error}"
        raise VolumeError(what, files=(str(source),)) from error
