"""B-values and directions of every maker: as they were written, and as dcm2niix gives them."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from unittest import mock

import dcm2niix
import nibabel
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom import Dataset
from pydicom.datadict import tag_for_keyword

import volume
from csa_header import csa_header
from mosaics import Mosaics, write_mosaics
from phantom import ORIENTATIONS
from phantom_recipe import shuffled
from volume.cli import main
from weighted import MAKERS, WEIGHTS, enhanced, ge, philips, siemens, unit, weighted

PLANES = sorted(ORIENTATIONS)


def exported(source: Path, output: Path, *flags: str) -> dict[str, Path]:
    """Export as 4D; give the files by their suffix."""
    with (
        mock.patch.object(
            sys, "argv", ["volume", "export", str(source), str(output), "--4d", *flags]
        ),
        pytest.raises(SystemExit) as left,
    ):
        main()
    assert not left.value.code
    return {"".join(path.suffixes): path for path in output.parent.iterdir() if path.is_file()}


def told_by(files: dict[str, Path]) -> tuple[np.ndarray, np.ndarray]:
    """Give the b-values (n,) and directions in RAS (n, 3) that a NIfTI's tables tell (FSL)."""
    image = nibabel.load(files[".nii"])
    axes = image.affine[:3, :3] / np.linalg.norm(image.affine[:3, :3], axis=0)
    vectors = np.loadtxt(files[".bvec"]).T
    if np.linalg.det(axes) > 0:
        vectors = vectors * (-1, 1, 1)
    return np.loadtxt(files[".bval"]), vectors @ axes.T


def by_dcm2niix(source: Path, folder: Path) -> dict[str, Path]:
    folder.mkdir()
    command = [dcm2niix.bin, "-b", "n", "-z", "n", "-f", "peer", "-o", str(folder), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    made = {path.suffix: path for path in folder.iterdir()}
    assert ".nii" in made, done.stdout
    return made


def true_vectors(weights=WEIGHTS) -> np.ndarray:
    return np.array([np.array(g or (0, 0, 0)) * (-1, -1, 1) for _, g in weights])


def same_lines(a: np.ndarray, b: np.ndarray) -> None:
    """Say that unit vectors lie along the same lines: which end is meant, no gradient says."""
    np.testing.assert_allclose(a * np.sign((a * b).sum(axis=1))[:, None], b, atol=2e-4)


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("maker", MAKERS)
def test_every_maker_s_weighting_is_that_of_dcm2niix_in_the_order_of_acquisition(
    maker, plane, tmp_path
):
    weighted(tmp_path / "series", MAKERS[maker], orientation=plane)
    (tmp_path / "ours").mkdir()
    ours = exported(tmp_path / "series", tmp_path / "ours" / "v.nii")
    b_values, vectors = told_by(ours)
    assert b_values.tolist() == [b for b, _ in WEIGHTS]
    np.testing.assert_allclose(vectors, true_vectors(), atol=2e-4)
    peers = by_dcm2niix(tmp_path / "series", tmp_path / "peer")
    peer_b, peer_vectors = told_by(peers)
    np.testing.assert_allclose(b_values, peer_b)
    np.testing.assert_allclose(vectors, peer_vectors, atol=2e-4)
    one, other = (nibabel.as_closest_canonical(nibabel.load(f[".nii"])) for f in (ours, peers))
    np.testing.assert_allclose(one.affine, other.affine, atol=2e-4)
    np.testing.assert_array_equal(one.get_fdata(), other.get_fdata())


@pytest.mark.parametrize("kept_in", ["frames", "files"])
def test_enhanced_files_tell_their_weighting_too(kept_in, tmp_path):
    enhanced(tmp_path / "series", phases_in=kept_in, orientation="oblique")
    (tmp_path / "ours").mkdir()
    b_values, vectors = told_by(exported(tmp_path / "series", tmp_path / "ours" / "v.nii"))
    assert b_values.tolist() == [b for b, _ in WEIGHTS]
    np.testing.assert_allclose(vectors, true_vectors(), atol=1e-6)


@pytest.mark.parametrize("told", [True, False], ids=["told", "not told"])
def test_frames_in_no_order_are_told_apart_by_the_dimensions_of_their_file(told, tmp_path):
    weights = [WEIGHTS[n] for n in (0, 4, 1, 1, 2)]
    truth = enhanced(tmp_path / "series", weights)
    (path,) = truth.paths
    dataset = pydicom.dcmread(path)
    pointers = ("StackID", "InStackPositionNumber", "DiffusionGradientOrientation")
    dataset.DimensionIndexSequence = [Dataset() for _ in pointers]
    for item, keyword in zip(dataset.DimensionIndexSequence, pointers, strict=True):
        item.DimensionIndexPointer = tag_for_keyword(keyword)
    frames, pixels = dataset.PerFrameFunctionalGroupsSequence, dataset.pixel_array
    for n, frame in enumerate(frames):
        phase, k = divmod(n, truth.size[2])
        values = [1, k + 1, 10 * phase + 1] if told else [1, k + 1]
        frame.FrameContentSequence[0].DimensionIndexValues = values
    order = shuffled(len(frames))
    dataset.PerFrameFunctionalGroupsSequence = [frames[n] for n in order]
    dataset.PixelData = pixels[order].tobytes()
    dataset.save_as(path)
    if not told:
        (stack,) = volume.scan(tmp_path / "series").stacks
        assert "ambiguous-repeats" in {finding.code for finding in stack.refusals}
        return
    (tmp_path / "ours").mkdir()
    ours = exported(tmp_path / "series", tmp_path / "ours" / "v.nii")
    image = nibabel.load(ours[".nii"])
    lps = np.diag([-1, -1, 1, 1]) @ image.affine
    b_values, vectors = told_by(ours)
    assert b_values.tolist() == [b for b, _ in weights]
    np.testing.assert_allclose(vectors, true_vectors(weights), atol=1e-6)
    for phase, array in enumerate(np.moveaxis(image.get_fdata(), 3, 0)):
        assert truth.error_mm(array.T, lps, phase=phase) < 0.2


@pytest.mark.parametrize(
    "flags",
    [
        ("--orientation", "RAS"),
        ("--orientation", "PIR"),
        ("--spacing", "2"),
        ("--orientation", "SAL"),
    ],
    ids="".join,
)
def test_directions_follow_the_axes_of_what_is_written(flags, tmp_path):
    weighted(tmp_path / "series", siemens, orientation="oblique")
    (tmp_path / "ours").mkdir()
    b_values, vectors = told_by(exported(tmp_path / "series", tmp_path / "ours" / "v.nii", *flags))
    assert b_values.tolist() == [b for b, _ in WEIGHTS]
    np.testing.assert_allclose(vectors, true_vectors(), atol=1e-6)


def test_onto_another_grid_too(tmp_path):
    weighted(tmp_path / "series", siemens, orientation="oblique")
    like = volume.load_all(tmp_path / "series")[0]
    volume.export(volume.reorient(volume.resample(like, spacing=3), "SPR"), tmp_path / "like.nii")
    (tmp_path / "ours").mkdir()
    wish = ("--like", str(tmp_path / "like.nii"))
    _, vectors = told_by(exported(tmp_path / "series", tmp_path / "ours" / "v.nii", *wish))
    np.testing.assert_allclose(vectors, true_vectors(), atol=1e-6)


def test_where_slices_are_numbered_place_by_place_the_order_is_that_of_acquisition(tmp_path):
    weighted(tmp_path / "series", siemens, phase_order="interleaved", names="shuffled")
    told = [one.report["diffusion"] for one in volume.load_all(tmp_path / "series")]
    assert [one["b_value"] for one in told] == [b for b, _ in WEIGHTS]


def test_sixty_four_directions_with_repeats_come_apart(tmp_path):
    rng = np.random.default_rng(5)
    many = [(1000.0 * (1 + n % 2), unit(*rng.normal(size=3))) for n in range(30)]
    weights = [(0.0, None), *many[:15], (0.0, None), *many[15:], *many[:6], (0.0, None)]
    weighted(tmp_path / "series", ge, weights, size=(6, 5, 3))
    told = [one.report["diffusion"] for one in volume.load_all(tmp_path / "series")]
    assert [one["b_value"] for one in told] == [b for b, _ in weights]
    for one, (_, g) in zip(told, weights, strict=True):
        assert (one["direction"] is None) == (g is None)
        if g is not None:
            np.testing.assert_allclose(one["direction"], g, atol=1e-6)


def test_philips_numbers_its_volumes_where_its_instances_are_in_no_order(tmp_path):
    numbers = iter(range(10**6))

    def numbered(dataset, b, g):
        philips(dataset, b, g)
        block = dataset.private_block(0x2005, "Philips MR Imaging DD 005", create=True)
        n = next(numbers) // 6
        block.add_new(0x12, "IS", str(1 if n == 0 else 2))
        block.add_new(0x13, "IS", str(n))

    weights = (WEIGHTS[0], *WEIGHTS[1:4], WEIGHTS[5])
    weighted(tmp_path / "series", numbered, weights, instance_numbers="shuffled")
    told = [one.report["diffusion"] for one in volume.load_all(tmp_path / "series")]
    np.testing.assert_allclose(
        [one["direction"] or (0, 0, 0) for one in told], [g or (0, 0, 0) for _, g in weights],
        atol=1e-6,
    )  # fmt: skip


@pytest.mark.parametrize("maker", ["philips", "standard"])
def test_a_trace_beside_directions_is_a_volume_of_its_own(maker, tmp_path):
    weights = (*WEIGHTS, (1000.0, None))
    weighted(tmp_path / "series", MAKERS[maker], weights)
    (tmp_path / "ours").mkdir()
    ours = exported(tmp_path / "series", tmp_path / "ours" / "v.nii")
    b_values, vectors = told_by(ours)
    assert b_values.tolist() == [b for b, _ in WEIGHTS]
    np.testing.assert_allclose(vectors, true_vectors(), atol=2e-4)
    (trace,) = (s for s in volume.scan(tmp_path / "series").stacks if s.axis is None)
    assert trace.diffusion is not None
    assert (trace.diffusion.b_value, trace.diffusion.direction) == (1000, None)
    assert "trace-split" in {finding.code for finding in trace.findings}
    if maker == "philips":
        peer_b, peer_vectors = told_by(by_dcm2niix(tmp_path / "series", tmp_path / "peer"))
        np.testing.assert_allclose(b_values, peer_b)
        np.testing.assert_allclose(vectors, peer_vectors, atol=2e-4)


def test_traces_of_several_shells_are_no_part_of_the_directions(tmp_path):
    weights = (*WEIGHTS, (1000.0, None), (2000.0, None))
    weighted(tmp_path / "series", philips, weights)
    parts = {}
    for stack in volume.scan(tmp_path / "series").stacks:
        parts.setdefault(stack.group, []).append(stack.id)
    assert [len(ids) for ids in parts.values()] == [len(WEIGHTS), 2]
    for ids, told in zip(parts.values(), (WEIGHTS, weights[-2:]), strict=True):
        (tmp_path / ids[0]).mkdir()
        flags = ("--series", ids[-1])  # naming one means all of its set
        ours = exported(tmp_path / "series", tmp_path / ids[0] / "v.nii", *flags)
        assert np.loadtxt(ours[".bval"]).tolist() == [b for b, _ in told]
        assert (".bvec" in ours) == (told is WEIGHTS)


def test_traces_alone_have_b_values_and_no_directions(tmp_path):
    weighted(tmp_path / "series", siemens, [(0.0, None), (500.0, None), (1000.0, None)])
    (tmp_path / "ours").mkdir()
    ours = exported(tmp_path / "series", tmp_path / "ours" / "v.nii.gz")
    assert set(ours) == {".nii.gz", ".bval", ".json"}
    assert ours[".bval"].read_text() == "0 500 1000\n"
    codes = [[f.code for f in s.findings] for s in volume.scan(tmp_path / "series").stacks]
    assert ["diffusion-incomplete" in one for one in codes] == [False, True, True]


def test_the_sidecar_names_the_tables_and_they_go_with_it(tmp_path):
    weighted(tmp_path / "series", siemens)
    volumes = volume.load_all(tmp_path / "series")
    paths = volume.export(volumes, tmp_path / "v.nii.gz")
    assert [path.name for path in paths] == ["v.nii.gz", "v.bval", "v.bvec", "v.json"]
    with pytest.raises(volume.ExistsError):
        volume.export(volumes, tmp_path / "v.nii")
    assert not (tmp_path / "v.nii").exists()
    alone = volume.export(volumes[1], tmp_path / "one.nii")
    assert [path.name for path in alone] == ["one.nii", "one.json"]


def test_a_series_that_is_not_weighted_has_no_tables(tmp_path):
    """GE and Philips write a b-value of 0 into every image."""
    weighted(tmp_path / "series", ge, [(0.0, None)] * 3)
    (tmp_path / "ours").mkdir()
    ours = exported(tmp_path / "series", tmp_path / "ours" / "v.nii")
    assert set(ours) == {".nii", ".json"}
    assert all(stack.diffusion is None for stack in volume.scan(tmp_path / "series").stacks)


def test_slices_of_one_volume_that_disagree_are_named(tmp_path):
    def mixed(dataset, b, g):
        siemens(dataset, b, g)
        dataset.TemporalPositionIdentifier = 1 + int(dataset.AcquisitionTime[2:4])
        if dataset.TemporalPositionIdentifier == 2 and dataset.AcquisitionTime.endswith(
            "03.000000"
        ):
            dataset[0x0019, 0x100C].value = "900"

    weighted(tmp_path / "series", mixed)
    stacks = volume.scan(tmp_path / "series").stacks
    odd = [[f for f in s.findings if f.code == "diffusion-incomplete"] for s in stacks]
    assert [len(found) for found in odd] == [0, 1, 0, 0, 0, 0]
    assert odd[1][0].evidence == {"b_values": [900.0, 1000.0]}
    assert len(odd[1][0].files) == 2
    assert stacks[1].diffusion is None
    (tmp_path / "ours").mkdir()
    ours = exported(tmp_path / "series", tmp_path / "ours" / "v.nii")
    assert set(ours) == {".nii", ".json"}


def test_ge_shortens_the_vector_of_a_lesser_b_value(tmp_path):
    """Issues 163 and 245 of dcm2niix: b is scaled by the square of the vector's length."""

    def scaled(dataset, b, g):
        ge(dataset, 2000.0, None if g is None else tuple(np.array(g) * np.sqrt(b / 2000)))

    weighted(tmp_path / "series", scaled)
    (tmp_path / "ours").mkdir()
    b_values, vectors = told_by(exported(tmp_path / "series", tmp_path / "ours" / "v.nii"))
    assert b_values.tolist() == [b for b, _ in WEIGHTS]
    peer_b, peer_vectors = told_by(by_dcm2niix(tmp_path / "series", tmp_path / "peer"))
    np.testing.assert_allclose(b_values, peer_b)
    np.testing.assert_allclose(vectors, peer_vectors, atol=2e-3)


ODD = {
    "no number": lambda d: d.private_block(0x19, "SIEMENS MR HEADER", create=True).add_new(
        0x0C, "LO", "b=1000"
    ),
    "below zero": lambda d: setattr(d, "DiffusionBValue", -5.0),
    "not finite": lambda d: setattr(d, "DiffusionBValue", float("nan")),
    "absurd": lambda d: setattr(d, "DiffusionBValue", 1e30),
}


@pytest.mark.parametrize("odd", ODD)
def test_what_is_no_b_value_is_none_and_the_image_is_read(odd, tmp_path):
    weighted(tmp_path / "series", lambda dataset, _b, _g: ODD[odd](dataset), [(0.0, None)])
    (stack,) = volume.scan(tmp_path / "series").stacks
    assert {header.diffusion for header in stack.slices} == {None}


def test_impossible_vectors_are_no_direction(tmp_path):
    def odd(dataset, b, _g):
        siemens(dataset, b, (-1234.5, 7.0, 8.0) if b == 1000 else (1e-4, 0.0, 0.0))

    weighted(tmp_path / "series", odd, [(1000.0, None), (2000.0, None)])
    told = [stack.diffusion for stack in volume.scan(tmp_path / "series").stacks]
    assert [(one.b_value, one.direction) for one in told] == [(1000.0, None), (2000.0, None)]


def test_a_b_matrix_stands_in_for_a_direction(tmp_path):
    g = np.array(unit(0.36, 0.48, 0.8))

    def matrix(dataset, b, _g):
        dataset.DiffusionBValue = b
        item = type(dataset)()
        for n, axes in {"XX": (0, 0), "XY": (0, 1), "XZ": (0, 2), "YY": (1, 1), "YZ": (1, 2),
                        "ZZ": (2, 2)}.items():  # fmt: skip
            setattr(item, f"DiffusionBValue{n}", float(b * g[axes[0]] * g[axes[1]]))
        dataset.DiffusionDirectionality = "BMATRIX"
        dataset.DiffusionBMatrixSequence = [item]

    weighted(tmp_path / "series", matrix, [(0.0, None), (1000.0, None)])
    _, stack = volume.scan(tmp_path / "series").stacks
    same_lines(np.array([stack.diffusion.direction]), g[None])


@pytest.mark.parametrize("told_in", ["the CSA header", "an element"])
@pytest.mark.parametrize("opposed", [False, True], ids=["along", "opposed"])
@pytest.mark.parametrize("plane", ["axial", "sagittal", "coronal", "oblique"])
def test_mosaics_tell_their_weighting_as_dcm2niix_reads_it(plane, opposed, told_in, tmp_path):
    recipe = Mosaics(orientation=plane, opposed=opposed, phases=len(WEIGHTS))

    def change(dataset, phase):
        b, g = WEIGHTS[phase]
        if told_in == "an element":
            siemens(dataset, b, g)
            return
        header = {
            "B_value": ("IS", 1, [str(int(b))]),
            "DiffusionGradientDirection": ("FD", 3, [f"{x:.8f}" for x in g or ()]),
            "NumberOfImagesInMosaic": ("US", 1, [str(recipe.size[2])]),
            "SliceNormalVector": ("FD", 3, [f"{x:.8f}" for x in recipe.axes[2]]),
        }
        dataset[0x0029, 0x1010].value = csa_header(header)

    write_mosaics(tmp_path / "series", replace(recipe, change=change))
    (tmp_path / "ours").mkdir()
    ours = exported(tmp_path / "series", tmp_path / "ours" / "v.nii")
    b_values, vectors = told_by(ours)
    assert b_values.tolist() == [b for b, _ in WEIGHTS]
    np.testing.assert_allclose(vectors, true_vectors(), atol=1e-6)
    peers = by_dcm2niix(tmp_path / "series", tmp_path / "peer")
    peer_b, peer_vectors = told_by(peers)
    np.testing.assert_allclose(b_values, peer_b)
    on = peer_b > 0  # of an empty direction dcm2niix makes what lay in memory
    same_lines(vectors[on], peer_vectors[on])  # of opposed mosaics it names the other end


def test_a_nrrd_has_the_keys_of_na_mic(tmp_path):
    weighted(tmp_path / "series", siemens, orientation="oblique")
    volumes = [volume.reorient(one, "RAS") for one in volume.load_all(tmp_path / "series")]
    paths = volume.export(volumes, tmp_path / "v.nrrd")
    assert [path.name for path in paths] == ["v.nrrd", "v.json"]
    head = paths[0].read_bytes().partition(b"\n\n")[0].decode().splitlines()
    told = dict(line.split(":=") for line in head if ":=" in line)
    assert "measurement frame: (1,0,0) (0,1,0) (0,0,1)" in head
    assert (told["modality"], told["DWMRI_b-value"]) == ("DWMRI", "2000")
    for n, (b, g) in enumerate(WEIGHTS):
        vector = np.array(told[f"DWMRI_gradient_{n:04d}"].split(), dtype=float)
        np.testing.assert_allclose(vector, np.array(g or (0, 0, 0)) * np.sqrt(b / 2000), atol=1e-6)
    image = sitk.ReadImage(str(paths[0]))
    assert image.GetMetaData("DWMRI_b-value") == "2000"
    np.testing.assert_allclose(
        np.reshape(image.GetDirection(), (3, 3)), volumes[0].geometry.direction, atol=1e-9
    )
    plain = volume.export(volumes[0], tmp_path / "one.nrrd")[0].read_bytes()
    assert b"DWMRI" not in plain
