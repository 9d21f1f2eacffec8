"""What a file may ask for: refused beyond a limit, with the way to raise it, which is said."""

from __future__ import annotations

import zlib
from dataclasses import asdict

import pydicom
import pytest

import volume
from phantom import phantom
from volume.dicom.encoding import DEFLATED, Unreadable
from volume.dicom.files import FoundFile
from volume.dicom.limits import DEFAULT, Limits, parse_limits
from volume.dicom.reader import read_headers

SMALL = {"size": (12, 10, 6)}


def test_the_words_of_the_command_line_are_read():
    assert parse_limits("") == DEFAULT
    assert asdict(parse_limits("inflated=2048, seconds=60")) == {
        **asdict(DEFAULT),
        "inflated": 2048,
        "seconds": 60,
    }


@pytest.mark.parametrize(
    "text", ["inflated", "inflated=-1", "nested=3", "frame=1e3", "nesting=999", "frame=0"]
)
def test_what_is_no_limit_is_refused_with_those_there_are(text):
    with pytest.raises(ValueError, match=r"inflated=512|is from 1 to"):
        parse_limits(text)


def bomb(mebibytes: int) -> bytes:
    """Make a deflated file whose data set swells to so many MiB of zeros."""
    meta = pydicom.dataset.FileMetaDataset()
    meta.TransferSyntaxUID = DEFLATED
    buffer = pydicom.filebase.DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    pydicom.filewriter.write_file_meta_info(buffer, meta, enforce_standard=False)
    deflater = zlib.compressobj(9, wbits=-15)
    zeros = bytes(2**20)
    body = b"".join(deflater.compress(zeros) for _ in range(mebibytes)) + deflater.flush()
    return bytes(128) + b"DICM" + buffer.getvalue() + body


def test_a_deflated_data_set_swells_to_its_limit_and_no_further(tmp_path):
    path = tmp_path / "bomb"
    path.write_bytes(bomb(20))
    found = FoundFile(str(path), "bomb")
    with pytest.raises(Unreadable, match="swells beyond 16 MiB") as refusal:
        read_headers(found, Limits(inflated=16))
    assert refusal.value.remedy == ("limits", "inflated=64")
    with pytest.raises(Unreadable) as other:
        read_headers(found, Limits(inflated=64))
    assert "swells" not in str(other.value)


def test_a_bomb_among_files_is_named_with_the_way_out(tmp_path):
    (tmp_path / "bomb").write_bytes(bomb(20))
    (finding,) = volume.scan(tmp_path, limits="inflated=16").findings
    assert (finding.files, finding.remedy) == (("bomb",), ("limits", "inflated=64"))


def huge(dataset, k, phase):
    """Claim a frame of 384 MiB; the codestream has its true size."""
    dataset.Rows = dataset.Columns = 14189


@pytest.mark.parametrize("syntax", ["jpeg-ls", "rle", "encapsulated-uncompressed"])
def test_a_compressed_frame_has_a_limit_in_the_header(syntax, tmp_path):
    phantom(tmp_path, **SMALL, transfer_syntax=syntax, edit=huge)
    (finding,) = volume.scan(tmp_path).findings
    assert "more than 256 MiB" in finding.message
    assert finding.remedy == ("limits", "frame=1024")
    assert volume.scan(tmp_path, limits="frame=1024").stacks


def test_no_room_is_made_for_frames_whose_own_headers_disagree(tmp_path, monkeypatch):
    phantom(tmp_path, **SMALL, transfer_syntax="jpeg-ls", edit=huge)
    monkeypatch.setattr("volume.dicom.pixels.Planes", None)
    with pytest.raises(volume.PixelError, match=r"holds 12 x 10 x 1 instead of 14189 x 14189 x 1"):
        volume.load(tmp_path, limits="frame=1024")


def test_more_compressed_frames_than_bytes_are_refused(tmp_path):
    def edit(dataset, k, phase):
        dataset.NumberOfFrames = 99_999

    phantom(tmp_path, **SMALL, transfer_syntax="jpeg-ls", enhanced=True, edit=edit)
    (finding,) = volume.scan(tmp_path).findings
    assert "more than there are bytes for" in finding.message


def test_a_limit_that_was_raised_is_said_in_the_volume(tmp_path):
    phantom(tmp_path, **SMALL)
    assert "limits-raised" not in {f.code for f in volume.load(tmp_path).findings}
    made = volume.load(tmp_path, limits="nesting=100")
    (said,) = [f for f in made.findings if f.code == "limits-raised"]
    assert (said.message, said.evidence) == ("limits set by hand: nesting 100", {"nesting": 100})


def test_a_raised_limit_holds_where_the_identity_is_read(tmp_path, monkeypatch):
    from volume.dicom import identity

    phantom(tmp_path, **SMALL)
    opened, asked = identity.open_data_set, []
    monkeypatch.setattr(
        identity, "open_data_set", lambda *how: (asked.append(how), opened(*how))[1]
    )
    volume.load(tmp_path, limits="inflated=9999", identifiers=True)
    assert [how[2].inflated for how in asked] == [9999]


def test_a_copy_beyond_its_limit_is_like_no_other(tmp_path, monkeypatch):
    def refused(*_how):
        raise Unreadable("the deflated data set swells")

    phantom(tmp_path, **SMALL, transfer_syntax="deflated", duplicates=(1,), duplicates_as="new-uid")
    monkeypatch.setattr("volume.assembly.duplicates.inflated", refused)
    (stack,) = volume.scan(tmp_path).stacks
    assert "ambiguous-repeats" in {finding.code for finding in stack.refusals}
