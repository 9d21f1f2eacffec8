"""The surface of a body: where the values cross a level, as a closed mesh in mm LPS."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from volume.errors import SurfaceError
from volume.geometry import Geometry
from volume.progress import Progress, Silent
from volume.surface import Mesh
from volume.volume import Volume

if TYPE_CHECKING:
    from vtkmodules.vtkCommonDataModel import vtkPolyData

BONE_HU = 226.0
"""InVesalius' threshold of bone: the level of a CT unless one is given."""
SMOOTHING_ROUNDS, PASS_BAND = 20, 0.1
"""Of the windowed sinc (Taubin 1996): halves the stairs of a mask, and leaves a sphere of
20 voxels its radius within 0.002 voxels (both measured)."""


def mesh(
    volume: Volume,
    level: float | None = None,
    *,
    smooth: bool = True,
    progress: Progress | None = None,
) -> Mesh:
    """Find the surface of what has values of `level` and more.

    `level` is in the volume's unit; 226 HU (bone) for CT where none is given. The surface
    is closed, also where the body is cut off by the border of the volume, and its faces
    are counter-clockwise seen from outside, whatever the grid's orientation or shear.
    Whole values are rounded ones, so that in them a whole level means half a unit less:
    no voxel lies exactly on the surface, where triangles would collapse.
    `report` tells what was measured: triangles, volume_ml, area_cm2, bounds in mm, and
    whether the mesh is closed.

    Raises `SurfaceError` for a level outside the values, a colour volume, or no level.
    """
    bar = progress or Silent()
    bar.total = 3
    with closing(bar):
        chosen = _level(volume, level)
        array, border = _padded(_for_vtk(volume), chosen)
        surface = _flying_edges(array, _between_values(chosen, volume.array.dtype))
        bar.update(1)
        if smooth:
            surface = _windowed_sinc(surface)
        bar.update(1)
        made = _in_patient(surface, volume.geometry, border)
        report = _report(made, volume, chosen, smooth=smooth)
        bar.update(1)
    return replace(made, report=report)


def _level(volume: Volume, level: float | None) -> float:
    """Choose the level and see that a surface exists there."""
    if volume.is_colour:
        raise SurfaceError("a colour volume has no level to make a surface at")
    least, greatest = volume.array.min(), volume.array.max()
    unit = f" {volume.unit}" if volume.unit else ""
    values = f"the values lie between {least:.6g} and {greatest:.6g}{unit}"
    if level is None:
        if volume.modality != "CT" or volume.unit not in ("", "HU"):
            raise SurfaceError(
                f"a surface needs a level; {values}", remedy="choose one with {level=VALUE}"
            )
        level = BONE_HU
    if not least < level <= greatest:
        raise SurfaceError(
            f"there is no surface at {level:.6g}{unit}: {values}",
            remedy="choose one between them with {level=VALUE}",
        )
    return float(level)


def _for_vtk(volume: Volume) -> NDArray[Any]:
    """Give the voxels in a type VTK cuts right, the array itself wherever that is one."""
    native = volume.array.dtype.newbyteorder("=")
    return np.ascontiguousarray(volume.array, WIDER.get(native, native))


WIDER = {
    np.dtype(narrow): np.dtype(wide)
    for narrow, wide in (("?", "u1"), ("f2", "f4"), ("u4", "i8"), ("u8", "f8"))
}
"""VTK has no bool or half; its flying edges (9.7) subtract unsigned values of 32 and 64 bits
without a sign, which puts the surface half a voxel off."""


def _padded(array: NDArray[Any], level: float) -> tuple[NDArray[Any], int]:
    """Put a layer of nothing round a body that touches the border, so that it closes there.

    Copies only then; gives the array and the thickness of the layer.
    """
    faces = (array[[0, -1]], array[:, [0, -1]], array[:, :, [0, -1]])
    if not any((face >= level).any() for face in faces):
        return array, 0
    return np.pad(array, 1, constant_values=array.min()), 1


def _between_values(level: float, dtype: np.dtype[Any]) -> float:
    return level - 0.5 if dtype.kind in "iu" and level.is_integer() else level


def _flying_edges(array: NDArray[Any], level: float) -> vtkPolyData:
    """Cut the voxels at a level, in index space, on all cores; VTK reads the array's memory."""
    from vtkmodules.util.numpy_support import numpy_to_vtk
    from vtkmodules.vtkCommonCore import vtkSMPTools
    from vtkmodules.vtkCommonDataModel import vtkImageData
    from vtkmodules.vtkFiltersCore import vtkFlyingEdges3D

    vtkSMPTools.SetBackend("STDThread")
    image = vtkImageData()
    image.SetDimensions(array.shape[::-1])
    image.GetPointData().SetScalars(numpy_to_vtk(array.reshape(-1), deep=False))
    cut = vtkFlyingEdges3D()
    cut.SetInputData(image)
    cut.SetValue(0, level)
    cut.ComputeNormalsOff()
    cut.ComputeGradientsOff()
    cut.ComputeScalarsOff()
    cut.Update()
    return cut.GetOutput()


def _windowed_sinc(surface: vtkPolyData) -> vtkPolyData:
    """Take the stairs out of a surface.

    Every point becomes a weighted mean of its neighbours, so that this gives the same
    surface in index space as in mm.
    """
    from vtkmodules.vtkFiltersCore import vtkWindowedSincPolyDataFilter

    sinc = vtkWindowedSincPolyDataFilter()
    sinc.SetInputData(surface)
    sinc.SetNumberOfIterations(SMOOTHING_ROUNDS)
    sinc.SetPassBand(PASS_BAND)
    sinc.BoundarySmoothingOff()
    sinc.FeatureEdgeSmoothingOff()
    sinc.NonManifoldSmoothingOn()
    sinc.NormalizeCoordinatesOn()
    sinc.Update()
    return sinc.GetOutput()


def _in_patient(surface: vtkPolyData, geometry: Geometry, border: int) -> Mesh:
    """Place a surface in mm LPS, its faces and normals outward.

    Points go by the grid's matrix, normals by its inverse (they are covectors); where the
    grid is left-handed the corners of the faces change their order.
    """
    from vtkmodules.util.numpy_support import vtk_to_numpy

    if surface.GetNumberOfPolys() == 0:
        raise SurfaceError("the surface is empty")
    ijk = vtk_to_numpy(surface.GetPoints().GetData()).astype(np.float64) - border
    faces = vtk_to_numpy(surface.GetPolys().GetConnectivityArray()).reshape(-1, 3)
    matrix = geometry.affine[:3, :3]
    outward = _index_normals(surface) @ np.linalg.inv(matrix)
    length = np.linalg.norm(outward, axis=1, keepdims=True)
    return Mesh(
        geometry.to_world(ijk).astype(np.float32),
        faces[:, :: 1 if np.linalg.det(matrix) > 0 else -1].astype(np.int32, order="C"),
        np.divide(outward, length, where=length > 0, out=outward).astype(np.float32),
    )


def _index_normals(surface: vtkPolyData) -> NDArray[np.float64]:
    """Give every point the (n, 3) mean of its faces' normals by area, in index space."""
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkFiltersCore import vtkTriangleMeshPointNormals

    normals = vtkTriangleMeshPointNormals()
    normals.SetInputData(surface)
    normals.Update()
    found = normals.GetOutput().GetPointData().GetNormals()
    return vtk_to_numpy(found).astype(np.float64)


def _report(made: Mesh, volume: Volume, level: float, *, smooth: bool) -> dict[str, Any]:
    open_edges = _boundary_edges(made.faces, len(made.points))
    area, enclosed = _area_and_volume(made)
    low, high = made.points.min(axis=0), made.points.max(axis=0)
    return {
        "level": level,
        "unit": volume.unit,
        "smoothed": smooth,
        "triangles": len(made.faces),
        "points": len(made.points),
        "closed": open_edges == 0,
        "boundary_edges": open_edges,
        "volume_ml": enclosed / 1000 if open_edges == 0 else None,
        "area_cm2": area / 100,
        "bounds": [low.tolist(), high.tolist()],
        "source": {key: volume.report[key] for key in SOURCE if key in volume.report},
        "findings": [finding.as_json() for finding in volume.findings],
        **{key: volume.report[key] for key in ("identifiers",) if key in volume.report},
    }


SOURCE = "id series_uid study_uid frame_of_reference_uid kind options".split()
"""What a mesh's report keeps of its volume's: the way back to the archive."""


def _boundary_edges(faces: NDArray[np.int32], points: int) -> int:
    """Count the edges that belong to one face only."""
    a, b, c = faces.astype(np.int64).T
    edges = np.concatenate(
        [np.minimum(p, q) * points + np.maximum(p, q) for p, q in ((a, b), (b, c), (c, a))]
    )
    edges.sort()
    differs = np.concatenate([[True], edges[1:] != edges[:-1], [True]])
    return int(np.count_nonzero(differs[1:] & differs[:-1]))


FACES_AT_A_TIME = 1 << 16
"""So many faces and their corners stay in the processor's cache: eight times as fast."""


def _area_and_volume(made: Mesh) -> tuple[float, float]:
    """Give the area in mm² and, by the divergence theorem, the volume in mm³."""
    middle = made.points.mean(axis=0, dtype=np.float64)
    area = enclosed = 0.0
    for start in range(0, len(made.faces), FACES_AT_A_TIME):
        corners = made.points[made.faces[start : start + FACES_AT_A_TIME]] - middle
        a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
        across = np.cross(b - a, c - a)
        area += float(np.linalg.norm(across, axis=1).sum()) / 2
        enclosed += float(np.einsum("ij,ij->", a, across)) / 6
    return area, enclosed
