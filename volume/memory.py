"""How much memory there is, and a refusal in figures where that is too little."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from volume.errors import MemoryLimitError
from volume.findings import Remedy

GIB = 2**30
CONTROL_GROUPS = Path("/sys/fs/cgroup")
MEMORY = Path("/proc/meminfo")
OWN_GROUP = Path("/proc/self/cgroup")


def free_memory() -> int:
    """Give the bytes this process may still take: of the machine's, its container's, its own."""
    return max(0, min(_available(), *_bounds()))


def _available() -> int:
    """Give the bytes the machine can spare, as Linux says itself, and psutil elsewhere."""
    with suppress(OSError, StopIteration, ValueError):
        lines = MEMORY.read_text("ascii").splitlines()
        return 1024 * int(
            next(line for line in lines if line.startswith("MemAvailable")).split()[1]
        )
    import psutil

    return int(psutil.virtual_memory().available)


def _bounds() -> Iterator[int]:
    """Give what other limits leave, where there are any: of a container, of this process."""
    yield 2**62
    with suppress(OSError, ValueError, IndexError):
        yield _left_in_group()
    with suppress(ImportError, OSError, ValueError):
        import resource

        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        if limit != resource.RLIM_INFINITY:
            pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
            yield limit - pages * resource.getpagesize()


def _left_in_group() -> int:
    """Say what the container's limit leaves (Linux control groups, version 2)."""
    own = OWN_GROUP.read_text("ascii").splitlines()[-1].rpartition(":")[2]
    group = CONTROL_GROUPS / own.lstrip("/")
    limit = int((group / "memory.max").read_text("ascii"))
    used = int((group / "memory.current").read_text("ascii"))
    told = dict(line.split() for line in (group / "memory.stat").read_text("ascii").splitlines())
    return limit - used + int(told.get("inactive_file", 0))  # file pages are given back


def refuse_beyond_memory(
    needed: float, what: str, *, allowed: int = 0, remedy: Remedy = None
) -> None:
    """Raise `MemoryLimitError` where `what` takes more bytes than are free, or `allowed`."""
    free = allowed or free_memory()
    if needed > free:
        raise MemoryLimitError(
            f"{what} needs {word_bytes(needed)} of memory; {word_bytes(free)}"
            f" {'are allowed' if allowed else 'are free'}",
            remedy=remedy,
        )


def word_bytes(count: float) -> str:
    """Word a number of bytes: 3.2 GiB, 40 MiB."""
    mib = count / 2**20
    return f"{count / GIB:.3g} GiB" if count >= GIB else f"{mib:.{3 if mib < 999 else 4}g} MiB"
