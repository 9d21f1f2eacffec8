"""The second scale of Philips MR: from what is stored to floating point values.

Philips gives three readings of a stored value PV (dcm2niix's notes by Philips' scientists, its
issues 493 and 575; Chenevert 2014, PMC3998685): what the console displays, DV = PV x RS + RI, of
Rescale Slope and Intercept; the floating point value FP = DV / (RS x SS) = (PV - SI) / SS, of a
private scale slope SS (2005,100E) and intercept SI (2005,100D); and a real world value, which
mostly is DV. A volume holds DV. Of one scan DV and FP differ by a constant: 275 in one case.
"""

from __future__ import annotations

from volume.dicom import elements
from volume.dicom.data_set import DataSet


def read_scaling(*groups: DataSet) -> tuple[float, float] | None:
    """Read (SS, SI) where one of the groups has a usable SS; SI is 0 where it is absent.

    Classic files have them at the top, enhanced ones in a private sequence of each frame.
    """
    for data in groups:
        for holder in (data, *elements.items(data, "PhilipsFrameSequence")[:1]):
            slope = elements.hint(holder, "PhilipsScaleSlope")
            if slope:
                return slope, elements.hint(holder, "PhilipsScaleIntercept") or 0.0
    return None
