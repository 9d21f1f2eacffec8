"""NIfTI-1 and NIfTI-2 (.nii, .nii.gz): RAS, millimetres.

After the NIfTI-1 standard (nifti1.h, R. W. Cox, 2003) and NIfTI-2 (nifti2.h, 2011). The
voxels lie in the file as in memory: i fastest.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import chain
from typing import Any, BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray

from volume.errors import GridError, VolumeError
from volume.findings import Finding, warning
from volume.formats import bids
from volume.formats.signature import GZIP
from volume.formats.voxels import Header, slabs, stored_dtype
from volume.geometry import LPS_TO_RAS, Geometry
from volume.progress import Progress
from volume.room import Room, place_in
from volume.volume import Volume

Fields = Any
"""One record of the header's fields, by the standard's names."""


def _place_fields(code: str, number: str) -> list[Any]:
    return [
        ("qform_code", code),
        ("sform_code", code),
        ("quatern", number, 3),
        ("qoffset", number, 3),
        ("srow", number, (3, 4)),
    ]


NIFTI_1 = np.dtype(
    [
        ("sizeof_hdr", "i4"),
        ("analyze", "V35"),
        ("dim_info", "u1"),
        ("dim", "i2", 8),
        ("intent_p", "f4", 3),
        ("intent_code", "i2"),
        ("datatype", "i2"),
        ("bitpix", "i2"),
        ("slice_start", "i2"),
        ("pixdim", "f4", 8),
        ("vox_offset", "f4"),
        ("scl_slope", "f4"),
        ("scl_inter", "f4"),
        ("slice_end", "i2"),
        ("slice_code", "u1"),
        ("xyzt_units", "u1"),
        ("display", "V24"),
        ("descrip", "S80"),
        ("aux_file", "S24"),
        *_place_fields("i2", "f4"),
        ("intent_name", "S16"),
        ("magic", "S4"),
    ]
)
NIFTI_2 = np.dtype(
    [
        ("sizeof_hdr", "i4"),
        ("magic", "S8"),
        ("datatype", "i2"),
        ("bitpix", "i2"),
        ("dim", "i8", 8),
        ("intent_p", "f8", 3),
        ("pixdim", "f8", 8),
        ("vox_offset", "i8"),
        ("scl_slope", "f8"),
        ("scl_inter", "f8"),
        ("display", "V48"),
        ("descrip", "S80"),
        ("aux_file", "S24"),
        *_place_fields("i4", "f8"),
        ("slice_code", "i4"),
        ("xyzt_units", "i4"),
        ("intent_code", "i4"),
        ("intent_name", "S16"),
        ("dim_info", "u1"),
        ("unused", "V15"),
    ]
)
MAGIC = {348: b"n+1", 540: b"n+2\0\r\n\x1a\n"}
LONGEST_AXIS_OF_NIFTI_1 = 32767
BYTE_ORDERS: tuple[Literal["<", ">"], ...] = ("<", ">")

RGB24 = 128
CODES = {
    np.dtype(name): code
    for name, code in {
        "u1": 2,
        "i2": 4,
        "i4": 8,
        "f4": 16,
        "f8": 64,
        "i1": 256,
        "u2": 512,
        "u4": 768,
        "i8": 1024,
        "u8": 1280,
    }.items()
}
OTHER_TYPES = {
    1: " (bits)",
    32: " (complex numbers)",
    1536: " (floats of 128 bits)",
    1792: " (complex numbers)",
    2048: " (complex numbers)",
    2304: " (RGBA)",
}
VECTORS = {
    1004: "matrices",
    1005: "tensors (symmetric matrices)",
    1006: "displacements",
    1007: "vectors",
    1009: "quaternions",
    2003: "colours on a fifth axis",
    2004: "colours on a fifth axis",
}
"""What a fifth axis holds, by intent_code (nifti1.h)."""
LABELS = 1002
"""The intent_code of a label map (nifti1.h), which names no label."""
MILLIMETRES, SECONDS = 2, 8
MM_PER_UNIT = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}
"""xyzt_units: unknown (taken as mm, as everyone does), metre, millimetre, micrometre."""
EXTENDER_BYTES = 4
"""Behind the header they say whether extensions follow; the voxels begin after them."""
FARTHEST_OFFSET = 64 << 20
"""Header extensions end within so many bytes."""


def write(stream: BinaryIO, volumes: Sequence[Volume], progress: Progress) -> None:
    """Write volumes of one grid as an uncompressed NIfTI, several as 4D.

    Raises `GridError` for a sheared grid, which NIfTI's readers turn into a rotation in
    silence, and `VolumeError` for voxels it has no type for.
    """
    header, dtype = _make_header(volumes), stored_dtype(volumes)
    places = [place_in(volume.array, stream) for volume in volumes]
    if places == [len(header)] and volumes[0].array.dtype == dtype:
        stream.write(header)
        stream.seek(volumes[0].array.nbytes, os.SEEK_CUR)
        progress.update(len(volumes[0].array))
    else:
        if places != [None] * len(volumes):
            raise ValueError("voxels lie in the file where others will be written")
        stream.write(header)
        for slab in slabs(volumes, dtype, progress):
            stream.write(slab.data)
    stream.truncate()


def room_in(stream: BinaryIO) -> Room:
    """Give the room for one volume's voxels in a file that will be written; of usual size."""
    return Room(stream, NIFTI_1.itemsize + EXTENDER_BYTES, LONGEST_AXIS_OF_NIFTI_1)


def write_compressed(stream: BinaryIO, volumes: Sequence[Volume], progress: Progress) -> None:
    """Write volumes as `write` does, in gzip."""
    from volume.formats import deflate

    header = _make_header(volumes)
    pieces = chain([header], slabs(volumes, stored_dtype(volumes), progress))
    deflate.write_gzip(stream, pieces)


def _make_header(volumes: Sequence[Volume]) -> bytes:
    """Make the header and the four bytes that say that no extension follows."""
    geometry = volumes[0].geometry
    if geometry.is_sheared:
        raise GridError(
            "the grid is sheared, and NIfTI cannot hold a shear",
            remedy="write .nrrd, .mha or .npz, or resample with {geometry=regular}",
        )
    fields = NIFTI_2 if max(geometry.size) > LONGEST_AXIS_OF_NIFTI_1 else NIFTI_1
    header = np.zeros((), fields.newbyteorder("<"))
    header["sizeof_hdr"] = fields.itemsize
    header["magic"] = MAGIC[fields.itemsize]
    header["vox_offset"] = fields.itemsize + 4
    header["datatype"], header["bitpix"] = _datatype(volumes)
    count = len(volumes)
    header["dim"] = (3 if count == 1 else 4, *geometry.size, count, 1, 1, 1)
    header["scl_slope"] = 1
    header["xyzt_units"] = MILLIMETRES
    _place(header, geometry)
    seconds = bids.seconds_between(volumes)
    if seconds is not None:
        header["pixdim"][4] = seconds
        header["xyzt_units"] = MILLIMETRES | SECONDS
    return header.tobytes() + bytes(4)


def _datatype(volumes: Sequence[Volume]) -> tuple[int, int]:
    """Find NIfTI's code and bits of a voxel."""
    dtype = stored_dtype(volumes)
    if volumes[0].is_colour:
        if dtype == np.uint8 and volumes[0].array.shape[3] == 3 and len(volumes) == 1:
            return RGB24, 24
        raise VolumeError(
            "NIfTI holds colour as one volume of red, green and blue of 8 bits alone",
            remedy="write .nrrd, .mha or .npz",
        )
    return CODES[dtype.newbyteorder("=")], 8 * dtype.itemsize


def _place(header: Fields, geometry: Geometry) -> None:
    """Say where the voxels are, twice the same: sform and qform, code 1 (scanner)."""
    affine = geometry.ras_affine
    rotation = affine[:3, :3] / geometry.spacing
    handedness = 1.0 if np.linalg.det(rotation) > 0 else -1.0
    header["pixdim"] = (handedness, *geometry.spacing, 1, 1, 1, 1)
    header["sform_code"] = header["qform_code"] = 1
    header["srow"] = affine[:3]
    header["qoffset"] = affine[:3, 3]
    header["quatern"] = _quaternion(rotation * (1, 1, handedness))


def _quaternion(rotation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Find (b, c, d) of the unit quaternion with a >= 0 nearest to a rotation.

    The eigenvector of Bar-Itzhack's matrix (J. Guidance 23(6), 2000), steady near 180°.
    """
    (xx, yx, zx), (xy, yy, zy), (xz, yz, zz) = rotation.T
    matrix = np.array(
        [
            [xx - yy - zz, xy + yx, xz + zx, zy - yz],
            [xy + yx, yy - xx - zz, yz + zy, xz - zx],
            [xz + zx, yz + zy, zz - xx - yy, yx - xy],
            [zy - yz, xz - zx, yx - xy, xx + yy + zz],
        ]
    )
    b, c, d, a = np.linalg.eigh(matrix)[1][:, -1]
    return np.array([b, c, d]) * (1 if a >= 0 else -1)


def header(stream: BinaryIO) -> Header:
    """Read and check a NIfTI header, compressed or not; `ValueError` says what is wrong."""
    data, room, packed = _opened(stream)
    fields = _read_fields(data)
    offset = _skip_to_voxels(data, fields)
    size, count = _dimensions(fields["dim"].tolist(), int(fields["intent_code"]))
    dtype, components = _voxel_type(int(fields["datatype"]), fields.dtype["dim"].base.byteorder)
    geometry, findings = _geometry(fields, size)
    slope, intercept = _scaling(fields)
    is_labels = int(fields["intent_code"]) == LABELS and not components
    return Header(
        geometry,
        (*size[::-1], *components),
        dtype,
        data,
        room - offset,
        count,
        slope,
        intercept,
        findings,
        packed=packed,
        labels=((),) * count if is_labels else None,
    )


def _opened(stream: BinaryIO) -> tuple[BinaryIO, int, bool]:
    """Look into the file by its first bytes; say how many it can hold, and if it is packed."""
    size = stream.seek(0, 2)
    stream.seek(0)
    compressed = stream.read(2) == GZIP
    stream.seek(0)
    if compressed:
        from volume.formats import deflate

        return deflate.open_gzip(stream), size * deflate.EXPANSION, True
    return stream, size, False


def _read_fields(data: BinaryIO) -> Fields:
    start = data.read(4)
    for fields in (NIFTI_1, NIFTI_2):
        for order in BYTE_ORDERS:
            if start == np.array(fields.itemsize, f"{order}i4").tobytes():
                record = start + data.read(fields.itemsize - 4)
                if len(record) < fields.itemsize:
                    raise EOFError("the file ends within its header")
                return _checked(np.frombuffer(record, fields.newbyteorder(order))[0])
    raise ValueError("this is not a NIfTI file: its header has another size")


def _checked(fields: Fields) -> Fields:
    magic = bytes(fields["magic"])
    if magic in (b"ni1", b"ni2\0\r\n\x1a\n"):
        raise ValueError("the voxels are in another file (.hdr and .img); only .nii is read")
    if magic not in MAGIC.values():
        raise ValueError("this is not a NIfTI file: its magic word is missing")
    return fields


def _skip_to_voxels(data: BinaryIO, fields: Fields) -> int:
    offset, after = float(fields["vox_offset"]), fields.dtype.itemsize
    least = after + EXTENDER_BYTES
    if not (least <= offset <= FARTHEST_OFFSET and offset.is_integer()):
        raise ValueError(f"the voxels cannot begin at byte {offset:g}")
    if len(data.read(int(offset) - after)) < offset - after:
        raise EOFError("the file ends before its voxels")
    return int(offset)


def _dimensions(dim: list[int], intent: int) -> tuple[tuple[int, int, int], int]:
    """Give (i, j, k) and the number of volumes."""
    axes = dim[0]
    if not 1 <= axes <= 7:
        raise ValueError(f"a NIfTI file has 1 to 7 axes, not {axes}")
    sizes = [*dim[1 : axes + 1], 1, 1, 1, 1]
    if min(sizes) < 1:
        raise ValueError(f"no axis can have the sizes {dim[1 : axes + 1]}")
    if max(sizes[4:]) > 1:
        what = VECTORS.get(intent, "vectors and tensors")
        raise ValueError(f"{what} are not read, only one value a voxel (dim {dim[1 : axes + 1]})")
    return (sizes[0], sizes[1], sizes[2]), sizes[3]


def _voxel_type(code: int, order: Any) -> tuple[np.dtype[Any], tuple[int, ...]]:
    """Give the type of a NIfTI code in a byte order, and (3,) for colour."""
    if code == RGB24:
        return np.dtype(np.uint8), (3,)
    for dtype, known in CODES.items():
        if code == known:
            return dtype.newbyteorder(order), ()
    raise ValueError(f"voxels of NIfTI's type {code}{OTHER_TYPES.get(code, '')} are not read")


def _geometry(fields: Fields, size: tuple[int, int, int]) -> tuple[Geometry, tuple[Any, ...]]:
    """Place the grid: sform first, else qform, else as Analyze did, which is said.

    So does nibabel; other readers take the qform of a file that has both, so that files in
    which they differ lie elsewhere in other tools, which is said too.
    """
    findings: tuple[Any, ...] = ()
    if fields["sform_code"] > 0:
        affine = np.vstack([fields["srow"].astype(float), (0, 0, 0, 1)])
    elif fields["qform_code"] > 0:
        affine = _qform(fields)
    else:
        affine = np.diag((*_steps(fields), 1.0))
        findings = (
            warning(
                "spacing-assumed",
                "the file does not say where its voxels lie (sform and qform codes are 0):"
                " axes to the right, front and head and an origin of 0 are assumed",
            ),
        )
    if not np.isfinite(affine).all():
        raise ValueError("the header's place is not made of numbers")
    unit = int(fields["xyzt_units"]) & 7
    if unit not in MM_PER_UNIT:
        raise ValueError(f"the header's unit of length {unit} is unknown")
    affine[:3] *= MM_PER_UNIT[unit]
    geometry = Geometry.from_affine(size, LPS_TO_RAS @ affine)
    if fields["sform_code"] > 0 and fields["qform_code"] > 0:
        findings = _disagreement(fields, geometry, MM_PER_UNIT[unit])
    return geometry, findings


def _disagreement(fields: Fields, by_sform: Geometry, mm: float) -> tuple[Finding, ...]:
    """Say in mm how far the corners by the qform lie from those by the sform."""
    corners = by_sform.corners
    try:
        affine = _qform(fields)
        affine[:3] *= mm
        by_qform = Geometry.from_affine(by_sform.size, LPS_TO_RAS @ affine).corners
    except ValueError:
        text = "the file places its voxels twice, and the qform is no place; the sform is taken"
        return (warning("place-disagrees", text),)
    apart = float(np.linalg.norm(corners - by_qform, axis=1).max())
    if apart <= SAME_PLACE_MM + _rounding(fields) * float(np.ptp(corners, axis=0).max()):
        return ()
    text = (
        f"the file places its voxels twice, {apart:.3g} mm apart at the corners (sform, qform);"
        " the sform is taken, other programs may take the qform"
    )
    return (warning("place-disagrees", text, evidence={"apart_mm": round(apart, 4)}),)


def _rounding(fields: Fields) -> float:
    """Give the angle that is lost where a quaternion's first number follows from three floats."""
    vector = fields["quatern"].astype(float)
    first = np.sqrt(max(0.0, 1 - vector @ vector))
    return float(4 * FLOAT_STEP / max(first, np.sqrt(FLOAT_STEP)))


FLOAT_STEP = float(np.finfo(np.float32).eps)
SAME_PLACE_MM = 0.01
"""Of a place written twice in float32."""


def _steps(fields: Fields) -> NDArray[np.float64]:
    steps: NDArray[np.float64] = fields["pixdim"][1:4].astype(float)
    if not (np.isfinite(steps).all() and (steps > 0).all()):
        raise ValueError(f"the header's spacing {steps.tolist()} is not possible")
    return steps


def _qform(fields: Fields) -> NDArray[np.float64]:
    """Make the affine of nifti1.h's method 2."""
    vector = fields["quatern"].astype(float)
    length = np.linalg.norm(vector)
    if length > 1:  # rounding alone: a quaternion's vector is never longer
        vector = vector / length
    b, c, d = vector
    a = np.sqrt(max(0.0, 1 - vector @ vector))
    rotation = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )
    affine = np.eye(4)
    handedness = -1 if fields["pixdim"][0] < 0 else 1
    affine[:3, :3] = rotation * _steps(fields) * (1, 1, handedness)
    affine[:3, 3] = fields["qoffset"]
    return affine


def _scaling(fields: Fields) -> tuple[float, float]:
    """Give slope and intercept; a slope of 0 means that there is none (nifti1.h)."""
    slope, intercept = float(fields["scl_slope"]), float(fields["scl_inter"])
    if slope == 0:
        return 1.0, 0.0
    if not np.isfinite([slope, intercept]).all():
        raise ValueError(f"values cannot be scaled by {slope:g} and {intercept:g}")
    return slope, intercept
