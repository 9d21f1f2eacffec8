"""PET values as standardised uptake by body weight (SUVbw, in g/mL), or why they cannot be had.

After QIBA's vendor-neutral pseudo-code (RSNA QIBA, FDG-PET/CT Profile, appendix G): activity
concentration in Bq/mL times the patient's weight in g, over the injected dose in Bq as it was
at the time to which the images are decay corrected. Everything that enters is read from every
slice, and must be the same in all of them and plausible; else there is no factor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from volume.assembly.decay import Unavailable, decay_seconds
from volume.dicom.header import SliceHeader
from volume.dicom.limits import Limits
from volume.dicom.sop_classes import SLICES
from volume.dicom.uptake import Uptake, read_uptake

ONE_A_SLICE = frozenset("acquired decay_factor reference_s duration_s dated".split())
"""What may differ between the slices of one volume."""
WEIGHT_KG = (0.01, 650.0)
"""Of mice and men; a weight in grams lies beyond."""
DOSE_BQ_PER_KG = (5e4, 5e9)
"""A dose written in MBq or kBq lies below: 25 MBq for a man are 3.5e5, 10 MBq for a mouse 4e8."""
FACTORS = (1e-12, 1e12)
FORMULA = "SUVbw = activity concentration in Bq/mL x weight in g / dose in Bq at the scan's start"
DECAYED = "dose at the scan's start = injected dose x 2^(-decay_s / half_life_s)"
UNDECAYED = "the images are decay corrected to the injection: the dose is the injected one"
PHILIPS_SUV = "SUVbw = value x SUV Scale Factor (7053,1000) of Philips PET Private Group"
PHILIPS_ACTIVITY = (
    "activity concentration = value x Activity Concentration Scale Factor (7053,1009)"
    " of Philips PET Private Group"
)
TERMS = frozenset(
    "CNTS NONE CM2 CM2ML PCNT CPS BQML MGMINML UMOLMINML MLMING MLG 1CM UMOLML PROPCNTS PROPCPS"
    " MLMINML MLML GML STDDEV BW LBM LBMJAMES128 LBMJANMA IBW BSA START ADMIN".split()
)
"""Terms of Units, SUV Type and Decay Correction (PS3.3 C.8.9.1.1) that may be said."""


@dataclass(frozen=True)
class Suv:
    """What a volume's values are multiplied by, and how that came about."""

    factor: float
    told: dict[str, Any]

    @property
    def described(self) -> dict[str, Any]:
        """Plain JSON values; neither weight nor dose, from which the weight would follow."""
        return {"type": "BW", "unit": "g/mL", "factor": self.factor, **self.told}


def suv_of(slices: Sequence[SliceHeader], limits: Limits) -> Suv:
    """Find the factor of the slices of one volume. Raises `Unavailable`."""
    if slices[0].sop_class_uid not in SLICES or slices[0].lut is not None:
        raise Unavailable("only of one slice a file are the times and the dose understood")
    read = [read_uptake(path, limits) for path in dict.fromkeys(h.path for h in slices)]
    every = [uptake for uptake in read if uptake is not None]
    if len(every) < len(read):
        raise Unavailable("a file cannot be read any more")
    one = _agreed(every)
    if one.units == "GML":
        return _as_it_is(one)
    if not {"ATTN", "DECY"} <= one.corrected:
        raise Unavailable("the images are not corrected for attenuation and decay")
    if one.units == "CNTS":
        return _by_philips(one, every)
    if one.units == "BQML":
        return _by_activity(one, every)
    raise Unavailable(f"its values are {_term(one.units)}, no activity concentration")


def _agreed(every: Sequence[Uptake]) -> Uptake:
    """Give what all slices say of dose, weight and times."""
    first = every[0]
    for field in fields(Uptake):
        values = {getattr(uptake, field.name) for uptake in every}
        if field.name not in ONE_A_SLICE and len(values) > 1:
            raise Unavailable(f"its slices disagree on {WORDS.get(field.name, field.name)}")
    return first


WORDS = {
    "units": "Units",
    "suv_type": "SUV Type",
    "corrected": "Corrected Image",
    "decay_correction": "Decay Correction",
    "weight_kg": "Patient's Weight",
    "dose_bq": "Radionuclide Total Dose",
    "half_life_s": "Radionuclide Half Life",
    "tracers": "Radiopharmaceutical Information Sequence",
    "injected": "Radiopharmaceutical Start DateTime",
    "injected_at": "Radiopharmaceutical Start Time",
    "series": "Series Date and Time",
    "ge_scan": "the scan's start (0009,100D)",
    "philips_suv": "SUV Scale Factor (7053,1000)",
    "philips_activity": "Activity Concentration Scale Factor (7053,1009)",
}


def _term(text: str) -> str:
    return text if text in TERMS else "of another kind" if text else "not said"


def _as_it_is(one: Uptake) -> Suv:
    """Take values in g/mL for SUV by body weight, unless SUV Type says another."""
    if one.suv_type not in ("", "BW"):
        raise Unavailable(
            f"its values are SUV already, but not by body weight: {_term(one.suv_type)}"
        )
    return Suv(1.0, {"from": "GML", "formula": "SUVbw = value"})


def _by_philips(one: Uptake, every: Sequence[Uptake]) -> Suv:
    """Take the factors that Philips writes beside counts."""
    if one.philips_suv:
        factor = _positive(one.philips_suv, "SUV Scale Factor (7053,1000)")
        return Suv(factor, {"from": "CNTS", "formula": PHILIPS_SUV})
    if not one.philips_activity:
        raise Unavailable("its values are counts (CNTS), and no private factor makes more of them")
    scale = _positive(one.philips_activity, "Activity Concentration Scale Factor (7053,1009)")
    suv = _by_activity(one, every)
    formula = f"{PHILIPS_ACTIVITY}; {suv.told['formula']}"
    return Suv(suv.factor * scale, {**suv.told, "from": "CNTS", "formula": formula})


def _positive(factor: float, name: str) -> float:
    if not FACTORS[0] < factor < FACTORS[1]:
        raise Unavailable(f"{name} cannot be one")
    return factor


def _by_activity(one: Uptake, every: Sequence[Uptake]) -> Suv:
    """Scale Bq/mL by weight and dose."""
    weight, dose = _weight_and_dose(one)
    told: dict[str, Any] = {"from": "BQML", "decay_correction": one.decay_correction}
    if one.decay_correction == "ADMIN":
        return Suv(weight * 1000 / dose, {**told, "formula": f"{FORMULA}; {UNDECAYED}"})
    if one.decay_correction != "START":
        raise Unavailable(f"Decay Correction is {_term(one.decay_correction)}, not START or ADMIN")
    half_life = one.half_life_s
    if half_life is None or not 1 <= half_life < 1e10:
        raise Unavailable("Radionuclide Half Life is missing or cannot be")
    decay_s, said_by = decay_seconds(one, every, half_life)
    told |= {
        "half_life_s": half_life, "decay_s": decay_s, "start_said_by": said_by,
        "formula": f"{FORMULA}; {DECAYED}",
    }  # fmt: skip
    return Suv(weight * 1000 / (dose * 2 ** (-decay_s / half_life)), told)


def _weight_and_dose(one: Uptake) -> tuple[float, float]:
    """Give weight (kg) and dose (Bq), where both can be true."""
    if one.tracers > 1:
        raise Unavailable("several radiopharmaceuticals were given")
    weight, dose = one.weight_kg, one.dose_bq
    if not weight:
        raise Unavailable("Patient's Weight is missing")
    if not WEIGHT_KG[0] <= weight <= WEIGHT_KG[1]:
        raise Unavailable("Patient's Weight cannot be one in kg")
    if not dose:
        raise Unavailable("Radionuclide Total Dose is missing")
    if not DOSE_BQ_PER_KG[0] <= dose / weight <= DOSE_BQ_PER_KG[1]:
        raise Unavailable("Radionuclide Total Dose cannot be one in Bq for this weight")
    return weight, dose
