"""Which DICOM objects can become a volume, and what the others are called."""

from __future__ import annotations

import re
from collections.abc import Mapping

SLICES: Mapping[str, str] = {
    "1.2.840.10008.5.1.4.1.1.2": "CT",
    "1.2.840.10008.5.1.4.1.1.4": "MR",
    "1.2.840.10008.5.1.4.1.1.128": "PET",
}
"""One slice a file: CT, MR and PET Image Storage."""

FRAMES: Mapping[str, str] = {
    "1.2.840.10008.5.1.4.1.1.2.1": "Enhanced CT",
    "1.2.840.10008.5.1.4.1.1.4.1": "Enhanced MR",
    "1.2.840.10008.5.1.4.1.1.130": "Enhanced PET",
    "1.2.840.10008.5.1.4.1.1.2.2": "Legacy Converted Enhanced CT",
    "1.2.840.10008.5.1.4.1.1.4.4": "Legacy Converted Enhanced MR",
    "1.2.840.10008.5.1.4.1.1.128.1": "Legacy Converted Enhanced PET",
    "1.2.840.10008.5.1.4.1.1.4.3": "Enhanced MR Color",
    "1.2.840.10008.5.1.4.1.1.13.1.1": "X-Ray 3D Angiographic",
    "1.2.840.10008.5.1.4.1.1.13.1.2": "X-Ray 3D Craniofacial",
    "1.2.840.10008.5.1.4.1.1.13.1.3": "Breast Tomosynthesis",
    "1.2.840.10008.5.1.4.1.1.6.2": "Enhanced US Volume",
    "1.2.840.10008.5.1.4.1.1.30": "Parametric Map",
}
"""Many frames a file, each placed by its functional groups (PS3.3 C.7.6.16)."""

NUCLEAR_MEDICINE = "1.2.840.10008.5.1.4.1.1.20"
RT_DOSE = "1.2.840.10008.5.1.4.1.1.481.2"
VECTORS: Mapping[str, str] = {NUCLEAR_MEDICINE: "NM", RT_DOSE: "RTDOSE"}
"""Many frames a file, each placed by vectors beside the pixels (C.8.4.8, C.8.8.3); by modality."""

CAPTURES = "1.2.840.10008.5.1.4.1.1.7"
"""Secondary Capture and its multi-frame kinds share this root."""

PROJECTIONS = frozenset(
    {
        "1.2.840.10008.5.1.4.1.1.1",
        "1.2.840.10008.5.1.4.1.1.1.1",
        "1.2.840.10008.5.1.4.1.1.1.1.1",
        "1.2.840.10008.5.1.4.1.1.1.2",
        "1.2.840.10008.5.1.4.1.1.1.2.1",
        "1.2.840.10008.5.1.4.1.1.1.3",
        "1.2.840.10008.5.1.4.1.1.1.3.1",
        "1.2.840.10008.5.1.4.1.1.12.1",
        "1.2.840.10008.5.1.4.1.1.12.1.1",
        "1.2.840.10008.5.1.4.1.1.12.2",
        "1.2.840.10008.5.1.4.1.1.12.2.1",
        "1.2.840.10008.5.1.4.1.1.13.1.4",
        "1.2.840.10008.5.1.4.1.1.13.1.5",
    }
)
DICOMDIR = "1.2.840.10008.1.3.10"
PARAMETRIC_MAP = "1.2.840.10008.5.1.4.1.1.30"
US_VOLUME = "1.2.840.10008.5.1.4.1.1.6.2"


MODALITIES = frozenset("CT MR PT NM OT XA RF MG US OCT OPT RTDOSE SC PX IO DX".split())
"""Terms of Modality (PS3.3 C.7.3.1.1.1) that images of slices may bear; other text is none."""


def modality(sop_class_uid: str) -> str:
    """Give the modality that a SOP class implies, for files that leave it empty."""
    if sop_class_uid in VECTORS:
        return VECTORS[sop_class_uid]
    words = {**SLICES, **FRAMES}.get(sop_class_uid, "").split()
    return next((IMPLIED[word] for word in words if word in IMPLIED), "")


IMPLIED = {"CT": "CT", "MR": "MR", "PET": "PT", "US": "US", "X-Ray": "XA", "Breast": "MG"}
"""Word in the name of a SOP class: the modality that makes such images."""


def is_ct(sop_class_uid: str, modality: str) -> bool:
    """Say whether values are a CT's, in HU where nothing else is said.

    A map made from a CT, a capture of one and a cone beam's volume need not be.
    """
    named = {**SLICES, **FRAMES}.get(sop_class_uid, "").split()
    return modality == "CT" and "CT" in named


def judge(sop_class_uid: str) -> tuple[str, str] | None:
    """Say why an object of this class is no slice, as (code, reason); None if it is one."""
    if sop_class_uid in {**SLICES, **FRAMES, **VECTORS}:
        return None
    if sop_class_uid == DICOMDIR:
        return "dicomdir", "a DICOMDIR: an index of other files"
    if sop_class_uid == CAPTURES or sop_class_uid.startswith(CAPTURES + "."):
        return "secondary-capture", "a secondary capture, not an acquisition in space"
    name = class_name(sop_class_uid)
    if sop_class_uid in PROJECTIONS:
        return "projection-image", f"{name}: a projection, not a slice"
    return "non-image", f"{name}: not an image of a volume"


def class_name(sop_class_uid: str) -> str:
    """Give the standard's name of a SOP class, or the UID where it has none."""
    name = _name(sop_class_uid)
    return name.removesuffix(" Storage") if name else "an object without a SOP class"


def transfer_syntax_name(uid: str) -> str:
    """Give the standard's name of a transfer syntax, or the UID where it has none."""
    return _name(uid) or "an unnamed transfer syntax"


UID_FORM = re.compile(r"[0-9]{1,20}(\.[0-9]{1,40}){1,30}")


def _name(uid: str) -> str:
    """Give the name of a UID, or itself; other text may be anything, and stays unsaid."""
    if not UID_FORM.fullmatch(uid):
        return ""
    from pydicom import config
    from pydicom.uid import UID

    return UID(uid, config.IGNORE).name
