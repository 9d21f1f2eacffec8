"""The surface of a body: where the values cross a level, as a closed mesh in mm LPS."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from volume.errors import SurfaceError
from volume.labels import Colour
from volume.processing.crossing import Box, Span, cross
from volume.processing.label_map import is_evident, labels_in
from volume.processing.levels import Wish, choose
from volume.processing.measures import summed
from volume.processing.shaping import Piece, Shaping, join, shape, smoothed
from volume.processing.smoothing import to_vtk
from volume.progress import Progress, shown
from volume.surface import Mesh, Part
from volume.volume import Volume


def mesh(
    volume: Volume | Sequence[Volume],
    level: float | None = None,
    *,
    range: tuple[float, float] | None = None,  # noqa: A002 the command line's word
    preset: str | None = None,
    labels: bool | None = None,
    smooth: float | None = None,
    reduce: float | None = None,
    tolerance: float | None = None,
    largest: int | None = None,
    min_volume: float | None = None,
    clip: Sequence[float] | None = None,
    split: bool = False,
    progress: Progress | None = None,
) -> Mesh:
    """Find the surface of what has values of `level` and more, or of a label map's structures.

    Values are in the volume's unit: from `level` upwards, in a `range` (low, high), or those of
    a tissue of a CT, a `preset` of bone, compact-bone, enamel, skin, lung, fat, muscle; bone
    for a CT where nothing is given. A label map has a surface for each of its labels, as parts
    with names and colours: where the file says that it is one, where `labels` is True, or, with
    nothing else given, where a file that tells nothing holds few whole values (`report` says
    that this was assumed). The layers of a label map whose labels overlap are given together.

    The surface is closed, also where the body is cut off: flat, at the outer faces of the
    border's voxels, or of the box `clip` (x0, x1, y0, y1, z0, z1 in mm LPS), whose rims are
    bevelled within a voxel. Faces are counter-clockwise seen from outside, whatever the grid's
    orientation or shear. Whole values are rounded ones, so that in them a whole level means
    half a unit less: no voxel lies exactly on the surface, where triangles would collapse.

    Waves on the surface shorter than `smooth` mm fade away, its size and place stay (windowed
    sinc, Taubin 1996); None is some 10 edges of its triangles, 0 none.
    `largest` keeps so many bodies, `min_volume` those of so many mL, cavities not counted;
    with `split` each is a part.
    `reduce` takes away so large a fraction of the triangles, `tolerance` as many as it can
    while the surfaces lie within so many mm of each other where they are measured: at all
    corners, and at places within the faces.

    `report` tells triangles, area_cm2, volume_ml, bounds in mm, components (bodies), shells
    (closed surfaces: walls of cavities are counted), whether it is closed, and in `moved_mm`
    how far `smoothing` (no place further, which is proved) and `reduction` (as measured) took it;
    `at_most_mm` is what `reduction` provably moved no place of either surface beyond.

    Raises `SurfaceError` for values that are not there, a colour volume, or none given.
    """
    volumes = (volume,) if isinstance(volume, Volume) else tuple(volume)
    if not volumes:
        raise SurfaceError("there is no volume to make a surface of")
    wish = Wish(level, range, preset)
    bar = shown(progress)
    with closing(bar):
        if any(one.is_colour for one in volumes):
            raise SurfaceError("a colour volume has no level to make a surface at")
        box = _box(volumes[0], clip)
        how = Shaping(smooth, reduce, tolerance, largest, min_volume, box, split)
        told: dict[str, Any] = {}
        if _are_labels(volumes, wish, labels, told):
            pieces = _of_labels(volumes, wish, how, bar)
        else:
            chosen = choose(volumes[0], wish)
            told.update(chosen.told)
            pieces = _of_values(volumes[0], chosen.span, how, bar)
        return _finished(volumes[0], pieces, {**told, "clip": list(box) if box else None}, bar)


def unmeasured(volume: Volume, level: float) -> Mesh:
    """Find the surface that `mesh` finds at a level, to look at: its `report` is empty.

    Counting bodies and measuring would take a third of the time.
    """
    span = choose(volume, Wish(level)).span
    found = cross(volume.array, span, volume.geometry)
    if not len(found.faces):
        raise SurfaceError(NOTHING_THERE.format("voxel"))
    points, _ = smoothed(found, volume.geometry, Shaping())
    return Mesh(points, found.faces, _normals(points, found.faces))


NOTHING_THERE = "the surface is empty: no {} has such values"


def _are_labels(
    volumes: Sequence[Volume], wish: Wish, asked: bool | None, told: dict[str, Any]
) -> bool:
    """Say whether values are labels, as was asked, as the file says, or as they look."""
    known = all(one.labels is not None for one in volumes)
    if len(volumes) > 1 and not known:
        raise SurfaceError("a mesh is made of one volume, or of the layers of a label map")
    if asked or (asked is None and known and (wish.is_open or len(volumes) > 1)):
        told["labels"] = True
        return True
    if asked is None and wish.is_open and not known and is_evident(volumes[0]):
        told.update(labels=True, assumed=[LABELS_ASSUMED])
        return True
    return False


LABELS_ASSUMED = "this is a label map: it holds few whole values; a level says otherwise"


def _box(volume: Volume, clip: Sequence[float] | None) -> Box | None:
    """Check that a box is one, and that some of the volume lies in it."""
    if clip is None:
        return None
    box = tuple(float(place) for place in clip)
    if (
        len(box) != 6
        or not np.isfinite(box).all()
        or not all(a < b for a, b in zip(box[::2], box[1::2], strict=True))
    ):
        raise SurfaceError("a box to clip by is x0,x1,y0,y1,z0,z1 in mm LPS, each pair ascending")
    ends = volume.geometry.corners
    low, high = ends.min(axis=0), ends.max(axis=0)
    if (np.array(box[::2]) > high).any() or (np.array(box[1::2]) < low).any():
        where = ", ".join(
            f"{axis} {a:.6g} to {b:.6g}" for axis, a, b in zip("xyz", low, high, strict=True)
        )
        raise SurfaceError(
            f"the box lies outside the volume, which extends over {where} mm (LPS)",
            remedy="choose one within with {clip=x0,x1,y0,y1,z0,z1}",
        )
    return box


@dataclass(frozen=True)
class _Named:
    """A piece with the name and the colour that it has as a part."""

    piece: Piece
    name: str = ""
    colour: Colour | None = None

    @property
    def is_part(self) -> bool:
        """Whether it has a name: a surface that is one whole has none."""
        return bool(self.name)


def _of_values(volume: Volume, span: Span, how: Shaping, bar: Progress) -> list[_Named]:
    bar.total = 3
    found = cross(volume.array, span, volume.geometry, how.clip)
    bar.update(1)
    if not len(found.faces):
        where = "voxel in the box" if how.clip else "voxel"
        raise SurfaceError(NOTHING_THERE.format(where))
    pieces = shape(found, volume.geometry, how)
    bar.update(1)
    if not how.split:
        return [_Named(pieces[0])]
    return [_Named(piece, f"component {n}") for n, piece in enumerate(pieces, 1)]


def _of_labels(volumes: Sequence[Volume], wish: Wish, how: Shaping, bar: Progress) -> list[_Named]:
    if not wish.is_open:
        raise SurfaceError("a label map's surfaces lie between its labels: it takes no level")
    found = [one for volume in volumes for one in labels_in(volume)]
    bar.total = len(found) + 1
    named: list[_Named] = []
    for label, own in found:
        crossing = cross(own.array, Span(label.value, label.value, False), own.geometry, how.clip)
        if len(crossing.faces):
            pieces = shape(crossing, own.geometry, how)
            names = _numbered(label.name, len(pieces))
            named += [
                _Named(one, name, label.colour) for one, name in zip(pieces, names, strict=True)
            ]
        bar.update(1)
    if not named:
        raise SurfaceError("the surface is empty: no label lies in the box")
    return named


def _numbered(name: str, pieces: int) -> Iterator[str]:
    yield from [name] if pieces == 1 else (f"{name} {n + 1}" for n in np.arange(pieces))


def _finished(volume: Volume, named: Sequence[_Named], told: dict[str, Any], bar: Progress) -> Mesh:
    """Join the pieces, and report on the whole and on each."""
    points, faces = join([one.piece for one in named])
    normals = _normals(points, faces)
    report = {**told, "unit": volume.unit, **summed([one.piece.told for one in named])}
    parts: list[Part] = []
    if named[0].is_part:
        for one in named:
            first = parts[-1].first + parts[-1].count if parts else 0
            parts.append(Part(one.name, first, len(one.piece.faces), one.colour))
        report["parts"] = [_described(one) for one in named]
    bar.update(1)
    return Mesh(points, faces, normals, {**report, **_source(volume)}, tuple(parts))


def _described(one: _Named) -> dict[str, Any]:
    colour = None if one.colour is None else list(one.colour)
    told = {key: value for key, value in one.piece.told.items() if key != "dropped"}
    return {"name": one.name, "colour": colour, **told}


def _normals(points: NDArray[np.float32], faces: NDArray[np.int32]) -> NDArray[np.float32]:
    """Give every point the (n, 3) mean of its faces' normals by area."""
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkFiltersCore import vtkTriangleMeshPointNormals

    normals = vtkTriangleMeshPointNormals()
    normals.SetInputData(to_vtk(points, faces))
    normals.Update()
    return vtk_to_numpy(normals.GetOutput().GetPointData().GetNormals()).astype(np.float32)


def _source(volume: Volume) -> dict[str, Any]:
    return {
        "source": {key: volume.report[key] for key in SOURCE if key in volume.report},
        "findings": [finding.as_json() for finding in volume.findings],
        **{key: volume.report[key] for key in ("identifiers",) if key in volume.report},
    }


SOURCE = "id series_uid study_uid frame_of_reference_uid kind options".split()
"""What a mesh's report keeps of its volume's: the way back to the archive."""
