"""How an image was acquired, in the keys and units of BIDS: seconds, tesla, degrees, millimetres.

Numbers must be plausible and words must be terms of DICOM or known names: nothing else is
given, so that no free text, which may name a patient, comes through. Makers' own elements are
read as dcm2niix does (its pages on Siemens, GE and UIH).
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from volume.dicom import csa, elements
from volume.dicom.containers import IsArchive
from volume.dicom.data_set import SCANNED, VR_OF, DataSet, read_data_set
from volume.dicom.encoding import NotDicom, Unreadable, open_data_set
from volume.dicom.header import SliceHeader
from volume.dicom.limits import DEFAULT, Limits
from volume.dicom.opening import open_file

WANTED = frozenset(VR_OF) | SCANNED
GROUPS = (
    "MRImagingModifierSequence MRTimingAndRelatedParametersSequence MREchoSequence"
    " MRModifierSequence MRFOVGeometrySequence PixelMeasuresSequence FrameContentSequence"
    " SiemensFrameSequence"
).split()
"""Functional groups that tell how a frame was acquired."""
DAY = 86_400.0


@dataclass(frozen=True)
class PhaseEncoding:
    """Which way phase was encoded: along "row" or "column" of the image.

    `positive` says whether it runs with the index, None where the maker does not tell the way.
    `echo_spacing` is the effective one, in seconds (BIDS); None where it is not known.
    """

    along: str
    positive: bool | None
    echo_spacing: float | None


@dataclass(frozen=True)
class Acquisition:
    """How a volume was acquired: `keys` by their BIDS names; `slice_times` (n,) in seconds."""

    keys: Mapping[str, Any]
    phase: PhaseEncoding | None = None
    slice_times: tuple[float, ...] | None = None


def read_acquisition(slices: Sequence[SliceHeader], limits: Limits = DEFAULT) -> Acquisition:
    """Read from the first file how slices were acquired; what cannot be read is left out."""
    whole = _data_set(slices[0].path, limits)
    try:
        return _acquisition(slices, whole)
    except Unreadable:  # values that are none of their kind
        return Acquisition({"Modality": slices[0].modality})


def _acquisition(slices: Sequence[SliceHeader], whole: DataSet) -> Acquisition:
    first = slices[0]
    data = _of_frame(whole, first.frame)
    keys = {key: value for key, read in KEYS.items() if (value := read(data)) is not None}
    if first.modality != "MR":
        keys = {key: value for key, value in keys.items() if key in OF_ANY}
        more = _of_pet(data) if first.modality == "PT" else {}
        return Acquisition({"Modality": first.modality, **keys, **more})
    keys = {"Modality": first.modality, **keys}
    phase = _phase_encoding(data, first, keys)
    if phase is not None and _is_volumetric(keys):
        phase = None
    return Acquisition(keys, phase, _slice_times(slices, whole, keys))


def _data_set(path: str, limits: Limits) -> DataSet:
    try:
        with open_file(path, limits) as file:
            return read_data_set(open_data_set(file, path, limits), WANTED)
    except (OSError, NotDicom, IsArchive, Unreadable):
        return {}


def _of_frame(whole: DataSet, frame: int) -> DataSet:
    """Lay what is said of a frame over what is said of all, and that over the file's own."""
    per_frame = elements.items(whole, "PerFrameFunctionalGroupsSequence")[frame : frame + 1]
    shared = elements.items(whole, "SharedFunctionalGroupsSequence")[:1]
    laid = dict(whole)
    for groups in (*shared, *per_frame):
        for keyword in GROUPS:
            for item in elements.items(groups, keyword)[:1]:
                laid |= item
    return laid


# Keys

Read = Callable[[DataSet], Any]


def _number(
    *keywords: str, most: float, scale: float = 1.0, least: float = 0.0, digits: int = 9
) -> Read:
    """Read the first of some elements that holds a number greater than `least`, up to `most`."""

    def read(data: DataSet) -> float | None:
        for keyword in keywords:
            found = elements.hint(data, keyword)
            if found is not None and least < found <= most:
                return float(f"{found * scale:.{digits}g}")
        return None

    return read


def _count(*keywords: str, most: int, least: int = 0) -> Read:
    number = _number(*keywords, most=most, least=least)

    def read(data: DataSet) -> int | None:
        found = number(data)
        return int(found) if found is not None and found == int(found) else None

    return read


def _terms(keyword: str, terms: Iterable[str], pattern: str = "(?!)") -> Read:
    """Read terms as dcm2niix writes them, joined by a backslash; one that is none spoils all."""
    known, more = frozenset(terms), re.compile(pattern, re.ASCII)

    def read(data: DataSet) -> str | None:
        found = elements.texts(data, keyword)
        good = found and all(one in known or more.fullmatch(one) for one in found)
        return "\\".join(found) if good else None

    return read


def _manufacturer(data: DataSet) -> str | None:
    said = elements.text(data, "Manufacturer").upper()
    return next((name for mark, name in MAKERS.items() if said.startswith(mark)), None)


MAKERS = {
    "SIEMENS": "Siemens",
    "GE MEDICAL": "GE",
    "GE HEALTHCARE": "GE",
    "GENESIS_SIGNA": "GE",
    "PHILIPS": "Philips",
    "CANON": "Canon",
    "TOSHIBA": "Toshiba",
    "UIH": "UIH",
    "UNITED IMAGING": "UIH",
    "HITACHI": "Hitachi",
    "FUJIFILM": "Fujifilm",
    "BRUKER": "Bruker",
    "MEDISO": "Mediso",
    "ESAOTE": "Esaote",
}
"""How the makers' names begin, and what dcm2niix calls them."""


def _model(data: DataSet) -> str | None:
    said = elements.text(data, "ManufacturerModelName")
    plain = " ".join(said.replace("_", " ").split()).upper().removeprefix("MAGNETOM ")
    return said if plain in MODELS else None


MODEL_NAMES = """
Aera/Allegra/Altea/Amira/Avanto/Avanto fit/Biograph mMR/Cima.X/Concerto/Connectom/Espree/ESSENZA
Free.Max/Harmony/Investigational Device 7T/Lumina/Prisma/Prisma fit/Skyra/Skyra fit/Sola/Sonata
Spectra/Symphony/SymphonyTim/Terra/Terra.X/Trio/TrioTim/Verio/Vida/Vida Fit/Biograph64/Biograph128
DISCOVERY MR450/DISCOVERY MR750/DISCOVERY MR750w/GENESIS SIGNA/Optima MR360/Optima MR450w
SIGNA Architect/SIGNA Artist/SIGNA EXCITE/SIGNA Explorer/SIGNA HDx/SIGNA HDxt/SIGNA Hero
SIGNA PET MR/SIGNA Pioneer/SIGNA Premier/SIGNA UHP/SIGNA Voyager/Signa HDe
Achieva/Achieva dStream/Ambition X/Elition X/Eclipse 1.5T/Gyroscan Intera/Ingenia/Ingenia Ambition S
Ingenia Ambition X/Ingenia CX/Ingenia Elition S/Ingenia Elition X/Ingenuity/Intera/MR 5300/MR 7700
Panorama HFO/Titan/Titan3T/Galan 3T/Orian/Vantage Galan 3T/Vantage Titan 3T/Vantage Orian
ECHELON/ECHELON OVAL/OASIS/uMR 560/uMR 570/uMR 580/uMR 680/uMR 770/uMR 780/uMR 790/uMR 870/uMR 880
uMR 890/uMR NX/uMR Omega/uMR Jupiter
"""
MODELS = frozenset(
    name.upper() for line in MODEL_NAMES.splitlines() for name in line.split("/") if name
)
"""The names of scanners on the market: another text in that place may be anything."""

SEQUENCES = ("SE", "IR", "GR", "EP", "RM")
VARIANTS = ("SK", "MTC", "SS", "TRSS", "SP", "MP", "OSP", "NONE")
OPTIONS = ("PER", "RG", "CG", "PPG", "FC", "PFF", "PFP", "SP", "FS", "IR", "CT", "SAT1", "SAT2")
SOFTWARE = (
    r"syngo MR [A-Z]{1,2}\d{1,2}[A-Z]{0,2}|syngo MR 20\d{2}[A-Z] [A-Z0-9]{4,6}"
    r"|\d{1,2}|LX|MX|MR Software release:[A-Z]{2}\d{2}\.\d_R\d{2}_\d{4}\.[a-z]"
    r"|\d{1,2}(?:\.\d{1,2}){1,3}"
)
"""Versions as Siemens, GE and Philips write them (PS3.3 C.8.3.1 has the terms above)."""


def _in_plane_reduction(data: DataSet) -> float | None:
    """Read the factor of parallel imaging: the standard's, GE's (its inverse), Siemens' "p2"."""
    said = elements.hint(data, "ParallelReductionFactorInPlane")
    inverse = elements.hint(data, "GeAssetFactors")
    text = elements.text(data, "SiemensPatModeText") or csa.text(
        csa.image_header(data), "ImaPATModeText"
    )
    pat = re.fullmatch(r"p(\d{1,2})(?:s\d{1,2})?", text, re.ASCII | re.IGNORECASE)
    if said is None and inverse:
        said = 1 / inverse
    if said is None and pat is not None:
        said = float(pat[1])
    return round(said, 4) if said is not None and 1 <= said <= MOST_REDUCTION else None


MOST_REDUCTION = 64.0


def _dwell_time(data: DataSet) -> float | None:
    """Read Siemens' time a sample, which is in nanoseconds."""
    inside = csa.number(csa.image_header(data), "RealDwellTime")
    outside = (
        elements.hint(data, keyword)
        for keyword in ("SiemensRealDwellTime", "SiemensDwellTimeOfFrame")
    )
    found = next((one for one in (*outside, inside) if one is not None), 0.0)
    return float(f"{found * 1e-9:.6g}") if 0 < found <= LONGEST_DWELL_NS else None


LONGEST_DWELL_NS = 1e6

KEYS: Mapping[str, Read] = {
    "Manufacturer": _manufacturer,
    "ManufacturersModelName": _model,
    "SoftwareVersions": _terms("SoftwareVersions", (), SOFTWARE),
    "MagneticFieldStrength": _number("MagneticFieldStrength", most=30),
    "ImagingFrequency": _number("ImagingFrequency", "TransmitterFrequency", most=2000),
    "MRAcquisitionType": _terms("MRAcquisitionType", ("1D", "2D", "3D")),
    "ScanningSequence": _terms("ScanningSequence", SEQUENCES),
    "SequenceVariant": _terms("SequenceVariant", VARIANTS),
    "ScanOptions": _terms("ScanOptions", OPTIONS, r"[A-Z0-9]{2,10}_GEMS"),
    "SliceThickness": _number("SliceThickness", most=1000),
    "SpacingBetweenSlices": _number("SpacingBetweenSlices", most=1000),
    "EchoTime": _number("EffectiveEchoTime", "EchoTime", most=10_000, scale=1e-3),
    "RepetitionTime": _number("RepetitionTime", most=60_000, scale=1e-3),
    "InversionTime": _number("InversionTime", "InversionTimes", most=20_000, scale=1e-3),
    "FlipAngle": _number("FlipAngle", most=360),
    "EchoTrainLength": _count(
        "GradientEchoTrainLength", "EchoTrainLength", "RFEchoTrainLength", least=1, most=4096
    ),
    "ParallelReductionFactorInPlane": _in_plane_reduction,
    "ParallelAcquisitionTechnique": _terms(
        "ParallelAcquisitionTechnique", ("PILS", "SENSE", "SMASH", "GRAPPA", "CAIPIRINHA")
    ),
    "PixelBandwidth": _number("PixelBandwidth", most=50_000),
    "DwellTime": _dwell_time,
}
"""The BIDS name of what an image may tell, and how it is read."""
OF_ANY = frozenset("Manufacturer ManufacturersModelName SliceThickness".split())
"""What is told of other images than MR."""


def _of_pet(data: DataSet) -> dict[str, Any]:
    """Read what was injected, and how long a frame took: megabecquerels and seconds."""
    (tracer,) = elements.items(data, "RadiopharmaceuticalInformationSequence")[:1] or ({},)
    told: dict[str, Any] = {}
    nuclide = _nuclide(tracer)
    if nuclide is not None:
        told["TracerRadionuclide"] = nuclide
    dose = _number("RadionuclideTotalDose", least=LEAST_DOSE, most=MOST_DOSE, scale=1e-6)(tracer)
    if dose is not None:
        told |= {"InjectedRadioactivity": dose, "InjectedRadioactivityUnits": "MBq"}
    corrected = elements.texts(data, "CorrectedImage")
    if corrected:
        told["ImageDecayCorrected"] = "DECY" in corrected
    for key, read in OF_A_FRAME.items():
        value = read(data)
        if value is not None:
            told[key] = [value]
    return told


OF_A_FRAME = {
    "FrameDuration": _number("ActualFrameDuration", most=DAY * 1000, scale=1e-3),
    "DecayCorrectionFactor": _number("DecayFactor", most=1e6),
    "ScatterFraction": _number("ScatterFractionFactor", most=1),
}
"""What BIDS lists frame by frame: a volume is one."""
LEAST_DOSE, MOST_DOSE = 1e5, 1e11
"""In becquerels; some wrote megabecquerels, which are far fewer."""


def _nuclide(tracer: DataSet) -> str | None:
    """Read a radionuclide as BIDS has it, "F18", of the standard's words, "^18^Fluorine"."""
    (code,) = elements.items(tracer, "RadionuclideCodeSequence")[:1] or ({},)
    match = NUCLIDE.fullmatch(elements.text(code, "CodeMeaning"))
    symbol = SYMBOLS.get(match[2]) if match else None
    return f"{symbol}{match[1]}" if match and symbol else None


NUCLIDE = re.compile(r"\^(\d{1,3}m?)\^([A-Z][a-z]{2,12})", re.ASCII)
SYMBOLS = {
    "Carbon": "C", "Nitrogen": "N", "Oxygen": "O", "Fluorine": "F", "Sodium": "Na",
    "Potassium": "K", "Scandium": "Sc", "Titanium": "Ti", "Manganese": "Mn", "Iron": "Fe",
    "Copper": "Cu", "Zinc": "Zn", "Gallium": "Ga", "Germanium": "Ge", "Arsenic": "As",
    "Selenium": "Se", "Bromine": "Br", "Rubidium": "Rb", "Yttrium": "Y", "Zirconium": "Zr",
    "Niobium": "Nb", "Technetium": "Tc", "Iodine": "I", "Terbium": "Tb",
}  # fmt: skip
"""The elements of CID 4020, PET Radionuclides."""


def _is_volumetric(keys: Mapping[str, Any]) -> bool:
    """Say whether phase was encoded along two axes: 3D, but for trains of gradient echoes."""
    train = keys.get("EchoTrainLength", 1) > 1 and "SE" not in keys.get("ScanningSequence", "")
    return keys.get("MRAcquisitionType") == "3D" and not train


# Phase encoding


def _phase_encoding(
    data: DataSet, header: SliceHeader, keys: Mapping[str, Any]
) -> PhaseEncoding | None:
    said = elements.text(data, "InPlanePhaseEncodingDirection")
    along = {"COL": "column", "COLUMN": "column", "ROW": "row"}.get(said)
    if along is None:
        return None
    maker = keys.get("Manufacturer", "")
    positive = POLARITY[maker](data) if maker in POLARITY else None
    steps = header.rows if along == "column" else header.columns
    spacing = _siemens_echo_spacing(data, steps) if maker == "Siemens" else None
    if maker == "GE":
        spacing = _ge_echo_spacing(data, keys)
    return PhaseEncoding(along, positive, spacing)


def _is(keyword: str, when: Mapping[float, bool]) -> Callable[[DataSet], bool | None]:
    def read(data: DataSet) -> bool | None:
        found = elements.hint(data, keyword)
        return None if found is None else when.get(found)

    return read


def _siemens_polarity(data: DataSet) -> bool | None:
    """Read it of a frame of XA, or of the CSA header; 1 runs with the index."""
    of_frame = _is("SiemensPhaseEncodingPositive", {0: False, 1: True})(data)
    if of_frame is not None:
        return of_frame
    inside = csa.number(csa.image_header(data), "PhaseEncodingDirectionPositive")
    return None if inside not in (0, 1) else inside == 1


def _ge_polarity(data: DataSet) -> bool | None:
    """Read GE's: the standard's element since RX27, else two flags in a block of its own.

    The block begins with a version; from 25.002 on it is longer at its head.
    """
    order = elements.text(data, "RectilinearPhaseEncodeReordering")
    if order in ("LINEAR", "REVERSE_LINEAR"):
        return order == "REVERSE_LINEAR"
    element = elements.raw(data, "GeUserDefinedData")
    block = b"" if element is None else element.value
    if len(block) < GE_BLOCK:
        return None
    (start,) = struct.unpack_from("<H", block, 24)
    if len(block) < start + GE_BLOCK:
        return None
    (version,) = struct.unpack_from("<f", block, start)
    if not 5 <= version <= 40:
        return None
    newer = version >= 25.002
    start += 0x4C if newer else 0
    if len(block) < start + GE_BLOCK:
        return None
    is_epi, flipped, bottom_up = (
        struct.unpack_from("<H", block, start + at)[0]
        for at in (0x3A, 0x30, 0x308 if newer else 0x394)
    )
    if not is_epi & 0x800:
        return None
    return ((flipped & 4) == 0) != (bottom_up == 2)


GE_BLOCK = 0x396
"""So many bytes of the block are looked into, from its start on."""

POLARITY: Mapping[str, Callable[[DataSet], bool | None]] = {
    "Siemens": _siemens_polarity,
    "GE": _ge_polarity,
    "UIH": _is("UihPhaseEncodingPositive", {0: True, 1: False}),
}
"""Of the makers who tell the way in which phase runs, how. Philips and Canon do not."""


def _siemens_echo_spacing(data: DataSet, steps: int) -> float | None:
    """Give the effective echo spacing: one over bandwidth a pixel and pixels."""
    inside = csa.number(csa.image_header(data), "BandwidthPerPixelPhaseEncode")
    outside = (
        elements.hint(data, keyword)
        for keyword in ("SiemensBandwidthPerPixelPhaseEncode", "SiemensBandwidthPhaseEncodeOfFrame")
    )
    found = next((one for one in (*outside, inside) if one is not None), 0.0)
    return _seconds(1 / (found * steps)) if found > 0 and steps > 1 else None


def _ge_echo_spacing(data: DataSet, keys: Mapping[str, Any]) -> float | None:
    """Give the effective echo spacing of GE's, which leaves parallel imaging out of account.

    dcm2niix's page on GE, "Total Readout Time": lines are acquired in twos, with a partial
    Fourier in fours.
    """
    microseconds = elements.hint(data, "GeEffectiveEchoSpacing") or 0.0
    matrix = [size for size in _acquired(data) if size]
    factor = keys.get("ParallelReductionFactorInPlane", 0.0)
    if not (microseconds > 0 and len(matrix) == 2 and factor >= 1):
        return None
    lines = matrix[1]
    group = 4 if "PFF" in keys.get("ScanOptions", "").split("\\") else 2
    acquired = math.ceil(lines / group / factor) * group
    return _seconds((acquired - 1) * microseconds * 1e-6 / (lines - 1)) if lines > 1 else None


def _acquired(data: DataSet) -> list[int]:
    """Read Acquisition Matrix: frequency of rows and columns, then phase of either; 0 is none."""
    try:
        return [int(float(size)) for size in elements.values(data, "AcquisitionMatrix")]
    except (ValueError, OverflowError):
        return []


def _seconds(value: float) -> float | None:
    return float(f"{value:.9g}") if 0 < value < 1 else None


# Slice timing


def _slice_times(
    slices: Sequence[SliceHeader], whole: DataSet, keys: Mapping[str, Any]
) -> tuple[float, ...] | None:
    """Give when each slice was acquired, in seconds after the first; None where that is unsure.

    The times of a volume differ, and none is longer than a repetition: else they are those of
    something else. Philips and GE do not tell them.
    """
    if keys.get("MRAcquisitionType") != "2D" or len(slices) < 2:
        return None
    times = _clock(slices, whole, keys.get("Manufacturer", ""))
    if times is None:
        return None
    first = min(times)
    after = tuple(round(time - first, 6) + 0.0 for time in times)
    return after if 0 < max(after) <= keys.get("RepetitionTime", 0.0) else None


def _clock(slices: Sequence[SliceHeader], whole: DataSet, maker: str) -> list[float] | None:
    """Read the times of slices from wherever they are told."""
    told = [header.slice_time for header in slices]
    if None not in told:
        return [time for time in told if time is not None]
    if maker not in ("Siemens", "UIH"):
        return None
    frames = elements.items(whole, "PerFrameFunctionalGroupsSequence")
    texts = [_moment_text(header, frames) for header in slices]
    if frames and len({header.path for header in slices}) > 1:
        return None
    moments = [_time_of_day(text) for text in texts]
    known = [moment for moment in moments if moment is not None]
    if len(known) < len(moments):
        return None
    late = max(known) > min(known) + DAY / 2
    return [m - DAY if late and m > DAY / 2 else m for m in known]


def _moment_text(header: SliceHeader, frames: Sequence[DataSet]) -> str:
    if not frames:
        found = header.traits.get("AcquisitionTime", "")
        return f"{found:013.6f}" if isinstance(found, float) else str(found)
    own = frames[header.frame : header.frame + 1]
    content = elements.items(own[0], "FrameContentSequence")[:1] if own else ()
    return elements.text(content[0], "FrameAcquisitionDateTime")[8:] if content else ""


def _time_of_day(text: str) -> float | None:
    """Read a time (PS3.5 6.2, TM) as seconds after midnight."""
    match = TIME.fullmatch(text)
    if match is None:
        return None
    hours, minutes, seconds = match.groups()
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


TIME = re.compile(r"([01]\d|2[0-3])([0-5]\d)([0-6]\d(?:\.\d{1,6})?)", re.ASCII)
