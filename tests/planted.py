"""A series with a recognisable value in every place where a file may name its patient.

Every attribute of the data dictionary that is text, a person, a date, a time, an age or a
number in text has one of its own, and an item of every sequence; so do private elements,
the file meta information, the preamble, what follows the pixels, and the names of files
and folders. That holds all of PS3.15 table E.1-1. `found_in` looks for them in what was
written, however it is compressed or encoded.
"""

from __future__ import annotations

import datetime
import json
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

from pydicom import Dataset, Sequence
from pydicom.datadict import DicomDictionary

from phantom import phantom

NEEDED = frozenset(
    # how text is to be read, and what the volume is
    "SpecificCharacterSet Modality"
    # where its voxels are
    " ImagePositionPatient ImageOrientationPatient PixelSpacing SliceThickness"
    " SpacingBetweenSlices SharedFunctionalGroupsSequence PerFrameFunctionalGroupsSequence"
    # how the pixels are written and what they mean; the window a picture is shown in
    " PhotometricInterpretation NumberOfFrames RescaleSlope RescaleIntercept ModalityLUTSequence"
    " WindowCenter WindowWidth"
    # its number among the series, of the slices in it, and how many there should be
    " SeriesNumber InstanceNumber ImagesInAcquisition".split()
)
"""What assembly needs, beside UIDs: the way back to the archive."""
TEXT = frozenset("AE CS LO LT PN SH ST UC UR UT".split())
OUTSIDE = (0x0000, 0x0002)
"""Groups that are no part of a data set."""
KOREAN = {"홍길동비밀": "PatientName, in Hangul", "비밀부위": "BodyPartExamined, in Hangul"}
NAME = "환자PLANT"
"""Begins the names of the files and of their folder."""
SAID = ("SeriesDescription", "a name of a file")
"""What the terminal may show of it: the person has the data."""

Tokens = dict[str, str]
"""What was planted: where."""


def plant(folder: Path, **oddities: Any) -> Tokens:
    """Write a planted phantom below `folder`; give what was planted, and where."""
    tokens: Tokens = {}
    fresh = count()
    attributes = _everywhere(tokens, fresh)
    frames = _frame_attributes(tokens, fresh) if oddities.get("enhanced") else Dataset()

    def edit(dataset: Dataset, _k: int, _phase: int) -> None:
        dataset.update(attributes)
        for group in dataset.get("PerFrameFunctionalGroupsSequence", ()):
            group.FrameContentSequence[0].update(frames)

    home = folder / f"{NAME}9001X"
    home.mkdir(parents=True)
    written = phantom(home, edit=edit, **{"size": (10, 8, 6), **oddities})
    for n, path in enumerate(written.paths):
        _plant_around(path, tokens, fresh if n == 0 else None)
        path.rename(path.with_name(f"{NAME}{9100 + n}X 영상.dcm"))
        tokens[f"PLANT{9100 + n}X"] = SAID[1]
    tokens["PLANT9001X"] = SAID[1]
    return tokens


def plant_beside(folder: Path, tokens: Tokens) -> None:
    """Put files beside a planted series that are no part of it, with names of their own."""
    home = folder / f"{NAME}9001X"
    first = next(path for path in sorted(home.iterdir()) if path.suffix == ".dcm").read_bytes()
    others = {
        f"{NAME}9002X.txt": b"PLANT9003X has a letter",
        f"{NAME}9004X.dcm": first[: len(first) // 3],
        f"{NAME}9005X.dcm": first[:-40],
    }
    for name, content in others.items():
        (home / name).write_bytes(content)
        tokens[re.sub(NAME[:2] + "|[.].*", "", name)] = SAID[1]
    tokens["PLANT9003X"] = "a letter"


def _everywhere(tokens: Tokens, fresh: Iterator[int]) -> Dataset:
    """Make the elements that every file of the series has."""
    dataset = Dataset()
    for tag, (vr, _, _, _, keyword) in sorted(DicomDictionary.items()):
        if keyword and keyword not in NEEDED and tag >> 16 not in OUTSIDE:
            _add(dataset, tag, vr, keyword, tokens, fresh)
    dataset.ImageType = ["ORIGINAL", "PRIMARY", dataset.ImageType]
    for tag in (0x50000022, 0x60000022, 0x60001500):
        _add(dataset, tag, "LO", "a curve or an overlay", tokens, fresh)
    _add_private(dataset, tokens, fresh)
    dataset.SpecificCharacterSet = ["", "ISO 2022 IR 149"]
    name, place = KOREAN
    dataset.PatientName = f"{dataset.PatientName}=洪^吉洞={name}"
    dataset.PatientComments = f"{dataset.PatientComments} {place}"
    tokens.update(KOREAN)
    return dataset


def _add(
    dataset: Dataset, tag: int, vr: str, where: str, tokens: Tokens, fresh: Iterator[int]
) -> None:
    if vr == "SQ":
        item = Dataset()
        _add(item, 0x0040A160, "UT", f"{where}, nested", tokens, fresh)
        _add(item, 0x00100010, "PN", f"{where}, nested", tokens, fresh)
        dataset.add_new(tag, vr, Sequence([item]))
    elif vr in VALUES:
        token, value = VALUES[vr](next(fresh))
        dataset.add_new(tag, vr, value)
        tokens[token] = where


def _text(n: int) -> tuple[str, Any]:
    return f"PLANT{n:04d}X", f"PLANT{n:04d}X"


def _date(n: int) -> tuple[str, Any]:
    day = f"{datetime.date(1902, 2, 3) + datetime.timedelta(days=7 * n):%Y%m%d}"
    return day, day


def _time(n: int) -> tuple[str, Any]:
    moment = f"{11 + n % 12}4737.{100003 + 7 * n}"
    return moment, moment


def _moment(n: int) -> tuple[str, Any]:
    day, _ = _date(n)
    return f"{day}174931", f"{day}174931.{100003 + 7 * n}"


def _age(n: int) -> tuple[str, Any]:
    return f"{n % 900 + 99:03d}Y", f"{n % 900 + 99:03d}Y"


def _decimal(n: int) -> tuple[str, Any]:
    return f"{70000 + n}.{n:04d}37", f"{70000 + n}.{n:04d}37"


def _whole(n: int) -> tuple[str, Any]:
    return str(1_800_000_003 + 10 * n), str(1_800_000_003 + 10 * n)


def _bytes(n: int) -> tuple[str, Any]:
    return f"PLANT{n:04d}X", f"PLANT{n:04d}X".encode()


VALUES = {
    **dict.fromkeys(TEXT, _text),
    "PN": lambda n: (f"PLANT{n:04d}X", f"PLANT{n:04d}X^Given"),
    "DA": _date,
    "TM": _time,
    "DT": _moment,
    "AS": _age,
    "DS": _decimal,
    "IS": _whole,
    "OB": _bytes,
    "UN": _bytes,
}
"""VR: how to make a token and a value that holds it."""


def _add_private(dataset: Dataset, tokens: Tokens, fresh: Iterator[int]) -> None:
    """Plant elements that only their vendor knows, in known and unknown forms, and a sequence."""
    for group in (0x0009, 0x0029, 0x7FD1):
        _add(dataset, group << 16 | 0x0010, "LO", "a private creator", tokens, fresh)
        for element, vr in enumerate(("LO", "PN", "UN", "OB", "DA", "DS", "SQ"), start=0x1001):
            _add(dataset, group << 16 | element, vr, "a private element", tokens, fresh)


def _frame_attributes(tokens: Tokens, fresh: Iterator[int]) -> Dataset:
    """Make what a frame of an enhanced file says of itself."""
    content = Dataset()
    for keyword, vr in {
        "FrameAcquisitionDateTime": "DT",
        "FrameReferenceDateTime": "DT",
        "FrameComments": "LT",
        "FrameLabel": "LO",
    }.items():
        tag = next(tag for tag, entry in DicomDictionary.items() if entry[4] == keyword)
        _add(content, tag, vr, f"{keyword} of a frame", tokens, fresh)
    return content


AROUND = ("the preamble", "the file meta information", "private information", "after the pixels")


def _plant_around(path: Path, tokens: Tokens, fresh: Iterator[int] | None) -> None:
    """Plant the preamble, group 0002, and what follows the pixels (explicit little endian)."""
    if fresh is not None:
        tokens |= {_text(next(fresh))[0]: where for where in AROUND}
    preamble, title, information, after = (
        next(token for token, where in tokens.items() if where == wanted).encode()
        for wanted in AROUND
    )
    content = path.read_bytes()
    (length,) = struct.unpack("<I", content[140:144])
    end = 144 + length
    meta = _short(0x00020013, b"SH", title) + _short(0x00020016, b"AE", title)
    meta += _short(0x00020100, b"UI", b"1.2.3.4") + _long(0x00020102, b"OB", information)
    path.write_bytes(
        preamble.ljust(128, b"\0")
        + content[128:140]
        + struct.pack("<I", length + len(meta))
        + content[144:end]
        + meta
        + content[end:]
        + _long(0xFFFCFFFC, b"OB", after)
    )


def _short(tag: int, vr: bytes, value: bytes) -> bytes:
    value += b"\0" * (len(value) % 2)
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr, len(value)) + value


def _long(tag: int, vr: bytes, value: bytes) -> bytes:
    value += b"\0" * (len(value) % 2)
    return struct.pack("<HH2sHI", tag >> 16, tag & 0xFFFF, vr, 0, len(value)) + value


# Looking for them


def found_in(paths: Iterable[Path], tokens: Mapping[str, str]) -> list[tuple[str, str, Path]]:
    """Give every (token, where it was planted, file) that is in files, or in their names."""
    return [
        (token, tokens[token], path)
        for path in paths
        for token in found_in_bytes((path.name.encode(), *_contents(path)), tokens)
    ]


def found_in_bytes(contents: Iterable[bytes], tokens: Iterable[str]) -> list[str]:
    """Give the tokens that stand in contents: in UTF-8, -16, -32, EUC-KR, latin-1 or JSON."""
    looked_at = [part for content in contents for part in _readings(content)]
    marked = [part for part in looked_at if b"plant" in part]
    return [
        token
        for token in tokens
        if any(
            needle in part
            for needle in _spellings(token)
            for part in (marked if token.startswith("PLANT") else looked_at)
        )
    ]


def _readings(content: bytes) -> Iterator[bytes]:
    """Give bytes as they are, and without the zeros that wide characters have."""
    yield content.lower()
    yield content.lower().replace(b"\0", b"")


def _spellings(token: str) -> set[bytes]:
    if token.isascii():
        return {token.lower().encode()}
    codecs = ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "euc-kr", "iso2022_kr")
    told = {token.encode(codec) for codec in codecs} | {json.dumps(token).strip('"').encode()}
    return {spelling.lower() for spelling in told}


def _contents(path: Path) -> Iterator[bytes]:
    """Give a file's bytes, and those of every stream that is compressed in it."""
    content = path.read_bytes()
    yield content
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            yield from (archive.read(name) for name in archive.namelist())
    for match in re.finditer(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]", content):
        bits = 31 if match[0].startswith(b"\x1f") else 15
        try:
            yield zlib.decompressobj(bits).decompress(content[match.start() :])
        except zlib.error:
            continue


FORMATS = (".nii", ".nii.gz", ".nrrd", ".mha", ".npz")
MESHES = (".stl", ".ply", ".obj", ".glb", ".vtp")


def leaks(folder: Path) -> tuple[int, list[tuple[str, str, Path]]]:
    """Plant a series, write it in every format; give how much was planted, and what was found."""
    import volume

    tokens = plant(folder / "series")
    ct = volume.load(folder / "series")
    out = folder / "out"
    out.mkdir()
    for suffix in FORMATS:
        volume.export(ct, out / f"ct{suffix}", overwrite=True)
    for suffix in MESHES:
        volume.export(volume.mesh(ct, level=float(ct.array.mean())), out / f"surface{suffix}")
    return len(tokens), found_in(out.iterdir(), tokens)


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as top:
        planted, found = leaks(Path(top))
    print(f"planted values {planted}, found {len(found)}")  # noqa: T201
    raise SystemExit(bool(found))
