"""The surface of bone of the chest: at default settings, and with 90 % of the triangles taken away.

python benchmarks/mesh.py [--quick] [--rounds N]

The array is read once, before the clock starts. VTK's quadric decimation takes minutes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from report import alone
from row import MB, AtMost, Faster, Row
from series import LOSSLESS_IN_SHARED_DATA, Workshop
from timing import function

LEVEL, FRACTION = 226.0, 0.9
TIMES, BESIDES = 3, 320 * MB
"""The volume's own bytes so many times; the mesh (90 MB), the interpreter and its libraries."""


def by_volume(folder: str) -> Callable[[], object]:
    import volume

    make, ct = volume.mesh, volume.load(folder)
    make(_beginning(ct), LEVEL)
    return lambda: _told(make(ct, LEVEL).faces)


def by_volume_reduced(folder: str) -> Callable[[], object]:
    """Take triangles away from a surface that is made already, as VTK does."""
    import volume
    from volume.processing.decimation import take_away

    surface = volume.mesh(volume.load(folder), LEVEL)
    return lambda: _told(take_away(surface.points, surface.faces, FRACTION).faces)


def by_volume_measured(folder: str) -> Callable[[], object]:
    """Measure and prove how far that went, too, as `volume mesh --reduce` does."""
    import volume
    from volume.processing.decimation import reduce

    surface = volume.mesh(volume.load(folder), LEVEL)
    return lambda: _told(reduce(surface.points, surface.faces, FRACTION)[0].faces)


def by_vtk(folder: str) -> Callable[[], object]:
    """Marching cubes and windowed sinc, with VTK's own settings for both."""
    import volume

    ct = volume.load(folder)
    _marching_cubes(_beginning(ct))
    return lambda: _told(_marching_cubes(ct))


def by_vtk_reduced(folder: str) -> Callable[[], object]:
    from vtkmodules.vtkFiltersCore import vtkQuadricDecimation

    import volume

    surface = _marching_cubes(volume.load(folder))
    fewer = vtkQuadricDecimation()
    fewer.SetInputData(surface)
    fewer.SetTargetReduction(FRACTION)

    def work() -> object:
        fewer.Update()
        return _told(fewer.GetOutput())

    return work


def _beginning(ct: Any) -> Any:
    """Take some slices, on which everything is done once: importing libraries is not timed."""
    from volume.geometry import Geometry

    whole, array = ct.geometry, ct.array[: max(8, len(ct.array) // 8)]
    size = (*whole.size[:2], len(array))
    geometry = Geometry(size, whole.origin, whole.spacing, whole.direction)
    return ct.with_voxels(array, geometry, valid=None)


def _marching_cubes(ct: Any) -> Any:
    from vtkmodules.util.numpy_support import numpy_to_vtk
    from vtkmodules.vtkCommonDataModel import vtkImageData
    from vtkmodules.vtkFiltersCore import vtkMarchingCubes, vtkWindowedSincPolyDataFilter

    image = vtkImageData()
    image.SetDimensions(ct.geometry.size)
    image.SetOrigin(ct.geometry.origin)
    image.SetSpacing(ct.geometry.spacing)
    image.GetPointData().SetScalars(numpy_to_vtk(ct.array.reshape(-1)))
    cut, sinc = vtkMarchingCubes(), vtkWindowedSincPolyDataFilter()
    cut.SetInputData(image)
    cut.SetValue(0, LEVEL)
    cut.ComputeNormalsOff()
    sinc.SetInputConnection(cut.GetOutputPort())
    sinc.Update()
    return sinc.GetOutput()


def _told(surface: Any) -> str:
    count = surface.GetNumberOfPolys() if hasattr(surface, "GetNumberOfPolys") else len(surface)
    return f"{count / 1e6:.1f} million triangles"


def rows(shop: Workshop) -> Iterator[Row]:
    """Make the surface, take triangles away, and watch the memory."""
    folder = shop.lossless if shop.quick or shop.chest is None else shop.chest
    what = LOSSLESS_IN_SHARED_DATA if folder == shop.chest else "a body made here"
    ours = function("volume", by_volume, folder)
    theirs = function("VTK", by_vtk, folder)
    told = (
        "volume: measured, with normals, components and the distance moved; VTK:"
        " vtkMarchingCubes and vtkWindowedSincPolyDataFilter as they are, which is neither"
    )
    yield Row(f"surface of bone, {what}", [ours, theirs], [Faster(1.25, "VTK")], [told])
    fewer = [function("volume", by_volume_reduced, folder)]
    fewer.append(function("volume, distance proved", by_volume_measured, folder))
    fewer.append(function("VTK", by_vtk_reduced, folder))
    yield Row(
        f"{FRACTION:.0%} of its triangles taken away",
        fewer,
        [Faster(10, "VTK")],
        ["volume: and how far that went, measured and proved; VTK: vtkQuadricDecimation"],
        rounds=3,
    )
    slices = len(list(folder.iterdir()))
    size = shop.sizes.lossless.size if folder != shop.chest else 512
    limit = TIMES * slices * size**2 * 2 + BESIDES
    yield Row(
        "memory of the surface", [ours, theirs], [AtMost(limit, "peak")], rounds=2, watch=True
    )


if __name__ == "__main__":
    alone(rows)
