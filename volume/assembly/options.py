"""How a volume is to be made, in the words of the command line."""

from __future__ import annotations

from dataclasses import dataclass

from volume.dicom.limits import DEFAULT, Limits

GEOMETRIES = ("regular", "strict", "raw")
GAPS = ("refuse", "fill", "largest")
PADDINGS = ("air", "keep")
UNITS = ("own", "suv")


@dataclass(frozen=True)
class Options:
    """`--geometry`, `--gaps`, `--padding`, `--limits` and `--unit`.

    `lenient` fills gaps of any width, to look only; `identifiers` has the report name the
    patient, study and series.
    """

    geometry: str = "regular"
    gaps: str = "refuse"
    padding: str = "air"
    lenient: bool = False
    limits: Limits = DEFAULT
    identifiers: bool = False
    unit: str = "own"

    def __post_init__(self) -> None:
        choices = {"geometry": GEOMETRIES, "gaps": GAPS, "padding": PADDINGS, "unit": UNITS}
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise ValueError(
                    f"{name} is one of {', '.join(allowed)}, not {getattr(self, name)!r}"
                )


DEFAULTS = Options()
