"""Take the stairs and the noise out of a surface, and leave its shape and size."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from volume.processing.measures import extent

if TYPE_CHECKING:
    from vtkmodules.vtkCommonDataModel import vtkPolyData

ROUNDS, PASS_BAND = 10, 0.1
"""Of the windowed sinc (Taubin 1996) unless mm are given: halves the stairs of a mask, and
leaves a sphere of 22 voxels its radius within 0.003 voxels (both measured). A Hamming window
does in 10 rounds what VTK's own, Nuttall's, does in 20."""
MOST_ROUNDS = 200
"""A wave of some 200 edges; from 250 rounds on VTK finds no filter, and says so on stderr."""
HIGHEST_PASS_BAND = 1.9
"""From 2 on nothing is smoothed."""
SAMPLE = 100_000
AT_A_TIME = 1 << 15
"""Points whose arrays stay in the processor's cache."""


@dataclass(frozen=True)
class Smoothing:
    """How a surface is smoothed: waves on it that are shorter than `mm` fade away."""

    mm: float
    rounds: int
    pass_band: float


def smoothing_of(
    points: NDArray[np.float32], faces: NDArray[np.int32], mm: float | None
) -> Smoothing:
    """Choose rounds and pass band of the windowed sinc for a wave length; None: the usual.

    The filter moves a point by the mean of its neighbours less the point itself. On triangles
    with edges of length h, that shrinks a wave of length w by its eigenvalue (pi h / w)², and
    the pass band is the highest that stays. A longer wave takes more rounds to be told apart.
    """
    edge = _edge_length(points, faces)
    if mm is None:
        return Smoothing(math.pi * edge / math.sqrt(PASS_BAND), ROUNDS, PASS_BAND)
    least = ROUNDS * math.sqrt(PASS_BAND) / MOST_ROUNDS
    root = max(least, math.pi * edge / mm)
    rounds = max(ROUNDS // 2, round(ROUNDS * math.sqrt(PASS_BAND) / root))
    mm = min(mm, math.pi * edge / least)
    return Smoothing(mm, rounds, min(root**2, HIGHEST_PASS_BAND))


def _edge_length(points: NDArray[np.float32], faces: NDArray[np.int32]) -> float:
    """Give the root mean square of the edges' lengths in mm, of a sample of them."""
    some = faces[:: max(1, len(faces) // SAMPLE)]
    edges = points[some] - points[np.roll(some, 1, axis=1)]
    return float(np.sqrt(np.square(edges, dtype=np.float64).sum(axis=-1).mean()))


def smooth(
    points: NDArray[np.float32], faces: NDArray[np.int32], how: Smoothing
) -> NDArray[np.float32]:
    """Give the (n, 3) places in mm to which the points of a surface move."""
    from vtkmodules.vtkCommonCore import vtkSMPTools

    vtkSMPTools.SetBackend("STDThread")
    low, high = extent(points)
    middle = (low + high) * np.float32(0.5)
    moved = _windowed_sinc(points - middle, faces, how)
    moved *= np.float32(1 / _gain(how))
    moved += middle
    return moved


def _gain(how: Smoothing) -> float:
    """Measure by what the filter multiplies every place: it should be 1 and nearly is.

    A window as narrow as Hamming's leaves some thousandths, which would shift whole bodies.
    """
    flat = np.array([[0, 0, 1], [1, 0, 1], [0, 1, 1], [1, 1, 1]], np.float32)
    faces = np.array([[0, 1, 2], [0, 3, 1], [0, 2, 3], [1, 3, 2]], np.int32)
    return float(_windowed_sinc(flat, faces, how)[:, 2].mean(dtype=np.float64))


def _windowed_sinc(
    points: NDArray[np.float32], faces: NDArray[np.int32], how: Smoothing
) -> NDArray[np.float32]:
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkFiltersCore import vtkWindowedSincPolyDataFilter

    sinc = vtkWindowedSincPolyDataFilter()
    sinc.SetInputData(to_vtk(points, faces))
    sinc.SetNumberOfIterations(how.rounds)
    sinc.SetPassBand(how.pass_band)
    sinc.SetWindowFunctionToHamming()
    sinc.BoundarySmoothingOff()
    sinc.FeatureEdgeSmoothingOff()
    sinc.NonManifoldSmoothingOn()
    sinc.Update()
    return vtk_to_numpy(sinc.GetOutput().GetPoints().GetData())


def to_vtk(points: NDArray[np.float32], faces: NDArray[np.int32]) -> vtkPolyData:
    """Hand a surface to VTK, which reads the arrays' memory."""
    from vtkmodules.util.numpy_support import numpy_to_vtk
    from vtkmodules.vtkCommonCore import vtkPoints
    from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData

    places, corners, surface = vtkPoints(), vtkCellArray(), vtkPolyData()
    places.SetData(numpy_to_vtk(points))
    corners.SetData(3, numpy_to_vtk(faces.reshape(-1)))
    surface.SetPoints(places)
    surface.SetPolys(corners)
    return surface


def farthest(points: NDArray[np.float32], moved: NDArray[np.float32]) -> float:
    """Give the most mm that any point moved.

    No place of either surface is further from the other: between the corners of a triangle
    places move by a mean of what the corners do.
    """
    square = 0.0
    for start in range(0, len(points), AT_A_TIME):
        x, y, z = (moved[start : start + AT_A_TIME] - points[start : start + AT_A_TIME]).T
        square = max(square, float((x * x + y * y + z * z).max()))
    return math.sqrt(square)
