"""A mosaic is the volume it holds: every tile in its own place, every file a time point."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dcm2niix
import nibabel
import numpy as np
import pydicom
import pytest
from pydicom import Dataset, Sequence

import shared_data
import volume
from mosaics import Mosaics, set_pixels, write_mosaics
from phantom import ORIENTATIONS, phantom
from phantom_encoding import SYNTAXES
from phantom_headers import ds
from phantom_recipe import uid
from volume.assembly.duplicates import drop_duplicates
from volume.dicom.files import Fate, FoundFile
from volume.dicom.header import SliceHeader
from volume.dicom.reader import read_headers

HALF = 0.5 + 1e-3
"""Values are rounded when they are stored."""
MAKERS = {
    "siemens": {},
    "siemens-csa1": {"csa2": False},
    "uih": {"uih": True},
}


def headers(folder: Path) -> list[SliceHeader]:
    (path,) = sorted(folder.iterdir())
    return read_headers(FoundFile(str(path), path.name))[0]


def codes(found: Any) -> set[str]:
    return {finding.code for finding in found.findings}


@pytest.mark.parametrize("opposed", [False, True])
@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("maker", MAKERS)
def test_every_voxel_lies_where_it_was_acquired(maker, orientation, opposed, tmp_path):
    truth = write_mosaics(tmp_path, orientation=orientation, opposed=opposed, **MAKERS[maker])
    mr = volume.load(tmp_path)
    assert mr.geometry.size == truth.size
    assert truth.error(mr.array, mr.geometry.affine) < HALF
    np.testing.assert_allclose(mr.geometry.spacing, truth.spacing, atol=1e-6)
    assert not codes(mr) - {"left-out"}
    assert mr.report["kind"] == ["regular"]


@pytest.mark.parametrize("slices", [1, 2, 3, 4, 5, 9, 10, 12, 36])
@pytest.mark.parametrize("maker", ["siemens", "uih"])
def test_any_number_of_slices_comes_out_and_empty_tiles_are_none(maker, slices, tmp_path):
    truth = write_mosaics(tmp_path, size=(5, 7, slices), orientation="oblique", **MAKERS[maker])
    mr = volume.load(tmp_path)
    assert mr.geometry.size == (5, 7, slices)
    assert truth.error(mr.array, mr.geometry.affine) < HALF
    assert [one["tile"] for one in mr.report["slices"]] == list(range(1, slices + 1))


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("maker", ["siemens", "uih"])
def test_a_mosaic_is_the_same_in_every_transfer_syntax(maker, syntax, tmp_path):
    truth = write_mosaics(tmp_path, transfer_syntax=syntax, opposed=True, **MAKERS[maker])
    mr = volume.load(tmp_path)
    assert truth.error(mr.array, mr.geometry.affine) < HALF


@pytest.mark.parametrize("maker", ["siemens", "uih"])
def test_time_points_become_one_4d_file_in_the_order_of_acquisition(maker, tmp_path, run):
    names = {0: "c", 1: "a", 2: "b"}
    truth = write_mosaics(tmp_path / "in", phases=3, opposed=True, **MAKERS[maker])
    for phase, name in names.items():
        (tmp_path / f"in/mosaics{phase:04d}.dcm").rename(tmp_path / f"in/{name}.dcm")
    assert run("export", tmp_path / "in", tmp_path / "out.nii", "--4d")[0] == 0
    image = nibabel.load(tmp_path / "out.nii")
    assert image.shape == (*truth.size, 3)
    lps = np.diag([-1, -1, 1, 1]) @ image.affine
    for phase in range(3):
        array = np.asanyarray(image.dataobj)[..., phase].T
        assert truth.error(array, lps, phase) < HALF


@pytest.mark.parametrize("tag", ["AcquisitionNumber", "AcquisitionTime", "InstanceNumber", "none"])
def test_time_points_are_told_apart_by_whatever_there_is(tag, tmp_path):
    def change(dataset: Dataset, _phase: int) -> None:
        for keyword in ("AcquisitionNumber", "AcquisitionTime", "InstanceNumber"):
            if keyword != tag:
                dataset.pop(keyword)

    truth = write_mosaics(tmp_path, phases=3, change=change)
    if tag == "none":
        with pytest.raises(volume.GridError, match="no tag tells them apart"):
            volume.load(tmp_path)
        return
    for phase, mr in enumerate(volume.load_all(tmp_path)):
        assert truth.error(mr.array, mr.geometry.affine, phase) < HALF


def test_time_points_that_nothing_tells_apart_are_refused_as_such_under_4d(tmp_path, run):
    def change(dataset: Dataset, _phase: int) -> None:
        del dataset.AcquisitionNumber, dataset.AcquisitionTime, dataset.InstanceNumber

    write_mosaics(tmp_path / "in", phases=3, change=change)
    code, _, err = run("export", tmp_path / "in", tmp_path / "out.nii", "--4d")
    assert code == 4
    assert "no tag tells them apart" in err


def test_magnitude_and_phase_are_named_by_the_type_of_their_images(tmp_path):
    def kinds(dataset: Dataset, phase: int) -> None:
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "MP"[phase % 2], "ND", "MOSAIC"]
        dataset.AcquisitionNumber = phase // 2 + 1
        del dataset.AcquisitionTime

    write_mosaics(tmp_path, phases=4, change=kinds)
    told = {stack.axes[0] for stack in volume.scan(tmp_path).stacks}
    assert told == {("ImageType", rf"ORIGINAL\PRIMARY\{kind}\ND\MOSAIC") for kind in "MP"}


def test_every_mosaic_is_a_volume_of_its_own_where_the_scanner_followed_the_head(tmp_path):
    shift = np.array([0.0, 0.4, 0.7])

    def change(dataset: Dataset, phase: int) -> None:
        place = np.array(dataset.ImagePositionPatient, dtype=float) + phase * shift
        dataset.ImagePositionPatient = list(map(ds, place))

    truth = write_mosaics(tmp_path, phases=4, change=change)
    volumes = volume.load_all(tmp_path)
    assert len(volumes) == 4
    for phase, mr in enumerate(volumes):
        assert not codes(mr) - {"split-by"}
        affine = mr.geometry.affine.copy()
        affine[:3, 3] -= phase * shift
        assert truth.error(mr.array, affine, phase) < HALF


def test_tiles_of_one_file_are_no_copies_of_one_another(tmp_path):
    def blank(dataset: Dataset, _phase: int) -> None:
        set_pixels(dataset, np.zeros((dataset.Rows, dataset.Columns), np.uint16))

    write_mosaics(tmp_path, change=blank)
    mr = volume.load(tmp_path)
    assert mr.array.shape == (7, 6, 8)
    assert not codes(mr) & {"duplicate-identical", "duplicate-instance", "duplicate-conflict"}


def test_time_points_that_begin_with_the_same_tile_are_no_copies(tmp_path):
    """Encoded in two ways, so that values are compared: of all tiles, not of the first."""

    def change(dataset: Dataset, phase: int) -> None:
        image = Mosaics().image(phase)
        image[:6, :8] = 0
        del dataset.AcquisitionNumber, dataset.AcquisitionTime
        dataset.InstanceNumber = 1
        set_pixels(dataset, image, "explicit" if phase == 0 else "rle")

    for phase, syntax in enumerate(("explicit", "rle")):
        write_mosaics(
            tmp_path / syntax,
            phases=2,
            transfer_syntax=syntax,
            change=lambda dataset, _phase, now=phase: change(dataset, now),
        )
        (tmp_path / syntax / "mosaics0001.dcm").unlink()
    found = [header for name in ("explicit", "rle") for header in headers(tmp_path / name)[:1]]
    kept, dropped, _ = drop_duplicates(found)
    assert (len(kept), len(dropped)) == (2, 0)


@pytest.mark.parametrize(
    ("again", "code"),
    [("same", "duplicate-instance"), ("new-uid", "duplicate-identical")],
)
def test_the_same_mosaic_twice_is_used_once(again, code, tmp_path):
    truth = write_mosaics(tmp_path, phases=2)
    copy = tmp_path / "copy.dcm"
    shutil.copy(tmp_path / "mosaics0001.dcm", copy)
    if again == "new-uid":
        dataset = pydicom.dcmread(copy)
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = uid("another")
        dataset.save_as(copy)
    volumes = volume.load_all(tmp_path)
    assert len(volumes) == 2
    for phase, mr in enumerate(volumes):
        assert truth.error(mr.array, mr.geometry.affine, phase) < HALF
        assert code in codes(mr)
    found = volume.scan(tmp_path)
    assert found.count(Fate.IGNORED) == 1
    fates = [one["fate"] for one in volumes[1].report["slices"]]
    assert (fates.count("used"), fates.count("duplicate")) == (7, 7)


def test_mosaics_of_two_patients_are_never_one_series(tmp_path):
    def change(dataset: Dataset, phase: int) -> None:
        dataset.PatientID = f"patient {phase % 2}"

    write_mosaics(tmp_path, phases=4, change=change)
    stacks = volume.scan(tmp_path).stacks
    assert len(stacks) == 4
    assert all("patient-split" in codes(stack) for stack in stacks)


def test_mosaics_that_each_name_a_frame_of_reference_of_their_own_are_one_series(tmp_path):
    def change(dataset: Dataset, phase: int) -> None:
        dataset.FrameOfReferenceUID = uid("frame", phase)

    write_mosaics(tmp_path, phases=4, change=change)
    stacks = volume.scan(tmp_path).stacks
    assert [stack.axis for stack in stacks] == [
        ("AcquisitionNumber", float(n)) for n in range(1, 5)
    ]
    assert all("frame-of-reference-mixed" in codes(stack) for stack in stacks)


def test_a_copy_of_an_instance_uid_with_other_pixels_is_a_conflict(tmp_path):
    def change(dataset: Dataset, _phase: int) -> None:
        dataset.SOPInstanceUID = uid("one for all")

    write_mosaics(tmp_path, phases=2, change=change)
    stacks = volume.scan(tmp_path).stacks
    assert len(stacks) == 2
    assert all("duplicate-conflict" in codes(stack) for stack in stacks)


def without(*tags: int) -> Callable[[Dataset, int], None]:
    def change(dataset: Dataset, _phase: int) -> None:
        for tag in tags:
            del dataset[tag]

    return change


def setting(**values: Any) -> Callable[[Dataset, int], None]:
    def change(dataset: Dataset, _phase: int) -> None:
        for keyword, value in values.items():
            setattr(dataset, keyword, value)

    return change


def colour(dataset: Dataset, _phase: int) -> None:
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 3, "RGB"
    dataset.PlanarConfiguration = 0
    dataset.PixelData = dataset["PixelData"].value * 3


def two_frames(dataset: Dataset, _phase: int) -> None:
    dataset.NumberOfFrames = 2
    dataset.PixelData = dataset["PixelData"].value * 2


def items(change: Callable[[list[Dataset]], Any]) -> Callable[[Dataset, int], None]:
    def edit(dataset: Dataset, _phase: int) -> None:
        change(dataset[0x0065, 0x1051].value)

    return edit


def damaged(dataset: Dataset, _phase: int) -> None:
    element = dataset[0x0029, 0x1010]
    element.value = element.value[:300]


NORMAL = "SliceNormalVector"
REFUSED = {
    "no CSA header": ({"change": without(0x00290010, 0x00291010)}, "without its CSA header"),
    "no CSA creator": ({"change": without(0x00290010)}, "without its CSA header"),
    "a damaged CSA header": ({"change": damaged}, "CSA header is damaged"),
    "no normal": ({"csa": {NORMAL: ("FD", 3, [])}}, "without SliceNormalVector"),
    "a normal of two numbers": ({"csa": {NORMAL: ("FD", 3, ["0", "1"])}}, "without SliceNormalV"),
    "a normal across": ({"csa": {NORMAL: ("FD", 3, ["0", "1", "0"])}}, "contradicts its Image"),
    "a normal of no length": ({"csa": {NORMAL: ("FD", 3, ["0"] * 3)}}, "contradicts its Image"),
    "a normal too long": ({"csa": {NORMAL: ("FD", 3, ["0", "0", "2"])}}, "contradicts its Image"),
    "two counts": ({"csa": {"NumberOfImagesInMosaic": ("US", 1, ["8"])}}, "contradicts itself"),
    "a count that does not fit": (
        {
            "change": without(0x0019100A),
            "csa": {"NumberOfImagesInMosaic": ("US", 1, ["99"])},
        },
        "99 images cannot make a mosaic of 18 x 24 pixels",
    ),
    "half a count": (
        {
            "change": without(0x0019100A),
            "csa": {"NumberOfImagesInMosaic": ("DS", 1, ["6.5"])},
        },
        "contradicts itself",
    ),
    "no count": (
        {
            "change": without(0x0019100A),
            "csa": {"NumberOfImagesInMosaic": ("US", 1, [])},
        },
        "does not say how many images",
    ),
    "no spacing": ({"change": without(0x00180050, 0x00180088)}, "how far apart"),
    "no distance": ({"change": setting(SpacingBetweenSlices="-3")}, "how far apart"),
    "spacing that is no number": (
        {"change": lambda dataset, _: dataset.add_new(0x00180088, "LO", "3,0")},
        "SpacingBetweenSlices holds no number",
    ),
    "colour": ({"change": colour}, "a mosaic in colour"),
    "frames": ({"change": two_frames}, "a mosaic of several frames"),
    "GRID without places": ({"uih": True, "change": without(0x00651051)}, "MR VFrame Sequence"),
    "GRID without anything": (
        {"uih": True, "change": without(0x00650010, 0x00651050, 0x00651051)},
        "MR VFrame Sequence",
    ),
    "GRID of another count": (
        {"uih": True, "change": items(lambda every: every.pop())},
        "of 7 slices that describes 6",
    ),
    "GRID with a slice nowhere": (
        {"uih": True, "change": items(lambda every: every[3].pop("ImagePositionPatient"))},
        "where each of its slices lies",
    ),
    "GRID in colour": ({"uih": True, "change": colour}, "a mosaic in colour"),
    "GRID that does not fit": (
        {"uih": True, "change": lambda d, _: set_pixels(d, np.zeros((20, 24), np.uint16))},
        "7 images cannot make a mosaic of 20 x 24 pixels",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_does_not_prove_where_its_slices_lie_is_refused_by_name(what, tmp_path):
    fields, reason = REFUSED[what]
    write_mosaics(tmp_path, **fields)
    with pytest.raises(volume.NotDicomError, match=reason):
        volume.load(tmp_path)


def test_a_refused_mosaic_comes_with_a_way_out(tmp_path):
    write_mosaics(tmp_path, change=without(0x00290010, 0x00291010))
    (finding,) = volume.scan(tmp_path).findings
    assert "enhanced" in str(finding.remedy)


def test_the_thickness_that_stands_in_for_the_spacing_is_said(tmp_path):
    truth = write_mosaics(tmp_path, change=without(0x00180088))
    mr = volume.load(tmp_path)
    assert mr.geometry.spacing[2] == pytest.approx(truth.spacing[2] * 0.8)
    (finding,) = (f for f in mr.findings if f.code == "spacing-assumed")
    assert finding.severity == "warning"
    assert finding.evidence["assumed_mm"] == pytest.approx(truth.spacing[2] * 0.8)


def test_the_places_of_grid_tiles_need_no_spacing_and_no_order(tmp_path):
    """Each tile lies where its own item says; here every other one from either end."""
    order = [0, 6, 1, 5, 2, 4, 3]

    def change(dataset: Dataset, _phase: int) -> None:
        del dataset.SpacingBetweenSlices
        every = list(dataset[0x0065, 0x1051].value)
        dataset[0x0065, 0x1051].value = Sequence([every[k] for k in order])
        recipe = Mosaics(uih=True)
        shown = recipe.tiles(0)[order]
        image = np.zeros((dataset.Rows, dataset.Columns), np.uint16)
        for n, tile in enumerate(shown):
            image[n // 3 * 6 : n // 3 * 6 + 6, n % 3 * 8 : n % 3 * 8 + 8] = tile
        set_pixels(dataset, image)

    truth = write_mosaics(tmp_path, uih=True, change=change)
    mr = volume.load(tmp_path)
    assert truth.error(mr.array, mr.geometry.affine) < HALF
    assert "spacing-assumed" not in codes(mr)


@pytest.mark.parametrize("lossy", [False, True])
def test_pixels_behind_the_last_image_are_not_dropped_in_silence(lossy, tmp_path):
    """Compression with loss leaves traces in empty tiles: these are nothing to be said."""

    def change(dataset: Dataset, _phase: int) -> None:
        dataset.LossyImageCompression = "01" if lossy else "00"
        image = Mosaics().image(0)
        image[12:, 16:] = np.arange(48).reshape(6, 8)
        set_pixels(dataset, image)

    write_mosaics(tmp_path, change=change)
    mr = volume.load(tmp_path)
    assert mr.array.shape == (7, 6, 8)
    found = [finding.evidence for finding in mr.findings if finding.code == "left-out"]
    assert found == ([] if lossy else [{"images": 7}])


def test_a_single_slice_that_only_says_it_was_a_mosaic_is_a_slice(tmp_path):
    """Siemens XA30 leaves the word behind when it takes slices out of their mosaics."""

    def change(dataset: Dataset, *_: int) -> None:
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"]
        dataset.AcquisitionMatrix = [0, 12, 10, 0]

    truth = phantom(tmp_path, size=(12, 10, 8), modality="MR", edit=change)
    mr = volume.load(tmp_path)
    assert truth.error_mm(mr.array, mr.geometry.affine) < 0.1


def test_enhanced_frames_that_only_say_they_were_mosaics_are_slices(tmp_path):
    def change(dataset: Dataset, *_: int) -> None:
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"]

    truth = phantom(tmp_path, size=(12, 10, 8), modality="MR", enhanced=True, edit=change)
    mr = volume.load(tmp_path)
    assert truth.error_mm(mr.array, mr.geometry.affine) < 0.1


def test_enhanced_frames_that_are_mosaics_are_refused(tmp_path):
    def change(dataset: Dataset, *_: int) -> None:
        block = dataset.private_block(0x0019, "SIEMENS MR HEADER", create=True)
        block.add_new(0x0A, "US", 7)

    phantom(tmp_path, size=(12, 10, 8), modality="MR", enhanced=True, edit=change)
    with pytest.raises(volume.NotDicomError, match="frames that are mosaics"):
        volume.load(tmp_path)


def test_a_mosaic_whose_image_type_was_rewritten_is_still_one(tmp_path):
    truth = write_mosaics(tmp_path, change=setting(ImageType=["DERIVED", "SECONDARY"]))
    mr = volume.load(tmp_path)
    assert truth.error(mr.array, mr.geometry.affine) < HALF


@pytest.mark.parametrize("maker", MAKERS)
def test_every_slice_has_the_time_at_which_it_was_acquired(maker, tmp_path):
    order = (0, 2, 4, 6, 1, 3, 5)
    write_mosaics(tmp_path, order=order, **MAKERS[maker])
    times = [header.slice_time for header in headers(tmp_path)]
    assert times == pytest.approx([0.06 * order.index(k) for k in range(7)])


def test_times_that_run_over_midnight_are_told_from_the_first_slice_on(tmp_path):
    times = ["86399900", "0", "100", "200", "300", "400", "500"]
    write_mosaics(tmp_path, csa={"MosaicRefAcqTimes": ("FD", 0, times)})
    found = [header.slice_time for header in headers(tmp_path)]
    assert found == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6])


@pytest.mark.parametrize("times", [[], ["0"] * 6, ["x"] * 7])
def test_times_that_are_not_one_a_slice_are_none(times, tmp_path):
    write_mosaics(tmp_path, csa={"MosaicRefAcqTimes": ("FD", 0, times)})
    assert {header.slice_time for header in headers(tmp_path)} == {None}


def test_a_mosaic_cut_short_is_named_and_the_others_come_out(tmp_path):
    truth = write_mosaics(tmp_path, phases=3)
    path = tmp_path / "mosaics0001.dcm"
    path.write_bytes(path.read_bytes()[:-40])
    stacks = volume.scan(tmp_path).stacks
    assert len(stacks) == 3
    for phase, stack in enumerate(stacks):
        if phase == 1:
            (finding,) = (f for f in stack.findings if f.code == "pixels-truncated")
            assert finding.message == "a mosaic of 7 slices: 40 bytes of its pixels missing"
            with pytest.raises(volume.VolumeError, match="no slice has readable pixels"):
                volume.load(tmp_path, series=stack.id)
        else:
            mr = volume.load(tmp_path, series=stack.id)
            assert truth.error(mr.array, mr.geometry.affine, phase) < HALF


def test_a_compressed_mosaic_of_another_size_than_its_header_says_is_refused(tmp_path):
    def change(dataset: Dataset, _phase: int) -> None:
        set_pixels(dataset, np.zeros((18, 21), np.uint16), "jpeg-2000")
        dataset.Columns = 24

    write_mosaics(tmp_path, transfer_syntax="jpeg-2000", change=change)
    with pytest.raises(volume.PixelError, match="24"):
        volume.load(tmp_path)


def by_dcm2niix(source: Path, folder: Path) -> nibabel.Nifti1Image:
    command = [dcm2niix.bin, "-z", "n", "-b", "n", "-f", "peer", "-o", folder, source]
    subprocess.run(command, check=True, capture_output=True)
    (made,) = folder.glob("peer*.nii")
    return nibabel.as_closest_canonical(nibabel.load(made))


@pytest.mark.parametrize("opposed", [False, True])
@pytest.mark.parametrize("orientation", ["axial", "sagittal", "coronal", "oblique"])
@pytest.mark.parametrize("maker", ["siemens", "uih"])
def test_a_mosaic_is_where_dcm2niix_puts_it(maker, orientation, opposed, tmp_path):
    recipe = Mosaics(
        size=(16, 16, 7), spacing=(2, 2, 3), orientation=orientation, opposed=opposed, phases=2
    )
    fields = {**recipe.__dict__, **MAKERS[maker]}
    write_mosaics(tmp_path / "in", Mosaics(**fields))
    same_as_dcm2niix(tmp_path / "in", tmp_path)


@pytest.mark.parametrize("name", ["AxAsc36mb2a", "AxInt36mb", "axasc35", "corasc35", "sagasc35"])
def test_a_real_mosaic_is_where_dcm2niix_puts_it(name, tmp_path):
    same_as_dcm2niix(shared_data.folder(f"mr_mosaic/{name}"), tmp_path)


def same_as_dcm2niix(source: Path, folder: Path) -> None:
    volume.export(volume.load_all(source), folder / "ours.nii")
    ours = nibabel.as_closest_canonical(nibabel.load(folder / "ours.nii"))
    theirs = by_dcm2niix(source, folder)
    np.testing.assert_allclose(ours.affine, theirs.affine, atol=1e-3)
    assert np.array_equal(np.asanyarray(ours.dataobj), np.asanyarray(theirs.dataobj))


REAL = [f"mr_mosaic/{name}" for name in ("AxAsc36mb2a", "AxInt36mb", "corasc35", "sagasc35")]


@pytest.mark.parametrize("name", [*REAL, *(f"transfer_syntaxes/{n}.dcm" for n in range(1, 10))])
def test_the_slices_of_a_real_mosaic_are_the_tiles_that_pydicom_reads(name):
    source = shared_data.folder(name)
    for mr in volume.load_all(source):
        path = source if source.is_file() else source / mr.report["slices"][0]["path"]
        image = pydicom.dcmread(path).pixel_array
        count, rows, columns = mr.array.shape
        shape = image.shape[0] // rows, rows, image.shape[1] // columns, columns
        tiles = image.reshape(shape).swapaxes(1, 2).reshape(-1, rows, columns)
        numbers = [one["tile"] - 1 for one in mr.report["slices"]]
        assert sorted(numbers) == list(range(count))
        assert np.array_equal(mr.array, tiles[numbers])
        assert not tiles[count:].any()


def test_one_real_mosaic_in_nine_encodings_is_one_volume_and_eight_copies():
    found = volume.scan(shared_data.folder("transfer_syntaxes"))
    (stack,) = found.stacks
    assert len(stack.slices) == 35
    assert (found.count(Fate.USED), found.count(Fate.IGNORED)) == (1, 8)
    assert "duplicate-identical" in codes(stack)
