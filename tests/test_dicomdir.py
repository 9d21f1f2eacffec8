"""A DICOMDIR is an index: the files it names are read, no others, and none outside its folder."""

from __future__ import annotations

import os
import shutil
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.fileset import FileSet
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

import shared_data
import volume
from phantom import Phantom, phantom
from volume.dicom.files import Fate

CLASS = "1.2.840.10008.1.3.10"
MISSING = "dicomdir-missing"


def write_index(path: Path, names: list[str], *, implicit: bool = False, unused: str = "") -> Path:
    """Write a DICOMDIR that names files, components joined by backslashes."""
    index = Dataset()
    index.DirectoryRecordSequence = []
    for name in ["", *names]:
        record = Dataset()
        record.OffsetOfTheNextDirectoryRecord = 0
        record.RecordInUseFlag = 0 if name and name == unused else 0xFFFF
        record.DirectoryRecordType = "IMAGE" if name else "PATIENT"
        if name:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # not every name is one
                record.add_new(0x00041500, "CS", name)
        index.DirectoryRecordSequence.append(record)
    index.file_meta = FileMetaDataset()
    index.file_meta.MediaStorageSOPClassUID = CLASS
    index.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    index.file_meta.TransferSyntaxUID = (
        ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        index.save_as(path, enforce_file_format=True)
    return path


@pytest.fixture
def disc(tmp_path) -> Phantom:
    """Give a series in folders of a disc, under the names that discs have."""
    truth = phantom(tmp_path / "from", size=(24, 20, 8))
    (tmp_path / "disc" / "IMAGES" / "S1").mkdir(parents=True)
    for n, path in enumerate(truth.paths):
        path.rename(tmp_path / "disc" / "IMAGES" / "S1" / f"IM{n}")
    return truth


NAMES = [f"IMAGES\\S1\\IM{n}" for n in range(8)]


def fates(found: volume.Scan) -> dict[str, str]:
    return {Path(record.name).as_posix(): str(record.fate) for record in found.files}


@pytest.mark.parametrize("implicit", [False, True])
def test_the_files_it_names_are_the_volume(disc, tmp_path, implicit):
    path = write_index(tmp_path / "disc" / "DICOMDIR", NAMES, implicit=implicit)
    made = volume.load(path)
    assert disc.error_mm(made.array, made.geometry.affine) <= 0.1
    assert fates(volume.scan(path)) == {
        "DICOMDIR": "ignored",
        **{name.replace("\\", "/"): "used" for name in NAMES},
    }


def test_no_other_file_is_read(disc, tmp_path):
    phantom(tmp_path / "disc" / "IMAGES" / "S2", size=(24, 20, 5), series=9)
    (tmp_path / "disc" / "autorun.inf").write_text("[autorun]")
    path = write_index(tmp_path / "disc" / "DICOMDIR", NAMES[:-1])
    assert volume.load(path).array.shape == (7, 20, 24)
    assert volume.scan(path).count() == 8
    assert len(volume.scan(path.parent).stacks) == 2  # its folder is searched through, as ever


def test_it_is_read_from_any_current_folder(disc, tmp_path, monkeypatch):
    write_index(tmp_path / "disc" / "DICOMDIR", NAMES)
    monkeypatch.chdir(tmp_path / "disc")
    assert volume.load("DICOMDIR").array.shape == (8, 20, 24)


@pytest.mark.parametrize(
    "spell", [str.lower, "{};1".format, "{}.;1".format, "{}.".format], ids=["lower", "v", ".v", "."]
)
def test_names_are_matched_as_discs_are_read(disc, tmp_path, spell):
    series = tmp_path / "disc" / "IMAGES" / "S1"
    for path in sorted(series.iterdir()):
        path.rename(path.with_name(spell(path.name)))
    path = write_index(tmp_path / "disc" / "DICOMDIR", NAMES)
    if spell is str.lower:
        (tmp_path / "disc" / "IMAGES").rename(tmp_path / "disc" / "images")
    made = volume.load(path)
    assert disc.error_mm(made.array, made.geometry.affine) <= 0.1
    assert MISSING not in {finding.code for finding in volume.scan(path).findings}


def test_what_could_be_either_is_neither(disc, tmp_path):
    series = tmp_path / "disc" / "IMAGES" / "S1"
    (series / "IM7").rename(series / "im7")
    shutil.copy(series / "im7", series / "Im7")
    if len(list(series.iterdir())) < 9:
        pytest.skip("this file system knows no upper case")
    path = write_index(tmp_path / "disc" / "DICOMDIR", NAMES)
    assert [f.files for f in volume.scan(path).findings if f.code == MISSING] == [
        ("IMAGES/S1/IM7",)
    ]


def test_files_that_are_not_there_are_named_beside_the_volume(disc, tmp_path, run):
    path = write_index(tmp_path / "disc" / "DICOMDIR", [*NAMES, "IMAGES\\S1\\IM8", "GONE\\IM1"])
    found = volume.scan(path)
    (said,) = [finding for finding in found.findings if finding.code == MISSING]
    assert said.files == ("IMAGES/S1/IM8", "GONE/IM1")
    assert said.severity == "warning"
    assert "copy the whole disc" in str(said.remedy)
    assert found.count(Fate.FAILED) == 2
    made = volume.load(path)
    beside = [f for f in made.findings if f.code == MISSING]
    assert [f.files for f in beside] == [("IMAGES/S1/IM8",)]  # a slice at the end, perhaps
    code, out, _ = run("info", path)
    assert code == 0
    assert "IMAGES/S1/IM8" in out


@pytest.mark.parametrize(
    "name", ["..\\from2\\IM1", "IMAGES\\..\\..\\from2\\IM1", "\\IMAGES\\IM1", "/etc/passwd", "../x"]
)
def test_it_leads_nowhere_outside_its_folder(disc, tmp_path, name):
    phantom(tmp_path / "from2", size=(24, 20, 8), series=9)
    path = write_index(tmp_path / "disc" / "DICOMDIR", [*NAMES, name])
    found = volume.scan(path)
    (said,) = [finding for finding in found.findings if finding.code == MISSING]
    assert "outside of its folder" in said.message
    assert found.count(Fate.USED) == 8


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="no links here")
def test_links_out_of_its_folder_are_not_followed(disc, tmp_path):
    outside = phantom(tmp_path / "out", size=(24, 20, 8), series=9)
    (tmp_path / "disc" / "LINK").symlink_to(outside.folder)
    (tmp_path / "disc" / "FILE").symlink_to(outside.paths[0])
    names = [*NAMES, f"LINK\\{outside.paths[0].name}", "FILE"]
    found = volume.scan(write_index(tmp_path / "disc" / "DICOMDIR", names))
    (said,) = [finding for finding in found.findings if finding.code == MISSING]
    assert len(said.files) == 2
    assert "outside of its folder" in said.message
    assert found.count(Fate.USED) == 8


def test_links_within_its_folder_are_followed(disc, tmp_path):
    (tmp_path / "disc" / "L").symlink_to(tmp_path / "disc" / "IMAGES")
    names = [name.replace("IMAGES", "L") for name in NAMES]
    assert volume.load(write_index(tmp_path / "disc" / "DICOMDIR", names)).array.shape[0] == 8


def test_a_folder_or_a_pipe_is_no_file(disc, tmp_path):
    os.mkfifo(tmp_path / "disc" / "PIPE")
    path = write_index(tmp_path / "disc" / "DICOMDIR", [*NAMES, "IMAGES", "PIPE"])
    (said,) = [finding for finding in volume.scan(path).findings if finding.code == MISSING]
    assert said.files == ("IMAGES", "PIPE")
    assert "no regular file" in said.message


def test_a_file_named_twice_is_read_once_and_a_record_not_in_use_not_at_all(disc, tmp_path):
    path = write_index(tmp_path / "disc" / "DICOMDIR", [*NAMES, NAMES[0], "GONE"], unused="GONE")
    found = volume.scan(path)
    assert found.count() == 9
    assert MISSING not in {finding.code for finding in found.findings}
    assert "duplicate-instance" not in {f.code for f in found.stacks[0].findings}


def test_an_index_without_records_has_no_volume(tmp_path, run):
    (tmp_path / "disc").mkdir()
    code, _, err = run(
        "export", write_index(tmp_path / "disc" / "DICOMDIR", []), tmp_path / "a.nii"
    )
    assert code == 3
    assert "an index of other files" in err


def test_a_damaged_index_is_refused_with_the_way_out(disc, tmp_path):
    path = write_index(tmp_path / "disc" / "DICOMDIR", NAMES)
    path.write_bytes(path.read_bytes()[:-40])
    (said,) = volume.scan(path).findings
    assert said.code == "unreadable"
    assert "give its folder instead" in str(said.remedy)
    assert volume.load(path.parent).array.shape == (8, 20, 24)


@pytest.mark.parametrize("spelling", ["DICOMDIR", "dicomdir"])
def test_an_output_does_not_go_into_its_folder(disc, tmp_path, run, spelling):
    path = write_index(tmp_path / "disc" / spelling, NAMES)
    code, _, err = run("export", path, tmp_path / "disc" / "head.nii")
    assert code == 1
    assert "inside the source" in err
    assert run("export", path, tmp_path / "head.nii")[0] == 0


def test_within_an_archive_it_is_one_file_of_a_folder(disc, tmp_path):
    write_index(tmp_path / "disc" / "DICOMDIR", [*NAMES[:4], "GONE"])
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in (tmp_path / "disc").rglob("*"):
            archive.write(file, file.relative_to(tmp_path / "disc"))
    zipped, plain = volume.scan(path), volume.scan(tmp_path / "disc")
    assert fates(zipped) == fates(plain)
    np.testing.assert_array_equal(volume.load(path).array, volume.load(tmp_path / "disc").array)


def indices() -> list[str]:
    folder = shared_data.root() / "dicomdirs"
    every = [path for path in folder.rglob("DICOMDIR*") if path.name != "DICOMDIR-nopatient"]
    return sorted(path.relative_to(folder).as_posix() for path in every) or ["DICOMDIR"]


@pytest.mark.parametrize("name", indices())
def test_real_ones_name_what_pydicom_finds_in_them(name):
    path = shared_data.folder("dicomdirs") / name
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        every = FileSet(pydicom.dcmread(path))
        theirs = {Path(one.path).resolve() for one in every}
        every._stage["t"].cleanup()  # or it complains of its own folder
    found = volume.scan(path)
    if name == "DICOMDIR-nooffset":  # its last item is longer than the file, which pydicom lets be
        assert [(f.code, f.files) for f in found.findings] == [("unreadable", (name,))]
        return
    ours = {(path.parent / one.name).resolve() for one in found.files if one.code != "dicomdir"}
    assert ours == theirs


def test_one_without_patients_still_names_its_files():
    """What pydicom refuses: the records are wrong, the names of the files are not."""
    folder = shared_data.folder("dicomdirs")
    bad, good = volume.scan(folder / "DICOMDIR-nopatient"), volume.scan(folder / "DICOMDIR")
    names = [{one.name for one in found.files if one.code != "dicomdir"} for found in (bad, good)]
    assert names[0] == names[1]
    assert len(names[0]) == 31


def test_korean_names_are_found_as_they_are_on_the_disk(tmp_path):
    truth = phantom(tmp_path / "disc" / "영상", size=(24, 20, 5))
    index = write_index(
        tmp_path / "disc" / "DICOMDIR", ["AAAA" + "\\" + path.name for path in truth.paths]
    )
    index.write_bytes(index.read_bytes().replace(b"AAAA", "영상".encode("cp949")))
    assert volume.load(index).array.shape == (5, 20, 24)
