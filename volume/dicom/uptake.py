"""What a PET slice says of the dose, the patient's weight and the times: read where asked for.

Nothing of it is kept in a header: the weight identifies (PS3.15 annex E).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from volume.dicom import elements
from volume.dicom.containers import IsArchive
from volume.dicom.data_set import DataSet, read_data_set
from volume.dicom.encoding import NotDicom, Unreadable, open_data_set
from volume.dicom.limits import DEFAULT, Limits
from volume.dicom.moment import NO_DATE, moment, moment_of
from volume.dicom.opening import open_file

WANTED = frozenset(
    elements.KNOWN[keyword].tag
    for keyword in (
        "TimezoneOffsetFromUTC SeriesDate SeriesTime AcquisitionDate AcquisitionTime"
        " PatientWeight ActualFrameDuration CorrectedImage"
        " RadiopharmaceuticalInformationSequence RadiopharmaceuticalStartTime"
        " RadiopharmaceuticalStartDateTime RadionuclideTotalDose RadionuclideHalfLife"
        " Units SUVType DecayCorrection DecayFactor FrameReferenceTime"
        " GeScanDateTime PhilipsSuvFactor PhilipsActivityFactor"
    ).split()
)


@dataclass(frozen=True)
class Uptake:
    """The modules PET Series, PET Isotope, PET Image and Patient Study of one slice (PS3.3 C.8.9).

    Seconds, kilograms, becquerels; None where nothing is said. `injected_at` is a time of day
    without a date where the file gives no more. `dated` says whether the others have one.
    """

    units: str
    suv_type: str
    corrected: frozenset[str]
    decay_correction: str
    weight_kg: float | None
    dose_bq: float | None
    half_life_s: float | None
    tracers: int
    injected: datetime | None
    injected_at: datetime | None
    dated: bool
    series: datetime | None
    acquired: datetime | None
    ge_scan: datetime | None
    philips_suv: float | None
    philips_activity: float | None
    decay_factor: float | None
    reference_s: float | None
    duration_s: float | None


def read_uptake(path: str, limits: Limits = DEFAULT) -> Uptake | None:
    """Read what a file says of it, or None where the file cannot be read any more."""
    try:
        with open_file(path, limits) as file:
            return _uptake(read_data_set(open_data_set(file, path, limits), WANTED))
    except (OSError, NotDicom, IsArchive, Unreadable):
        return None


def _uptake(data: DataSet) -> Uptake:
    tracers = elements.items(data, "RadiopharmaceuticalInformationSequence")
    tracer: DataSet = tracers[0] if tracers else {}
    zone = elements.text(data, "TimezoneOffsetFromUTC")
    dates = [elements.text(data, keyword) for keyword in ("SeriesDate", "AcquisitionDate")]
    given = next(filter(None, dates), "")
    series_date, acquisition_date = (date or given or NO_DATE for date in dates)
    start = elements.text(tracer, "RadiopharmaceuticalStartTime")
    duration, reference = (
        elements.hint(data, keyword) for keyword in ("ActualFrameDuration", "FrameReferenceTime")
    )
    return Uptake(
        units=elements.text(data, "Units"),
        suv_type=elements.text(data, "SUVType"),
        corrected=frozenset(elements.texts(data, "CorrectedImage")),
        decay_correction=elements.text(data, "DecayCorrection"),
        weight_kg=elements.hint(data, "PatientWeight"),
        dose_bq=elements.hint(tracer, "RadionuclideTotalDose"),
        half_life_s=elements.hint(tracer, "RadionuclideHalfLife"),
        tracers=len(tracers),
        injected=moment_of(elements.text(tracer, "RadiopharmaceuticalStartDateTime"), zone),
        injected_at=moment(NO_DATE, start),
        dated=bool(given),
        series=moment(series_date, elements.text(data, "SeriesTime")),
        acquired=moment(acquisition_date, elements.text(data, "AcquisitionTime")),
        ge_scan=moment_of(elements.text(data, "GeScanDateTime"), zone),
        philips_suv=elements.hint(data, "PhilipsSuvFactor"),
        philips_activity=elements.hint(data, "PhilipsActivityFactor"),
        decay_factor=elements.hint(data, "DecayFactor"),
        reference_s=None if reference is None else reference / 1000,
        duration_s=None if duration is None else duration / 1000,
    )
