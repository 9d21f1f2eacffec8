"""Colour volumes: in place, and red, green and blue whatever model the file is written in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import imagecodecs
import nibabel
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset
from pydicom.encaps import encapsulate
from pydicom.pixels import apply_color_lut, convert_color_space, get_encoder
from pydicom.uid import UID, JPEGBaseline8Bit

import shared_data
import volume
from maps import stored
from phantom import Phantom, phantom

MM = 0.12
CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
ENHANCED_MR_COLOUR = "1.2.840.10008.5.1.4.1.1.4.3"
RLE = "1.2.840.10008.1.2.5"


def painted(values: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """Hide values of 16 bits in red and green, so that every voxel still knows its place."""
    return np.stack([values & 255, values >> 8, 255 - (values & 255)], axis=-1).astype(np.uint8)


def unpainted(array: NDArray[np.uint8]) -> NDArray[np.float64]:
    return array[..., 0] + 256.0 * array[..., 1]


def set_pixels(dataset: Dataset, pixels: bytes, model: str = "RGB", bits: int = 8) -> None:
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 3, model
    dataset.PlanarConfiguration, dataset.PixelRepresentation = 0, 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = bits, bits, bits - 1
    dataset.PixelData = pixels + bytes(len(pixels) % 2)


def pixels_of(dataset: Dataset) -> NDArray[np.uint16]:
    """Give the [j, i] pixels of one slice of a phantom."""
    return np.frombuffer(dataset.PixelData, "<u2").reshape(dataset.Rows, dataset.Columns)


def colour_phantom(folder: Path, change: Callable[[Dataset], None], **oddities) -> Phantom:
    """Write a classic MR, one slice a file, its pixels changed into colours."""
    usual = {"size": (12, 10, 8), "modality": "MR"}
    edit = {"edit": lambda dataset, _k, _phase: change(dataset)}
    return phantom(folder, **{**usual, **edit, **oddities})


def as_rgb(dataset: Dataset) -> None:
    set_pixels(dataset, painted(pixels_of(dataset)).tobytes())


def as_planes(dataset: Dataset) -> None:
    set_pixels(dataset, np.moveaxis(painted(pixels_of(dataset)), -1, 0).tobytes())
    dataset.PlanarConfiguration = 1


@pytest.mark.parametrize("orientation", ["axial", "sagittal", "oblique"])
@pytest.mark.parametrize("change", [as_rgb, as_planes])
def test_a_stack_of_rgb_is_one_colour_volume_in_its_place(change, orientation, tmp_path):
    truth = colour_phantom(tmp_path / "s", change, orientation=orientation)
    made = volume.load(tmp_path / "s")
    assert made.is_colour
    assert made.array.dtype == np.uint8
    assert truth.error_mm(unpainted(made.array), made.geometry.affine) < MM
    assert "colour-volume" in {finding.code for finding in made.findings}


def test_an_enhanced_mr_in_colour_is_put_in_order_by_place(tmp_path):
    def change(dataset):
        dataset.SOPClassUID = ENHANCED_MR_COLOUR
        set_pixels(dataset, painted(stored(dataset)).tobytes())

    truth = colour_phantom(tmp_path / "s", change, enhanced=True, frames="shuffled")
    made = volume.load(tmp_path / "s")
    assert truth.error_mm(unpainted(made.array), made.geometry.affine) < MM


def test_colours_of_16_bits_stay_so(tmp_path):
    wide = np.random.default_rng(2).integers(0, 65536, (10, 12, 3)).astype("<u2")
    colour_phantom(tmp_path / "s", lambda d: set_pixels(d, wide.tobytes(), bits=16))
    made = volume.load(tmp_path / "s")
    assert made.array.dtype == np.uint16
    assert np.array_equal(made.array[0], wide)
    with pytest.raises(volume.VolumeError, match="8 bits"):
        volume.export(made, tmp_path / "s.nii.gz")
    volume.export(made, tmp_path / "s.nrrd")


# Other models


def noise(rows: int = 10, columns: int = 12) -> NDArray[np.uint8]:
    drawn = np.random.default_rng(8).integers(0, 256, (rows, columns, 3)).astype(np.uint8)
    drawn[0, :8, 0] = [0, 255, 0, 255, 0, 255, 0, 255]  # and the corners of the cube
    drawn[0, :8, 1] = [0, 0, 255, 255, 0, 0, 255, 255]
    drawn[0, :8, 2] = [0, 0, 0, 0, 255, 255, 255, 255]
    return drawn


def halved(ybr: NDArray[np.uint8]) -> bytes:
    """Write Y Y CB CR for every two pixels (PS3.3 C.7.6.3.1.2)."""
    pairs = ybr.reshape(len(ybr), -1, 2, 3)
    return np.concatenate([pairs[..., 0], pairs[..., 0, 1:]], axis=-1).tobytes()


@pytest.mark.parametrize("syntax", ["explicit", "implicit", "deflated", "rle"])
def test_ybr_full_becomes_the_rgb_that_pydicom_makes_of_it(syntax, tmp_path):
    ybr = noise()

    def change(dataset):
        set_pixels(dataset, ybr.tobytes(), "YBR_FULL")
        if syntax == "rle":
            dataset.PixelData = encapsulate([rle(ybr)])

    colour_phantom(tmp_path / "s", change, transfer_syntax=syntax)
    made = volume.load(tmp_path / "s")
    expected = convert_color_space(ybr, "YBR_FULL", "RGB")
    assert np.array_equal(made.array[0], expected)
    assert "converted from YBR_FULL" in str(made.findings)


def rle(samples: NDArray[np.uint8]) -> bytes:
    return get_encoder(UID(RLE)).encode(
        samples, rows=samples.shape[0], columns=samples.shape[1], number_of_frames=1,
        samples_per_pixel=3, photometric_interpretation="YBR_FULL", bits_allocated=8,
        bits_stored=8, pixel_representation=0, planar_configuration=0,
    )  # fmt: skip


def test_ybr_full_by_planes_is_the_same(tmp_path):
    ybr = noise()

    def change(dataset):
        set_pixels(dataset, np.moveaxis(ybr, -1, 0).tobytes(), "YBR_FULL")
        dataset.PlanarConfiguration = 1

    colour_phantom(tmp_path / "s", change)
    expected = convert_color_space(ybr, "YBR_FULL", "RGB")
    assert np.array_equal(volume.load(tmp_path / "s").array[3], expected)


def test_ybr_full_422_becomes_the_rgb_that_pydicom_makes_of_it(tmp_path):
    colour_phantom(tmp_path / "s", lambda d: set_pixels(d, halved(noise()), "YBR_FULL_422"))
    made = volume.load(tmp_path / "s")
    theirs = pydicom.pixels.pixel_array(next((tmp_path / "s").iterdir()))
    assert np.array_equal(made.array[0], theirs)


def test_the_real_file_in_ybr_full_422_is_read_as_pydicom_reads_it(tmp_path):
    path = shared_data.folder("broken_and_odd/SC_ybr_full_422_uncompressed.dcm")
    dataset = pydicom.dcmread(path)
    dataset.ImagePositionPatient, dataset.PixelSpacing = [0, 0, 0], [1, 1]
    dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    dataset.save_as(tmp_path / "placed.dcm")
    made = volume.load(tmp_path / "placed.dcm")
    assert np.array_equal(made.array[0], pydicom.pixels.pixel_array(path))


def jpeg_lossless(samples: NDArray[np.uint8]) -> bytes:
    return bytes(
        imagecodecs.jpeg8_encode(
            samples, lossless=True, predictor=1, colorspace="YCBCR", outcolorspace="YCBCR"
        )
    )


def jpeg_2000(*, mixed: bool) -> Callable[[NDArray[np.uint8]], bytes]:
    return lambda samples: bytes(
        imagecodecs.jpeg2k_encode(samples, codecformat="j2k", reversible=True, level=0, mct=mixed)
    )


CODECS = {
    "jpeg-lossless-sv1": jpeg_lossless,
    "jpeg-ls": lambda samples: bytes(imagecodecs.jpegls_encode(samples)),
    "jpeg-2000": jpeg_2000(mixed=False),
}


@pytest.mark.parametrize("syntax", CODECS)
def test_compressed_without_loss_ybr_full_becomes_the_same_rgb(syntax, tmp_path):
    ybr = np.random.default_rng(8).integers(0, 256, (32, 32, 3)).astype(np.uint8)

    def change(dataset):
        set_pixels(dataset, b"", "YBR_FULL")
        dataset.PixelData = encapsulate([CODECS[syntax](ybr)])

    colour_phantom(tmp_path / "s", change, transfer_syntax=syntax, size=(32, 32, 3))
    made = volume.load(tmp_path / "s")
    assert np.array_equal(made.array[0], convert_color_space(ybr, "YBR_FULL", "RGB"))


@pytest.mark.parametrize("model", ["RGB", "YBR_RCT"])
def test_jpeg_2000_that_mixes_its_components_comes_out_as_rgb(model, tmp_path):
    rgb = noise(32, 32)

    def change(dataset):
        set_pixels(dataset, b"", model)
        dataset.PixelData = encapsulate([jpeg_2000(mixed=True)(rgb)])

    colour_phantom(tmp_path / "s", change, transfer_syntax="jpeg-2000", size=(32, 32, 3))
    assert np.array_equal(volume.load(tmp_path / "s").array[0], rgb)


def test_the_irreversible_transform_of_jpeg_2000_is_a_loss(tmp_path):
    def change(dataset):
        set_pixels(dataset, b"", "YBR_ICT")
        jpeg = imagecodecs.jpeg2k_encode(noise(32, 32), level=60, codecformat="j2k", mct=True)
        dataset.PixelData = encapsulate([bytes(jpeg)])

    colour_phantom(tmp_path / "s", change, transfer_syntax="jpeg-2000", size=(32, 32, 3))
    found = volume.load(tmp_path / "s").findings
    assert "lossy-compressed" in {finding.code for finding in found}


def test_jpeg_2000_that_contradicts_its_header_is_refused(tmp_path):
    def change(dataset):
        set_pixels(dataset, b"", "YBR_FULL")
        dataset.PixelData = encapsulate([jpeg_2000(mixed=True)(noise(32, 32))])

    colour_phantom(tmp_path / "s", change, transfer_syntax="jpeg-2000", size=(32, 32, 3))
    with pytest.raises(volume.PixelError, match="two colour models"):
        volume.load(tmp_path / "s")


def test_jpeg_2000_of_16_bits_that_mixes_its_components_comes_out_as_rgb(tmp_path):
    wide = np.random.default_rng(2).integers(0, 65536, (32, 32, 3)).astype(np.uint16)

    def change(dataset):
        set_pixels(dataset, b"", "YBR_RCT", bits=16)
        dataset.PixelData = encapsulate([jpeg_2000(mixed=True)(wide)])

    colour_phantom(tmp_path / "s", change, transfer_syntax="jpeg-2000", size=(32, 32, 3))
    assert np.array_equal(volume.load(tmp_path / "s").array[0], wide)


@pytest.mark.parametrize(
    ("model", "held"), [("RGB", "YCBCR"), ("YBR_FULL_422", "RGB"), ("YBR_FULL", "RGB")]
)
def test_jpeg_whose_own_markers_contradict_its_header_is_refused(model, held, tmp_path):
    """A JFIF segment says YCbCr, Adobe's with the transform 0 says RGB."""

    def change(dataset):
        set_pixels(dataset, b"", model)
        jpeg = imagecodecs.jpeg8_encode(noise(32, 32), colorspace="RGB", outcolorspace=held)
        dataset.PixelData = encapsulate([bytes(jpeg)])

    size = (32, 32, 3)
    truth = colour_phantom(tmp_path / "s", change, transfer_syntax="jpeg-lossless", size=size)
    for path in truth.paths:
        dataset = pydicom.dcmread(path)
        dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
        dataset.save_as(path)
    with pytest.raises(volume.PixelError, match="two colour models"):
        volume.load(tmp_path / "s")


def test_colours_with_signed_samples_are_refused(tmp_path):
    def change(dataset):
        as_rgb(dataset)
        dataset.PixelRepresentation = 1

    colour_phantom(tmp_path / "s", change)
    assert "RGB with signed samples" in volume.scan(tmp_path / "s").findings[0].message


REFUSED = {
    "HSV": (3, 8, "HSV"),
    "YBR_PARTIAL_420": (3, 8, "YBR_PARTIAL_420"),
    "YBR_PARTIAL_422": (3, 8, "YBR_PARTIAL_422"),
    "YBR_ICT": (3, 8, "YBR_ICT"),
    "ARGB": (4, 8, "ARGB"),
    "CMYK": (4, 8, "CMYK"),
    "KIM HEE": (3, 8, "another model"),
    "YBR_FULL": (3, 16, "16 bits in YBR_FULL"),
}


@pytest.mark.parametrize("model", REFUSED)
def test_a_colour_model_that_is_not_read_is_named(model, tmp_path):
    samples, bits, words = REFUSED[model]

    def change(dataset):
        set_pixels(dataset, bytes(120 * samples * bits // 8), model, bits)
        dataset.SamplesPerPixel = samples

    colour_phantom(tmp_path / "s", change)
    (said,) = volume.scan(tmp_path / "s").findings
    assert said.code == "not-supported-yet"
    assert words in said.message
    assert "KIM" not in said.message


def test_pairs_that_are_none_are_refused(tmp_path):
    def odd(dataset):
        set_pixels(dataset, bytes(2 * 11 * 10), "YBR_FULL_422")

    def whole(dataset):
        set_pixels(dataset, noise().tobytes(), "YBR_FULL_422")

    colour_phantom(tmp_path / "odd", odd, size=(11, 10, 3))
    assert "go in pairs" in volume.scan(tmp_path / "odd").findings[0].message
    colour_phantom(tmp_path / "whole", whole)
    assert "explains 240" in volume.scan(tmp_path / "whole").findings[0].message


# Palettes


def set_palette(
    dataset: Dataset, tables: NDArray, bits: int = 8, first: int = 0, declared: int | None = None
) -> None:
    """Make a palette colour image: (n, 3) entries of `bits`."""
    dataset.PhotometricInterpretation = "PALETTE COLOR"
    count = len(tables) % 65536
    for n, colour in enumerate(("Red", "Green", "Blue")):
        form = "<u1" if bits == 8 else "<u2"
        content = tables[:, n].astype(form).tobytes()
        described = [count, first, declared or bits]
        setattr(dataset, f"{colour}PaletteColorLookupTableDescriptor", described)
        setattr(dataset, f"{colour}PaletteColorLookupTableData", content + bytes(len(content) % 2))


def indexed(dataset: Dataset, bits: int = 8) -> None:
    """Make pixels small enough to be indices."""
    if bits == 8:
        values = (pixels_of(dataset) >> 8).astype(np.uint8)
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
        dataset.PixelData = values.tobytes()


DRAWN = np.random.default_rng(4).integers(0, 65536, (256, 3))
PALETTES = {
    "8 bits": (DRAWN & 255, {"bits": 8}),
    "16 bits": (DRAWN, {"bits": 16}),
    "8 bits in 16": ((DRAWN & 255) * 257, {"bits": 16}),
    "few, from 20": (DRAWN[:30] & 255, {"bits": 8, "first": 20}),
    "an odd number": (DRAWN[:31] & 255, {"bits": 8, "first": 3}),
    "16 said, 8 written": (DRAWN & 255, {"bits": 8, "declared": 16}),
}


@pytest.mark.parametrize("name", PALETTES)
def test_a_palette_gives_the_colours_that_pydicom_gives(name, tmp_path):
    tables, how = PALETTES[name]

    def change(dataset):
        indexed(dataset)
        set_palette(dataset, tables, **how)

    colour_phantom(tmp_path / "s", change)
    made = volume.load(tmp_path / "s")
    path = volume.scan(tmp_path / "s").stacks[0].slices[4].path
    dataset = pydicom.dcmread(path)
    if how.get("first") == 3:  # pydicom keeps the byte that pads an odd table
        for colour in ("Red", "Green", "Blue"):
            keyword = f"{colour}PaletteColorLookupTableData"
            setattr(dataset, keyword, getattr(dataset, keyword)[:-1])
    theirs = apply_color_lut(dataset.pixel_array, dataset)
    if name == "8 bits in 16":
        theirs = (theirs >> 8).astype(np.uint8)
    assert made.array.dtype == theirs.dtype
    assert np.array_equal(made.array[4], theirs)
    assert "looked up in the file's palette" in str(made.findings)


def test_a_palette_of_all_16_bits_keeps_every_place(tmp_path):
    every = np.arange(65536)
    tables = np.stack([every & 255, every >> 8, 0 * every], axis=1)

    truth = colour_phantom(tmp_path / "s", lambda d: set_palette(d, tables), orientation="oblique")
    made = volume.load(tmp_path / "s")
    assert truth.error_mm(unpainted(made.array), made.geometry.affine) < MM


def test_a_palette_for_signed_pixels_begins_below_zero(tmp_path):
    tables = np.stack([np.arange(200)] * 3, axis=1)

    def change(dataset):
        dataset.PixelRepresentation = 1
        dataset.PixelData = np.linspace(-150, 150, 120).astype("<i2").tobytes()
        set_palette(dataset, tables, first=-100)

    colour_phantom(tmp_path / "s", change)
    made = volume.load(tmp_path / "s")
    stored_values = np.linspace(-150, 150, 120).astype(int).reshape(10, 12)
    assert np.array_equal(made.array[2, ..., 0], np.clip(stored_values + 100, 0, 199))


def test_the_real_palette_image_is_read_as_pydicom_reads_it(tmp_path):
    path = shared_data.folder("broken_and_odd/examples_palette.dcm")
    dataset = pydicom.dcmread(path)
    dataset.SOPClassUID = CAPTURE
    dataset.file_meta.MediaStorageSOPClassUID = CAPTURE
    dataset.ImagePositionPatient, dataset.PixelSpacing = [0, 0, 0], [1, 1]
    dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    dataset.save_as(tmp_path / "placed.dcm")
    made = volume.load(tmp_path / "placed.dcm")
    theirs = apply_color_lut(dataset.pixel_array, dataset)
    assert np.array_equal(made.array[0], (theirs >> 8) if made.array.dtype == np.uint8 else theirs)


def lacking(dataset):
    del dataset.GreenPaletteColorLookupTableDescriptor


def cut(dataset):
    dataset.BluePaletteColorLookupTableData = dataset.BluePaletteColorLookupTableData[:-10]


def segmented(dataset):
    for colour in ("Red", "Green", "Blue"):
        content = dataset[f"{colour}PaletteColorLookupTableData"].value
        setattr(dataset, f"Segmented{colour}PaletteColorLookupTableData", content)
        del dataset[f"{colour}PaletteColorLookupTableData"]


def unequal(dataset):
    dataset.RedPaletteColorLookupTableDescriptor = [256, 1, 8]


def of_12_bits(dataset):
    for colour in ("Red", "Green", "Blue"):
        setattr(dataset, f"{colour}PaletteColorLookupTableDescriptor", [256, 0, 12])


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lacking, "the green palette of a PALETTE COLOR image is missing"),
        (cut, "the blue palette has 246 bytes for 256 entries"),
        (segmented, "the red palette of a PALETTE COLOR image is missing or segmented"),
        (unequal, "described differently"),
        (of_12_bits, "palettes of 12 bits"),
    ],
)
def test_a_palette_that_is_not_whole_refuses_the_image(damage, why, tmp_path):
    def change(dataset):
        indexed(dataset)
        set_palette(dataset, DRAWN & 255)
        damage(dataset)

    colour_phantom(tmp_path / "s", change)
    found = volume.scan(tmp_path / "s")
    assert not found.stacks
    assert why in found.findings[0].message


# What becomes of them


def test_a_colour_volume_is_written_as_others_read_it(tmp_path):
    truth = colour_phantom(tmp_path / "s", as_rgb, orientation="oblique")
    made = volume.load(tmp_path / "s")
    for name in ("s.nii.gz", "s.nrrd", "s.mha", "s.npz"):
        volume.export(made, tmp_path / name, sidecar=False)
    nifti = nibabel.load(tmp_path / "s.nii.gz")
    assert nifti.get_data_dtype() == np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])
    voxels = np.asanyarray(nifti.dataobj)
    rgb = np.stack([voxels[c] for c in "RGB"], axis=-1).transpose(2, 1, 0, 3)
    lps = np.diag([-1, -1, 1, 1]) @ nifti.affine
    assert truth.error_mm(unpainted(rgb), lps) < MM
    for name in ("s.nrrd", "s.mha"):
        image = sitk.ReadImage(str(tmp_path / name))
        again = volume.Volume.from_sitk(image)
        assert truth.error_mm(unpainted(again.array), again.geometry.affine) < MM
    with np.load(tmp_path / "s.npz") as content:
        assert truth.error_mm(unpainted(content["array"]), content["affine"]) < MM


def test_a_surface_of_colours_is_refused_with_the_reason(tmp_path, run):
    colour_phantom(tmp_path / "s", as_rgb)
    code, _, said = run("mesh", tmp_path / "s", tmp_path / "s.stl", "--level", "9")
    assert code == 1
    assert "a colour volume has no level" in said


@pytest.mark.parametrize("bits", [8, 16])
def test_a_picture_shows_the_colours(bits, tmp_path, run):
    flat = np.zeros((30, 30, 3), "<u2")
    flat[..., 0], flat[..., 1] = 200 << (bits - 8), 50 << (bits - 8)
    content = flat.astype("<u1") if bits == 8 else flat
    colour_phantom(
        tmp_path / "s", lambda d: set_pixels(d, content.tobytes(), bits=bits), size=(30, 30, 12)
    )
    picture = tmp_path / "s.png"
    code, _, said = run(
        "view", tmp_path / "s", "--screenshot", picture, "--layout", "axial", "--size", "300,300"
    )
    assert code == 0, said
    shown = np.asarray(Image.open(picture).convert("RGB")).reshape(-1, 3).astype(int)
    near = (np.abs(shown - [200, 50, 0]) <= 2).all(axis=1)
    assert near.mean() > 0.2


def test_a_tilted_stack_of_colours_is_straightened(tmp_path):
    def change(dataset):
        ramp = np.indices((30, 24))[0] * 6  # along j, in one of the colours
        set_pixels(dataset, np.stack([ramp, ramp, ramp], axis=-1).astype(np.uint8).tobytes())

    colour_phantom(tmp_path / "s", change, tilt=15.0, size=(24, 30, 12))
    made = volume.load(tmp_path / "s")
    assert "gantry-tilt" in {finding.code for finding in made.findings}
    assert made.is_colour


def test_the_memory_for_the_colours_of_a_palette_is_foretold(tmp_path):
    def change(dataset):
        indexed(dataset)
        set_palette(dataset, DRAWN & 255)

    colour_phantom(tmp_path / "s", change)
    from volume.assembly.forecast import BESIDE, bytes_kept, bytes_needed
    from volume.assembly.options import DEFAULTS

    (stack,) = volume.scan(tmp_path / "s").stacks
    assert bytes_kept(stack) == 3 * 960
    assert bytes_needed(stack, DEFAULTS) == 4 * 960 + BESIDE


# Captures


def captured(dataset: Dataset) -> None:
    as_rgb(dataset)
    dataset.SOPClassUID = CAPTURE


def test_captures_that_say_where_they_lie_are_a_volume_with_a_warning(tmp_path):
    truth = colour_phantom(tmp_path / "s", captured, orientation="oblique")
    made = volume.load(tmp_path / "s")
    assert truth.error_mm(unpainted(made.array), made.geometry.affine) < MM
    (said,) = (f for f in made.findings if f.code == "secondary-capture")
    assert said.severity == "warning"


def test_captures_without_a_place_are_none(tmp_path):
    def change(dataset):
        captured(dataset)
        del dataset.PixelSpacing

    colour_phantom(tmp_path / "s", change)
    with pytest.raises(volume.NotDicomError, match="secondary capture"):
        volume.load(tmp_path / "s")


def test_captures_beside_a_volume_are_no_choice_and_change_nothing_of_it(tmp_path):
    truth = phantom(tmp_path / "s", modality="MR", size=(12, 10, 8), series_uid="1.2.3")
    alone = volume.load(tmp_path / "s")
    colour_phantom(tmp_path / "s" / "captures", captured, series_uid="1.2.3")
    made = volume.load(tmp_path / "s")
    assert made.id == alone.id
    assert truth.error_mm(made.array, made.geometry.affine) < MM
    assert "left-out" in {finding.code for finding in made.findings}


def test_the_real_colour_series_are_read_as_pydicom_reads_them():
    made = volume.load(shared_data.folder("mr_xa30_colour_fa"))
    assert made.array.shape == (39, 72, 72, 3)
    made = volume.load(shared_data.folder("odd_mr_rgb_geometry/rgb"))
    assert made.array.shape == (4, 77, 52, 3)
    for header in volume.scan(shared_data.folder("odd_mr_rgb_geometry/rgb")).stacks[0].slices:
        theirs = pydicom.dcmread(header.path).pixel_array
        k = round(float(made.geometry.to_index(np.array(header.position))[2]))
        assert np.array_equal(made.array[k], theirs)
