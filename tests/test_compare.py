"""`volume compare`: whose flip is it, said on one screen, with exit code 6 where they differ."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import dcm2niix
import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

import shared_data
from grids import noise, oblique
from phantom import phantom
from volume.formats.files import export, members
from volume.volume import Volume


@pytest.fixture
def series(tmp_path):
    return phantom(tmp_path / "series", size=(24, 20, 12))


def by_dcm2niix(source: Path, folder: Path) -> list[Path]:
    command = [dcm2niix.bin, "-z", "n", "-b", "n", "-f", "peer", "-o", folder, source]
    subprocess.run(command, check=True, capture_output=True)
    return sorted(folder.glob("peer*.nii"))


def nifti(path: Path, array: np.ndarray, affine: np.ndarray) -> Path:
    """Write [k, j, i] voxels on an affine in RAS, with nibabel."""
    nibabel.save(nibabel.Nifti1Image(array.T, affine), path)
    return path


def test_dcm2niix_stores_rows_the_other_way_and_the_volume_is_the_same(run, series, tmp_path):
    (peer,) = by_dcm2niix(series.folder, tmp_path)
    code, out, err = run("compare", series.folder, peer)
    assert code == 0, out + err
    assert "B stores j flipped; in space it is the same grid" in out
    assert "5,760 voxels hold the same" in out
    assert out.splitlines()[-1] == "the same"


def test_a_flipped_array_differs_with_exit_6_and_its_direction(run, series, tmp_path):
    (peer,) = by_dcm2niix(series.folder, tmp_path)
    image = nibabel.load(peer)
    array = np.asarray(image.dataobj).T
    flipped = nifti(tmp_path / "flipped.nii", array[:, :, ::-1], image.affine)
    code, out, _ = run("compare", series.folder, flipped)
    assert code == 6
    assert "mirrored left-right: the array is turned and the geometry is not" in out
    assert out.splitlines()[-1] == "different"


def test_lps_taken_for_ras_and_a_shift_are_named(run, series, tmp_path):
    (peer,) = by_dcm2niix(series.folder, tmp_path)
    image = nibabel.load(peer)
    array = np.asarray(image.dataobj).T
    nifti(tmp_path / "lps.nii", array, np.diag([-1, -1, 1, 1]) @ image.affine)
    code, out, _ = run("compare", peer, tmp_path / "lps.nii")
    assert code == 6 and "with x and y negated: LPS taken for RAS" in out
    shifted = image.affine.copy()
    shifted[2, 3] += 2.5
    nifti(tmp_path / "shifted.nii", array, shifted)
    code, out, _ = run("compare", peer, tmp_path / "shifted.nii")
    assert code == 6 and "(0, 0, 2.5) mm (LPS) from A's: +1 along k in voxels" in out
    assert "2.5 mm apart at most" in out


def test_the_document_says_all_of_it(run, series, tmp_path):
    (peer,) = by_dcm2niix(series.folder, tmp_path)
    code, out, err = run("compare", series.folder, peer, "--json")
    document = json.loads(out)
    assert (code, err) == (0, "")
    assert document["schema"] == "volume.compare/1" and document["same"] is True
    assert document["order"] == {"axes": [0, 1, 2], "flipped": [False, True, False]}
    assert document["a"]["orientation"] == "LPS" and document["b"]["orientation"] == "LAS"
    assert document["voxels"]["compared"] == 24 * 20 * 12
    assert document["voxels"]["different"] == 0
    assert document["corners_mm"] < 0.001
    assert document["corners_as_stored_mm"] == pytest.approx(0.7 * 19, abs=0.001)
    assert [(one["code"], one["differs"]) for one in document["remarks"]] == [
        ("stored-otherwise", False)
    ]


def test_padding_that_one_replaced_is_counted(run, tmp_path):
    truth = phantom(tmp_path / "series", padding=-2000)
    (peer,) = by_dcm2niix(truth.folder, tmp_path)
    code, out, _ = run("compare", truth.folder, peer)
    assert code == 6 and "voxels differ" in out
    assert run("compare", truth.folder, peer, "--padding", "keep")[0] == 0


def test_tolerances_are_obeyed(run, tmp_path):
    a = noise(oblique())
    export(a, tmp_path / "a.nrrd")
    array = a.array.copy()
    array[1, 1, 1] += 2
    export(a.with_voxels(array, a.geometry), tmp_path / "b.nrrd")
    both = ("compare", tmp_path / "a.nrrd", tmp_path / "b.nrrd")
    assert run(*both)[0] == 6
    assert run(*both, "--within-value", "2")[0] == 0
    grid = a.geometry
    moved = type(grid)(grid.size, grid.origin + 0.1, grid.spacing, grid.direction)
    export(a.with_voxels(a.array, moved), tmp_path / "c.nrrd")
    both = ("compare", tmp_path / "a.nrrd", tmp_path / "c.nrrd")
    assert run(*both)[0] == 6
    assert run(*both, "--within-mm", "0.2")[0] == 0
    assert run(*both, "--within-mm", "0")[0] == 2


def test_phases_are_compared_with_the_4d_file_of_dcm2niix_and_with_our_own(run, tmp_path):
    truth = phantom(tmp_path / "series", phases=3, gradient=(1, 2, 5), size=(12, 10, 8))
    assert run("export", truth.folder, tmp_path / "all.nii.gz", "--4d")[0] == 0
    code, out, _ = run("compare", truth.folder, tmp_path / "all.nii.gz")
    assert code == 0 and "2,880 voxels" in out
    assert out.startswith("A  3 x 12 x 10 x 8")
    image = sitk.ReadImage(str(tmp_path / "all.nii.gz"))
    swapped = sitk.JoinSeries([image[:, :, :, n] for n in (1, 0, 2)])
    sitk.WriteImage(swapped, str(tmp_path / "swapped.nii"))
    code, out, _ = run("compare", truth.folder, tmp_path / "swapped.nii")
    assert code == 6 and "1,920 of 2,880 voxels differ" in out


def test_one_phase_is_chosen_on_both_sides(run, tmp_path):
    truth = phantom(tmp_path / "series", phases=3, gradient=(1, 2, 5), size=(12, 10, 8))
    assert run("export", truth.folder, tmp_path / "all.nii.gz", "--4d")[0] == 0
    _, out, _ = run("info", truth.folder, "--json")
    phases = [one["id"] for one in json.loads(out)["volumes"]]
    parts = [one.id for one in members(tmp_path / "all.nii.gz")]
    both = ("compare", truth.folder, tmp_path / "all.nii.gz", "--series")
    assert run(*both, phases[1], "--series-b", parts[1])[0] == 0
    assert run(*both, phases[1], "--series-b", parts[2])[0] == 6
    code, out, _ = run(*both, phases[1])
    assert code == 6 and "A and B hold 1 volume and 3 volumes" in out


def test_unrelated_volumes_in_one_source_are_a_choice_with_the_right_flag(run, tmp_path):
    phantom(tmp_path / "study", series=3, size=(12, 10, 4))
    phantom(tmp_path / "study", series=5, names="nested", size=(12, 10, 5))
    assert run("export", tmp_path / "study", tmp_path / "a.nii", "--series", "3")[0] == 0
    code, _, err = run("compare", tmp_path / "study", tmp_path / "a.nii")
    assert code == 4 and "--series ct_s003" in err and "--series ct_s005" in err
    code, _, err = run("compare", tmp_path / "a.nii", tmp_path / "study")
    assert code == 4 and "--series-b ct_s003" in err
    for command in (("compare", tmp_path / "study", tmp_path / "a.nii"),
                    ("mesh", tmp_path / "study", tmp_path / "a.stl")):  # fmt: skip
        code, _, err = run(*command)
        assert code == 4 and "choose one with --series ID" in err and "--all" not in err
    for order in (("study", "a.nii"), ("a.nii", "study")):
        sources = [tmp_path / name for name in order]
        assert run("compare", *sources, "--series", "3")[0] == 0
        assert run("compare", *sources, "--series", "5")[0] == 6
        assert run("compare", *sources, "--series", "77")[0] == 4
    assert run("compare", tmp_path / "study", tmp_path / "study", "--series", "3")[0] == 0
    both = ("compare", tmp_path / "study", tmp_path / "study", "--series", "3", "--series-b", "5")
    code, out, _ = run(*both)
    assert code == 6 and "the sizes differ: 12 x 10 x 4 voxels in A, 12 x 10 x 5 in B" in out


def test_what_cannot_be_read_is_told_with_its_own_code(run, series, tmp_path):
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("hello" * 50)
    (tmp_path / "bad.nii").write_bytes(b"\0" * 400)
    for other, code in (("texts", 3), ("bad.nii", 1), ("nowhere", 1)):
        found, out, err = run("compare", series.folder, tmp_path / other)
        assert (found, out) == (code, ""), err
        assert "Traceback" not in err


def test_nothing_is_said_when_quiet_but_the_exit_code(run, tmp_path):
    export(noise(oblique()), tmp_path / "a.nii")
    export(noise(oblique(), seed=1), tmp_path / "b.nii")
    assert run("compare", tmp_path / "a.nii", tmp_path / "b.nii", "-q") == (6, "", "")


def test_every_format_holds_the_same(run, tmp_path):
    a = noise(oblique())
    paths = [
        export(a, tmp_path / f"a{n}{suffix}")[0]
        for n, suffix in enumerate((".nii.gz", ".nrrd", ".mha", ".npz"))
    ]
    for one in paths[1:]:
        assert run("compare", paths[0], one)[0] == 0


def test_a_sheared_volume_is_not_the_straight_one(run, tmp_path):
    truth = phantom(tmp_path / "series", tilt=15.0)
    assert run("export", truth.folder, tmp_path / "straight.nrrd")[0] == 0
    assert run("export", truth.folder, tmp_path / "raw.nrrd", "--geometry", "raw")[0] == 0
    assert run("compare", truth.folder, tmp_path / "raw.nrrd", "--geometry", "raw")[0] == 0
    code, out, _ = run("compare", tmp_path / "raw.nrrd", tmp_path / "straight.nrrd")
    assert code == 6, out


REAL = (
    "ct_chest_jpegll", "mr_t1_sag_hfs", "mr_xa30_t1_enhanced", "t1_lowres_ct_tagged",
    "mr_mosaic/axasc35", "mr_mosaic/corasc35", "mr_mosaic/sagasc35", "mr_mosaic/AxInt36mb",
    "mr_wrist_sloppy", "mr_ge_4d_classic", "mr_xa30_bold_4d", "ct_geometry_phantom/orientation",
)  # fmt: skip


@pytest.mark.parametrize("name", REAL)
def test_a_real_series_is_what_dcm2niix_makes_of_it(run, tmp_path, name):
    source = shared_data.folder(name)
    (peer,) = by_dcm2niix(source, tmp_path)
    code, out, err = run("compare", source, peer, "--padding", "keep")
    assert code == 0, out + err
    image = nibabel.load(peer)  # and the reading of the peer's file is nibabel's
    voxels = Volume.from_nibabel(image.slicer[..., 0] if image.ndim == 4 else image)
    first = members(peer)[0]
    assert first.geometry.matches(voxels.geometry) and first.count == ((*image.shape, 1))[3]
