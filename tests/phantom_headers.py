"""What the phantom's files say about themselves: conformant CT, MR and PET, and enhanced."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, Sequence
from pydicom.datadict import tag_for_keyword
from pydicom.valuerep import format_number_as_ds

from phantom_encoding import SYNTAXES, encode
from phantom_recipe import Plane, Recipe, uid

Spacing = tuple[tuple[float, float], float]
"""((along i, along j), pitch) in mm."""

SOP_CLASSES = {
    ("CT", False): "1.2.840.10008.5.1.4.1.1.2",
    ("MR", False): "1.2.840.10008.5.1.4.1.1.4",
    ("PT", False): "1.2.840.10008.5.1.4.1.1.128",
    ("CT", True): "1.2.840.10008.5.1.4.1.1.2.1",
    ("MR", True): "1.2.840.10008.5.1.4.1.1.4.1",
    ("PT", True): "1.2.840.10008.5.1.4.1.1.130",
}
B_VALUES = (0.0, 500.0, 1000.0, 2000.0)
KERNELS = ("B30f", "B70f", "B50f", "B80f")

PHASE_TAGS: Mapping[str, Callable[[int], Any]] = {
    "ImageType": lambda p: ["ORIGINAL", "PRIMARY", "AXIAL", f"FLAVOUR{p + 1}"],
    "TemporalPositionIdentifier": lambda p: p + 1,
    "TemporalPositionIndex": lambda p: p + 1,
    "DiffusionBValue": lambda p: B_VALUES[p],
    "EchoNumbers": lambda p: p + 1,
    "EchoTime": lambda p: 2.46 * (p + 1),
    "TriggerTime": lambda p: 40.5 * p,
    "NominalCardiacTriggerDelayTime": lambda p: 40.5 * p,
    "FrameReferenceTime": lambda p: 30000.0 * p + 15000,
    "InversionTime": lambda p: 100.0 * (p + 1),
    "FlipAngle": lambda p: 5.0 * (p + 1),
    "KVP": lambda p: 80 + 20 * p,
    "ConvolutionKernel": lambda p: KERNELS[p],
    "ContrastBolusAgent": lambda p: ("none", "Iomeprol", "Gadoterate")[p],
    "AcquisitionNumber": lambda p: p + 1,
    "AcquisitionDateTime": lambda p: f"20200102101{p}00",
    "AcquisitionTime": lambda p: f"101{p}00",
    "ContentTime": lambda p: f"101{p}00",
}
"""The tags that can tell phases apart, and their value for phase 0, 1, ..."""

ENHANCED_PHASE_GROUPS = {
    "DiffusionBValue": "MRDiffusionSequence",
    "NominalCardiacTriggerDelayTime": "CardiacSynchronizationSequence",
    "EffectiveEchoTime": "MREchoSequence",
}
"""Where an enhanced file keeps a phase's tag; the others stand in Frame Content."""


def classic_dataset(
    recipe: Recipe,
    planes: list[Plane],
    pixels: NDArray[Any],
    spacing: Spacing,
    series_uid: str,
) -> Dataset:
    """Make the dataset of a file that holds one slice."""
    (plane,) = planes
    position = _written_position(recipe, plane)
    dataset = _common(recipe, pixels, series_uid)
    _set_identity(dataset, recipe, plane, position)
    _set_plane(dataset, recipe, plane, position, spacing)
    _CLASSIC[recipe.modality](dataset, recipe, plane)
    if recipe.phases > 1 and recipe.phase_tag and not plane.localizer:
        setattr(dataset, recipe.phase_tag, PHASE_TAGS[recipe.phase_tag](plane.phase))
        if recipe.phase_tag.startswith("TemporalPositionId"):
            dataset.NumberOfTemporalPositions = recipe.phases
    if recipe.rescale != "absent":
        dataset.RescaleIntercept = ds(plane.intercept)
        dataset.RescaleSlope = ds(plane.slope)
    return dataset


def _common(recipe: Recipe, pixels: NDArray[Any], series_uid: str) -> Dataset:
    """Fill the modules of patient, study, series, equipment and pixels."""
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID = SOP_CLASSES[recipe.modality, recipe.enhanced]
    dataset.StudyDate = dataset.SeriesDate = dataset.ContentDate = "20200102"
    dataset.StudyTime = dataset.SeriesTime = dataset.ContentTime = "101000"
    dataset.AccessionNumber = ""
    dataset.Modality = recipe.modality
    dataset.Manufacturer = "volume"
    dataset.ReferringPhysicianName = ""
    dataset.SeriesDescription = recipe.description
    dataset.PatientName = recipe.patient_name
    dataset.PatientID = "phantom"
    dataset.PatientBirthDate = dataset.PatientSex = ""
    dataset.StudyInstanceUID = uid("study", recipe.study)
    dataset.SeriesInstanceUID = series_uid
    dataset.StudyID = ""
    dataset.SeriesNumber = recipe.series
    dataset.PatientPosition = "HFS"
    if recipe.frames_of_reference != "absent":
        dataset.FrameOfReferenceUID = uid("frame of reference", recipe.study)
        dataset.PositionReferenceIndicator = ""
    _set_pixels(dataset, recipe, pixels)
    return dataset


def _set_pixels(dataset: Dataset, recipe: Recipe, pixels: NDArray[Any]) -> None:
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = recipe.photometric
    dataset.Rows, dataset.Columns = pixels.shape[1:]
    dataset.BitsAllocated = 16
    dataset.BitsStored = recipe.bits_stored
    dataset.HighBit = recipe.bits_stored - 1
    dataset.PixelRepresentation = int(bool(recipe.signed))
    vr = "SS" if recipe.signed else "US"
    if recipe.padding is not None:
        dataset.add_new(tag_for_keyword("PixelPaddingValue"), vr, recipe.padding)
    if recipe.padding_limit is not None:
        dataset.add_new(tag_for_keyword("PixelPaddingRangeLimit"), vr, recipe.padding_limit)
    data = encode(pixels, recipe.bits_stored, recipe.high_bits, recipe.transfer_syntax)
    dataset.add_new(tag_for_keyword("PixelData"), SYNTAXES[recipe.transfer_syntax].vr, data)
    dataset["PixelData"].is_undefined_length = SYNTAXES[recipe.transfer_syntax].encapsulated


def _set_identity(
    dataset: Dataset, recipe: Recipe, plane: Plane, position: NDArray[np.float64]
) -> None:
    dataset.SOPInstanceUID = _instance_uid(recipe, plane, position, dataset.SeriesInstanceUID)
    if recipe.frames_of_reference == "per-slice":
        dataset.FrameOfReferenceUID = uid("frame of reference", recipe.study, plane.order)
    if plane.instance_number is not None:
        dataset.InstanceNumber = plane.instance_number
    if recipe.acquisition_numbers != "absent":
        varies = recipe.acquisition_numbers == "varying"
        dataset.AcquisitionNumber = plane.k // 2 + 1 if varies else 1


def _instance_uid(
    recipe: Recipe, plane: Plane, position: NDArray[np.float64], series_uid: str
) -> str:
    """Make a UID of what and where the slice is, so that several series may share a folder."""
    if recipe.duplicates_as == "conflict" and {plane.k, plane.uid_of} & {*recipe.duplicates}:
        k = plane.k if plane.uid_of is None else plane.uid_of
        return uid("image", series_uid, "conflict", k, plane.phase)
    again = plane.again and recipe.duplicates_as == "new-uid"
    where = np.round([*position, *plane.row, *plane.column], 3).tolist()
    return uid("image", series_uid, plane.k, plane.phase, plane.localizer, again, where)


def _set_plane(
    dataset: Dataset,
    recipe: Recipe,
    plane: Plane,
    position: NDArray[np.float64],
    spacing: Spacing,
) -> None:
    (along_i, along_j), pitch = spacing
    thickness = pitch if recipe.slice_thickness is None else recipe.slice_thickness
    dataset.ImagePositionPatient = [ds(value) for value in position]
    dataset.ImageOrientationPatient = _written_cosines(recipe, plane)
    dataset.PixelSpacing = [ds(along_j), ds(along_i)]
    dataset.SliceThickness = ds(thickness)
    location = float(position @ np.cross(plane.row, plane.column))
    if recipe.slice_locations != "absent":
        true = recipe.slice_locations == "true"
        dataset.SliceLocation = ds(location if true else 100 - 1.5 * location)
    if recipe.spacing_tag is not None:
        dataset.SpacingBetweenSlices = ds(recipe.spacing_tag)


def _written_position(recipe: Recipe, plane: Plane) -> NDArray[np.float64]:
    position = plane.position
    if recipe.decimals is not None:
        position = np.round(position, recipe.decimals) + 0.0
    return position.astype(np.float32).astype(np.float64) if recipe.float32 else position


def _written_cosines(recipe: Recipe, plane: Plane) -> list[str]:
    cosines = np.concatenate([plane.row, plane.column])
    if recipe.orientation_decimals is not None:
        cosines = np.round(cosines, recipe.orientation_decimals)
    return [ds(value + 0.0) for value in cosines]


def ds(value: float) -> str:
    """Write a number in at most 16 characters, as a Decimal String must be."""
    written = format_number_as_ds(0.0 if abs(value) < LEAST else float(value))
    return written if len(written) <= LONGEST else f"{float(value):.9g}"


LEAST = 1e-10
LONGEST = 16
"""pydicom 3.0.2 writes some numbers in 17 characters, most of them smaller than that."""


def _flavour(recipe: Recipe, plane: Plane, usual: list[str]) -> list[str]:
    if plane.localizer:
        return ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    return list(recipe.image_type or usual)


def _fill_ct(dataset: Dataset, recipe: Recipe, plane: Plane) -> None:
    dataset.ImageType = _flavour(recipe, plane, ["ORIGINAL", "PRIMARY", "AXIAL"])
    dataset.KVP = "120"
    dataset.RescaleType = "HU"
    dataset.WindowCenter, dataset.WindowWidth = "40", "400"
    if recipe.tilt_tag is not None:
        dataset.GantryDetectorTilt = ds(recipe.tilt_tag)


def _fill_mr(dataset: Dataset, recipe: Recipe, plane: Plane) -> None:
    dataset.ImageType = _flavour(recipe, plane, ["ORIGINAL", "PRIMARY", "OTHER"])
    dataset.ScanningSequence = "GR"
    dataset.SequenceVariant = "SP"
    dataset.ScanOptions = ""
    dataset.MRAcquisitionType = "3D"
    dataset.RepetitionTime, dataset.EchoTime = "8", "2.46"
    dataset.EchoTrainLength = "1"


def _fill_pet(dataset: Dataset, recipe: Recipe, plane: Plane) -> None:
    dataset.ImageType = _flavour(recipe, plane, ["ORIGINAL", "PRIMARY"])
    dataset.SeriesType = ["WHOLE BODY", "IMAGE"]
    dataset.Units = "BQML"
    dataset.CountsSource = "EMISSION"
    dataset.CollimatorType = "NONE"
    dataset.DecayCorrection = "START"
    dataset.CorrectedImage = ["ATTN", "DECY"]
    dataset.NumberOfSlices = recipe.size[2]
    dataset.ImageIndex = plane.order + 1
    dataset.FrameReferenceTime = "15000"
    dataset.ActualFrameDuration = "30000"
    dataset.AcquisitionDate, dataset.AcquisitionTime = "20200102", "101000"
    dataset.DecayFactor = "1.05"
    isotope = Dataset()
    isotope.RadionuclideCodeSequence = [_code("77004003", "SCT", "^18^Fluorine")]
    isotope.RadiopharmaceuticalStartTime = "091000"
    isotope.RadionuclideTotalDose = "370000000"
    isotope.RadionuclideHalfLife = "6586.2"
    dataset.RadiopharmaceuticalInformationSequence = [isotope]
    dataset.PatientWeight = "70"
    dataset.PatientOrientationCodeSequence = [_code("102538003", "SCT", "recumbent")]
    dataset.PatientOrientationCodeSequence[0].PatientOrientationModifierCodeSequence = [
        _code("40199007", "SCT", "supine")
    ]
    dataset.PatientGantryRelationshipCodeSequence = [_code("102540008", "SCT", "headfirst")]


_CLASSIC = {"CT": _fill_ct, "MR": _fill_mr, "PT": _fill_pet}


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, meaning
    return code


# Multi-frame


def enhanced_dataset(
    recipe: Recipe,
    planes: list[Plane],
    pixels: NDArray[Any],
    spacing: Spacing,
    series_uid: str,
) -> Dataset:
    """Make the dataset of a file that holds a frame for every slice."""
    dataset = _common(recipe, pixels, series_uid)
    dataset.SOPInstanceUID = uid("image", series_uid, planes[0].phase, recipe.phases_in)
    dataset.InstanceNumber = 1 + (planes[0].phase if recipe.phases_in == "files" else 0)
    dataset.NumberOfFrames = len(planes)
    dataset.ManufacturerModelName = dataset.DeviceSerialNumber = "phantom"
    dataset.SoftwareVersions = "1"
    dataset.AcquisitionContextSequence = Sequence()
    dataset.ImageType = list(recipe.image_type or ["DERIVED", "PRIMARY", "VOLUME", "NONE"])
    dataset.PixelPresentation = "MONOCHROME"
    dataset.VolumetricProperties = "VOLUME"
    dataset.VolumeBasedCalculationTechnique = "NONE"
    dataset.PresentationLUTShape = "IDENTITY"
    dataset.BurnedInAnnotation = "NO"
    dataset.LossyImageCompression = "00"
    dataset.ContentQualification = "RESEARCH"
    if recipe.modality == "MR":
        dataset.ComplexImageComponent = "MAGNITUDE"
        dataset.AcquisitionContrast = "UNKNOWN"
        dataset.ResonantNucleus = "1H"
        dataset.KSpaceFiltering = "NONE"
        dataset.MagneticFieldStrength = 3.0
        dataset.ApplicableSafetyStandardAgency = "IEC"
    _set_dimensions(dataset, recipe)
    shared = _shared_groups(dataset, recipe, planes[0], spacing)
    frames = [_frame_groups(recipe, plane) for plane in planes]
    if recipe.groups == "per-frame":
        for frame in frames:
            frame.update(shared)
    else:
        dataset.SharedFunctionalGroupsSequence = [shared]
    dataset.PerFrameFunctionalGroupsSequence = frames
    return dataset


def _set_dimensions(dataset: Dataset, recipe: Recipe) -> None:
    organization = Dataset()
    organization.DimensionOrganizationUID = uid("dimensions", recipe.study)
    dataset.DimensionOrganizationSequence = [organization]
    pointers = ["StackID", "InStackPositionNumber"]
    pointers += ["TemporalPositionIndex"] if recipe.phases > 1 else []
    dataset.DimensionIndexSequence = [_dimension(keyword, recipe) for keyword in pointers]


def _dimension(keyword: str, recipe: Recipe) -> Dataset:
    index = Dataset()
    index.DimensionOrganizationUID = uid("dimensions", recipe.study)
    index.DimensionIndexPointer = tag_for_keyword(keyword)
    index.FunctionalGroupPointer = tag_for_keyword("FrameContentSequence")
    return index


def _shared_groups(dataset: Dataset, recipe: Recipe, plane: Plane, spacing: Spacing) -> Dataset:
    (along_i, along_j), pitch = spacing
    groups = Dataset()
    measures = Dataset()
    measures.PixelSpacing = [ds(along_j), ds(along_i)]
    thickness = pitch if recipe.slice_thickness is None else recipe.slice_thickness
    measures.SliceThickness = ds(thickness)
    if recipe.spacing_tag is not None:
        measures.SpacingBetweenSlices = ds(recipe.spacing_tag)
    groups.PixelMeasuresSequence = [measures]
    if not _turns(recipe):
        groups.PlaneOrientationSequence = [_orientation(recipe, plane)]
    if recipe.rescale == "constant":
        groups.PixelValueTransformationSequence = [_transformation(recipe, plane)]
    kind = Dataset()
    kind.FrameType = dataset.ImageType
    for keyword in (
        "PixelPresentation",
        "VolumetricProperties",
        "VolumeBasedCalculationTechnique",
        "ComplexImageComponent",
        "AcquisitionContrast",
    ):
        if keyword in dataset:
            setattr(kind, keyword, dataset[keyword].value)
    setattr(groups, f"{recipe.modality}ImageFrameTypeSequence", [kind])
    return groups


def _turns(recipe: Recipe) -> bool:
    return bool(recipe.wobble or recipe.localizer)


def _orientation(recipe: Recipe, plane: Plane) -> Dataset:
    orientation = Dataset()
    orientation.ImageOrientationPatient = _written_cosines(recipe, plane)
    return orientation


def _transformation(recipe: Recipe, plane: Plane) -> Dataset:
    transformation = Dataset()
    transformation.RescaleIntercept = ds(plane.intercept)
    transformation.RescaleSlope = ds(plane.slope)
    transformation.RescaleType = "HU" if recipe.modality == "CT" else "US"
    return transformation


def _frame_groups(recipe: Recipe, plane: Plane) -> Dataset:
    groups = Dataset()
    content = Dataset()
    content.FrameAcquisitionNumber = 1
    stack, place = (2, plane.localizer) if plane.localizer else (1, plane.k + 1)
    content.StackID = str(stack)
    content.InStackPositionNumber = place
    content.DimensionIndexValues = [stack, place]
    if recipe.phases > 1:
        content.DimensionIndexValues = [stack, place, plane.phase + 1]
        _set_frame_phase(groups, content, recipe, plane.phase)
    groups.FrameContentSequence = [content]
    position = Dataset()
    position.ImagePositionPatient = [ds(value) for value in _written_position(recipe, plane)]
    groups.PlanePositionSequence = [position]
    if _turns(recipe):
        groups.PlaneOrientationSequence = [_orientation(recipe, plane)]
    if recipe.rescale == "varies":
        groups.PixelValueTransformationSequence = [_transformation(recipe, plane)]
    return groups


def _set_frame_phase(groups: Dataset, content: Dataset, recipe: Recipe, phase: int) -> None:
    if not recipe.phase_tag:
        return
    keyword = {
        "TemporalPositionIdentifier": "TemporalPositionIndex",
        "EchoTime": "EffectiveEchoTime",
    }.get(recipe.phase_tag, recipe.phase_tag)
    value = PHASE_TAGS[recipe.phase_tag](phase)
    if keyword in ENHANCED_PHASE_GROUPS:
        group = Dataset()
        setattr(group, keyword, value)
        setattr(groups, ENHANCED_PHASE_GROUPS[keyword], [group])
    else:
        setattr(content, keyword, value)
