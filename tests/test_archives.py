"""Archives are read in place: what comes out is what the same folder gives, and no less is told."""

from __future__ import annotations

import bz2
import gc
import gzip
import io
import json
import lzma
import os
import shutil
import struct
import subprocess
import tarfile
import weakref
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import volume
from phantom import Phantom, phantom
from volume.dicom import archives, entries, opening, tar_archive, zip_archive
from volume.dicom.encoding import Unreadable
from volume.dicom.limits import Limits
from volume.findings import Severity

SMALL = {"size": (24, 20, 9)}
Files = Mapping[str, bytes]


def files_of(folder: Path) -> dict[str, bytes]:
    """Give every file below a folder by its name."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def zipped(method: int) -> Callable[[Files], bytes]:
    def write(files: Files) -> bytes:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", method) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return out.getvalue()

    return write


class Unseekable(io.RawIOBase):
    """A pipe: a zip archive written to it has the sizes behind the members."""

    def __init__(self) -> None:
        self.content = b""

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.content += bytes(data)
        return len(data)


def streamed(files: Files) -> bytes:
    out = Unseekable()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.content


def zip64(files: Files) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            with archive.open(name, "w", force_zip64=True) as member:
                member.write(content)
    return out.getvalue()


def appended(files: Files) -> bytes:
    """A zip archive with a comment, and something before it that shifts every offset."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.comment = b"a comment PK\x05\x06 to look at"
        for name, content in files.items():
            archive.writestr(name, content)
    return b"PK\x03\x04" + bytes(40) + out.getvalue()


def tarred(kind: int, mode: str = "w") -> Callable[[Files], bytes]:
    def write(files: Files) -> bytes:
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode=mode, format=kind) as archive:
            for name, content in files.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        return out.getvalue()

    return write


FORMS: Mapping[str, Callable[[Files], bytes]] = {
    "stored.zip": zipped(zipfile.ZIP_STORED),
    "deflated.zip": zipped(zipfile.ZIP_DEFLATED),
    "bzip2.zip": zipped(zipfile.ZIP_BZIP2),
    "lzma.zip": zipped(zipfile.ZIP_LZMA),
    "streamed.zip": streamed,
    "zip64.zip": zip64,
    "appended.zip": appended,
    "ustar.tar": tarred(tarfile.USTAR_FORMAT),
    "gnu.tar": tarred(tarfile.GNU_FORMAT),
    "pax.tar": tarred(tarfile.PAX_FORMAT),
    "a.tar.gz": tarred(tarfile.GNU_FORMAT, "w:gz"),
    "a.tgz": tarred(tarfile.PAX_FORMAT, "w:gz"),
    "a.tar.bz2": tarred(tarfile.GNU_FORMAT, "w:bz2"),
    "a.tar.xz": tarred(tarfile.GNU_FORMAT, "w:xz"),
}


def write(path: Path, files: Files) -> Path:
    """Write an archive in the form that its name says, or a plain zip."""
    path.write_bytes(FORMS.get(path.name, zipped(zipfile.ZIP_DEFLATED))(files))
    return path


def told(findings: tuple[volume.Finding, ...]) -> list[tuple[object, ...]]:
    return sorted((f.code, str(f.severity), f.message, tuple(sorted(f.files))) for f in findings)


def same(one: volume.Volume, other: volume.Volume) -> None:
    """Claim that two volumes are the same, with what was found about them."""
    assert one.array.dtype == other.array.dtype
    np.testing.assert_array_equal(one.array, other.array)
    np.testing.assert_array_equal(one.geometry.affine, other.geometry.affine)
    assert told(one.findings) == told(other.findings)
    assert one.report == other.report


@pytest.fixture(scope="module")
def series(tmp_path_factory) -> Phantom:
    return phantom(tmp_path_factory.mktemp("series") / "s", **SMALL, names="nested")


@pytest.mark.parametrize("name", FORMS)
def test_an_archive_gives_what_its_folder_gives(series, tmp_path, name):
    path = write(tmp_path / name, files_of(series.folder))
    made = volume.load(path)
    assert series.error_mm(made.array, made.geometry.affine) <= 0.1
    same(made, volume.load(series.folder))
    assert volume.scan(path).files == volume.scan(series.folder).files or sorted(
        record.name for record in volume.scan(path).files
    ) == sorted(record.name for record in volume.scan(series.folder).files)
    assert os.listdir(tmp_path) == [name]  # noqa: PTH208 nothing else was written


ODDITIES: Mapping[str, dict[str, Any]] = {
    "jpeg-lossless": {"transfer_syntax": "jpeg-lossless-sv1"},
    "jpeg-2000": {"transfer_syntax": "jpeg-2000"},
    "deflated": {"transfer_syntax": "deflated"},
    "big-endian": {"transfer_syntax": "big-endian"},
    "multi-frame": {"enhanced": True},
    "compressed multi-frame": {"enhanced": True, "transfer_syntax": "jpeg-ls"},
    "a copy": {"duplicates": (3,), "duplicates_as": "new-uid"},
    "copies of deflated ones": {"duplicates": (3,), "transfer_syntax": "deflated"},
    "no preamble": {"preamble": False},
    "tilted": {"tilt": 12.0},
    "phases": {"phases": 2},
}


@pytest.mark.parametrize("name", ["deflated.zip", "stored.zip", "gnu.tar", "a.tar.gz"])
@pytest.mark.parametrize("oddity", ODDITIES)
def test_whatever_is_in_it_comes_out_as_from_the_folder(tmp_path, oddity, name):
    truth = phantom(tmp_path / "s", **SMALL, **ODDITIES[oddity])
    path = write(tmp_path / name, files_of(truth.folder))
    plain, packed = volume.load_all(truth.folder), volume.load_all(path)
    assert len(plain) == len(packed)
    for one, other in zip(plain, packed, strict=True):
        same(one, other)
    if oddity != "phases":
        assert truth.error_mm(packed[0].array, packed[0].geometry.affine, margin=0.01) <= 0.1


def test_a_truncated_slice_is_told_as_in_the_folder(tmp_path):
    truth = phantom(tmp_path / "s", **SMALL, truncate=(3,))
    plain = volume.load(truth.folder, gaps="fill")
    for name in ("deflated.zip", "gnu.tar", "a.tar.gz"):
        same(volume.load(write(tmp_path / name, files_of(truth.folder)), gaps="fill"), plain)


@pytest.mark.parametrize("name", ["deflated.zip", "gnu.tar", "a.tar.gz"])
def test_an_archive_within_a_folder_is_read_in_place(series, tmp_path, name):
    """Half of the series lies in the folder, half in an archive there."""
    every = list(files_of(series.folder).items())
    write(tmp_path / name, dict(every[::2]))
    for file, content in every[1::2]:
        (tmp_path / Path(file).name).write_bytes(content)
    made = volume.load(tmp_path)
    np.testing.assert_array_equal(made.array, volume.load(series.folder).array)
    names = {record.name for record in volume.scan(tmp_path).files}
    assert names == {f"{name}/{file}" for file, _ in every[::2]} | {
        Path(file).name for file, _ in every[1::2]
    }


@pytest.mark.parametrize("syntax", ["explicit", "jpeg-2000", "deflated"])
@pytest.mark.parametrize(
    "compress", [gzip.compress, bz2.compress, lzma.compress], ids=["gzip", "bzip2", "xz"]
)
def test_compressed_files_are_read_in_a_folder_and_in_archives(tmp_path, syntax, compress):
    truth = phantom(tmp_path / "s", **SMALL, transfer_syntax=syntax)
    packed = {f"{name}.gz": compress(data) for name, data in files_of(truth.folder).items()}
    (tmp_path / "gz").mkdir()
    for name, content in packed.items():
        (tmp_path / "gz" / name).write_bytes(content)
    plain = volume.load(truth.folder)
    for source in (
        tmp_path / "gz",
        write(tmp_path / "deflated.zip", packed),
        write(tmp_path / "a.tgz", packed),
    ):
        made = volume.load(source)
        np.testing.assert_array_equal(made.array, plain.array)
        np.testing.assert_array_equal(made.geometry.affine, plain.geometry.affine)
        assert {f.code for f in made.findings} == {f.code for f in plain.findings}


def test_one_gzipped_file_is_a_source(tmp_path, run):
    truth = phantom(tmp_path / "s", **SMALL, enhanced=True)
    path = tmp_path / "IM0001.dcm.gz"
    path.write_bytes(gzip.compress(truth.paths[0].read_bytes()))
    made = volume.load(path)
    assert truth.error_mm(made.array, made.geometry.affine) <= 0.1
    assert run("export", path, tmp_path / "a.nii.gz")[0] == 0
    same_again = volume.load(tmp_path / "a.nii.gz")  # a volume file stays one
    np.testing.assert_array_equal(same_again.array, made.array)


def test_a_gzipped_volume_file_among_slices_is_no_dicom(series, tmp_path):
    shutil.copytree(series.folder, tmp_path / "s")
    volume.export(volume.load(series.folder), tmp_path / "s" / "a.nii.gz", sidecar=False)
    volume.export(volume.load(series.folder), tmp_path / "s" / "a.npz", sidecar=False)
    (tmp_path / "s" / "notes.txt.gz").write_bytes(gzip.compress(b"notes " * 100))
    found = volume.scan(tmp_path / "s")
    assert {record.name: record.code for record in found.files if record.code} == {
        "a.nii.gz": "not-dicom",
        "a.npz": "not-dicom",
        "notes.txt.gz": "not-dicom",
    }


# Names


HANGUL = "환자/복부 CT/영상"
LONG = "a very long folder name " * 12


def names_in(source: Path) -> set[str]:
    return {record.name for record in volume.scan(source).files}


def raw_zip(members: list[tuple[bytes, bytes]], flags: int = 0) -> bytes:
    """Write a zip archive by hand, whose names are any bytes."""
    body = table = b""
    for name, content in members:
        crc, size = zlib.crc32(content), len(content)
        fixed = struct.pack("<5H3I2H", 20, flags, 0, 0, 33, crc, size, size, len(name), 0)
        head = b"PK\1\2" + struct.pack("<H", 20) + fixed
        table += head + struct.pack("<3H2I", 0, 0, 0, 0, len(body)) + name
        body += b"PK\3\4" + fixed + name + content
    count = len(members)
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, count, count, len(table), len(body), 0)
    return body + table + end


@pytest.mark.parametrize(
    ("raw", "flags", "shown"),
    [
        (HANGUL.encode("cp949"), 0, HANGUL),
        ("똠방각하.dcm".encode("cp949"), 0, "똠방각하.dcm"),  # not in KS X 1001
        (HANGUL.encode(), 0x800, HANGUL),
        (HANGUL.encode(), 0, HANGUL),
        (b"IM0001", 0, "IM0001"),
        (b"caf\x82.dcm", 0, "café.dcm"),  # cp437, the zip format's own
        (b"\xff\xfe\x81", 0x800, "\udcff\udcfe\udc81"),
    ],
)
def test_names_in_zips_are_read_as_koreans_and_others_write_them(tmp_path, raw, flags, shown):
    truth = phantom(tmp_path / "s", size=(12, 10, 1))
    path = tmp_path / "a.zip"
    path.write_bytes(raw_zip([(raw, truth.paths[0].read_bytes())], flags))
    assert names_in(path) == {shown}
    assert volume.load(path).array.shape == (1, 10, 12)


def test_a_name_repeated_in_unicode_is_taken_from_there(tmp_path):
    raw = "환자".encode("cp949")
    field = struct.pack("<BI", 1, zlib.crc32(raw)) + "患者".encode()
    extra = struct.pack("<HH", 0x7075, len(field)) + field
    member = zipfile.ZipInfo("x" * len(raw))
    member.extra = extra
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(member, b"no image" * 30)
        archive.writestr("IM1", phantom(tmp_path / "s", size=(12, 10, 1)).paths[0].read_bytes())
    path = tmp_path / "a.zip"
    path.write_bytes(out.getvalue().replace(b"x" * len(raw), raw))
    assert names_in(path) == {"患者", "IM1"}


@pytest.mark.parametrize("encoding", ["utf-8", "cp949"])
@pytest.mark.parametrize("kind", [tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_names_in_tars_are_korean_too(tmp_path, encoding, kind):
    truth = phantom(tmp_path / "s", size=(12, 10, 1))
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w", format=kind, encoding=encoding) as archive:
        archive.add(truth.paths[0], HANGUL)
    assert names_in(path) == {HANGUL}


@pytest.mark.parametrize("kind", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_names_in_tars_are_whole(series, tmp_path, kind):
    files = {f"{LONG}/{name}": content for name, content in files_of(series.folder).items()}
    path = tmp_path / "a.tar"
    path.write_bytes(tarred(kind)(files))
    assert names_in(path) == set(files)


HOSTILE_NAMES = [
    "../../../../tmp/IM1", "/etc/IM2", "C:\\IM3", "a/../IM4", "./IM5", "nul\0byte", "\x1b[31mred",
    "x" * 5000, "\u202egnp.IM", "a//b", "CON",
]  # fmt: skip


def test_names_are_only_names(tmp_path, run):
    """They lead nowhere on the disk, and are shown escaped."""
    truth = phantom(tmp_path / "s", size=(12, 10, len(HOSTILE_NAMES)))
    named = zip(HOSTILE_NAMES, truth.paths, strict=True)
    path = tmp_path / "in" / "a.zip"
    path.parent.mkdir()
    path.write_bytes(raw_zip([(name.encode(), file.read_bytes()) for name, file in named]))
    made = volume.load(path)
    assert truth.error_mm(made.array, made.geometry.affine) <= 0.1
    assert names_in(path) == set(HOSTILE_NAMES)
    texts = [(name.encode(), b"no image at all" * 20) for name in HOSTILE_NAMES]
    path.write_bytes(raw_zip([*texts, (b"IM1", truth.paths[0].read_bytes())]))
    code, out, err = run("info", path.parent, "-v")
    assert code == 0
    assert "\x1b" not in out + err
    assert "\u202e" not in out + err
    assert sorted(os.listdir(tmp_path)) == ["in", "s"]  # noqa: PTH208


def test_two_members_of_one_name_are_two_files(tmp_path):
    truth = phantom(tmp_path / "s", **SMALL)
    path = tmp_path / "a.zip"
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "w") as archive:
        archive.writestr("IM (2)", truth.paths[0].read_bytes())
        for one in truth.paths[1:]:
            archive.writestr("IM", one.read_bytes())
    made = volume.load(path)
    assert truth.error_mm(made.array, made.geometry.affine) <= 0.1
    assert len(names_in(path)) == 9


# What is no DICOM, and what cannot be read


def test_a_document_among_slices_is_one_ignored_file(series, tmp_path, run):
    shutil.copytree(series.folder, tmp_path / "s")
    write(tmp_path / "s" / "report.docx", {f"word/{n}.xml": b"<xml/>" * 99 for n in range(30)})
    wheel = {"a/__init__.py": b"", "a/b.py": b"import this\n" * 9}
    write(tmp_path / "s" / "a.whl", wheel)
    (tmp_path / "s" / "code.tar.gz").write_bytes(tarred(tarfile.GNU_FORMAT, "w:gz")(wheel))
    found = volume.scan(tmp_path / "s")
    codes = {f.files: (f.code, f.message) for f in found.findings}
    assert codes == {
        ("a.whl", "report.docx"): ("not-dicom", "a zip archive without DICOM inside"),
        ("code.tar.gz",): ("not-dicom", "a gzip tar archive without DICOM inside"),
    }
    assert (found.count(), found.count(volume.dicom.files.Fate.IGNORED)) == (12, 3)
    same_array = volume.load(tmp_path / "s").array
    np.testing.assert_array_equal(same_array, volume.load(series.folder).array)
    assert run("info", tmp_path / "s" / "report.docx")[0] == 3


def test_an_empty_archive_is_told(tmp_path, run):
    code, out, _ = run("info", write(tmp_path / "a.zip", {}))
    assert code == 3
    assert "a zip archive without DICOM inside" in out


def test_an_archive_inside_an_archive_is_named_with_the_way_out(series, tmp_path):
    files = files_of(series.folder)
    inner = zipped(zipfile.ZIP_DEFLATED)(files)
    path = write(tmp_path / "a.zip", {**files, "more.zip": inner, "a.docx": inner[:0] + inner})
    found = volume.scan(path)
    assert {record.name: record.code for record in found.files if record.code} == {
        "more.zip": "not-supported-yet",
        "a.docx": "not-dicom",
    }
    said = next(f for f in found.findings if f.code == "not-supported-yet")
    assert said.message == "a zip archive inside an archive: not read, unpack it first"


@pytest.mark.parametrize("names", ["plain", "nested"])
def test_an_archive_that_is_not_read_is_told_beside_the_slices_it_may_complete(tmp_path, names):
    files = sorted(files_of(phantom(tmp_path / "s", **SMALL, names=names).folder).items())
    inner = zipped(zipfile.ZIP_DEFLATED)(dict(files[5:]))
    source = write(tmp_path / "half.zip", dict(files[:5]) | {"rest.zip": inner})
    found = volume.load(source).findings
    (finding,) = (one for one in found if one.files == ("rest.zip",))
    assert (finding.code, finding.severity) == ("not-supported-yet", Severity.WARNING)
    assert "may belong here" in finding.message


@pytest.mark.parametrize(
    ("start", "kind"), [(b"7z\xbc\xaf\x27\x1c", "7z archive"), (b"Rar!\x1a\x07\x01", "rar archive")]
)
def test_other_archives_are_named_with_the_way_out(series, tmp_path, start, kind):
    shutil.copytree(series.folder, tmp_path / "s")
    (tmp_path / "s" / "more").write_bytes(start + bytes(500))
    (finding,) = volume.scan(tmp_path / "s").findings
    assert (finding.code, finding.files) == ("not-supported-yet", ("more",))
    assert kind in finding.message
    assert "unpack it first" in finding.message


def test_links_and_devices_in_a_tar_are_no_files(series, tmp_path):
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        archive.add(series.folder, "s")
        for name, kind in (("soft", tarfile.SYMTYPE), ("hard", tarfile.LNKTYPE)):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc/passwd"
            archive.addfile(member)
        for name, kind in (("pipe", tarfile.FIFOTYPE), ("zero", tarfile.CHRTYPE)):
            member = tarfile.TarInfo(name)
            member.type = kind
            archive.addfile(member)
    found = volume.scan(path)
    assert {(f.code, f.message, f.files) for f in found.findings} == {
        ("special-file", "a link in an archive: not read", ("hard", "soft")),
        ("special-file", "a device, pipe or socket in an archive: not read", ("pipe", "zero")),
    }
    assert found.count() == 9


def test_a_link_in_a_zip_is_no_file(series, tmp_path):
    path = write(tmp_path / "a.zip", files_of(series.folder))
    link = zipfile.ZipInfo("link")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    (finding,) = volume.scan(path).findings
    assert (finding.code, finding.files) == ("special-file", ("link",))


def patched(path: Path, name: str, at: int, value: bytes, at_local: int | None = None) -> None:
    """Change bytes of a member's header in the table of contents, and in its own."""
    content = bytearray(path.read_bytes())
    table = content.rindex(b"PK\1\2", 0, content.rindex(name.encode()))
    content[table + at : table + at + len(value)] = value
    if at_local is not None:
        own = content.index(name.encode()) - 30
        content[own + at_local : own + at_local + len(value)] = value
    path.write_bytes(bytes(content))


def test_encrypted_members_are_named_with_the_way_out(series, tmp_path, run):
    files = files_of(series.folder)
    path = write(tmp_path / "a.zip", files)
    last = max(files)
    patched(path, last, 8, b"\1\0", 6)
    found = volume.scan(path)
    (finding,) = found.findings
    assert (finding.code, finding.files) == ("unreadable", (last,))
    assert finding.message == "encrypted: unpack it with its password first"
    (stack,) = found.stacks
    assert ("unreadable", (last,)) in {(f.code, f.files) for f in stack.findings}


@pytest.mark.skipif(shutil.which("zip") is None, reason="no zip here")
def test_a_really_encrypted_zip_is_refused_with_the_way_out(series, tmp_path, run):
    path = tmp_path / "a.zip"
    subprocess.run(["zip", "-qr", "-P", "secret", path, "."], cwd=series.folder, check=True)
    code, _, err = run("export", path, tmp_path / "a.nii")
    assert code == 3
    assert "unpack it with its password first" in err


def test_a_method_that_is_not_read_is_named(series, tmp_path):
    files = files_of(series.folder)
    path = write(tmp_path / "a.zip", files)
    patched(path, max(files), 10, b"\x09\0", 8)
    (finding,) = volume.scan(path).findings
    assert (finding.code, finding.files) == ("not-supported-yet", (max(files),))
    assert "Deflate64, which is not read: unpack it first" in finding.message


def test_the_members_before_the_cut_of_a_zip_are_read_and_the_damage_is_told(series, tmp_path):
    """Without its end, the archive has no table of contents."""
    content = FORMS["deflated.zip"](files_of(series.folder))
    path = tmp_path / "a.zip"
    path.write_bytes(content[: content.index(b"PK\1\2") * 2 // 3])
    found = volume.scan(path)
    assert "a.zip" in {r.name for r in found.files if r.fate is volume.dicom.files.Fate.FAILED}
    (stack,) = found.stacks
    assert 3 <= len(stack.slices) < 9
    said = [f for f in stack.findings if f.code == "unreadable"]
    assert [(f.severity, f.files) for f in said] == [(Severity.WARNING, ("a.zip",))]
    assert "damaged and may have held more" in said[0].message


def test_the_members_before_the_cut_of_a_tar_are_read_and_the_damage_is_told(series, tmp_path):
    files = {**files_of(series.folder), "zz": bytes(200_000)}
    path = tmp_path / "a.tar"
    path.write_bytes(FORMS["gnu.tar"](files)[:-120_000])
    found = volume.scan(path)
    (stack,) = found.stacks
    assert any("may have held more" in finding.message for finding in stack.findings)
    assert "a.tar" in {r.name for r in found.files if r.code == "unreadable"}
    np.testing.assert_array_equal(volume.load(path).array, volume.load(series.folder).array)


@pytest.mark.parametrize("name", ["a.tar.gz", "a.tar.bz2", "a.tar.xz"])
def test_nothing_of_a_compressed_tar_is_used_that_its_checksum_does_not_confirm(
    series, tmp_path, name
):
    """One checksum stands for all of it: of which file it tells, nobody knows."""
    content = FORMS[name](files_of(series.folder))
    path = tmp_path / name
    for broken in (content[: len(content) // 2], content[:-9], content[:-8] + b"\0" * 8):
        path.write_bytes(broken)
        (finding,) = volume.scan(path).findings
        assert (finding.code, finding.files) == ("unreadable", (name,))
        assert "damaged" in finding.message


def test_a_tar_cut_in_the_middle_of_pixels_has_a_truncated_slice(tmp_path):
    truth = phantom(tmp_path / "s", **SMALL)
    files = {path.name: path.read_bytes() for path in truth.paths}
    content = FORMS["gnu.tar"](files)
    path = tmp_path / "a.tar"
    last = truth.paths[-1].read_bytes()
    path.write_bytes(content[: content.index(last) + len(last) - 300])
    found = volume.scan(path)
    (stack,) = found.stacks
    assert "pixels-truncated" in {finding.code for finding in stack.refusals}


@pytest.mark.parametrize("name", ["stored.zip", "deflated.zip"])
def test_pixels_that_a_checksum_calls_damaged_are_not_used(tmp_path, name):
    """A bit changed within the pixels: the header reads well, the volume is refused."""
    truth = phantom(tmp_path / "s", size=(64, 64, 5))
    files = {path.name: path.read_bytes() for path in truth.paths}
    path = write(tmp_path / name, files)
    with zipfile.ZipFile(path) as archive:
        member = archive.getinfo(truth.paths[2].name)
    content = bytearray(path.read_bytes())
    content[member.header_offset + 30 + len(member.filename) + member.compress_size - 300] ^= 0x10
    path.write_bytes(content)
    assert len(volume.scan(path).stacks) == 1
    with pytest.raises(volume.VolumeError, match=truth.paths[2].name):
        volume.load(path)
    filled = volume.load(path, gaps="fill")
    assert truth.error_mm(filled.array, filled.geometry.affine) <= 0.2
    assert any("damaged" in finding.message for finding in filled.findings)


def test_a_gzipped_file_cut_short_is_refused_by_name(tmp_path):
    truth = phantom(tmp_path / "s", size=(64, 64, 5))
    (tmp_path / "gz").mkdir()
    for path in truth.paths:
        (tmp_path / "gz" / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
    bad = tmp_path / "gz" / f"{truth.paths[2].name}.gz"
    bad.write_bytes(bad.read_bytes()[:-500])
    found = volume.scan(tmp_path / "gz")
    assert [(f.code, f.files) for f in found.findings] == [("unreadable", (bad.name,))]
    with pytest.raises(volume.GridError, match="missing"):
        volume.load(tmp_path / "gz")


@pytest.mark.parametrize("name", ["deflated.zip", "gnu.tar", "a.tar.gz", "lzma.zip"])
def test_a_changed_byte_anywhere_is_answered_without_a_crash(tmp_path, name):
    truth = phantom(tmp_path / "s", size=(12, 10, 3))
    content = FORMS[name](files_of(truth.folder))
    path = tmp_path / name
    for at in range(0, len(content), max(1, len(content) // 150)):
        changed = bytearray(content)
        changed[at] ^= 0xFF
        path.write_bytes(changed)
        found = volume.scan(path)
        try:
            made = volume.load(path)
        except volume.VolumeError:
            continue
        assert made.array.shape[1:] == (10, 12)
        if name != "gnu.tar":  # which has no checksum for what is in it
            whole = truth.error_mm(made.array, made.geometry.affine) <= 0.1
            assert whole or found.count(volume.dicom.files.Fate.FAILED)


# Bounds


def test_a_member_inflates_no_further_than_its_limit(tmp_path):
    bomb = bytes(128) + b"DICM" + bytes(40 << 20)
    for method in (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        path = tmp_path / f"{method}.zip"
        path.write_bytes(zipped(method)({"bomb": bomb}))
        (finding,) = volume.scan(path, limits="inflated=16").findings
        assert finding.message == "the compressed file swells beyond 16 MiB"
        assert finding.remedy == ("limits", "inflated=64")
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(bomb))
    (finding,) = volume.scan(path, limits="inflated=16").findings
    assert finding.remedy == ("limits", "inflated=64")


def test_a_compressed_tar_has_a_limit_with_the_way_out(tmp_path):
    path = tmp_path / "a.tgz"
    path.write_bytes(tarred(tarfile.GNU_FORMAT, "w:gz")({"a": bytes(40 << 20)}))
    (finding,) = volume.scan(path, limits="inflated=16").findings
    assert finding.message == "the compressed archive swells beyond 16 MiB"
    assert "unpack it first" in str(finding.remedy)
    assert "inflated=64" in str(finding.remedy)


def test_compressed_tars_are_held_up_to_one_limit_together(series, tmp_path):
    for n in range(3):
        content = (
            {**files_of(series.folder), "zz": bytes(7 << 20)} if n else {"a": b"x" * (9 << 20)}
        )
        (tmp_path / f"{n}.tgz").write_bytes(tarred(tarfile.GNU_FORMAT, "w:gz")(content))
    found = volume.scan(tmp_path, limits="inflated=12")
    (said,) = [f for f in found.findings if "together" in f.message]
    assert said.files == ("2.tgz",)  # the first holds nothing that is read
    assert sum(archive.held for archive in found.archives) < 12 << 20
    assert len(volume.scan(tmp_path, limits="inflated=24").archives) == 2


def test_what_was_held_in_memory_goes_with_the_scan(series, tmp_path):
    path = write(tmp_path / "a.tgz", files_of(series.folder))
    found = volume.scan(path)
    (held,) = map(weakref.ref, found.archives)
    assert volume.scan(path).archives == found.archives  # not twice in memory
    del found
    gc.collect()
    assert held() is None


def test_a_lying_size_is_held_against_the_bytes(tmp_path):
    truth = phantom(tmp_path / "s", size=(12, 10, 1))
    name, size = truth.paths[0].name, truth.paths[0].stat().st_size
    for lie in (size - 100, size + 100):
        path = write(tmp_path / "a.zip", {name: truth.paths[0].read_bytes()})
        patched(path, name, 24, struct.pack("<I", lie), 22)
        with pytest.raises(volume.VolumeError, match=r"than it says|truncated|missing|damaged"):
            volume.load(path)


def test_members_that_share_bytes_are_refused(tmp_path):
    """Few bytes that stand for many members, each of which inflates to much."""
    kernel = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = kernel.compress(bytes(128) + b"DICM" + bytes(1 << 20)) + kernel.flush()
    size = 132 + (1 << 20)
    fixed = struct.pack("<5H3I2H", 20, 0, 8, 0, 33, 0, len(packed), size, 1, 0)
    body = b"PK\3\4" + fixed + b"a" + packed
    table = b"".join(
        b"PK\1\2" + struct.pack("<H", 20) + fixed + struct.pack("<3H2I", 0, 0, 0, 0, 0)
        + bytes([97 + n % 26])
        for n in range(1000)
    )  # fmt: skip
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 1000, 1000, len(table), len(body), 0)
    path = tmp_path / "a.zip"
    path.write_bytes(body + table + end)
    found = volume.scan(path)
    overlapping = [f for f in found.findings if "overlaps another member" in f.message]
    assert sum(len(finding.files) for finding in overlapping) == 999


def test_headers_of_many_hostile_members_have_one_bound_together(tmp_path, monkeypatch):
    """Each member alone stays below its limit."""
    monkeypatch.setattr(archives, "HEADERS_PART", 0)
    private = struct.pack("<HH2sHI", 9, 0x1010, b"OB", 0, 12 << 20) + bytes(12 << 20)
    meta = (
        bytes(128) + b"DICM" + struct.pack("<HH2sH", 2, 0x10, b"UI", 20) + b"1.2.840.10008.1.2.1\0"
    )
    private += struct.pack("<HH2sH", 0x10, 0x10, b"PN", 0)  # behind it, so that it is passed
    files = {str(n): meta + private for n in range(6)}
    path = write(tmp_path / "a.zip", files)
    messages = [f.message for f in volume.scan(path, limits="inflated=16").findings]
    assert "the headers in this archive swell beyond all bounds" in messages


def test_too_many_members_are_refused_with_the_way_out(tmp_path, monkeypatch):
    for module in (zip_archive, tar_archive):
        monkeypatch.setattr(module, "ENTRIES_AT_MOST", 20)
    for name in ("stored.zip", "gnu.tar"):
        path = write(tmp_path / name, {str(n): b"x" for n in range(21)})
        (finding,) = volume.scan(path).findings
        assert "has more than" in finding.message
        assert finding.remedy == "unpack it first"
    assert entries.ENTRIES_AT_MOST == 100_000


def test_a_header_is_inflated_no_further_than_it_is_read(tmp_path):
    """A scan of slices of 8 MiB takes a few KiB of each."""
    truth = phantom(tmp_path / "s", size=(2048, 2048, 1))
    path = write(tmp_path / "a.zip", {"IM1": truth.paths[0].read_bytes()})
    with opening.open_file(f"{path}/IM1") as part:
        part.read(132)
        part.seek(3000)
        assert len(part.read(2**15)) == 2**15
        assert len(part._buffer) < 2**17
    assert volume.scan(path).count() == 1


def test_a_member_that_is_gone_is_told(series, tmp_path):
    path = write(tmp_path / "a.zip", files_of(series.folder))
    write(path, {"other": b"x"})
    with pytest.raises(Unreadable, match="no such file in the archive, or no longer"):
        opening.open_file(f"{path}/IM1", Limits())
    with pytest.raises(FileNotFoundError):
        opening.open_file(str(tmp_path / "nothing" / "IM1"))


# The command line


def test_every_verb_takes_an_archive(series, tmp_path, run):
    path = write(tmp_path / "a.zip", files_of(series.folder))
    code, out, _ = run("info", path)
    assert code == 0
    assert f"next: volume view {path}" in out
    code, out, _ = run("info", path, "--json")
    assert json.loads(out)["files"] == {"total": 9, "used": 9, "ignored": 0, "failed": 0}
    assert run("export", path, tmp_path / "a.nii.gz")[0] == 0
    assert run("export", series.folder, tmp_path / "b.nii.gz")[0] == 0
    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes().replace(
        b'"b.nii.gz"', b'"a.nii.gz"'
    )
    assert run("mesh", path, tmp_path / "a.stl", "--level", "0")[0] == 0
    assert run("view", path, "--screenshot", tmp_path / "a.png", "--size", "400,300")[0] == 0
    assert (tmp_path / "a.png").stat().st_size > 1000


def test_tags_names_the_members_of_no_archive_that_is_not_read(series, tmp_path, run):
    inner = zipped(zipfile.ZIP_STORED)(files_of(series.folder))
    outer = write(tmp_path / "outer.zip", {"inner.zip": inner})
    (tmp_path / "a.7z").write_bytes(b"7z\xbc\xaf\x27\x1c" + bytes(500))
    assert f"name a file in it: {outer}/..." in run("tags", outer)[2]
    for path in (f"{outer}/inner.zip", tmp_path / "a.7z"):
        code, _, err = run("tags", path)
        assert code == 3 and "not read, unpack it first" in err and "name a file" not in err
    assert "no such file in the archive" in run("tags", f"{outer}/nothing")[2]


def test_an_output_is_never_within_an_archive_nor_in_its_place(series, tmp_path, run):
    path = write(tmp_path / "a.zip", files_of(series.folder))
    before = path.read_bytes()
    code, _, err = run("export", path, path / "head.nii")
    assert code == 1
    assert "inside the source" in err
    assert run("export", path, path / "all", "--all")[0] == 1
    link = tmp_path / "head.nii"
    link.symlink_to(path)
    code, _, err = run("export", path, link, "--overwrite")
    assert code == 1
    assert "take the place of the source" in err
    assert path.read_bytes() == before


def test_who_the_patient_is_can_be_read_from_an_archive(tmp_path):
    truth = phantom(tmp_path / "s", **SMALL, patient_name="Hong^Gildong")
    for name in ("deflated.zip", "a.tgz"):
        path = write(tmp_path / name, files_of(truth.folder))
        told_of = volume.load(path, identifiers=True).report["identifiers"]
        assert told_of["PatientName"] == "Hong^Gildong"
