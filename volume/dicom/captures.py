"""Secondary captures that say where they lie: pictures of slices, in the slices' own place."""

from __future__ import annotations

from volume.dicom import elements, sop_classes
from volume.dicom.data_set import DataSet

PLACED_BY = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing")
"""What no screen has (PS3.3 C.7.6.2): who writes all of these wrote a slice."""


def is_placed(data: DataSet, sop_class_uid: str) -> bool:
    """Say whether a secondary capture of one frame says where in the patient it lies."""
    return (
        sop_class_uid == sop_classes.CAPTURES
        and elements.hint(data, "NumberOfFrames") in (None, 1)
        and all(elements.values(data, keyword) for keyword in PLACED_BY)
    )
