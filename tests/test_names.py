"""The names of the files of --all: readable in any script, safe on any system, no two alike."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import volume
from grids import noise, oblique
from phantom import phantom
from volume.cli.names import FIELDS, check_pattern, file_stem, stems, suffix_in
from volume.formats.files import export, members
from volume.formats.member import Member

LONGEST_SUFFIX = ".valid.nii.gz"


def member(description: str = "", name: str = "nii_000001") -> Member:
    return Member(name, 0, 1, oblique(), np.dtype(np.int16), "CT", description=description)


@pytest.mark.parametrize(
    ("text", "stem"),
    [
        ("흉부 CT", "흉부 CT"),
        (unicodedata.normalize("NFD", "흉부 CT"), "흉부 CT"),
        ("胸部 平扫", "胸部 平扫"),
        ("Größe", "Größe"),
        ("Ось", "Ось"),
        ("حجم", "حجم"),
        ("हिन्दी", "हिन्दी"),
        ("T1 3.0mm_ax-2", "T1 3.0mm_ax-2"),
        ("a/b\\c:d*e?f\"g<h>i|j'k", "a_b_c_d_e_f_g_h_i_j_k"),
        ("  two\t\nlines  ", "two lines"),
        ("../../etc/passwd", "etc_passwd"),
        (".hidden", "hidden"),
        ("-rf", "rf"),
        ("ends.", "ends"),
        ("red\u202egnp.exe", "redgnp.exe"),
        ("a\u200bb\u2066c\ufeff\x1b[31m\0", "abc_31m"),
        ("ㅤ\u3164\u115f", ""),
        ("CON", "x_CON"),
        ("nul.txt", "x_nul.txt"),
        ("com¹", "x_com¹"),
        ("console", "console"),
        ("...", ""),
        ("", ""),
        ("／＼", ""),
    ],
)  # fmt: skip
def test_the_stem_of(text, stem):
    assert file_stem(text) == stem


@given(st.text(max_size=400))
def test_a_stem_is_safe_for_every_text(text):
    stem = file_stem(text)
    assert len((stem + LONGEST_SUFFIX).encode()) <= 255
    assert stem == file_stem(stem)
    assert stem == unicodedata.normalize("NFC", stem)
    assert not stem or Path(stem).name == stem
    assert not stem.startswith((".", "-", " ")) and not stem.endswith((".", " "))
    assert not set(stem) & set('/\\:*?"<>|\0\u202e\u200f')
    assert all(unicodedata.category(one)[0] in "LMN" or one in " -_." for one in stem)


def test_a_long_name_is_cut_between_its_letters():
    stem = file_stem("흉" * 300)
    assert set(stem) == {"흉"} and len(stem.encode()) <= 200
    names = stems("{description}", [member("흉" * 300, f"nii_00000{n}") for n in range(3)])
    assert len(set(names)) == 3
    assert all(len((name + LONGEST_SUFFIX).encode()) <= 255 for name in names)


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("{patient_name}", "is no field of a name; there are {modality} {series_number}"),
        ("{}", "is no field"),
        ("{id.path}", "is no field"),
        ("{id!r}", "{id!r} is no field"),
        ("{id:>99999999}", "is no field"),
        ("{id", "no pattern"),
        ("a/{id}", "no folders"),
        ("a\\{id}", "no folders"),
        ("", "empty"),
        (".nii.gz", "empty"),
        ("{id}.stl", "a volume is written to"),
    ],
)
def test_a_pattern_that_is_none_is_told(pattern, told):
    with pytest.raises((ValueError, volume.VolumeError), match=re.escape(told)):
        check_pattern(pattern)


def test_no_field_is_of_the_patient():
    assert set(FIELDS) == set("modality series_number description axis size series_uid id".split())


@pytest.mark.parametrize(
    ("pattern", "suffix"),
    [("{id}", ""), ("{id}.nrrd", ".nrrd"), ("{id}.NII.GZ", ".nii.gz"), ("v1.2 {id}", "")],
)
def test_a_suffix_at_the_end_chooses_the_format(pattern, suffix):
    assert suffix_in(check_pattern(pattern)) == suffix


def test_every_field_says_something():
    one = member("흉부")
    pattern = "{modality} {series_number}-{description} {axis} {size} {series_uid} {id}"
    assert stems(pattern, [one]) == ["CT -흉부 9x8x7 nii_000001"]
    several = replace(one, count=3, n=1)
    assert stems("{axis}", [several]) == ["Volume 2"]


def test_names_that_would_be_alike_have_the_id_added_and_come_out_the_same_every_time():
    listed = [member(text, f"nii_00000{n}") for n, text in enumerate(("Head", "head", "", "Neck"))]
    names = stems("{description}", listed)
    assert names == ["Head_nii_000000", "head_nii_000001", "nii_000002", "Neck"]
    assert stems("{description}", listed) == names
    assert stems("same", [member("", "nii_1"), member("", "nii_1")]) == [
        "same_nii_1",
        "same_nii_1_2",
    ]


def test_the_mask_of_one_is_not_the_name_of_another():
    names = stems("{description}", [member("a", "nii_1"), member("a.valid", "nii_2")])
    assert f"{names[0]}.valid" not in names


@given(st.lists(st.text(alphabet="aA.-_ 2valid", max_size=9), min_size=1, max_size=8))
def test_no_two_names_are_alike_whatever_the_descriptions(texts):
    listed = [member(text, f"nii_{n}") for n, text in enumerate(texts)]
    names = stems("{description}", listed)
    outputs = [
        f"{name}{end}".casefold() for name in names for end in (".nii.gz", ".json", LONGEST_SUFFIX)
    ]
    assert len(set(outputs)) == len(outputs)


# the command line


def listing(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_korean_description_stays_readable(run, tmp_path):
    phantom(tmp_path / "series", series=3, description="흉부 CT", size=(12, 10, 4))
    phantom(
        tmp_path / "series", series=5, description="복부/조영", names="nested", size=(12, 10, 4)
    )
    pattern = "{series_number} {description}"
    code, _, err = run("export", tmp_path / "series", tmp_path / "out", "--all", "--name", pattern)
    assert code == 0, err
    assert listing(tmp_path / "out") == {
        "3 흉부 CT.nii.gz", "3 흉부 CT.json", "5 복부_조영.nii.gz", "5 복부_조영.json",
    }  # fmt: skip
    assert nibabel.load(tmp_path / "out" / "3 흉부 CT.nii.gz").shape == (12, 10, 4)


def test_phases_of_one_description_do_not_overwrite_each_other(run, tmp_path):
    phantom(tmp_path / "series", phases=3, gradient=(1, 2, 5), description="BOLD", size=(12, 10, 4))
    arguments = ("export", tmp_path / "series", tmp_path / "out", "--all", "--json", "--no-sidecar")
    code, out, _ = run(*arguments, "--name", "{description}.nrrd")
    assert code == 0
    names = listing(tmp_path / "out")
    assert len(names) == 3 and all(re.fullmatch(r"BOLD_ct_s004_\w+_\w\d\.nrrd", n) for n in names)
    outputs = [Path(path).name for one in json.loads(out)["volumes"] for path in one["outputs"]]
    assert set(outputs) == names
    code, _, err = run(*arguments, "--name", "{description}.nrrd")
    assert code == 1 and "--overwrite" in err
    assert run(*arguments, "--name", "{description} {axis}.mha")[0] == 0
    assert len(listing(tmp_path / "out")) == 6


def test_a_volume_file_of_several_is_named_too(run, tmp_path):
    export(tuple(noise(oblique(), seed=n) for n in range(3)), tmp_path / "a.nii")
    pattern = ("--name", "rest {axis}.nii", "--no-sidecar")
    assert run("export", tmp_path / "a.nii", tmp_path / "out", "--all", *pattern)[0] == 0
    assert listing(tmp_path / "out") == {f"rest Volume {n}.nii" for n in (1, 2, 3)}
    assert len(members(tmp_path / "a.nii")) == 3


@pytest.mark.parametrize("pattern", ["{patient_name}", "a/b", "../{id}", "{id}.stl", ""])
def test_a_wrong_pattern_is_a_wrong_use_and_writes_nothing(run, tmp_path, pattern):
    phantom(tmp_path / "series", size=(12, 10, 4))
    code, _, err = run("export", tmp_path / "series", tmp_path / "out", "--all", "--name", pattern)
    assert code == 2 and "--name" in err
    assert listing(tmp_path) == {"series"}


def test_name_without_all_is_a_wrong_use(run, tmp_path):
    phantom(tmp_path / "series", size=(12, 10, 4))
    code, _, err = run("export", tmp_path / "series", tmp_path / "a.nii", "--name", "{id}")
    assert code == 2 and "--all" in err
    assert listing(tmp_path) == {"series"}
