"""The child process that decodes compressed frames: one request a line, one reply a line.

A codec may abort, hang or eat memory on a damaged stream, and no look at a stream tells
which will; here it takes down only this process.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np

from volume.dicom.decoding import decode_frame
from volume.dicom.encapsulated import read_frame
from volume.dicom.encoding import Unreadable
from volume.dicom.header import PixelLayout
from volume.dicom.shared_array import open_mapping


def main(address: str) -> None:
    """Serve requests from stdin until it ends, writing pixels to the shared memory."""
    mapping = open_mapping(address)
    for line in sys.stdin.buffer:
        reply = _serve(json.loads(line), mapping)
        sys.stdout.buffer.write(json.dumps(reply).encode() + b"\n")
        sys.stdout.buffer.flush()


def _serve(request: dict[str, Any], mapping: Any) -> dict[str, str]:
    try:
        _decode_into(request, mapping)
    except Unreadable as fault:
        return {"code": fault.code, "reason": str(fault)}
    except OSError as fault:
        return {"code": "unreadable", "reason": f"the file cannot be read: {fault.strerror}"}
    except MemoryError:
        return {"code": "unreadable", "reason": "the frame needs more memory than there is"}
    except BaseException as fault:  # noqa: BLE001 some codecs raise what is no Exception
        return {"code": "unreadable", "reason": f"the decoder failed ({type(fault).__name__})"}
    return {}


def _decode_into(request: dict[str, Any], mapping: Any) -> None:
    layout = PixelLayout(**request["layout"])
    rows, columns = request["rows"], request["columns"]
    with open(request["path"], "rb") as file:  # noqa: PTH123
        size = file.seek(0, 2)
        data = read_frame(file, layout.offset, size, request["frame"], layout.frames)
    pixels = decode_frame(data, layout, rows, columns)
    dtype = np.dtype(request["dtype"])
    shape = (rows, columns, 3) if layout.samples == 3 else (rows, columns)
    if pixels.shape != shape or not np.can_cast(pixels.dtype, dtype, "same_kind"):
        pixels = _fit(pixels, shape, dtype)
    target = np.frombuffer(mapping, dtype, int(np.prod(shape)), offset=request["at"])
    target.reshape(shape)[...] = pixels.astype(dtype, copy=False)


def _fit(pixels: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
    if pixels.shape != shape:
        raise Unreadable("the compressed frame decodes to another shape")
    limits = np.iinfo(dtype)
    if pixels.min() < limits.min or pixels.max() > limits.max:
        raise Unreadable("the compressed frame holds values that its header rules out")
    return pixels


if __name__ == "__main__":
    main(sys.argv[1])
