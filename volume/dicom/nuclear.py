"""The frames of a Nuclear Medicine image, as the records of single slices (PS3.3 C.8.4).

Only reconstructed images are slices; all others are projections. A frame's place follows
from that of slice 1, which stands in Detector Information Sequence (C.8.4.11), from its
number in Slice Vector (C.8.4.8) and from Spacing Between Slices, whose sign says whether the
slices follow one another along row x column or against it (C.8.4.15). Readers disagree: of
twelve stacks (six orientations, both signs) SimpleITK 2.5.7 puts all where the standard does and
dcm2niix 1.0.20260724 turns six upside down (its issue 885); both take the frames in the order
in which they are stored, whatever Slice Vector says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from volume.dicom import elements, image_plane
from volume.dicom.attributes import ATTRIBUTES
from volume.dicom.data_set import DataSet
from volume.dicom.encoding import Unreadable
from volume.dicom.header import SliceHeader, Vector

SLICES = "SliceVector"
DETECTORS = "DetectorVector"
ACQUISITIONS = (
    "EnergyWindowVector",
    DETECTORS,
    "PhaseVector",
    "RotationVector",
    "RRIntervalVector",
    "TimeSlotVector",
    "TimeSliceVector",
    "AngularViewVector",
)
"""Vectors that tell one volume of a file from another."""
PROJECTIONS = frozenset(("STATIC", "DYNAMIC", "GATED", "WHOLE BODY", "TOMO", "GATED TOMO"))
"""Terms of Image Type, value 3, that are no reconstruction (C.8.4.9.1.1)."""
SPACING_AT_MOST = 1000.0


def split(header: SliceHeader, data: DataSet) -> list[SliceHeader]:
    """Give one record a frame.

    Raises `Unreadable` for a projection, and where the place of a frame is not said.
    """
    vectors = _read_vectors(data, header.pixels.frames)
    _refuse_projection(header, vectors)
    numbers, in_order = _number_slices(vectors, header.pixels.frames)
    step, thick = _step(header, data, numbers)
    header = replace(header, assumed=(*in_order, *thick), spacing_between_slices=abs(step) or None)
    detectors = [
        _on_detector(header, item) for item in elements.items(data, "DetectorInformationSequence")
    ]
    return [
        _frame(_seen_by(header, detectors, vectors, index), vectors, index, (number - 1) * step)
        for index, number in enumerate(numbers)
    ]


def _refuse_projection(header: SliceHeader, vectors: Mapping[str, Sequence[int]]) -> None:
    """Refuse what is no reconstruction: by its name, or for want of slices."""
    kind = header.image_type[2] if len(header.image_type) > 2 else ""
    words = kind.replace("_", " ").replace("-", " ").split()
    if "RECON" in words or (SLICES in vectors and " ".join(words) not in PROJECTIONS):
        return
    name = f"a {kind} image" if kind in PROJECTIONS else "an image that is no reconstruction"
    raise Unreadable(f"nuclear medicine: {name}: a projection, not slices", "projection-image")


def _read_vectors(data: DataSet, count: int) -> dict[str, tuple[int, ...]]:
    """Read the numbers that every frame has in each vector (C.8.4.8): there is one a frame.

    Raises `Unreadable` where a vector that orders the frames has another length.
    """
    ordering = elements.tags(data, "FrameIncrementPointer")
    vectors: dict[str, tuple[int, ...]] = {}
    for keyword in (*ACQUISITIONS, SLICES):
        found = elements.values(data, keyword)
        if len(found) == count:
            vectors[keyword] = tuple(map(_index, found))
        elif found and ATTRIBUTES[keyword].tag in ordering:
            raise Unreadable(f"{keyword} numbers {len(found)} frames of {count}")
    return vectors


def _index(value: str | float) -> int:
    number = value if isinstance(value, int) else 0
    if number < 1:
        raise Unreadable("a frame has no number; they count from 1")
    return number


def _number_slices(
    vectors: Mapping[str, Sequence[int]], count: int
) -> tuple[Sequence[int], tuple[str, ...]]:
    """Give every frame the number of its slice, and say what was assumed.

    The place in the header is that of the first frame; where this is not slice 1, the standard
    does not say which of the two is meant.
    """
    if SLICES in vectors:
        first = vectors[SLICES][0]
        if first != 1:
            raise Unreadable(
                f"its first frame is slice {first}, not 1: whose place the header gives is not said"
            )
        return vectors[SLICES], ()
    if any(len(set(vector)) > 1 for vector in vectors.values()):
        raise Unreadable("Slice Vector is missing: nothing says which slice a frame is")
    if count == 1:
        return [1], ()
    return range(1, count + 1), ("Slice Vector is missing: slices are taken in order of frames",)


def _step(
    header: SliceHeader, data: DataSet, numbers: Sequence[int]
) -> tuple[float, tuple[str, ...]]:
    """Give how far a slice lies from the one before along the normal, negative against it."""
    if max(numbers) == 1:
        return 0.0, ()
    found = elements.floats(data, "SpacingBetweenSlices", 1, below=SPACING_AT_MOST)
    if found is not None and found[0] != 0:
        return found[0], ()
    thickness = header.slice_thickness
    if thickness is None or not 0 < thickness < SPACING_AT_MOST:
        raise Unreadable("Spacing Between Slices is missing: nothing says where its slices lie")
    text = f"Spacing Between Slices is missing: Slice Thickness, {thickness:g} mm, is taken for it"
    return thickness, (f"{text}, along row x column",)


Plane = tuple[Vector | None, tuple[Vector, Vector] | None]


def _on_detector(header: SliceHeader, item: DataSet) -> Plane:
    """Read where slice 1 lies: of a detector, or else at the top of the data set."""
    return (
        image_plane.position(item) or header.position,
        image_plane.orientation(item) or header.orientation,
    )


def _seen_by(
    header: SliceHeader,
    detectors: Sequence[Plane],
    vectors: Mapping[str, Sequence[int]],
    index: int,
) -> SliceHeader:
    """Place slice 1 as the detector of a frame does; the first item stands for all others."""
    if not detectors:
        return header
    assumed: tuple[str, ...] = ()
    number = vectors[DETECTORS][index] if DETECTORS in vectors else 1
    if number > len(detectors):
        raise Unreadable(f"a frame is of detector {number}; {len(detectors)} are described")
    if DETECTORS not in vectors and len(set(detectors)) > 1:
        assumed = ("several detectors name different places: that of the first is taken",)
    position, orientation = detectors[number - 1]
    return replace(
        header,
        position=position,
        orientation=orientation,
        assumed=(*header.assumed, *assumed),
    )


def _frame(
    header: SliceHeader, vectors: Mapping[str, Sequence[int]], index: int, offset: float
) -> SliceHeader:
    told = {
        keyword: float(vectors[keyword][index]) for keyword in ACQUISITIONS if keyword in vectors
    }
    return replace(
        header,
        frame=index,
        position=image_plane.moved(header.position, header.orientation, offset),
        traits={**header.traits, **told},
    )
