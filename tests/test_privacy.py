"""Nothing that names a patient is in any file that is written, nor in what is said."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

import pytest
from pydicom.datadict import dictionary_VR

import volume
from phantom import phantom
from planted import (
    FORMATS,
    KOREAN,
    MESHES,
    NAME,
    NEEDED,
    SAID,
    TEXT,
    found_in,
    found_in_bytes,
    leaks,
    plant,
    plant_beside,
)
from test_gl import needs_gl
from volume.assembly.terms import may_be_said
from volume.cli import main

LEVEL = "-70"


@pytest.fixture
def run(capsys, monkeypatch):
    """Run the command line in this process; give (exit code, all that was said)."""

    def call(*arguments: object) -> tuple[int, bytes]:
        monkeypatch.setattr(sys, "argv", ["volume", *map(str, arguments)])
        handler = signal.getsignal(signal.SIGTERM)
        with pytest.raises(SystemExit) as left:
            main()
        signal.signal(signal.SIGTERM, handler)
        told = capsys.readouterr()
        return int(left.value.code or 0), (told.out + told.err).encode()

    return call


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    """A planted CT with other files beside it."""
    folder = tmp_path_factory.mktemp("planted")
    tokens = plant(folder)
    plant_beside(folder, tokens)
    return folder, tokens


@pytest.fixture(scope="module")
def gappy(tmp_path_factory):
    """A planted CT that lacks a slice."""
    folder = tmp_path_factory.mktemp("gappy")
    return folder, plant(folder, drop=(3,), size=(10, 8, 12))


def secrets(tokens):
    """Give the tokens that may not even be said."""
    return {token: where for token, where in tokens.items() if where not in SAID}


def written(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_what_is_planted_is_all_that_may_name_a_patient(series):
    _, tokens = series
    assert len(tokens) > 5000
    planted = {where.partition(",")[0] for where in tokens.values()}
    must = """PatientName PatientID PatientBirthDate PatientAge PatientAddress OtherPatientIDs
        AccessionNumber StudyID StudyDate StudyTime StudyDescription SeriesDate SeriesTime
        SeriesDescription AcquisitionDate AcquisitionTime AcquisitionDateTime ContentDate
        ContentTime InstitutionName InstitutionAddress StationName DeviceSerialNumber
        ReferringPhysicianName OperatorsName PerformedProcedureStepDescription ProtocolName
        ImageComments PatientComments AdditionalPatientHistory ContrastBolusAgent PatientWeight
        MedicalRecordLocator RequestAttributesSequence ReferencedPatientSequence
        ConvolutionKernel RescaleType Units ImageType KVP EchoTime TriggerTime""".split()
    assert set(must) <= planted
    assert {"a private creator", "a private element", "the preamble", *SAID} <= planted
    assert {dictionary_VR(keyword) for keyword in NEEDED} <= TEXT | {"DS", "IS", "SQ"}


def test_what_is_planted_would_be_found(series, tmp_path):
    """The search finds all of it in the series itself, and in every wrapping."""
    import gzip
    import zipfile

    folder, tokens = series
    found = {token for token, _, _ in found_in(written(folder), tokens)}
    names = {token for token, where in tokens.items() if where == SAID[1]}
    assert set(tokens) - found <= names  # the folder's name is no file's
    (token, korean) = "PLANT0042X", next(iter(KOREAN))
    for n, codec in enumerate(("utf-8", "utf-16", "utf-32-be", "euc-kr", "latin-1")):
        (tmp_path / f"{n}.bin").write_bytes(f"x{token}".encode(codec))
        if codec != "latin-1":
            (tmp_path / f"{n}.txt").write_bytes(korean.encode(codec))
    (tmp_path / "5.gz").write_bytes(b"head" + gzip.compress(token.encode()))
    with zipfile.ZipFile(tmp_path / "6.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", token)
    (tmp_path / "7.json").write_text(json.dumps(korean))
    (tmp_path / f"ct_{token.lower()}").write_bytes(b"")
    files = written(tmp_path)
    assert {path for _, _, path in found_in(files, {token: "", korean: ""})} == set(files)


EXPORTS = [
    *([f"a{suffix}"] for suffix in FORMATS),
    ["a.nii.gz", "--spacing", "2"],
    ["a.nrrd", "--orientation", "RAS", "--geometry", "raw"],
    ["all", "--all"],
]


@pytest.mark.parametrize("wish", EXPORTS, ids=" ".join)
def test_no_planted_value_is_in_an_export_or_said(run, series, tmp_path, wish):
    folder, tokens = series
    name, *flags = wish
    code, said = run("export", folder, tmp_path / name, *flags, "-v", "--gaps", "largest")
    assert code == 0
    assert len(written(tmp_path)) >= 2
    assert found_in(written(tmp_path), tokens) == []
    assert found_in_bytes([said], secrets(tokens)) == []


def test_no_planted_value_is_in_a_filled_volume_its_mask_or_its_report(run, gappy, tmp_path):
    folder, tokens = gappy
    code, said = run("export", folder, tmp_path / "a.nii.gz", "--gaps", "fill", "-v")
    assert code == 0
    assert {path.name for path in written(tmp_path)} == {"a.nii.gz", "a.valid.nii.gz", "a.json"}
    assert found_in(written(tmp_path), tokens) == []
    assert found_in_bytes([said], secrets(tokens)) == []


@pytest.mark.parametrize("suffix", MESHES)
def test_no_planted_value_is_in_a_mesh(run, series, tmp_path, suffix):
    folder, tokens = series
    code, said = run(
        "mesh", folder, tmp_path / f"a{suffix}", "--level", LEVEL, "--gaps", "largest", "--json"
    )
    assert code == 0
    assert len(written(tmp_path)) == 2
    assert found_in(written(tmp_path), tokens) == []
    assert found_in_bytes([said], secrets(tokens)) == []


@pytest.mark.parametrize("enhanced", [False, True])
def test_terminal_and_json_name_files_uids_and_the_description_alone(
    run, series, tmp_path, enhanced
):
    folder, tokens = series
    if enhanced:
        folder, tokens = tmp_path / "enhanced", plant(tmp_path / "enhanced", enhanced=True)
    description = next(token for token, where in tokens.items() if where == SAID[0])
    for flags in ((), ("-v",), ("--json",)):
        code, said = run("info", folder, *flags)
        assert code == 0
        assert found_in_bytes([said], secrets(tokens)) == []
        assert description.encode() in said
    wish = ("--gaps", "largest", "--json")
    code, said = run("export", folder, tmp_path / "a.nii", *wish)
    assert code == 0
    assert found_in_bytes([said], secrets(tokens)) == []
    assert found_in(tmp_path.glob("a.*"), tokens) == []
    code, said = run("export", folder, tmp_path / "a.nii")
    assert code != 0
    assert found_in_bytes([said], secrets(tokens)) == []


IDENTIFYING = """PatientName PatientID IssuerOfPatientID OtherPatientIDs PatientAddress PatientSex
    PatientSize PatientWeight PatientComments PatientTelephoneNumbers MedicalRecordLocator
    MilitaryRank EthnicGroup Occupation AdditionalPatientHistory PatientReligiousPreference
    CountryOfResidence RegionOfResidence Allergies AdmissionID CurrentPatientLocation
    AccessionNumber StudyID StudyDescription StudyComments InstitutionName InstitutionAddress
    InstitutionalDepartmentName StationName DeviceSerialNumber DetectorID PlateID GantryID
    ProtocolName PerformedProcedureStepDescription PerformedStationAETitle ScheduledStationAETitle
    RequestedProcedureDescription RequestedProcedureID ReasonForStudy RequestingService
    ImageComments FrameComments DerivationDescription ContrastBolusAgent AcquisitionComments
    ClinicalTrialSubjectID ClinicalTrialSponsorName ClinicalTrialSiteName
    SourceApplicationEntityTitle RequestAttributesSequence ReferencedPatientSequence
    OtherPatientIDsSequence ContentSequence
    PersonIdentificationCodeSequence TextComments RetrieveAETitle InterpretationText
    ConfidentialityConstraintOnPatientDataDescription IdentifyingComments""".split()
"""Of PS3.15 table E.1-1, beside names, dates and times."""
PLANTED_APART = {"a private creator", "a private element", "the preamble", "private information"}


def may_not_be_listed(where):
    """Say whether what was planted there identifies, by the standard."""
    keyword, _, nested = where.partition(",")
    if keyword in PLANTED_APART | set(IDENTIFYING) or "Hangul" in nested:
        return True
    try:
        vr = dictionary_VR(keyword)
    except (KeyError, ValueError):
        return False
    return vr in {"PN", "DA", "TM", "DT", "AS"}


@pytest.mark.parametrize("flags", [(), ("--json",), ("patient",), ("0009",), ("*sequence",)])
def test_no_identifying_value_is_listed_unless_asked_for(run, series, flags):
    folder, tokens = series
    (path,) = (path for path in written(folder) if "9100X" in path.name)
    secret = {token: where for token, where in tokens.items() if may_not_be_listed(where)}
    assert len(secret) > 300
    code, said = run("tags", path, *flags)
    assert code == 0
    assert found_in_bytes([said], secret) == []
    code, said = run("tags", path, *flags, "--identifiers")
    assert code == 0
    assert found_in_bytes([said], secret) or flags == ("*sequence",)


def test_all_that_is_planted_is_listed_for_those_who_ask(run, series):
    folder, tokens = series
    (path,) = (path for path in written(folder) if "9100X" in path.name)
    _, said = run("tags", path, "--identifiers", "--json")
    shown = set(found_in_bytes([said], tokens))
    texts = {token for token in tokens if token.startswith("PLANT")} | set(KOREAN)
    hidden = {tokens[token].partition(",")[0] for token in texts - shown}
    assert {keyword for keyword in hidden if not is_bytes(keyword)} <= OUTSIDE_OF_IT


OUTSIDE_OF_IT = {"the preamble", "a name of a file", "a letter"}


def is_bytes(where):
    """Say whether what is planted there is bytes, which are shown by number or length."""
    if where in ("a private element", "private information", "after the pixels"):
        return True
    return where not in OUTSIDE_OF_IT and dictionary_VR(where) in {"OB", "UN"}


AXES = """ImageType ConvolutionKernel ContrastBolusAgent AcquisitionDateTime AcquisitionTime
    ContentTime EchoTime AcquisitionNumber""".split()


@pytest.mark.parametrize("tag", AXES)
@pytest.mark.parametrize("four_d", [True, False], ids=["4d", "all"])
def test_what_tells_phases_apart_is_not_written_where_it_may_name(run, tmp_path, tag, four_d):
    values = {
        "ImageType": (["ORIGINAL", "PRIMARY", "KIM8001"], ["ORIGINAL", "PRIMARY", "LEE8002"]),
        "ConvolutionKernel": ("KIM8001", "LEE8002"),
        "ContrastBolusAgent": ("KIM8001", "LEE8002"),
        "AcquisitionDateTime": ("19380417101112.5", "19380418101112.5"),
        "AcquisitionTime": ("101738", "101739"),
        "ContentTime": ("101738", "101739"),
        "EchoTime": ("KIM8001", "LEE8002"),
        "AcquisitionNumber": ("KIM8001", "LEE8002"),
    }[tag]
    tokens = dict.fromkeys("KIM8001 LEE8002 19380417 19380418 101738 101739".split(), tag)

    def edit(dataset, _k, phase):
        dataset.pop("AcquisitionNumber", None)
        vr = dictionary_VR(tag)
        dataset.add_new(tag, "LO" if vr in ("DS", "IS") else vr, values[phase])

    phantom(
        tmp_path / "series", size=(10, 8, 6), phases=2, phase_tag="", edit=edit,
        instance_numbers="constant",
    )  # fmt: skip
    out = tmp_path / "out"
    out.mkdir()
    wish = [out / "a.nii.gz", "--4d"] if four_d else [out / "all", "--all"]
    code, said = run("export", tmp_path / "series", *wish, "-v")
    assert code == 0, said
    _, listed = run("info", tmp_path / "series", "-v")
    _, document = run("info", tmp_path / "series", "--json")
    assert found_in(written(out), tokens) == []
    assert found_in_bytes([said, listed, document], tokens) == []
    assert f"told apart by {tag}" in listed.decode()


def test_terms_of_the_field_are_said_and_names_are_not():
    assert may_be_said("ImageType", "ORIGINAL\\PRIMARY\\M\\NORM\\DIS2D")
    assert not may_be_said("ImageType", "ORIGINAL\\PRIMARY\\KIM")
    for kernel in ("B30f", "Br40d", "I30f\\3", "FC08", "STANDARD", "B", "YA"):
        assert may_be_said("ConvolutionKernel", kernel)
    for name in ("KIM", "Kim", "Hong Gildong", "810101", "PLANT0123X", ""):
        assert not may_be_said("ConvolutionKernel", name)
    assert may_be_said("EchoTime", 2.46)
    assert not may_be_said("EchoTime", "Kim")
    assert not may_be_said("AcquisitionTime", 101500.0)


def test_what_stands_in_place_of_a_uid_is_not_written(tmp_path):
    written = phantom(tmp_path / "series", size=(10, 8, 6))
    prefix, name = b"1.2.826.0.1.3680043.8.498.", b"Hong Gildong "
    for path in written.paths:
        path.write_bytes(path.read_bytes().replace(prefix, name.ljust(len(prefix), b"1")))
    out = volume.export(volume.load(tmp_path / "series"), tmp_path / "a.npz")
    assert found_in(written.paths, {"Gildong": "a UID"})
    assert found_in(out, {"Gildong": "a UID"}) == []


@needs_gl
@pytest.mark.parametrize("which", ["series", "gappy"])
def test_no_planted_value_is_drawn_or_in_the_picture(run, request, tmp_path, drawn, which):
    folder, tokens = request.getfixturevalue(which)
    path = tmp_path / "a.png"
    code, said = run("view", folder, "--screenshot", path, "--size", "500,400")
    assert code == 0, said
    assert len(drawn) > 8
    assert any("mm LPS" in text for text in drawn)
    assert found_in_bytes([text.encode() for text in drawn], tokens) == []
    assert found_in([path], tokens) == []
    assert found_in_bytes([said], secrets(tokens)) == []


@needs_gl
def test_the_demo_writes_nothing_of_where_it_is(run, tmp_path, monkeypatch):
    place = tmp_path / f"{NAME}9300X"
    place.mkdir()
    monkeypatch.chdir(place)
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("USER", "PLANT9301X")
    monkeypatch.setenv("LOGNAME", "PLANT9301X")
    assert run("demo", "body", "-q")[0] == 0
    assert len(written(place)) > 10
    assert found_in(written(place), dict.fromkeys(("PLANT9300X", "PLANT9301X"), "a name")) == []


def test_the_python_functions_write_no_planted_value(tmp_path):
    planted, found = leaks(tmp_path)
    assert planted > 5000
    assert found == []


def test_what_is_loaded_shows_no_planted_value_either(series, gappy):
    for (folder, tokens), gaps in ((series, "largest"), (gappy, "fill")):
        found = volume.scan(folder)
        head = volume.load(folder, gaps=gaps)
        shown = repr((found, *found.series, *found.stacks, head, head.geometry))
        assert found_in_bytes([shown.encode()], secrets(tokens)) == []


# With --identifiers


def told_with(run, folder, output, *flags):
    verb = "mesh" if output.suffix in MESHES else "export"
    code, said = run(verb, folder, output, "--identifiers", *flags)
    assert code == 0, said
    beside = output.with_suffix(output.suffix + ".json" if verb == "mesh" else ".json")
    return json.loads(beside.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def korean(tmp_path_factory):
    """A series in ISO 2022 IR 149, as Korean scanners write it."""

    def edit(dataset, _k, _phase):
        dataset.SpecificCharacterSet = ["", "ISO 2022 IR 149"]
        dataset.PatientName = "Hong^Gildong=洪^吉洞=홍^길동"
        dataset.PatientID, dataset.PatientAge = "4711", "045Y"
        dataset.PatientBirthDate, dataset.PatientSex = "19781103", "M"
        dataset.InstitutionName = "서울병원"
        dataset.StudyDescription = "머리 CT"
        dataset.AccessionNumber = "A12"

    return phantom(tmp_path_factory.mktemp("korean") / "series", size=(10, 8, 6), edit=edit)


def test_identifiers_are_written_for_those_who_ask_in_their_own_letters(run, korean, tmp_path):
    document = told_with(run, korean.folder, tmp_path / "a.nii")
    told = document["identifiers"]
    assert told["PatientName"] == "Hong^Gildong=洪^吉洞=홍^길동"
    assert (told["PatientID"], told["PatientAge"], told["PatientSex"]) == ("4711", "045Y", "M")
    assert (told["PatientBirthDate"], told["StudyDate"]) == ("19781103", "20200102")
    assert (told["InstitutionName"], told["StudyDescription"]) == ("서울병원", "머리 CT")
    assert told["AccessionNumber"] == "A12"
    assert "StudyID" not in told  # it is empty
    assert document["report"]["slices"][0]["path"].endswith(".dcm")
    assert "홍^길동".encode() in (tmp_path / "a.json").read_bytes()


def test_a_mesh_and_every_one_of_several_volumes_have_their_identifiers(run, korean, tmp_path):
    document = told_with(run, korean.folder, tmp_path / "a.stl", "--level", LEVEL)
    assert document["identifiers"]["PatientID"] == "4711"
    phantom(tmp_path / "phases", size=(10, 8, 6), phases=2)
    document = told_with(run, tmp_path / "phases", tmp_path / "b.nii", "--4d")
    assert [one["identifiers"]["PatientID"] for one in document["volumes"]] == ["phantom"] * 2


def test_python_has_to_ask_twice(korean, tmp_path):
    assert "identifiers" not in volume.load(korean.folder).report
    (head,) = volume.load_all(korean.folder, identifiers=True)
    assert head.report["identifiers"]["PatientID"] == "4711"
    ras = volume.reorient(head, "RAS")
    surface = volume.mesh(ras, level=float(LEVEL))
    tokens = dict.fromkeys(("4711", "Gildong", "길동", "서울병원"), "asked once")
    for what, name in ((ras, "a.nii"), (ras, "b.npz"), ((ras, ras), "c.nrrd"), (surface, "d.ply")):
        assert found_in(volume.export(what, tmp_path / name), tokens) == []
        paths = volume.export(what, tmp_path / name, identifiers=True, overwrite=True)
        assert {token for token, _, _ in found_in(paths, tokens)} == set(tokens)
