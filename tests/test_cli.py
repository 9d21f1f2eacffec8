"""What a person types, what they are told, and the exit code they get."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import nibabel
import numpy as np
import psutil
import pytest

import volume
from phantom import phantom


@pytest.fixture
def series(tmp_path):
    return phantom(tmp_path / "series", size=(24, 20, 12))


def listing(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_info_accounts_for_every_file_in_the_words_of_the_contract(run, series):
    (series.folder / "notes.txt").write_text("hello")
    (series.folder / "broken.dcm").write_bytes(series.paths[0].read_bytes()[:400])
    code, out, _ = run("info", series.folder, "--json")
    document = json.loads(out)
    assert code == 0
    assert document["schema"] == "volume.info/1"
    assert document["files"] == {"total": 14, "used": 12, "ignored": 1, "failed": 1}
    (one,) = document["volumes"]
    assert one["size"] == [24, 20, 12]
    assert one["spacing"] == pytest.approx([0.8, 0.7, 2.5])
    assert one["origin"] == pytest.approx([-31.4, 17.2, -12.3])
    assert one["direction"] == pytest.approx([1, 0, 0, 0, 1, 0, 0, 0, 1])
    assert one["kind"] == ["regular"]
    assert one["axis"] is None
    assert one["modality"] == "CT"
    assert re.fullmatch(r"ct_s004_[0-9a-f]{6}", one["id"])
    by_file = {name: f["code"] for f in document["findings"] for name in f["files"]}
    assert by_file == {"notes.txt": "not-dicom", "broken.dcm": by_file["broken.dcm"]}
    assert by_file["broken.dcm"] in {"unreadable", "pixels-truncated"}


def test_info_says_in_millimetres_what_is_missing_and_what_to_type(run, tmp_path):
    phantom(tmp_path / "series", drop=(7,))
    code, out, _ = run("info", tmp_path / "series")
    assert code == 0
    assert "1 slice is missing: 5 mm between slices 7 and 8, 2.5 mm elsewhere" in out
    assert "--gaps" in out


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha", ".npz"])
def test_export_writes_every_format_with_its_sidecar(run, series, tmp_path, suffix):
    code, out, err = run("export", series.folder, tmp_path / f"head{suffix}")
    assert (code, out) == (0, "")
    assert f"head{suffix}" in err
    assert listing(tmp_path) == {"series", f"head{suffix}", "head.json"}
    sidecar = json.loads((tmp_path / "head.json").read_text())
    slices = sidecar["report"]["slices"]
    assert [one["index"] for one in slices] == list(range(12))
    assert all(one["sop_instance_uid"] and len(one["position"]) == 3 for one in slices)


def test_an_exported_nifti_lies_where_the_slices_do(run, series, tmp_path):
    assert run("export", series.folder, tmp_path / "head.nii.gz")[0] == 0
    image = nibabel.load(tmp_path / "head.nii.gz")
    lps = np.diag([-1, -1, 1, 1]) @ image.affine
    array = np.asanyarray(image.dataobj).T
    assert array.dtype == np.int16
    assert series.error_mm(array, lps) <= 0.1


def test_nothing_of_the_patient_is_in_what_is_written(run, tmp_path):
    truth = phantom(
        tmp_path / "series", patient_name="Geheim^Person", description="Sekret", names="hangul"
    )
    assert run("export", truth.folder, tmp_path / "head.nii")[0] == 0
    written = (tmp_path / "head.nii").read_bytes() + (tmp_path / "head.json").read_bytes()
    for secret in ("Geheim", "Person", "Sekret", *(path.name for path in truth.paths)):
        assert secret.encode() not in written
        assert json.dumps(secret).strip('"').encode() not in written


def test_several_volumes_are_a_choice_with_the_commands_to_paste(run, tmp_path):
    phantom(tmp_path / "series", series=3)
    phantom(tmp_path / "series", series=5, names="nested")
    code, out, err = run("export", tmp_path / "series", tmp_path / "head.nii")
    assert (code, out) == (4, "")
    pasted = re.findall(r"volume export \S+ \S+ --series (\S+)", err)
    assert len(pasted) == 2
    assert not (tmp_path / "head.nii").exists()
    for name in pasted:
        assert (
            run("export", tmp_path / "series", tmp_path / f"{name}.nii", "--series", name)[0] == 0
        )


@pytest.mark.parametrize("way", ["number", "uid", "ending", "id"])
def test_a_series_is_chosen_by_number_uid_ending_or_id(run, tmp_path, way):
    phantom(tmp_path / "series", series=3)
    other = phantom(tmp_path / "series", series=5, names="nested", size=(24, 20, 6))
    stacks = volume.scan(tmp_path / "series").stacks
    wanted = next(stack for stack in stacks if stack.series_number == 5)
    named = {
        "number": "5",
        "uid": other.series_uid,
        "ending": other.series_uid[-12:]
        if "." in other.series_uid[-12:]
        else other.series_uid[10:],
        "id": wanted.id,
    }
    code, _, _ = run("export", tmp_path / "series", tmp_path / "head.nii", "--series", named[way])
    assert code == 0
    assert nibabel.load(tmp_path / "head.nii").shape == (24, 20, 6)


def test_all_writes_every_volume_under_a_name_of_our_own(run, tmp_path):
    phantom(tmp_path / "series", series=3)
    phantom(tmp_path / "series", series=5, names="nested")
    code, out, _ = run("export", tmp_path / "series", tmp_path / "out", "--all", "--json")
    assert code == 0
    document = json.loads(out)
    names = {Path(path).name for one in document["volumes"] for path in one["outputs"]}
    assert names == listing(tmp_path / "out")
    assert all(re.fullmatch(r"ct_s00[35]_[0-9a-f]{6}\.(nii\.gz|json)", name) for name in names)


def test_what_all_cannot_write_is_named_and_the_rest_is_written(run, tmp_path):
    phantom(tmp_path / "series", series=3)
    phantom(tmp_path / "series", series=5, names="nested", drop=(7,))
    code, _, err = run("export", tmp_path / "series", tmp_path / "out", "--all")
    assert code == 5
    assert "missing" in err
    assert len(listing(tmp_path / "out")) == 2


def test_all_of_nothing_writable_gives_the_worst_cause(run, tmp_path):
    phantom(tmp_path / "series", drop=(7,))
    assert run("export", tmp_path / "series", tmp_path / "out", "--all")[0] == 4
    assert listing(tmp_path / "out") == set()


def test_4d_writes_phases_into_one_file(run, tmp_path):
    truth = phantom(tmp_path / "series", phases=3, gradient=(1, 2, 5))
    code, _, err = run("export", tmp_path / "series", tmp_path / "all.nii.gz", "--4d")
    assert code == 0, err
    image = nibabel.load(tmp_path / "all.nii.gz")
    assert image.shape == (24, 20, 20, 3)
    lps = np.diag([-1, -1, 1, 1]) @ image.affine
    for phase in range(3):
        array = np.asanyarray(image.dataobj)[..., phase].T
        assert truth.error_mm(array, lps, phase=phase) <= 0.12


def test_of_several_sets_4d_lists_commands_that_write_one(run, tmp_path):
    for number in (4, 5):
        phantom(tmp_path / "study" / str(number), series=number, phases=number - 1)
    code, _, err = run("export", tmp_path / "study", tmp_path / "all.nii", "--4d")
    assert code == 4
    commands = [line.split(" # ")[0].split() for line in err.splitlines() if "--4d" in line]
    assert [command[0] for command in commands] == ["volume"] * 2
    for command, phases in zip(commands, (3, 4), strict=True):
        assert run(*command[1:], "--overwrite")[0] == 0
        assert nibabel.load(tmp_path / "all.nii").shape[3] == phases
    (told,) = (line for line in run("info", tmp_path / "study")[1].splitlines() if "--4d" in line)
    export, source, name, *flags = told.split()[1:]
    assert run(export, source, tmp_path / name, *flags)[0] == 0
    assert nibabel.load(tmp_path / name).shape[3] == 3


def test_spacing_like_and_orientation_are_obeyed(run, series, tmp_path):
    head = ("export", series.folder)
    assert run(*head, tmp_path / "a.nii", "--spacing", "1,1,2")[0] == 0
    assert nibabel.load(tmp_path / "a.nii").header.get_zooms() == pytest.approx((1, 1, 2))
    assert run(*head, tmp_path / "b.nii", "--like", tmp_path / "a.nii")[0] == 0
    a, b = nibabel.load(tmp_path / "a.nii"), nibabel.load(tmp_path / "b.nii")
    assert np.allclose(a.affine, b.affine)
    assert a.shape == b.shape
    assert run(*head, tmp_path / "c.nii", "--orientation", "RAS")[0] == 0
    assert nibabel.aff2axcodes(nibabel.load(tmp_path / "c.nii").affine) == ("R", "A", "S")


def test_filled_slices_are_marked_in_a_mask(run, tmp_path):
    phantom(tmp_path / "series", drop=(7,))
    head = ("export", tmp_path / "series", tmp_path / "head.nii.gz")
    code, _, err = run(*head)
    assert code == 4
    assert "--gaps fill" in err
    code, _, err = run(*head, "--gaps", "fill")
    assert code == 0
    assert listing(tmp_path) == {"series", "head.nii.gz", "head.json", "head.valid.nii.gz"}
    mask = np.asanyarray(nibabel.load(tmp_path / "head.valid.nii.gz").dataobj)
    assert [int(mask[..., k].max()) for k in (6, 7, 8)] == [1, 2, 1]


def test_a_tilted_series_goes_raw_only_where_a_shear_can_be_held(run, tmp_path):
    phantom(tmp_path / "series", tilt=20.0)
    raw = ("--geometry", "raw")
    code, _, err = run("export", tmp_path / "series", tmp_path / "head.nii.gz", *raw)
    assert code == 4
    assert ".nrrd" in err
    assert listing(tmp_path) == {"series"}
    assert run("export", tmp_path / "series", tmp_path / "raw.nrrd", *raw)[0] == 0
    assert run("export", tmp_path / "series", tmp_path / "head.nii.gz")[0] == 0
    strict = ("--geometry", "strict")
    assert run("export", tmp_path / "series", tmp_path / "x.nrrd", *strict)[0] == 4


def test_an_existing_output_is_left_alone_unless_told_otherwise(run, series, tmp_path):
    output = tmp_path / "head.nii"
    output.write_text("precious")
    code, _, err = run("export", series.folder, output)
    assert code == 1
    assert "--overwrite" in err
    assert output.read_text() == "precious"
    assert run("export", series.folder, output, "--overwrite")[0] == 0
    assert nibabel.load(output).shape == (24, 20, 12)


def test_mesh_writes_a_closed_surface_in_lps(run, series, tmp_path):
    level = float(series.value_at(series.matrix[:3, :3] @ [12, 10, 6] + series.matrix[:3, 3]))
    code, out, _ = run("mesh", series.folder, tmp_path / "half.stl", "--level", level, "--json")
    assert code == 0
    (one,) = json.loads(out)["meshes"]
    assert one["closed"]
    assert (tmp_path / "half.stl").stat().st_size == 84 + 50 * one["triangles"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("info", "nowhere"), 1),
        (("info", "texts"), 3),
        (("info", "empty"), 3),
        (("export", "texts", "x.nii"), 3),
        (("export", "series", "x.doc"), 2),
        (("export", "series", "x.nii", "--spacing", "a"), 2),
        (("export", "series", "x.nii", "--spacing", "0"), 2),
        (("export", "series", "x.nii", "--gaps", "no"), 2),
        (("export", "series", "x.nii", "--orientation", "RRR"), 2),
        (("export", "series", "x.nii", "--series", "77"), 4),
        (("export", "series", "nofolder/x.nii"), 1),
        (("export", "series", "x.nii", "--like", "texts/a.txt"), 3),
        (("mesh", "series", "x.stl", "--level", "90000"), 1),
        (("mesh", "series", "x.nii"), 2),
        (("view", "series", "--screenshot", "x.png", "--window", "nonsense"), 2),
        (("frobnicate",), 2),
        (("export",), 2),
    ],
)
def test_bad_input_is_told_in_words_with_its_code_and_leaves_nothing(
    run, tmp_path, monkeypatch, arguments, code
):
    monkeypatch.chdir(tmp_path)
    phantom("series", size=(24, 20, 4))
    (tmp_path / "empty").mkdir()
    (tmp_path / "texts").mkdir()
    for name in "abc":
        (tmp_path / "texts" / f"{name}.txt").write_text("no DICOM here\n" * 20)
    before = listing(tmp_path)
    found, _, err = run(*arguments)
    assert found == code, err
    assert "Traceback" not in err
    assert listing(tmp_path) == before


def test_nothing_from_a_file_reaches_the_terminal_unescaped(run, tmp_path):
    evil = "\x1b[31mred\u202egnp.exe"
    truth = phantom(tmp_path / "series", size=(24, 20, 3))
    (truth.folder / f"note{evil}.txt").write_text("hello")
    _, out, err = run("info", truth.folder, "-v")
    assert "\x1b" not in out + err
    assert "\u202e" not in out + err
    assert "\\x1b[31mred" in out


def test_a_volume_file_is_a_source_too(run, series, tmp_path):
    assert run("export", series.folder, tmp_path / "a.nrrd")[0] == 0
    assert run("export", tmp_path / "a.nrrd", tmp_path / "b.nii.gz")[0] == 0
    image = nibabel.load(tmp_path / "b.nii.gz")
    array = np.asanyarray(image.dataobj).T
    assert series.error_mm(array, np.diag([-1, -1, 1, 1]) @ image.affine) <= 0.1


def program(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "volume", *map(str, arguments)]


def wait_until_it_decodes(child: subprocess.Popen[str]) -> None:
    """Wait for its decoders to be there: it is in the midst of its work then."""
    until = time.monotonic() + 20
    while not psutil.Process(child.pid).children() and time.monotonic() < until:
        time.sleep(0.005)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_export_leaves_nothing(series, tmp_path, number, code):
    phantom(tmp_path / "long", size=(256, 256, 300), gradient=(1, 1, 2), transfer_syntax="rle")
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a child inherits "ignored"
    child = subprocess.Popen(
        program("export", tmp_path / "long", tmp_path / "head.nii.gz"),
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until_it_decodes(child)
    child.send_signal(number)
    _, err = child.communicate(timeout=20)
    assert child.returncode == code, err
    assert "Traceback" not in err
    assert {name for name in listing(tmp_path) if "head" in name} == set()


def test_version_and_help_say_what_it_is_not():
    told = subprocess.run(program("--version"), capture_output=True, text=True, check=True)
    assert volume.__version__ in told.stdout
    assert "Not a medical device" in told.stdout
    told = subprocess.run(program("-h"), capture_output=True, text=True, check=True)
    for verb in ("info", "view", "export", "mesh", "tags", "compare", "demo"):
        assert verb in told.stdout


def test_info_loads_neither_simpleitk_nor_vtk(series):
    code = (
        "import sys; from volume.cli.info import info;"
        f"info.main([{str(series.folder)!r}], standalone_mode=False);"
        "print([m for m in ('SimpleITK', 'vtkmodules', 'vtk', 'pyvista') if m in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.splitlines()[-1] == "[]"


def test_stdout_is_utf8_in_any_locale(tmp_path):
    phantom(tmp_path / "가나", size=(24, 20, 3), names="hangul", description="흉부")
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": ""}
    told = subprocess.run(
        program("info", tmp_path / "가나"), capture_output=True, check=True, env=environment
    )
    assert "흉부" in told.stdout.decode("utf-8")


def test_view_shows_the_largest_volume_filled_and_says_so(run, tmp_path):
    phantom(tmp_path / "series", series=3, size=(24, 20, 6))
    phantom(tmp_path / "series", series=5, names="nested", drop=(4, 5, 6, 7, 8))
    picture = tmp_path / "look.png"
    code, _, err = run("view", tmp_path / "series", "--screenshot", picture, "--size", "640,480")
    assert code == 0, err
    assert "2 volumes are here; ct_s005" in err
    assert "5 slices are missing" in err
    assert picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--size", "3,3"), "pixels a side"),
        (("--size", "a,3"), "numbers"),
        (("--level", "nan"), "cannot be"),
        (("--at", "1,2"), "3 are needed"),
        (("--layout", "round"), "four"),
        (("--rendering", "CT-Bnoe"), "there are surface, CT-Bone"),
    ],
)
def test_what_cannot_be_shown_is_a_wrong_use(run, series, tmp_path, arguments, word):
    code, _, err = run("view", series.folder, "--screenshot", tmp_path / "a.png", *arguments)
    assert code == 2
    assert word in err
    assert not (tmp_path / "a.png").exists()


@pytest.mark.parametrize("name", ["surface", "ct-bone", "MIP"])
def test_a_rendering_is_chosen_by_its_name(run, series, tmp_path, name):
    picture = tmp_path / "a.png"
    code, _, err = run(
        "view", series.folder, "--screenshot", picture, "--rendering", name, "--size", "300,200"
    )
    assert code == 0, err
    assert picture.exists()


def test_a_rendering_in_hu_is_refused_for_other_values(run, tmp_path):
    phantom(tmp_path / "mr", modality="MR", size=(24, 20, 6))
    arguments = ("--screenshot", tmp_path / "a.png", "--rendering", "CT-Bone")
    code, _, err = run("view", tmp_path / "mr", *arguments)
    assert code == 1
    assert "CT-Bone is given in HU" in err
    assert "surface, MR-Default, MR-Angio, MIP with --rendering NAME" in " ".join(err.split())
    assert not (tmp_path / "a.png").exists()


def test_without_a_display_a_picture_is_offered(run, series, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    code, _, err = run("view", series.folder)
    assert code == 1
    assert "--screenshot" in err


@pytest.mark.parametrize("source", ["", "a" * 300])
def test_an_impossible_path_is_told(run, source):
    code, _, err = run("info", source)
    assert code == 1
    assert "no such file" in err


@pytest.mark.parametrize("redirection", [">&-", "2>&-", ">&- 2>&-"])
def test_closed_streams_are_no_reason_to_fail(series, redirection):
    line = f"exec '{sys.executable}' -m volume info '{series.folder}' {redirection}"
    assert subprocess.run(["sh", "-c", line], capture_output=True).returncode == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_output_is_told(series):
    line = f"'{sys.executable}' -m volume info '{series.folder}' --json > /dev/full"
    told = subprocess.run(["sh", "-c", line], capture_output=True, text=True)
    assert told.returncode == 1
    assert "No space" in told.stderr
    assert "Traceback" not in told.stderr


def test_an_archive_is_named(run, tmp_path):
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04" + bytes(500))
    code, out, _ = run("info", tmp_path / "a.zip")
    assert code == 3
    assert "zip archive" in out


def test_info_reads_a_volume_file(run, series, tmp_path):
    assert run("export", series.folder, tmp_path / "a.nii.gz")[0] == 0
    code, out, _ = run("info", tmp_path / "a.nii.gz", "--json")
    assert code == 0
    assert json.loads(out)["volumes"][0]["size"] == [24, 20, 12]


def test_a_series_number_means_itself_alone(run, tmp_path):
    for number in (4, 14, 40):
        phantom(tmp_path / "series" / str(number), series=number, size=(24, 20, number))
    code, _, err = run("export", tmp_path / "series", tmp_path / "a.nii", "--series", "4")
    assert code == 0, err
    assert nibabel.load(tmp_path / "a.nii").shape == (24, 20, 4)


def test_padding_is_kept_on_request(run, tmp_path):
    phantom(tmp_path / "series", padding=-2000)
    assert run("export", tmp_path / "series", tmp_path / "a.nii", "--padding", "keep")[0] == 0
    assert run("export", tmp_path / "series", tmp_path / "b.nii")[0] == 0
    least = [
        int(np.asanyarray(nibabel.load(tmp_path / n).dataobj).min()) for n in ("a.nii", "b.nii")
    ]
    assert least[0] == -3024
    assert least[1] >= -1024


def test_demo_writes_assembles_and_shows_without_touching_what_is_there(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    (tmp_path / "body.png").write_text("mine")
    code, _, err = run("demo", "body")
    assert code == 0
    assert "body-2.png" in err
    assert (tmp_path / "body.png").read_text() == "mine"
    assert (tmp_path / "body-2.png").read_bytes()[:4] == b"\x89PNG"
    code, _, err = run("demo", "body", "-q")
    assert (code, err) == (0, "")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "a.txt").write_text("mine")
    assert run("demo", "other")[0] == 1
    assert listing(tmp_path / "other") == {"a.txt"}


def test_tags_shows_elements_by_name_and_number_and_masks_what_identifies(run, series):
    code, out, err = run("tags", series.paths[0], "spacing")
    assert (code, err) == (0, "")
    assert out.split() == ["(0028,0030)", "DS", "PixelSpacing", "0.7\\0.8"]
    code, out, _ = run("tags", series.paths[0], "0010,0010")
    assert (code, out.split()) == (0, ["(0010,0010)", "PN", "PatientName", "***"])
    _, out, _ = run("tags", series.paths[0], "(0010,0010)", "--identifiers")
    assert "***" not in out
    code, out, _ = run("tags", series.paths[0])
    assert code == 0
    assert "(7FE0,0010) OW PixelData" in out
    assert "(960 bytes)" in out


def test_tags_shows_where_in_its_sequences_an_element_stands(run, tmp_path):
    written = phantom(tmp_path / "series", size=(24, 20, 2), enhanced=True)
    _, out, _ = run("tags", written.paths[0], "ImagePositionPatient")
    lines = [line.split()[:2] for line in out.splitlines()]
    assert lines[:5] == [
        ["(5200,9230)", "SQ"], ["item", "1"], ["(0020,9113)", "SQ"], ["item", "1"],
        ["(0020,0032)", "DS"],
    ]  # fmt: skip
    _, out, _ = run("tags", written.paths[0], "ImagePositionPatient", "--json")
    document = json.loads(out)
    (frames,) = document["elements"]
    assert (document["schema"], document["error"]) == ("volume.tags/1", None)
    assert len(frames["items"]) == 2
    ((plane,),) = ((one,) for one in frames["items"][1])
    ((place,),) = plane["items"]
    assert (place["tag"], place["vr"], place["keyword"]) == (
        "00200032", "DS", "ImagePositionPatient",
    )  # fmt: skip
    assert len(place["value"]) == 3


def test_tags_tells_what_ends_the_list_after_what_it_could_read(run, series):
    content = series.paths[0].read_bytes()
    series.paths[0].write_bytes(content[:-100])
    code, out, err = run("tags", series.paths[0])
    assert code == 1
    assert "PixelSpacing" in out
    assert "960 bytes, of which 860 are here" in out
    assert "the file ends inside element (7FE0,0010), at byte" in err
    code, out, err = run("tags", series.paths[0], "--json")
    assert code == 1
    assert "at byte" in json.loads(out)["error"]


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (("{}", "unheard of"), 1, "no data element fits"),
        (("{}", "-q", "Rows"), 0, ""),
        (("{}", "()"), 2, "neither a name nor a number"),
        (("nowhere",), 1, "no such file"),
        (("texts.txt",), 3, "not a DICOM file"),
        ((".",), 2, "is a folder"),
        (("{}", "--limits", "elements=9"), 1, "more than 9 elements"),
    ],
)
def test_tags_has_the_exit_codes_of_the_table(
    run, series, tmp_path, monkeypatch, arguments, code, word
):
    monkeypatch.chdir(tmp_path)
    Path("texts.txt").write_text("no DICOM here\n" * 20)
    found, out, err = run("tags", *(one.format(series.paths[0]) for one in arguments))
    assert found == code
    assert word in err
    assert out == "" or "elements=9" in arguments


def test_tags_escapes_what_it_shows(run, tmp_path):
    evil = "a\x1b[31mred\u202egnp"
    written = phantom(tmp_path / "series", size=(24, 20, 1), description=evil)
    for flags in ((), ("--json",)):
        _, out, _ = run("tags", written.paths[0], "SeriesDescription", *flags)
        assert "\x1b" not in out
        assert "\u202e" not in out
        assert "red" in out


def test_export_json_says_what_info_says(run, series, tmp_path):
    _, out, _ = run("info", series.folder, "--json")
    (listed,) = json.loads(out)["volumes"]
    code, out, _ = run("export", series.folder, tmp_path / "a.nii", "--json")
    assert code == 0
    (written,) = json.loads(out)["volumes"]
    outputs = written.pop("outputs")
    assert [Path(path).name for path in outputs] == ["a.nii", "a.json"]
    assert {**written, "findings": []} == {**listed, "findings": []}
