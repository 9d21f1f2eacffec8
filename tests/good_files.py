"""Good files to damage: every transfer syntax, CT, MR and PET, one slice or many frames."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.encaps import encapsulate

import second_reader
import shared_data
from damaged import Picture
from element_map import Element, Map, fragments_of, map_of
from phantom import phantom
from phantom_encoding import SYNTAXES, encode

SIZE = (24, 20, 3)
LOSSY_BY = 3.0
"""Two inverse transforms of a lossy JPEG may round differently."""


@dataclass(frozen=True)
class GoodFile:
    """A file that every reader reads alike."""

    name: str
    data: bytes = field(repr=False)
    tolerance: float = 0.0

    @cached_property
    def picture(self) -> Picture:
        """What is in it, by a reader that is not ours."""
        return second_reader.read_dicom(self.data)

    @cached_property
    def map(self) -> Map:
        return map_of(self.data)

    @property
    def pixels(self) -> Element:
        """The pixel data element."""
        found = self.map.find("PixelData")
        if found is None:
            raise ValueError(f"{self.name} has no pixels")
        return found

    @property
    def is_compressed(self) -> bool:
        return self.pixels.length == 0xFFFFFFFF

    @cached_property
    def frames(self) -> tuple[bytes, ...]:
        """The codestreams, one a fragment."""
        found = fragments_of(self.map.data, self.pixels)[1:]
        return tuple(self.data[at : at + length] for at, length in found)

    @property
    def kind(self) -> str:
        """What its codestreams are: jpeg, jpeg-ls, jpeg-2000, rle, plain; native pixels: ""."""
        if not self.is_compressed:
            return ""
        return CODECS[self.map.syntax.rsplit(".", 1)[1]]


CODECS = {
    "50": "jpeg", "51": "jpeg", "57": "jpeg", "70": "jpeg", "80": "jpeg-ls", "81": "jpeg-ls",
    "90": "jpeg-2000", "91": "jpeg-2000", "201": "jpeg-2000", "202": "jpeg-2000",
    "203": "jpeg-2000", "5": "rle", "98": "plain",
}  # fmt: skip


def _add_nested(dataset: Dataset, k: int, phase: int) -> None:
    """Add private elements and a private sequence of two levels."""
    inner, outer = Dataset(), Dataset()
    inner.add_new(0x00091002, "DS", "1.5")
    outer.add_new(0x00091003, "SQ", [inner, Dataset()])
    dataset.add_new(0x00090010, "LO", "VOLUME TEST")
    dataset.add_new(0x00091001, "OB", bytes(range(64)))
    dataset.add_new(0x00091004, "SQ", [outer])
    dataset.ReferencedImageSequence = [inner]


def _eight_bits(dataset: Dataset, values: NDArray[Any]) -> NDArray[np.uint8]:
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation = 7, 0
    return (values - values.min()).clip(0, 255).astype(np.uint8)


def _ramp(dataset: Dataset) -> NDArray[np.int64]:
    j, i = np.indices((dataset.Rows, dataset.Columns))
    return 3 * i + 2 * j + 10 * ((i // 6 + j // 5) % 2)


def _baseline(dataset: Dataset, k: int, phase: int) -> None:
    frame = imagecodecs.jpeg8_encode(_eight_bits(dataset, _ramp(dataset)), level=90)
    dataset.PixelData = encapsulate([bytes(frame)])
    dataset["PixelData"].is_undefined_length = True


def _extended(dataset: Dataset, k: int, phase: int) -> None:
    dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 12, 11, 0
    values = (16 * _ramp(dataset)).clip(0, 4095).astype(np.uint16)
    frame = imagecodecs.jpeg8_encode(values, level=90, bitspersample=12)
    dataset.PixelData = encapsulate([bytes(frame)])
    dataset["PixelData"].is_undefined_length = True


def _byte_pixels(dataset: Dataset, k: int, phase: int) -> None:
    dataset.PixelData = _eight_bits(dataset, _ramp(dataset)).tobytes()


def _in_colour(dataset: Dataset, k: int, phase: int) -> None:
    dataset.PhotometricInterpretation = "RGB"
    dataset.PixelData = _rgb(dataset).tobytes()


def _rgb(dataset: Dataset) -> NDArray[np.uint8]:
    grey = _eight_bits(dataset, _ramp(dataset))
    dataset.SamplesPerPixel, dataset.PlanarConfiguration = 3, 0
    del dataset.RescaleSlope, dataset.RescaleIntercept
    return np.stack([grey, 255 - grey, grey // 2], axis=-1)


def _colour_stream(syntax: str) -> Callable[[Dataset, int, int], None]:
    """Make a colour slice in one of the compressed forms that cameras and workstations write."""

    def edit(dataset: Dataset, k: int, phase: int) -> None:
        rgb = _rgb(dataset)
        dataset.PhotometricInterpretation = {"50": "YBR_FULL_422", "90": "YBR_RCT"}.get(
            syntax, "RGB"
        )
        frame = {
            "50": lambda: imagecodecs.jpeg8_encode(rgb, level=95, subsampling="422"),
            "80": lambda: imagecodecs.jpegls_encode(rgb),
            "90": lambda: imagecodecs.jpeg2k_encode(rgb, codecformat="j2k", reversible=True),
        }[syntax]()
        dataset.PixelData = encapsulate([bytes(frame)])
        dataset["PixelData"].is_undefined_length = True

    return edit


def _lossy(number: int) -> dict[str, Any]:
    """Describe a file in lossy JPEG: the phantom itself has only lossless ones."""
    edit = {50: _baseline, 51: _extended}[number]
    return {"transfer_syntax": "jpeg-lossless", "edit": edit, "renamed": f".4.{number}"}


def _noisy(syntax: str) -> Callable[[Dataset, int, int], None]:
    """Fill a slice with noise, so that its codestream is long and no two bytes matter alike."""

    def edit(dataset: Dataset, k: int, phase: int) -> None:
        noise = np.random.default_rng(11).normal(0, 60, (1, dataset.Rows, dataset.Columns))
        values = (noise + 4 * _ramp(dataset)).astype(np.int16)
        dataset.PixelData = encode(values, 16, 0, syntax)
        dataset["PixelData"].is_undefined_length = True

    return edit


LARGER = (48, 40, 3)
RECIPES: dict[str, dict[str, Any]] = {
    **{f"ct-{syntax}": {"transfer_syntax": syntax} for syntax in SYNTAXES},
    "ct-nested": {"edit": _add_nested},
    "ct-nested-implicit": {"edit": _add_nested, "transfer_syntax": "implicit"},
    "ct-12-bit": {"bits_stored": 12, "gradient": (2, 3, 4)},
    "ct-8-bit": {"edit": _byte_pixels},
    "ct-colour": {"edit": _in_colour},
    "ct-baseline": _lossy(50),
    "ct-extended": _lossy(51),
    "colour-baseline": {**_lossy(50), "edit": _colour_stream("50")},
    "colour-jpeg-ls": {"edit": _colour_stream("80"), "transfer_syntax": "jpeg-ls"},
    "colour-jpeg-2000": {"edit": _colour_stream("90"), "transfer_syntax": "jpeg-2000"},
    "mr": {"modality": "MR"},
    "mr-12-bit-jpeg-ls": {
        "modality": "MR", "bits_stored": 12, "gradient": (2, 3, 4), "transfer_syntax": "jpeg-ls",
    },
    "mr-jpeg-lossless-sv1": {"modality": "MR", "transfer_syntax": "jpeg-lossless-sv1"},
    "pet": {"modality": "PT"},
    "pet-implicit": {"modality": "PT", "transfer_syntax": "implicit"},
    "pet-rle": {"modality": "PT", "transfer_syntax": "rle"},
    **{
        f"noisy-{syntax}": {"transfer_syntax": syntax, "size": LARGER, "edit": _noisy(syntax)}
        for syntax in SYNTAXES
        if SYNTAXES[syntax].encapsulated
    },
    "larger-baseline": {**_lossy(50), "size": LARGER},
    "larger-extended": {**_lossy(51), "size": LARGER},
    "enhanced-ct": {"enhanced": True, "size": (16, 12, 5)},
    "enhanced-mr": {"enhanced": True, "modality": "MR", "size": (16, 12, 4)},
    **{
        f"enhanced-{syntax}": {"enhanced": True, "transfer_syntax": syntax, "size": (16, 12, 4)}
        for syntax in SYNTAXES
        if SYNTAXES[syntax].encapsulated
    },
}  # fmt: skip

REAL = (
    "CT_small.dcm", "MR_small.dcm", "MR_small_RLE.dcm", "MR_small_bigendian.dcm",
    "MR_small_implicit.dcm", "MR_small_jpeg_ls_lossless.dcm", "MR_small_jp2klossless.dcm",
)  # fmt: skip
"""Real files of different makers; used where they are, and never kept."""


def good_files(*, real: bool = True) -> list[GoodFile]:
    """Write every good file, and take the real ones that are there."""
    with tempfile.TemporaryDirectory() as folder:
        made = [_written(name, Path(folder, name)) for name in RECIPES]
    return made + (list(_real()) if real else [])


def _written(name: str, folder: Path) -> GoodFile:
    recipe = {"size": SIZE, **RECIPES[name]}
    renamed = recipe.pop("renamed", "")
    data = phantom(folder, **recipe).paths[-1 if recipe.get("enhanced") else 1].read_bytes()
    if renamed:
        data = data.replace(b"1.2.840.10008.1.2.4.57", b"1.2.840.10008.1.2" + renamed.encode())
    return GoodFile(name, data, LOSSY_BY if renamed else 0.0)


def _real() -> Iterator[GoodFile]:
    folder = shared_data.root() / "broken_and_odd"
    for name in REAL:
        if (folder / name).is_file():
            good = GoodFile(f"real-{name}", (folder / name).read_bytes())
            try:
                np.asarray(good.picture.array)
            except Exception:  # noqa: BLE001, S112 what the second reader refuses is no judge
                continue
            yield good
