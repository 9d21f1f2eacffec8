"""Whose images these are: read only where someone asks for it, and never by default."""

from __future__ import annotations

from volume.dicom import elements
from volume.dicom.attributes import ATTRIBUTES, Attribute
from volume.dicom.character_sets import charset_repaired
from volume.dicom.containers import IsArchive
from volume.dicom.data_set import DataSet, read_data_set
from volume.dicom.encoding import NotDicom, Unreadable, open_data_set
from volume.dicom.limits import DEFAULT, Limits
from volume.dicom.opening import open_file
from volume.dicom.reading import Reading
from volume.errors import VolumeError
from volume.findings import Finding

TABLE = """
00080020 DA StudyDate
00080021 DA SeriesDate
00080022 DA AcquisitionDate
00080030 TM StudyTime
00080031 TM SeriesTime
00080032 TM AcquisitionTime
00080050 SH AccessionNumber
00080070 LO Manufacturer
00080080 LO InstitutionName
00080090 PN ReferringPhysicianName
00081010 SH StationName
00081030 LO StudyDescription
0008103E LO SeriesDescription
00081040 LO InstitutionalDepartmentName
00081090 LO ManufacturerModelName
00100010 PN PatientName
00100020 LO PatientID
00100021 LO IssuerOfPatientID
00100030 DA PatientBirthDate
00100040 CS PatientSex
00101010 AS PatientAge
00101020 DS PatientSize
00101030 DS PatientWeight
00180015 CS BodyPartExamined
00181000 LO DeviceSerialNumber
00181030 LO ProtocolName
00200010 SH StudyID
00400254 LO PerformedProcedureStepDescription
"""
"""Tag, VR and keyword of what `identifiers` holds where the file has it: of the modules
Patient, Patient Study, General Study, General Series and General Equipment (PS3.3 C.7)."""
IDENTITY = {
    keyword: Attribute(int(tag, 16), vr.encode())
    for tag, vr, keyword in (line.split() for line in TABLE.strip().splitlines())
}
CHARACTER_SET = ATTRIBUTES["SpecificCharacterSet"].tag
WANTED = frozenset(attribute.tag for attribute in IDENTITY.values()) | {CHARACTER_SET}


def read_identity(
    path: str, name: str = "", limits: Limits = DEFAULT
) -> tuple[dict[str, str], list[Finding]]:
    """Read whose image a file holds: keyword to value; say which were not written as declared.

    Raises `VolumeError` where the file cannot be read any more.
    """
    try:
        with open_file(path, limits) as file:
            data = read_data_set(open_data_set(file, path, limits), WANTED)
    except (OSError, NotDicom, IsArchive, Unreadable) as fault:
        raise VolumeError("whose image this is cannot be read", files=(path,)) from fault
    found = {keyword: _read(data, attribute) for keyword, attribute in IDENTITY.items()}
    repaired = [charset_repaired(k, one, name or path) for k, one in found.items() if one.written]
    return {keyword: one.text for keyword, one in found.items() if one.text}, repaired


def _read(data: DataSet, attribute: Attribute) -> Reading:
    """Read a text or a name in the character set that it is written in; absent is ""."""
    element = data.get(attribute.tag)
    if element is None:
        return Reading("")
    return elements.decode(data, element, person=attribute.vr == b"PN")
