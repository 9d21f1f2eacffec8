"""Damaged volume files: NIfTI, NRRD, MetaImage and NumPy archives, made by other tools."""

from __future__ import annotations

import gzip
import io
import random
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice, product
from pathlib import Path
from random import Random

import nibabel
import numpy as np
import SimpleITK as sitk

import second_reader
from corpus_headers import flipped
from damaged import Damaged, Picture

SIZE = (9, 8, 7)


@dataclass(frozen=True)
class VolumeFile:
    """A good volume file; `head` is where its voxels begin, `packed` whether a sum guards them."""

    name: str
    suffix: str
    data: bytes = field(repr=False)
    picture: Picture
    head: int
    packed: bool


Goods = Sequence[VolumeFile]


def volume_files() -> list[VolumeFile]:
    """Write one grid in every format, with nibabel, SimpleITK and NumPy."""
    with tempfile.TemporaryDirectory() as folder:
        return [_made(name, suffix, Path(folder)) for name, suffix in KINDS.items()]


KINDS = {
    "nifti": ".nii", "nifti-gz": ".nii.gz", "nifti-scaled": ".nii", "nifti-2": ".nii",
    "nrrd": ".nrrd", "nrrd-gzip": ".nrrd", "mha": ".mha", "mha-zlib": ".mha",
    "npz": ".npz", "npz-deflated": ".npz",
}  # fmt: skip


def _made(name: str, suffix: str, folder: Path) -> VolumeFile:
    k, j, i = np.indices(SIZE[::-1])
    array = (100 * k + 10 * j + i + np.random.default_rng(5).integers(0, 9, k.shape)).astype("<i2")
    affine = np.diag([0.75, 0.5, 2.5, 1.0])
    affine[:3, 3] = (-30, 20, -10)
    path = folder / f"{name}{suffix}"
    if suffix == ".npz":
        save = np.savez_compressed if name.endswith("deflated") else np.savez
        save(path, array=array, affine=affine)
    elif name.startswith("nifti"):
        _write_nifti(path, name, array, affine)
    else:
        image = sitk.GetImageFromArray(array)
        image.SetSpacing([0.75, 0.5, 2.5])
        image.SetOrigin([-30, 20, -10])
        sitk.WriteImage(image, str(path), useCompression=name[-4:] in ("gzip", "zlib"))
    data = path.read_bytes()
    return VolumeFile(
        name, suffix, data, second_reader.read(path), _voxels_at(name, data),
        name.endswith(("gz", "gzip", "zlib", "npz", "deflated")),
    )  # fmt: skip


def _write_nifti(path: Path, name: str, array: np.ndarray, affine: np.ndarray) -> None:
    kind = nibabel.Nifti2Image if name == "nifti-2" else nibabel.Nifti1Image
    image = kind(array.T, np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine)
    image.set_sform(image.affine, 1)
    image.set_qform(image.affine, 1)
    if name == "nifti-scaled":
        image.header.set_slope_inter(0.5, -3)
    image.header.set_xyzt_units("mm")
    nibabel.save(image, path)


def _voxels_at(name: str, data: bytes) -> int:
    if name.startswith("nrrd"):
        return data.index(b"\n\n") + 2
    if name.startswith("mha"):
        return data.index(b"LOCAL") + 6
    return {"nifti": 352, "nifti-scaled": 352, "nifti-2": 544}.get(name, len(data) // 2)


def _case(good: VolumeFile, name: str, data: bytes, **more: object) -> Damaged:
    pictures = (good.picture, good.picture.without(0, 1, 2, 3))  # assumed, and said so
    kept = {"pictures": pictures, "suffix": good.suffix, "tolerance": 1e-4, **more}
    return Damaged("", f"{good.name}: {name}", data, **kept)  # type: ignore[arg-type]


def _is_text(good: VolumeFile) -> bool:
    return good.suffix in (".nrrd", ".mha")


def untouched(draw: Random, goods: Goods) -> Iterator[Damaged]:
    for good in goods:
        yield _case(good, "as it is", good.data, may_refuse=False)


def header_bits(draw: Random, goods: Goods) -> Iterator[Damaged]:
    while True:
        good = draw.choice(goods)
        end = len(good.data) if good.packed and not _is_text(good) else good.head
        bits = 1 if _is_text(good) else draw.randint(1, 3)
        data = flipped(good.data, draw, 0, end, bits)
        yield _case(good, f"{bits} bits of the header", data, says="file")


def voxel_bits(draw: Random, goods: Goods) -> Iterator[Damaged]:
    while True:
        good = draw.choice(goods)
        data = flipped(good.data, draw, good.head, len(good.data), draw.randint(1, 3))
        says = "" if good.packed else "file"
        yield _case(good, "bits of the voxels", data, says=says)


def truncated(draw: Random, goods: Goods) -> Iterator[Damaged]:
    while True:
        good = draw.choice(goods)
        at = draw.choice([draw.randrange(len(good.data)), good.head, len(good.data) - 1, 4, 0])
        yield _case(good, f"cut at {at}", good.data[:at])


def endings(draw: Random, goods: Goods) -> Iterator[Damaged]:
    """Put something behind the end; what guards itself may read on."""
    while True:
        good = draw.choice(goods)
        tail = draw.choice([b"\0", bytes(4096), draw.randbytes(99), good.data])
        yield _case(good, f"{len(tail)} bytes more", good.data + tail)


NIFTI_FIELDS: Mapping[str, tuple[int, str, tuple[object, ...]]] = {
    "dim[0]": (40, "<h", (0, 1, 2, 4, 7, 8, -1, 32767)),
    "dim[1]": (42, "<h", (0, 1, -9, 10, 32767)),
    "dim[3]": (46, "<h", (0, 1, -7, 8, 32767)),
    "dim[4]": (48, "<h", (0, 2, 32767)),
    "datatype": (70, "<h", (0, 1, 8, 16, 64, 128, 1536, 2304, -1)),
    "bitpix": (72, "<h", (0, 1, 8, 999)),
    "pixdim[1]": (80, "<f", (0.0, -1.0, float("nan"), float("inf"), 1e30)),
    "pixdim[3]": (88, "<f", (0.0, float("nan"))),
    "vox_offset": (108, "<f", (0.0, 3.0, 353.5, 1e9, float("nan"), -352.0, 348.0)),
    "scl_slope": (112, "<f", (float("nan"), float("inf"), -2.0, 1e30, 1e-30)),
    "scl_inter": (116, "<f", (float("nan"), float("-inf"), 1e30)),
    "sform": (280, "<f", (float("nan"), float("inf"), 0.0, 1e30, -7.5)),
    "qform_code": (252, "<h", (-1, 0, 99)),
    "sform_code": (254, "<h", (-1, 0, 99)),
    "units": (123, "<B", (0, 1, 3, 4, 255)),
    "magic": (344, "<4s", (b"ni1\0", b"n+2\0", b"\0\0\0\0", b"n+1 ")),
    "sizeof_hdr": (0, "<i", (0, 540, 349, -1, 0x5C010000)),
}


def nifti_fields(draw: Random, goods: Goods) -> Iterator[Damaged]:
    """Put other numbers into the fields of NIfTI headers; some are as possible as the old."""
    files = [good for good in goods if good.name in ("nifti", "nifti-gz", "nifti-scaled")]
    values = [(f, at, form, v) for f, (at, form, some) in NIFTI_FIELDS.items() for v in some]
    every = list(product(files, values))
    draw.shuffle(every)
    for good, (name, at, form, value) in every:
        plain = bytearray(gzip.decompress(good.data) if good.packed else good.data)
        struct.pack_into(form, plain, at, value)
        data = gzip.compress(plain, mtime=0) if good.packed else bytes(plain)
        pictures = () if name in ("datatype", "scl_slope", "scl_inter") else (good.picture,)
        yield _case(good, f"{name} {value!r}", data, says="file", pictures=pictures)


def text_lines(draw: Random, goods: Goods) -> Iterator[Damaged]:
    """Put nonsense into the values of text headers."""
    nonsense = (
        b"nan nan nan", b"1e400 1 1", b"1,5 1 1", b"0 0 0", b"-9 8 7", b"9 8", b"9 8 7 1 1", b"",
        b"65535 65535 65535", b"9999999999 9999999999 9999999999", b"1" * 5000, b"9 8 7.5",
        b"/etc/passwd", b"LIST", b"../../../etc/passwd", b"\xff\xfe", b"1_0 8 7",
        "９ ８ ７".encode(), b"none", b"(1,0,0) (1,0,0) (0,0,1)", b"(nan,0,0) (0,1,0) (0,0,1)",
        b"0 0 0 0 0 0 0 0 0", b"MET_DOUBLE", b"double", b"gzip", b"raw", b"True", b"block",
        b"99", b"4", b"bzip2", b"hex",
    )  # fmt: skip
    every = [
        (good, line, value)
        for good in goods
        if _is_text(good)
        for line in good.data[: good.head].splitlines()
        for value in nonsense
    ]
    draw.shuffle(every)
    for good, line, value in every:
        mark = b"=" if good.suffix == ".mha" else b":"
        name, found, _ = line.partition(mark)
        if found:
            data = good.data.replace(line, name + mark + b" " + value, 1)
            yield _case(good, f"{name.decode()} is {value[:30]!r}", data, says="file")


def text_structure(draw: Random, goods: Goods) -> Iterator[Damaged]:
    """Break the lines of text headers."""
    files = [good for good in goods if _is_text(good)]
    every = list(product(files, range(9)))
    draw.shuffle(every)
    for good, how in every:
        head, rest = good.data[: good.head], good.data[good.head :]
        lines = head.splitlines(keepends=True)
        dropped = draw.randrange(1, len(lines))
        first, last = lines[:1], lines[1:]
        changed = (
            ("a line less", b"".join(lines[:dropped] + lines[dropped + 1 :])),
            ("a line twice", b"".join([*first, lines[dropped], *last])),
            ("a million comments", b"".join([*first, b"# x\n" * 1_000_000, *last])),
            ("a line of 30 MB", b"".join([*first, b"#" + b"x" * 30_000_000 + b"\n", *last])),
            ("no end", b"".join(lines).rstrip() + b" "),
            ("CR LF", head.replace(b"\n", b"\r\n")),
            ("NULs", head.replace(b" ", b"\0")),
            ("UTF-16", head.decode("latin-1").encode("utf-16")),
            ("lines backwards", b"".join([*first, *last[::-1]])),
        )[how]
        yield _case(good, changed[0], changed[1] + rest, says="file")


def bombs(draw: Random, goods: Goods) -> Iterator[Damaged]:
    """Small files that swell, or promise to."""
    by_name = {good.name: good for good in goods}
    zeros = zlib.compressobj(9, wbits=31)
    big = zeros.compress(by_name["nifti"].data) + b"".join(
        zeros.compress(bytes(2**24)) for _ in range(64)
    )
    big += zeros.flush()
    yield _case(by_name["nifti-gz"], "1 GB of zeros behind the voxels", big)
    promised = bytearray(by_name["nifti"].data)
    for axes in ((32767, 32767, 32767), (1200, 1200, 1200)):
        struct.pack_into("<3h", promised, 42, *axes)
        yield _case(by_name["nifti"], f"promises {axes}", bytes(promised), pictures=())
        packed = gzip.compress(bytes(promised) + bytes(2**20), mtime=0)
        yield _case(by_name["nifti-gz"], f"promises {axes}", packed, pictures=())
    offset = bytearray(by_name["nifti"].data)
    struct.pack_into("<f", offset, 108, 2.0**30)
    yield _case(by_name["nifti-gz"], "voxels a GB away", gzip.compress(bytes(offset), mtime=0))
    twice = gzip.compress(by_name["nifti-gz"].data, mtime=0)
    yield _case(by_name["nifti-gz"], "gzip of gzip", twice)
    for name, member in (("array", "array"), ("affine", "affine"), ("report", "report")):
        yield _case(by_name["npz"], f"{name} of 256 MB of zeros", _npz_bomb(member), says="file")


def _npz_bomb(member: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted({"array", "affine", member}):
            with archive.open(f"{name}.npy", "w") as stream:
                if name == member:
                    head = "{'descr': '<i2', 'fortran_order': False, 'shape': (128, 1024, 1024), }"
                    padded = head.encode().ljust(117) + b"\n"
                    stream.write(b"\x93NUMPY\x01\0" + struct.pack("<H", 118) + padded)
                    for _ in range(16):
                        stream.write(bytes(2**24))
                else:
                    value = np.eye(4) if name == "affine" else np.zeros((3, 3, 3), "<i2")
                    np.save(stream, value)
    return out.getvalue()


def zip_tricks(draw: Random, goods: Goods) -> Iterator[Damaged]:
    """Archives that are not what they say."""
    good = next(good for good in goods if good.name == "npz-deflated")
    array, affine = good.picture.array, good.picture.affine
    objects = np.array([{"a": 1}], object)
    tricks: dict[str, Callable[[], bytes]] = {
        "a pickle": lambda: _npz(array=objects, affine=affine),
        "an affine of objects": lambda: _npz(array=array, affine=objects),
        "no affine": lambda: _npz(array=array),
        "no array": lambda: _npz(affine=affine),
        "no member": lambda: _npz(),
        "affine of NaN": lambda: _npz(array=array, affine=affine * np.nan),
        "affine of zeros": lambda: _npz(array=array, affine=affine * 0),
        "affine 3 x 3": lambda: _npz(array=array, affine=affine[:3, :3]),
        "affine of words": lambda: _npz(array=array, affine=np.full((4, 4), "1")),
        "array of words": lambda: _npz(array=array.astype(str), affine=affine),
        "array of complex": lambda: _npz(array=array.astype(complex), affine=affine),
        "array of dates": lambda: _npz(array=array.astype("M8[s]"), affine=affine),
        "array of records": lambda: _npz(array=np.zeros((2, 2, 2), "i2,f4"), affine=affine),
        "empty array": lambda: _npz(array=array[:0], affine=affine),
        "two axes": lambda: _npz(array=array[0], affine=affine),
        "six axes": lambda: _npz(array=array[None, None, None], affine=affine),
        "column by column": lambda: _npz(array=np.asfortranarray(array), affine=affine),
        "NaN": lambda: _npz(array=array * np.nan, affine=affine),
        "members twice": lambda: _doubled(array, affine),
        "100,000 members": lambda: _crowded(array, affine),
        "an evil report": lambda: _npz(array=array, affine=affine, report=np.str_("{" * 100_000)),
        "a report of objects": lambda: _npz(array=array, affine=affine, report=objects),
    }
    for name in draw.sample(sorted(tricks), len(tricks)):
        right = (good.picture,) if name in ("members twice", "100,000 members") else ()
        says = "file" if "report" in name or "column" in name else ""
        yield _case(good, name, tricks[name](), pictures=right, says=says)


def _npz(**arrays: object) -> bytes:
    out = io.BytesIO()
    np.savez_compressed(out, **arrays)  # type: ignore[arg-type]
    return out.getvalue()


def _doubled(array: np.ndarray, affine: np.ndarray) -> bytes:
    out = io.BytesIO(_npz(array=array, affine=affine))
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr("../../evil.npy", b"x")
    return out.getvalue()


def _crowded(array: np.ndarray, affine: np.ndarray) -> bytes:
    out = io.BytesIO(_npz(array=array, affine=affine))
    with zipfile.ZipFile(out, "a") as archive:
        for n in range(100_000):
            archive.writestr(f"{n}", b"")
    return out.getvalue()


def other_kinds(draw: Random, goods: Goods) -> Iterator[Damaged]:
    """Files of one kind under the name of another, and files of no kind.

    What a file holds goes before what it is called: its own picture is right too.
    """
    others = [b"", b"\0" * 1000, draw.randbytes(3000), b"text\n" * 99, b"\x1f\x8b\x08\0" + bytes(9)]
    every = [
        (good, other.data, other.name, (other.picture,)) for good, other in product(goods, goods)
    ]
    every += [(good, data, f"{len(data)} bytes", ()) for good, data in product(goods, others)]
    draw.shuffle(every)
    for good, data, name, own in every:
        if name.split("-")[0] != good.name.split("-")[0]:
            pictures = (good.picture, *own)
            yield _case(good, f"holds {name}", data, pictures=pictures)


Make = Callable[[Random, Goods], Iterator[Damaged]]
FAMILIES: Mapping[str, tuple[int, Make]] = {
    "volume file: untouched": (20, untouched),
    "volume file: header bits": (60, header_bits),
    "volume file: voxel bits": (30, voxel_bits),
    "volume file: truncated": (40, truncated),
    "volume file: endings": (16, endings),
    "volume file: NIfTI fields": (60, nifti_fields),
    "volume file: text header": (60, text_lines),
    "volume file: text structure": (24, text_structure),
    "volume file: bombs": (12, bombs),
    "volume file: zip tricks": (24, zip_tricks),
    "volume file: other kinds": (30, other_kinds),
}


def corpus_of_volume_files(
    seed: int, goods: Goods, *, scale: float = 1.0, only: str = ""
) -> Iterator[Damaged]:
    """Make the damaged volume files of a seed."""
    for family, (count, make) in FAMILIES.items():
        if only in family:
            draw = random.Random(f"{seed} {family}")
            for n, made in enumerate(islice(make(draw, goods), max(1, round(count * scale)))):
                yield replace(made, family=family, name=f"{family} {n + 1}: {made.name}")
