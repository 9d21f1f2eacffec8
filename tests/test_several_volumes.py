"""Files of four axes: every volume in its place, one of them or all, and never one in silence."""

from __future__ import annotations

import json
import struct
import tracemalloc
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

import shared_data
import volume
from grids import noise, oblique
from volume.formats import voxels
from volume.formats.files import export, is_volume_file, members, read, read_all, read_each

COUNT = 5


def by_nibabel(path: Path, dtype: str = "i2", slope: float = 1.0) -> list[np.ndarray]:
    """Write five volumes with nibabel; give their arrays as [k, j, i]."""
    arrays = [noise(oblique(), dtype, seed=n).array for n in range(COUNT)]
    image = nibabel.Nifti1Image(np.stack([one.T for one in arrays], axis=-1), oblique().ras_affine)
    image.set_qform(oblique().ras_affine, 1)
    image.header.set_slope_inter(slope, 0)
    nibabel.save(image, path)
    return [np.asarray(nibabel.load(path).dataobj)[..., n].T for n in range(COUNT)]


def by_simpleitk(path: Path) -> list[np.ndarray]:
    images = [noise(oblique(), seed=n).to_sitk() for n in range(COUNT)]
    joined = sitk.JoinSeries(images)
    sitk.WriteImage(joined, str(path), useCompression=True)
    return [sitk.GetArrayFromImage(one) for one in images]


def by_hand(path: Path, *, first: bool, encoding: str = "raw") -> list[np.ndarray]:
    """Write NRRD as 3D Slicer does: a list of volumes as the first axis, or as the last, in RAS."""
    arrays = [noise(oblique(), seed=n).array for n in range(COUNT)]
    ras = oblique().ras_affine
    steps = [f"({','.join(repr(float(n)) for n in ras[:3, axis])})" for axis in range(3)]
    sizes, kinds = ["9", "8", "7"], ["domain"] * 3
    at = 0 if first else 3
    for fields, value in ((sizes, str(COUNT)), (kinds, "list"), (steps, "none")):
        fields.insert(at, value)
    header = [
        "NRRD0005", "type: short", "dimension: 4", "space: right-anterior-superior",
        f"sizes: {' '.join(sizes)}", f"space directions: {' '.join(steps)}",
        f"kinds: {' '.join(kinds)}", "endian: big", f"encoding: {encoding}",
        f"space origin: ({','.join(repr(float(n)) for n in ras[:3, 3])})",
        "MultiVolume.FrameIdentifyingDICOMTagName:=TriggerTime", "", "",
    ]  # fmt: skip
    data = np.stack(arrays, axis=-1 if first else 0).astype(">i2").tobytes()
    path.write_bytes("\n".join(header).encode() + data)
    return arrays


WRITERS = {
    "nibabel.nii": by_nibabel,
    "nibabel.nii.gz": by_nibabel,
    "itk.nii.gz": by_simpleitk,
    "itk.mha": by_simpleitk,
    "itk.nrrd": by_simpleitk,
    "list-first.nrrd": lambda path: by_hand(path, first=True),
    "list-last.nrrd": lambda path: by_hand(path, first=False),
}


@pytest.fixture(params=WRITERS, name="several")
def fixture_several(request, tmp_path) -> tuple[Path, list[np.ndarray]]:
    path = tmp_path / request.param
    return path, WRITERS[request.param](path)


def test_every_volume_is_read_with_its_own_voxels_in_the_place_of_all(several):
    path, arrays = several
    made = volume.load_all(path)
    assert [one.axis for one in made] == [("Volume", n + 1) for n in range(COUNT)]
    for one, array in zip(made, arrays, strict=True):
        np.testing.assert_array_equal(one.array, array)
        assert one.array.flags.c_contiguous and one.array.dtype.isnative
        assert one.geometry.matches(oblique(), 1e-3)


def test_one_is_chosen_by_its_id_and_none_in_silence(several):
    path, arrays = several
    with pytest.raises(volume.SeriesChoiceError, match="5 volumes are here") as caught:
        volume.load(path)
    ids = [one.id for one in caught.value.choices]
    assert [one.rpartition("_")[2] for one in ids] == ["t1", "t2", "t3", "t4", "t5"]
    for n in (3, 0, 4):
        np.testing.assert_array_equal(volume.load(path, series=ids[n]).array, arrays[n])
    with pytest.raises(volume.SeriesChoiceError, match="called 'x_t9'"):
        volume.load(path, series="x_t9")


def test_they_can_be_had_one_after_the_other(several):
    path, arrays = several
    for made, array in zip(read_each(path), arrays, strict=True):
        np.testing.assert_array_equal(made.array, array)


def test_scaled_volumes_are_what_nibabel_reads(tmp_path):
    arrays = by_nibabel(tmp_path / "a.nii.gz", slope=0.5)
    for made, array in zip(read_all(tmp_path / "a.nii.gz"), arrays, strict=True):
        np.testing.assert_allclose(made.array, array, rtol=1e-6)


def test_a_file_of_one_volume_is_called_something_too_and_nothing_else(tmp_path):
    path = export(noise(oblique()), tmp_path / "Kim.nii.gz", sidecar=False)[0]
    (only,) = members(path)
    assert only.id.startswith("nii_") and "Kim" not in only.id
    assert read(path, only.id).id == only.id
    for wrong in (4, "4", "other"):
        with pytest.raises(volume.SeriesChoiceError, match="no volume here is called"):
            volume.load(path, series=wrong)
    assert members(path.rename(tmp_path / "Lee.nii.gz"))[0].id == only.id


def test_the_first_axes_may_be_of_size_one(tmp_path):
    image = nibabel.Nifti1Image(np.zeros((4, 5, 6, 1, 1), np.int16), np.eye(4))
    nibabel.save(image, tmp_path / "a.nii")
    assert read(tmp_path / "a.nii").array.shape == (6, 5, 4)


@pytest.mark.parametrize("kinds", ["domain list domain domain", "list domain domain list domain"])
def test_an_order_of_axes_that_is_not_read_is_refused_by_name(tmp_path, kinds):
    steps = iter(("(1,0,0)", "(0,1,0)", "(0,0,1)"))
    words = kinds.split()
    header = [
        "NRRD0005", "type: uchar", f"dimension: {len(words)}", "space: LPS",
        f"sizes: {' '.join('2' for _ in words)}",
        f"space directions: {' '.join('none' if w == 'list' else next(steps) for w in words)}",
        f"kinds: {kinds}", "encoding: raw", "space origin: (0,0,0)", "", "",
    ]  # fmt: skip
    (tmp_path / "a.nrrd").write_bytes("\n".join(header).encode() + bytes(64))
    with pytest.raises(volume.VolumeError, match="in this order are not read"):
        read(tmp_path / "a.nrrd")


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_one_of_many_is_read_without_the_others_in_memory(tmp_path, name):
    grid = oblique((64, 64, 40))
    many = tuple(noise(grid, seed=n) for n in range(40))
    path = export(many, tmp_path / name, sidecar=False)[0]
    tracemalloc.start()
    made = read(path, members(path)[30].id)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(made.array, many[30].array)
    assert peak < many[0].array.nbytes + 3 * voxels.SLAB_BYTES


def test_a_file_that_is_cut_short_behind_the_volume_asked_for_is_refused(tmp_path):
    path = export(tuple(noise(oblique(), seed=n) for n in range(3)), tmp_path / "a.nii")[0]
    which = members(path)[0].id
    path.write_bytes(path.read_bytes()[:-10])
    for attempt in (lambda: members(path), lambda: read(path, which), lambda: read_all(path)):
        with pytest.raises(volume.VolumeError, match="promises 3,024 bytes"):
            attempt()


def test_damage_behind_the_volume_asked_for_is_found_in_a_compressed_file(tmp_path):
    path = export(tuple(noise(oblique(), seed=n) for n in range(3)), tmp_path / "a.nii.gz")[0]
    which = members(path)[0].id
    content = bytearray(path.read_bytes())
    content[-7] ^= 1  # of the checksum
    path.write_bytes(content)
    with pytest.raises(volume.VolumeError, match=r"a\.nii\.gz"):
        read(path, which)


def test_a_header_that_promises_a_million_volumes_lists_none(tmp_path):
    image = nibabel.Nifti2Image(np.zeros((1, 1, 1, 2), np.uint8), np.eye(4))
    nibabel.save(image, tmp_path / "a.nii")
    content = bytearray((tmp_path / "a.nii").read_bytes())
    content[48:56] = struct.pack("<q", 10**9)
    (tmp_path / "a.nii").write_bytes(content)
    with pytest.raises(volume.VolumeError, match="1,000,000,000"):
        members(tmp_path / "a.nii")


@pytest.mark.parametrize(
    ("suffix", "name"),
    [(".nii", "a.bin"), (".nii.gz", "scan.gz"), (".nrrd", "a.nii"), (".mha", "noending"),
     (".nii.gz", "A.NII.GZ"), (".nii", "IM0001")],
)  # fmt: skip
def test_what_a_file_holds_goes_before_what_it_is_called(tmp_path, suffix, name):
    path = export(noise(oblique()), tmp_path / f"x{suffix}", sidecar=False)[0].rename(
        tmp_path / name
    )
    assert is_volume_file(path)
    np.testing.assert_array_equal(volume.load(path).array, noise(oblique()).array)


def test_what_is_no_volume_file_is_none_whatever_it_begins_with(tmp_path):
    for name, content in {"a": b"\x5c\x01\0\0" + bytes(400), "b": b"\x1f\x8b" + bytes(9)}.items():
        (tmp_path / name).write_bytes(content)
        assert not is_volume_file(tmp_path / name)
    (tmp_path / "folder.nii").mkdir()
    assert not is_volume_file(tmp_path / "folder.nii")


# the command line


@pytest.fixture(name="fmri")
def fixture_fmri(tmp_path) -> Path:
    by_nibabel(tmp_path / "fmri.nii.gz")
    return tmp_path / "fmri.nii.gz"


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_info_lists_every_volume_of_a_file(run, fmri):
    code, out, _ = run("info", fmri)
    assert code == 0 and "5 volumes (4D) of 9 x 8 x 7 voxels" in out
    code, out, _ = run("info", fmri, "--json")
    listed = json.loads(out)["volumes"]
    assert [one["axis"] for one in listed] == [{"tag": "Volume", "value": n + 1} for n in range(5)]
    assert len({one["id"] for one in listed}) == 5


def test_info_says_what_is_assumed_of_a_volume_file(run, tmp_path):
    nibabel.save(nibabel.Nifti1Image(np.zeros((2, 3, 4), np.int16), None), tmp_path / "a.nii")
    code, out, _ = run("info", tmp_path / "a.nii")
    assert code == 0 and "spacing-assumed" in out


def test_export_of_several_is_a_choice_with_commands_that_work(run, fmri, tmp_path):
    code, _, err = run("export", fmri, tmp_path / "one.nii")
    assert code == 4 and not (tmp_path / "one.nii").exists()
    command = next(line for line in err.splitlines() if line.endswith("_t3    # 9 x 8 x 7"))
    which = command.split("#")[0].split()[-1]
    assert run("export", fmri, tmp_path / "one.nii", "--series", which)[0] == 0
    one = np.asarray(nibabel.load(tmp_path / "one.nii").dataobj)
    np.testing.assert_array_equal(one, np.asarray(nibabel.load(fmri).dataobj)[..., 2])
    assert json.loads((tmp_path / "one.json").read_text())["report"]["axis"]["value"] == 3


def test_4d_writes_all_into_one_again(run, fmri, tmp_path):
    assert run("export", fmri, tmp_path / "all.nrrd", "--4d")[0] == 0
    again = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "all.nrrd")))
    expected = np.asarray(nibabel.load(fmri).dataobj).T
    np.testing.assert_array_equal(
        np.moveaxis(again, -1, 0) if again.shape[0] != 5 else again, expected
    )
    assert run("export", tmp_path / "all.nrrd", tmp_path / "b.nii", "--4d")[0] == 0
    np.testing.assert_array_equal(np.asarray(nibabel.load(tmp_path / "b.nii").dataobj).T, expected)


def test_4d_of_one_volume_is_refused(run, tmp_path):
    export(noise(oblique()), tmp_path / "a.nii")
    code, _, err = run("export", tmp_path / "a.nii", tmp_path / "b.nii", "--4d")
    assert code == 4 and "--4d" in err


def test_all_writes_each(run, fmri, tmp_path):
    code, _, err = run("export", fmri, tmp_path / "out", "--all")
    assert code == 0, err
    images = [name for name in listing(tmp_path / "out") if name.endswith(".nii.gz")]
    assert [name.rpartition("_")[2] for name in images] == [f"t{n + 1}.nii.gz" for n in range(5)]
    assert not any("fmri" in name for name in images)  # a file's name may be a patient's
    expected = np.asarray(nibabel.load(fmri).dataobj)
    for n, name in enumerate(images):
        found = np.asarray(nibabel.load(tmp_path / "out" / name).dataobj)
        np.testing.assert_array_equal(found, expected[..., n])


def test_what_all_cannot_read_of_a_file_is_named_and_the_rest_is_written(run, tmp_path):
    arrays = np.stack([noise(oblique(), "f4", seed=n).array.T for n in range(3)], axis=-1)
    arrays[2, 2, 2, 1] = np.nan
    nibabel.save(nibabel.Nifti1Image(arrays, np.eye(4)), tmp_path / "a.nii.gz")
    code, _, err = run("export", tmp_path / "a.nii.gz", tmp_path / "out", "--all", "--no-sidecar")
    assert code == 5 and "1 of 504 voxels are not numbers" in err
    assert [name[-9:] for name in listing(tmp_path / "out")] == ["t1.nii.gz", "t3.nii.gz"]


def test_mesh_needs_a_choice_and_view_shows_the_first_and_says_so(run, fmri, tmp_path):
    code, _, err = run("mesh", fmri, tmp_path / "a.stl", "--level", "60")
    assert code == 4 and "--series" in err
    which = members(fmri)[1].id
    assert run("mesh", fmri, tmp_path / "a.stl", "--level", "60", "--series", which)[0] == 0
    code, _, err = run("view", fmri, "--screenshot", tmp_path / "a.png", "--size", "400,300")
    assert code == 0, err
    assert "5 volumes are here" in err and "_t1 is shown" in err
    code, _, err = run(
        "view", fmri, "--screenshot", tmp_path / "b.png", "--series", which, "--size", "400,300"
    )
    assert code == 0 and "volumes are here" not in err


def test_a_wrong_series_of_a_volume_file_is_an_error_in_every_verb(run, tmp_path):
    export(noise(oblique()), tmp_path / "a.nii")
    source = (tmp_path / "a.nii", "--series", "4")
    assert run("export", source[0], tmp_path / "b.nii", *source[1:])[0] == 4
    assert run("mesh", source[0], tmp_path / "b.stl", *source[1:])[0] == 4
    assert run("view", *source, "--screenshot", tmp_path / "b.png")[0] == 4


def test_like_takes_the_grid_of_a_file_of_several(run, fmri, tmp_path):
    export(noise(oblique((20, 20, 20))), tmp_path / "a.nii")
    assert run("export", tmp_path / "a.nii", tmp_path / "b.nii", "--like", fmri)[0] == 0
    np.testing.assert_allclose(
        nibabel.load(tmp_path / "b.nii").affine, nibabel.load(fmri).affine, atol=1e-4
    )


def test_what_dcm2niix_wrote_of_a_real_film_is_read_as_nibabel_reads_it():
    path = shared_data.folder("mr_mosaic/axasc35/6_ax_asc_35sl.nii")
    image = nibabel.load(path)
    made = volume.load_all(path)
    assert len(made) == image.shape[3]
    for n, one in enumerate(made):
        np.testing.assert_array_equal(one.array, np.asarray(image.dataobj)[..., n].T)
        np.testing.assert_allclose(one.geometry.ras_affine, image.affine, atol=1e-4)


@pytest.mark.parametrize("name", ["liver_seg", "heart_seg", "partial_overlaps-1", "spine_seg"])
def test_real_nrrd_files_are_read_as_simpleitk_reads_them(name):
    path = shared_data.folder(f"seg_ct_liver/{name}.nrrd")
    image, made = sitk.ReadImage(str(path)), volume.load(path)
    np.testing.assert_array_equal(made.array, sitk.GetArrayFromImage(image))
    assert made.geometry.matches(volume.Volume.from_sitk(image).geometry)
