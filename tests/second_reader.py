"""What pydicom, nibabel, SimpleITK or numpy see in a file, every number read strictly.

The second opinion of the corpus: it shares no code with `volume`, raises on whatever is
odd, and is run in a child process of its own.
"""

from __future__ import annotations

import io
import re
import struct
import warnings
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from damaged import Picture

NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
PLAUSIBLE = 1e6
JPEG_LS = ("1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81")
"""Read with libjpeg's decoder: CharLS is the one that others use."""
RLE, PLAIN = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.1.98"


def read(path: str | Path) -> Picture:
    """Read one file; its suffix says what it is."""
    path = Path(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if path.name.endswith((".nii", ".nii.gz")):
            return _nifti(path)
        if path.suffix in (".nrrd", ".mha"):
            return _itk(path)
        if path.suffix == ".npz":
            return _npz(path)
        return read_dicom(path.read_bytes())


def read_dicom(data: bytes) -> Picture:
    """Read a single slice or a multi-frame file."""
    import pydicom

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(io.BytesIO(data), force=True)
        stored = _stored(dataset)
    frames = _frames(dataset)
    if stored.ndim == 2 + (dataset.get("SamplesPerPixel") == 3):
        stored = stored[None]
    if len(frames) != len(stored):
        raise ValueError("frames and their descriptions are not as many")
    order, step = _order([frame["position"] for frame in frames], frames[0])
    values = np.stack([_rescaled(stored[n], frames[n]) for n in order])
    return Picture(values, _affine(frames[order[0]], step))


def _stored(dataset: Any) -> NDArray[Any]:
    """Give the stored values as Bits Stored and High Bit say (PS3.5 8.1.1)."""
    from pydicom.pixels import pixel_array

    other = dataset.file_meta.TransferSyntaxUID in JPEG_LS
    stored = pixel_array(_plain(dataset), decoding_plugin="pylibjpeg" if other else "")
    bits, allocated = int(dataset.BitsStored), int(dataset.BitsAllocated)
    high = int(dataset.get("HighBit", bits - 1))
    if bits == allocated or stored.ndim > 3:
        return stored
    native = not dataset.file_meta.TransferSyntaxUID.is_encapsulated
    if native:
        stored = stored >> (high + 1 - bits)
    width = stored.dtype.itemsize * 8
    if dataset.PixelRepresentation == 1:
        return (stored.astype(f"i{width // 8}") << (width - bits)) >> (width - bits)
    return stored & ((1 << bits) - 1)


def _plain(dataset: Any) -> Any:
    """Take Encapsulated Uncompressed out of its capsule, and hold RLE to its length.

    pydicom does not read the first, and takes what is too long in the second.
    """
    import pydicom

    if dataset.file_meta.TransferSyntaxUID not in (PLAIN, RLE):
        return dataset
    pixels = int(dataset.Rows) * int(dataset.Columns) * int(dataset.SamplesPerPixel)
    bytes_each = int(dataset.BitsAllocated) // 8
    count = int(dataset.get("NumberOfFrames", 1))
    frames = list(pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=count))
    if dataset.file_meta.TransferSyntaxUID == RLE:
        for frame in frames:
            _hold_to_length(frame, pixels // int(dataset.SamplesPerPixel))
        return dataset
    if any(len(frame) not in (pixels * bytes_each, pixels * bytes_each + 1) for frame in frames):
        raise ValueError("a frame is too long or too short")
    dataset.PixelData = b"".join(frame[: pixels * bytes_each] for frame in frames)
    dataset["PixelData"].is_undefined_length = False
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    return dataset


def _hold_to_length(frame: bytes, length: int) -> None:
    """Count what every RLE segment unpacks to (PS3.5 G.3): exactly a plane of bytes."""
    count, *offsets = struct.unpack("<16I", frame[:64])
    bounds = [*offsets[:count], len(frame)]
    for start, end in pairwise(bounds):
        at, made = start, 0
        while at < end and made < length:
            control = frame[at]
            made += 0 if control == 128 else control + 1 if control < 128 else 257 - control
            at += 1 + (control + 1 if control < 128 else 1 if control > 128 else 0)
        if made != length or at > end or end - at > 1:
            raise ValueError("an RLE segment is too long or too short")


def _frames(dataset: Any) -> list[dict[str, Any]]:
    count = _numbers(dataset, "NumberOfFrames", 1)
    if "PerFrameFunctionalGroupsSequence" not in dataset:
        if count is not None and count[0] != 1:
            raise ValueError("frames without functional groups")
        return [_placed([dataset])]
    shared = list(dataset.get("SharedFunctionalGroupsSequence", []) or [])[:1]
    return [
        _placed([*_groups(frame), *(g for s in shared for g in _groups(s)), dataset])
        for frame in dataset.PerFrameFunctionalGroupsSequence
    ]


GROUPS = (
    "PlanePositionSequence PlaneOrientationSequence PixelMeasuresSequence"
    " PixelValueTransformationSequence"
).split()


def _groups(item: Any) -> list[Any]:
    return [item[keyword].value[0] for keyword in GROUPS if item.get(keyword)]


def _placed(sources: list[Any]) -> dict[str, Any]:
    def first(keyword: str, count: int) -> tuple[float, ...] | None:
        found = (_numbers(source, keyword, count) for source in sources)
        return next((numbers for numbers in found if numbers is not None), None)

    nothing = (np.nan,)
    return {
        "position": np.array(first("ImagePositionPatient", 3) or nothing * 3),
        "orientation": np.array(first("ImageOrientationPatient", 6) or nothing * 6),
        "spacing": np.array(first("PixelSpacing", 2) or nothing * 2),
        "thickness": _thickness(sources),
        "slope": (first("RescaleSlope", 1) or (1.0,))[0],
        "intercept": (first("RescaleIntercept", 1) or (0.0,))[0],
    }


def _thickness(sources: list[Any]) -> float:
    for source in sources:
        try:
            found = _numbers(source, "SliceThickness", 1)
        except ValueError:
            return np.nan
        if found is not None:
            return found[0] if found[0] > 0 else np.nan
    return np.nan


def _numbers(dataset: Any, keyword: str, count: int) -> tuple[float, ...] | None:
    """Read exactly `count` plausible decimals from the bytes as they stand."""
    raw = dataset.get_item(keyword)
    if raw is None or raw.value is None:
        return None
    if not isinstance(raw.value, bytes):
        several = raw.value if hasattr(raw.value, "append") else [raw.value]
        text = "\\".join(map(str, several))
    else:
        text = raw.value.decode("latin-1")
    if not text.strip(" \0\\"):
        return None
    parts = [part.strip(" \0") for part in text.split("\\")]
    if len(parts) != count or not all(NUMBER.fullmatch(part) for part in parts):
        raise ValueError(f"{keyword} is no {count} numbers")
    numbers = tuple(map(float, parts))
    if not all(abs(number) < PLAUSIBLE for number in numbers):
        raise ValueError(f"{keyword} is not plausible")
    return numbers


def _order(positions: list[Any], frame: dict[str, Any]) -> tuple[list[int], NDArray[Any] | None]:
    """Sort frames along the normal; give the step between them, which must be even."""
    if len(positions) == 1:
        return [0], None
    normal = np.cross(frame["orientation"][:3], frame["orientation"][3:])
    along = np.array(positions) @ normal
    order = [int(n) for n in np.argsort(along)]
    steps = np.diff(np.array(positions)[order], axis=0)
    if not np.allclose(steps, steps[0], atol=0.01):
        raise ValueError("the frames are not evenly spaced")
    return order, steps[0]


def _affine(frame: dict[str, Any], step: NDArray[Any] | None) -> NDArray[np.float64]:
    row, column = frame["orientation"][:3], frame["orientation"][3:]
    normal = np.cross(row, column)
    axes = np.column_stack([row, column, normal])
    if np.isfinite(axes).all():
        left, _, right = np.linalg.svd(axes)
        axes = left @ right
    affine = np.eye(4)
    affine[:3, 0] = axes[:, 0] * frame["spacing"][1]
    affine[:3, 1] = axes[:, 1] * frame["spacing"][0]
    affine[:3, 2] = axes[:, 2] * frame["thickness"] if step is None else step
    affine[:3, 3] = frame["position"]
    return affine


def _rescaled(stored: NDArray[Any], frame: dict[str, Any]) -> NDArray[Any]:
    return stored * frame["slope"] + frame["intercept"]


LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def _nifti(path: Path) -> Picture:
    import nibabel

    image = nibabel.load(path)
    affine = LPS @ image.affine
    affine[:3] *= MM_PER_UNIT[int(image.header["xyzt_units"]) & 7]
    return Picture(nifti_voxels(image).astype(float), affine)


def nifti_voxels(image: Any) -> NDArray[Any]:
    """Give the voxels [k, j, i] or [k, j, i, c] of a nibabel image."""
    voxels = np.asanyarray(image.dataobj)
    voxels = voxels.reshape(voxels.shape + (1,) * (3 - voxels.ndim)).T
    if voxels.dtype.names is None:
        return voxels
    return np.stack([voxels[name] for name in voxels.dtype.names], axis=-1)


MM_PER_UNIT = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}
"""NIfTI's codes of units of length; nibabel leaves them to its callers."""


def _itk(path: Path) -> Picture:
    import SimpleITK as sitk

    image = sitk.ReadImage(str(path))
    return Picture(sitk.GetArrayFromImage(image).astype(float), itk_affine(image))


def itk_affine(image: Any) -> NDArray[np.float64]:
    """Give the LPS affine of a SimpleITK image of three axes."""
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    return affine


def _npz(path: Path) -> Picture:
    with np.load(path, allow_pickle=False) as archive:
        return Picture(archive["array"], archive["affine"])
