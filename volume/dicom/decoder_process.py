"""The child process that decodes compressed frames: one request a line, one reply a line.

A codec may abort, hang or eat memory on a damaged stream, and no look at a stream tells
which will; here it takes down only this process, which the system itself ends when a frame
takes too long or too much, even where the parent is no longer there.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import imagecodecs
import numpy as np

from volume.dicom.decoding import decode_frame
from volume.dicom.encapsulated import Fragment, read_fragments
from volume.dicom.encoding import Unreadable
from volume.dicom.header import PixelLayout
from volume.dicom.shared_array import open_mapping

LOOK_S = 0.5
"""So often a child looks whether its parent is still there."""
GRACE_S = 1.0
"""By so much a frame may outstay its deadline: the parent ends this process first."""
SPARE_BYTES = 2**30
FRAMES_IN_MEMORY = 8
"""What decoding one frame may take: this, and so many times its size (JPEG 2000 needs six)."""


def main(address: str, frame_bytes: int) -> None:
    """Serve requests from stdin until it ends, writing pixels to the shared memory.

    A request whose frame lies in an archive brings its bytes along, `forwarded` of them.
    `frame_bytes` is the size of the largest frame that will be asked for.
    """
    _name_process()
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    replies = _private_stdout()
    mapping = open_mapping(address)
    imagecodecs.jpeg8_check(b"")  # loads the library before memory is bounded
    _bound_memory(SPARE_BYTES + FRAMES_IN_MEMORY * frame_bytes)
    _say(replies, b"ready\n")
    for line in sys.stdin.buffer:
        request = json.loads(line)
        if "forwarded" in request:
            request["codestream"] = sys.stdin.buffer.read(request["forwarded"])
        with _Alarm(request["seconds"] + GRACE_S):
            reply = _serve(request, mapping)
        _say(replies, json.dumps(reply).encode() + b"\n")


def _end_with(parent: int) -> None:
    """End this process when its parent is gone, killed as it may be."""
    while os.getppid() == parent:
        time.sleep(LOOK_S)
    os._exit(1)


def _name_process() -> None:
    """Tell whoever lists processes what this one is (Linux)."""
    with suppress(OSError):
        Path("/proc/self/comm").write_text(NAME, "ascii")


NAME = "volume-decoder"


def _private_stdout() -> BinaryIO:
    """Keep stdout for replies: what a codec prints there must not look like one."""
    replies = os.fdopen(os.dup(1), "wb")
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123
        os.dup2(nowhere.fileno(), 1)
    return replies


def _say(replies: BinaryIO, line: bytes) -> None:
    replies.write(line)
    replies.flush()


def _bound_memory(more: int) -> None:
    """Let this process take `more` bytes than it has; where the system cannot, go on."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
        limit = pages * resource.getpagesize() + more
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        if hard == resource.RLIM_INFINITY or limit < hard:
            resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


class _Alarm:
    """Ends this process when a frame takes too long, whatever the codec is doing."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._timer: threading.Timer | None = None

    def __enter__(self) -> None:
        if hasattr(signal, "setitimer"):
            signal.signal(signal.SIGALRM, signal.SIG_DFL)  # the system ends us, not Python
            signal.setitimer(signal.ITIMER_REAL, self._seconds)
        else:
            self._timer = threading.Timer(self._seconds, os._exit, (1,))
            self._timer.daemon = True
            self._timer.start()

    def __exit__(self, *_problem: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
        elif hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)


def _serve(request: dict[str, Any], mapping: Any) -> dict[str, str]:
    try:
        _decode_into(request, mapping)
    except Unreadable as fault:
        return {"code": fault.code, "reason": str(fault)}
    except OSError as fault:
        return {"code": "unreadable", "reason": f"the file cannot be read: {fault.strerror}"}
    except MemoryError:
        return {"code": "unreadable", "reason": "the frame needs more memory than it may take"}
    except BaseException as fault:  # noqa: BLE001 some codecs raise what is no Exception
        return {"code": "unreadable", "reason": f"the decoder failed ({type(fault).__name__})"}
    return {}


def _decode_into(request: dict[str, Any], mapping: Any) -> None:
    layout = PixelLayout(**request["layout"])
    rows, columns = request["rows"], request["columns"]
    pixels = decode_frame(_codestream(request), layout, rows, columns)
    dtype = np.dtype(request["dtype"])
    shape = (rows, columns, 3) if layout.samples == 3 else (rows, columns)
    if pixels.shape != shape or not np.can_cast(pixels.dtype, dtype, "same_kind"):
        pixels = _fit(pixels, shape, dtype)
    target = np.frombuffer(mapping, dtype, int(np.prod(shape)), offset=request["at"])
    target.reshape(shape)[...] = pixels.astype(dtype, copy=False)


def _codestream(request: dict[str, Any]) -> bytes:
    """Give the bytes of a frame: those that came with the request, or those in the file."""
    if "codestream" in request:
        return request["codestream"]
    fragments = [Fragment(*numbers) for numbers in request["fragments"]]
    with open(request["path"], "rb") as file:  # noqa: PTH123
        return read_fragments(file, fragments)


def _fit(pixels: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
    if pixels.shape != shape:
        raise Unreadable("the compressed frame decodes to another shape")
    limits = np.iinfo(dtype)
    if pixels.min() < limits.min or pixels.max() > limits.max:
        raise Unreadable("the compressed frame holds values that its header rules out")
    return pixels


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
