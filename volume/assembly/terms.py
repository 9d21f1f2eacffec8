"""Values of tags that may be said and written: terms of the field, which name no patient."""

from __future__ import annotations

import re

from volume.dicom import rt_dose
from volume.dicom.header import Trait

IDENTIFYING = frozenset(
    "AcquisitionDateTime AcquisitionTime ContentTime ContrastBolusAgent LUTLabel StackID".split()
)
"""Tags of which no value is said (PS3.15 annex E)."""
IMAGE_TYPE = frozenset(
    "ORIGINAL DERIVED PRIMARY SECONDARY AXIAL LOCALIZER OTHER NONE VOLUME MIXED STATIC DYNAMIC"
    " GATED M P R I MAGNITUDE PHASE REAL IMAGINARY M_FFE P_FFE R_FFE I_FFE M_SE P_SE R_SE I_SE M_IR"
    " R_IR FFE SE IR GR EP WATER FAT W F IP OP IN_PHASE OUT_PHASE OPP_PHASE FAT_FRACTION T1 T2"
    " T2_STAR DIFFUSION ADC TRACEW FA ISOTROPIC ANISOTROPIC PERFUSION SUBTRACTION NORM ND DIS2D"
    " DIS3D FM MFSPLIT CSA REFORMATTED RESAMPLED MPR MIP MINIP MEAN AVERAGE ADD SUM MEDIAN"
    " MAP MOSAIC VFRAME MOCO FMRI".split()
)
"""Values of Image Type (PS3.3 C.7.6.1.1.2, C.8.3.1.1.1, C.8.16.1) and what scanners add."""
KERNEL = re.compile(
    r"[A-Z]{1,2}|[A-Z]{1,2}[a-z]{0,2}[0-9]{2}[a-z]?|[0-9]|STANDARD|SOFT|BONE|BONEPLUS|DETAIL|EDGE"
    r"|LUNG|CHEST|ULTRA|SMOOTH|SHARP|BRAIN|NONE"
)
"""Convolution kernels as Siemens (B30f, Br40d), GE, Philips (B, YA) and Canon (FC08) name them."""


def may_be_said(tag: str, value: Trait) -> bool:
    """Say whether a value can name no one: a setting of the scanner, or a term of DICOM."""
    if tag in IDENTIFYING:
        return False
    if tag == "ImageType":
        return set(str(value).split("\\")) <= IMAGE_TYPE
    if tag in rt_dose.TERMS:
        return value in rt_dose.TERMS[tag]
    if tag == "ConvolutionKernel":
        return all(map(KERNEL.fullmatch, str(value).split("\\")))
    return not isinstance(value, str)
