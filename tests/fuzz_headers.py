"""Coverage-guided fuzzing of the header reader, with atheris (the `fuzz` extra).

    python tests/fuzz_headers.py [-max_total_time=120] [-seed=1] [FILE...]

Options are libFuzzer's; a FILE alone is tried once, which repeats a finding. A finding is
an exception other than the two that the reader may raise, an input that takes over 2 s,
or one that takes over 512 MB; it ends the run, and is kept in the working folder.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

SECONDS, BYTES = 2.0, 512 * 2**20
DEFAULTS = {
    "-max_total_time": "120",
    "-max_len": "65536",
    "-timeout": "20",  # what never ends is ended
    "-rss_limit_mb": "4096",
}


class Finding(Exception):  # noqa: N818 it is one
    """An input that the header reader should have taken or refused."""


def main(arguments: Sequence[str]) -> None:
    """Fuzz until the time is over or something is found."""
    import atheris

    with atheris.instrument_imports(include=["volume.dicom"]):
        import volume.dicom.reader  # noqa: F401 instrumented as it is imported

    folder = tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None)  # noqa: S108
    try_one = Trial(Path(folder.name, "input"))
    given = {argument.partition("=")[0] for argument in arguments}
    options = [f"{name}={value}" for name, value in DEFAULTS.items() if name not in given]
    sources = [] if any(not a.startswith("-") for a in arguments) else [_seeds(folder.name)]
    atheris.Setup([sys.argv[0], *options, *arguments, *sources], try_one)
    atheris.Fuzz()


class Trial:
    """Tries one input after the other in one file."""

    def __init__(self, path: Path) -> None:
        from volume.dicom import encoding, files, reader

        self._expected = (encoding.NotDicom, encoding.Unreadable)
        self._read = reader.read_headers
        self._path = path
        self._found = files.FoundFile(str(path), "input")

    def __call__(self, data: bytes) -> None:
        """Have the header of one file read; raise `Finding` where that is not as it should be."""
        self._path.write_bytes(data)
        start, before = time.perf_counter(), _peak()
        try:
            self._read(self._found)
        except self._expected as refusal:
            if NET in str(refusal):
                raise Finding(str(refusal)) from refusal
        except BaseException as fault:
            if isinstance(fault, KeyboardInterrupt):
                raise
            raise Finding(f"{type(fault).__name__}: {fault}") from fault
        seconds, grown = time.perf_counter() - start, _peak() - before
        if seconds > SECONDS:
            raise Finding(f"{seconds:.1f} s for {len(data)} bytes")
        if grown > BYTES:
            raise Finding(f"{grown / 2**20:.0f} MB for {len(data)} bytes")


NET = "the header is damaged ("
"""What a refusal says that nobody foresaw: the reader caught whatever was raised."""


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _seeds(folder: str) -> str:
    """Write the good files of the corpus, and some damaged ones, to start from."""
    from corpus import corpus
    from good_files import good_files

    seeds = Path(folder, "seeds")
    seeds.mkdir()
    goods = good_files(real=False)
    damaged = [case.data for case in corpus(1, goods, scale=0.05)]
    for n, data in enumerate([*(good.data for good in goods), *damaged]):
        if len(data) < 65536:
            (seeds / f"{n:04d}").write_bytes(data)
    return str(seeds)


if __name__ == "__main__":
    os.chdir(os.environ.get("FUZZ_FINDINGS", "."))
    main(sys.argv[1:])
