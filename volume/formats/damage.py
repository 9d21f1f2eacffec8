"""What a broken or hostile file makes a reader raise, told with the file's name."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from volume.errors import VolumeError
from volume.formats import deflate

DAMAGED_STREAM = (deflate.Damaged, zlib.error, zipfile.BadZipFile, gzip.BadGzipFile)
"""What decompression raises of a stream that was changed."""


@contextmanager
def damage_told_of(source: Path) -> Iterator[None]:
    """Word what a broken or hostile file makes a reader raise."""
    try:
        yield
    except VolumeError as error:
        if not error.files:
            error.files = (str(source),)
        raise
    except DAMAGED_STREAM as error:
        what = f"the compressed voxels are damaged ({error})"
        raise VolumeError(what, files=(str(source),)) from error
    except (ValueError, OverflowError, EOFError) as error:
        raise VolumeError(str(error), files=(str(source),)) from error
    except OSError as error:
        what = f"the file could not be read: {error.strerror or error}"
        raise VolumeError(what, files=(str(source),)) from error
