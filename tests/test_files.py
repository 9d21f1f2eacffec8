"""Outputs as sets of files, and inputs nobody can trust."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grids import noise, oblique, ramp
from volume.errors import ExistsError, GridError, SelfCheckError, VolumeError
from volume.formats import suffixes
from volume.formats.files import export, is_volume_file, read, refuse_output
from volume.progress import Silent
from volume.surface import Mesh
from volume.volume import Volume

VOLUME_SUFFIXES = [".nii", ".nii.gz", ".nrrd", ".mha", ".npz"]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def masked(**more) -> Volume:
    grid = more.pop("grid", oblique())
    valid = np.ones(grid.size[::-1], np.uint8)
    valid[3], valid[:, :, 0] = 2, 0
    return noise(grid, valid=valid, **more)


def triangle() -> Mesh:
    points = np.eye(3, dtype=np.float32)
    return Mesh(points, np.array([[0, 1, 2]], np.int32), points)


@pytest.mark.parametrize("suffix", VOLUME_SUFFIXES)
def test_an_output_and_its_sidecar(tmp_path, suffix):
    paths = export(noise(oblique()), tmp_path / f"head.v2{suffix}")
    assert [path.name for path in paths] == [f"head.v2{suffix}", "head.v2.json"]
    assert names(tmp_path) == sorted(path.name for path in paths)


@pytest.mark.parametrize("suffix", VOLUME_SUFFIXES)
def test_what_was_not_measured_is_in_a_mask_beside_it(tmp_path, suffix):
    volume = masked()
    paths = export(volume, tmp_path / f"head{suffix}")
    assert [path.name for path in paths] == [f"head{suffix}", "head.valid.nii.gz", "head.json"]
    image = nibabel.load(paths[1])
    np.testing.assert_array_equal(np.asarray(image.dataobj).T, volume.valid)
    assert image.get_data_dtype() == np.uint8
    np.testing.assert_allclose(image.affine, volume.geometry.ras_affine, atol=1e-4)
    assert b'"head.valid.nii.gz"' in paths[2].read_bytes()


def test_the_mask_of_a_sheared_volume_keeps_the_shear(tmp_path):
    volume = masked(grid=oblique(tilt=15))
    paths = export(volume, tmp_path / "head.mha")
    assert [path.name for path in paths] == ["head.mha", "head.valid.nrrd", "head.json"]
    mask = Volume.from_sitk(sitk.ReadImage(str(paths[1])))
    np.testing.assert_array_equal(mask.array, volume.valid)
    assert mask.geometry.matches(volume.geometry)


def test_the_masks_of_several_volumes_are_one_file(tmp_path):
    paths = export((masked(), noise(oblique())), tmp_path / "phases.nii.gz")
    mask = np.asarray(nibabel.load(paths[1]).dataobj)
    np.testing.assert_array_equal(mask[..., 0].T, masked().valid)
    assert (mask[..., 1] == 1).all()


def test_a_volume_that_was_measured_throughout_has_no_mask(tmp_path):
    whole = noise(oblique(), valid=np.ones((7, 8, 9), np.uint8))
    assert len(export(whole, tmp_path / "head.nii")) == 2


@pytest.mark.parametrize("taken", ["head.nii", "head.json", "head.valid.nii.gz"])
def test_any_name_that_is_taken_stops_all(tmp_path, taken):
    (tmp_path / taken).write_bytes(b"older")
    with pytest.raises(ExistsError) as caught:
        export(masked(), tmp_path / "head.nii")
    assert caught.value.path == str(tmp_path / taken)
    assert names(tmp_path) == [taken]
    export(masked(), tmp_path / "head.nii", overwrite=True)
    assert len(names(tmp_path)) == 3
    assert (tmp_path / taken).read_bytes() != b"older"


def test_without_a_sidecar_its_name_does_not_matter(tmp_path):
    (tmp_path / "head.json").write_bytes(b"another's")
    export(noise(oblique()), tmp_path / "head.nii", sidecar=False)
    assert (tmp_path / "head.json").read_bytes() == b"another's"


@pytest.mark.parametrize(
    ("what", "name", "possible"),
    [
        ("volume", "head.dcm", ".nii.gz .nii .nrrd .mha .npz"),
        ("volume", "head", ".nii.gz .nii .nrrd .mha .npz"),
        ("volume", "head.gz", ".nii.gz .nii .nrrd .mha .npz"),
        ("volume", ".nii.gz", ".nii.gz .nii .nrrd .mha .npz"),
        ("volume", "head.stl", ".nii.gz .nii .nrrd .mha .npz"),
        ("volumes", "head.mha", ".nii.gz .nii .nrrd"),
        ("mesh", "head.nii", ".stl .ply .obj .glb .vtp"),
    ],
)
def test_a_name_that_says_no_format_is_told_which_do(tmp_path, what, name, possible):
    volume = noise(oblique())
    contents = {"volume": volume, "volumes": (volume, volume), "mesh": triangle()}[what]
    for attempt in (lambda path: export(contents, path), lambda path: refuse_output(path, what)):
        with pytest.raises(VolumeError, match=f"to {possible}, not to '{name}'") as caught:
            attempt(tmp_path / name)
        assert caught.value.exit_code == 2
    assert names(tmp_path) == []


def test_suffixes_are_read_in_any_case(tmp_path):
    paths = export(noise(oblique()), tmp_path / "HEAD.NII.GZ")
    assert [path.name for path in paths] == ["HEAD.NII.GZ", "HEAD.json"]
    assert is_volume_file(paths[0])
    assert not is_volume_file("head.json") and not is_volume_file("I0001")
    assert not is_volume_file("skull.stl")


def test_an_output_can_be_refused_before_any_work(tmp_path):
    refuse_output(tmp_path / "head.nii")
    (tmp_path / "head.json").touch()
    with pytest.raises(ExistsError):
        refuse_output(tmp_path / "head.nii")
    refuse_output(tmp_path / "head.nii", sidecar=False)
    refuse_output(tmp_path / "head.nii", overwrite=True)
    with pytest.raises(VolumeError, match="folder is not there"):
        refuse_output(tmp_path / "missing" / "head.nii")


def test_volumes_of_two_grids_are_not_one_file(tmp_path):
    with pytest.raises(GridError, match="share a grid"):
        export((noise(oblique()), noise(oblique(left_handed=True))), tmp_path / "a.nii")
    moved = replace(oblique(), origin=oblique().origin + np.array([0, 0, 2]))
    with pytest.raises(GridError, match=r"corners lie up to 2 mm apart"):
        export((ramp(oblique()), Volume(ramp(oblique()).array, moved)), tmp_path / "a.nii")
    fewer = Volume(ramp(oblique()).array[1:], oblique(size=(9, 8, 6)))
    with pytest.raises(GridError, match=r"9 x 8 x 7 voxels and 9 x 8 x 6 voxels"):
        export((ramp(oblique()), fewer), tmp_path / "a.nii")
    with pytest.raises(VolumeError, match="no volume"):
        export((), tmp_path / "a.nii")
    colour = Volume(np.zeros((7, 8, 9, 3), np.uint8), oblique())
    with pytest.raises(VolumeError, match="colour"):
        export((colour, colour), tmp_path / "a.nrrd")
    assert names(tmp_path) == []


def test_what_does_not_read_back_is_not_published(tmp_path, monkeypatch):
    elsewhere = ramp(oblique()).with_voxels(ramp(oblique()).array, oblique(spacing=(1, 1, 1)))
    real = suffixes.FORMATS[".nii"]
    wrong = suffixes.Format(
        real.holds, lambda stream, _, bar: real.write(stream, (elsewhere,), bar), real.header
    )
    monkeypatch.setitem(suffixes.FORMATS, ".nii", wrong)
    with pytest.raises(SelfCheckError):
        export(ramp(oblique()), tmp_path / "head.nii")
    assert names(tmp_path) == []


@pytest.mark.parametrize("suffix", VOLUME_SUFFIXES)
def test_the_same_volume_gives_the_same_bytes(tmp_path, suffix):
    contents = []
    for run in ("a", "b"):
        (tmp_path / run).mkdir()
        paths = export(masked(report={"k": [1, 2]}), tmp_path / run / f"head{suffix}")
        contents.append([path.read_bytes() for path in paths])
    assert contents[0] == contents[1]


def test_interruption_between_slabs_leaves_nothing(tmp_path):
    class Impatient(Silent):
        closed = False

        def update(self, n: int = 1) -> None:
            raise KeyboardInterrupt

        def close(self) -> None:
            self.closed = True

    for suffix in VOLUME_SUFFIXES:
        bar = Impatient()
        with pytest.raises(KeyboardInterrupt):
            export(masked(), tmp_path / f"head{suffix}", progress=bar)
        assert bar.closed
    assert names(tmp_path) == []


@pytest.mark.parametrize("suffix", VOLUME_SUFFIXES)
def test_a_full_disk_leaves_nothing(tmp_path, suffix):
    code = """
        import resource, sys
        sys.path.insert(0, sys.argv[2])
        import numpy as np
        from grids import oblique
        from volume import Volume, VolumeError, export
        values = np.random.default_rng(0).integers(0, 99, (60, 200, 200)).astype(np.int16)
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
        try:
            export(Volume(values, oblique((200, 200, 60))), sys.argv[1])
        except VolumeError as error:
            print(error)
    """
    arguments = [str(tmp_path / f"head{suffix}"), str(Path(__file__).parent)]
    told = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.startswith("the file grew larger than is allowed here")
    assert told.stderr == ""
    assert names(tmp_path) == []


def test_killed_at_any_moment_there_is_a_whole_file_or_none(tmp_path):
    code = """
        import sys
        sys.path.insert(0, sys.argv[2])
        import numpy as np
        from grids import oblique
        from volume import Volume, export
        values = np.random.default_rng(0).integers(0, 99, (60, 200, 200)).astype(np.int16)
        print("ready", flush=True)
        export(Volume(values, oblique((200, 200, 60))), sys.argv[1])
    """
    found = set()
    for wait in (0.0, 0.01, 0.02, 0.04, 0.3):
        path = tmp_path / f"{wait}.nii.gz"
        child = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(code), path, Path(__file__).parent],
            stdout=subprocess.PIPE,
        )
        child.stdout.readline()
        try:
            child.wait(wait)
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
        child.communicate()
        found.add(path.exists())
        if path.exists():
            assert read(path).array.shape == (60, 200, 200)
            assert path.with_name(f"{wait}.json").exists()
    assert False in found


@pytest.mark.parametrize("name", ["missing.nii", "folder.nii", "pipe.nii", "head.dcm"])
def test_what_is_no_volume_file_is_told(tmp_path, name):
    (tmp_path / "folder.nii").mkdir()
    os.mkfifo(tmp_path / "pipe.nii")
    (tmp_path / "head.dcm").touch()
    with pytest.raises(VolumeError, match=name):
        read(tmp_path / name)


@pytest.fixture(name="sources", scope="module")
def fixture_sources(tmp_path_factory) -> dict[str, bytes]:
    """Give a good file of every format: values small enough that each byte counts."""
    folder = tmp_path_factory.mktemp("sources")
    values = np.random.default_rng(0).integers(0, 9, (5, 6, 7)).astype(np.int16)
    volume = Volume(values, oblique((7, 6, 5)))
    return {
        suffix: export(volume, folder / f"a{suffix}", sidecar=False)[0].read_bytes()
        for suffix in VOLUME_SUFFIXES
    }


@pytest.mark.parametrize("suffix", VOLUME_SUFFIXES)
def test_a_file_cut_short_anywhere_is_refused(tmp_path, sources, suffix):
    content = sources[suffix]
    path = tmp_path / f"a{suffix}"
    for length in range(0, len(content), 1 + len(content) // 150):
        path.write_bytes(content[:length])
        with pytest.raises(VolumeError, match=f"a{suffix}"):
            read(path)


@pytest.mark.parametrize("suffix", [".nii.gz", ".mha", ".npz"])
def test_a_compressed_file_changed_in_its_voxels_is_refused_or_unchanged(tmp_path, sources, suffix):
    content = sources[suffix]
    good = np.random.default_rng(0).integers(0, 9, (5, 6, 7))
    path = tmp_path / f"a{suffix}"
    start = content.find(b"LOCAL") + 6 if suffix == ".mha" else 10
    end = start + 500 if suffix == ".npz" else len(content)
    for position in range(start, min(end, len(content)), 7):
        changed = bytearray(content)
        changed[position] ^= 0x40
        path.write_bytes(changed)
        try:
            again = read(path)
        except VolumeError:
            continue
        np.testing.assert_array_equal(again.array, good)


@pytest.mark.parametrize("suffix", VOLUME_SUFFIXES)
@settings(
    max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(
    patches=st.lists(
        st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=8)), min_size=1, max_size=4
    )
)
def test_any_bytes_are_read_or_refused_and_never_more(tmp_path, sources, suffix, patches):
    content = bytearray(sources[suffix])
    for where, patch in patches:
        position = int(where * min(len(content), 700))
        content[position : position + len(patch)] = patch
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    try:
        again = read(path)
    except VolumeError as refusal:
        assert str(path) in str(refusal)
    else:
        assert np.isfinite(again.geometry.corners).all()


def test_a_small_file_that_promises_gigabytes_takes_no_memory(tmp_path):
    path = export(noise(oblique((2, 2, 2))), tmp_path / "a.nrrd", sidecar=False)[0]
    path.write_bytes(path.read_bytes().replace(b"sizes: 2 2 2", b"sizes: 2000 2000 2000"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(VolumeError, match="promises 16,000,000,000 bytes"):
        read(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000
