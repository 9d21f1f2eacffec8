"""Volume rendering: the volume seen through its own density, on the graphics card or without.

Where a card draws, it casts rays through the volume itself. Where the processor does, VTK's
fixed-point caster takes copies that are averaged: a small one while the hand moves, a finer
one when it rests.

Neither caster is given a direction matrix: with one, the fixed-point caster of VTK 9.7 draws
12 to 16 mm off, and the card's draws nothing at all where the axes are left-handed. Both are
right when the volume's axes come in as the matrix of the prop (tests/test_ray_caster.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import vtkmodules.vtkRenderingVolumeOpenGL2  # noqa: F401 gives the abstract mapper a body
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonDataModel import vtkImageData, vtkPiecewiseFunction
from vtkmodules.vtkCommonMath import vtkMatrix4x4
from vtkmodules.vtkRenderingCore import (
    vtkColorTransferFunction,
    vtkRenderer,
    vtkVolume,
    vtkVolumeProperty,
)
from vtkmodules.vtkRenderingVolume import (
    vtkFixedPointVolumeRayCastMapper,
    vtkGPUVolumeRayCastMapper,
    vtkVolumeMapper,
)

from volume.geometry import Geometry
from volume.processing.windows import sample
from volume.viewer.body_look import BodyLook
from volume.viewer.detail import Detail
from volume.viewer.renderings import RENDERINGS, STRETCH_PERCENT, Rendering
from volume.viewer.shapes import planes_of
from volume.viewer.surfaces import COARSEST, FINEST, reduced
from volume.volume import Volume

LARGEST_SIDE, MOST_VOXELS = 1024, 1 << 28
"""A card gets the volume itself up to this size (1 GiB there); beyond, an average."""
CARD_TYPES = ("uint8", "int8", "uint16", "int16", "float32")
"""What every card takes as it is."""
FIXED_POINT_TOP = 32_767
"""The fixed-point caster calculates with 15 bits."""
RAYS_WHILE_MOVING = 160_000
"""So many a frame: 40 ms on two processors for a chest; the pixels between are interpolated."""
RAYS_OF_A_CARD = 1_000_000
"""A card of a laptop has time for these while the hand moves."""


@dataclass(frozen=True)
class Scale:
    """How the caster's numbers come from the volume's: `factor` times (value - `low`)."""

    low: float = 0.0
    factor: float = 1.0

    def to_caster(self, rendering: Rendering) -> Rendering:
        """Give a curve over the caster's numbers."""
        return rendering.moved(self.factor, -self.low * self.factor)


class RayCaster:
    """Shows a volume by a preset. Nothing is copied before it is asked for."""

    def __init__(self, renderer: vtkRenderer, volume: Volume, *, on_card: bool) -> None:
        self.volume = volume
        self.spacing = volume.geometry.spacing
        self.on_card = on_card
        self.prop = vtkVolume()
        self.prop.SetProperty(_property(volume.geometry))
        self.prop.SetUserMatrix(_axes(volume.geometry))
        self.prop.VisibilityOff()
        renderer.AddViewProp(self.prop)
        self.scale = Scale()
        self._mappers: dict[Detail, vtkVolumeMapper] = {}
        self._arrays: list[NDArray[Any]] = []  # whose memory VTK reads
        self._percentiles = (0.0, 1.0)
        self._shown: object = None

    def hide(self) -> None:
        """Show nothing."""
        self.prop.VisibilityOff()

    def show(self, look: BodyLook, detail: Detail, pixels: int) -> None:
        """Render the volume as it is to look, in a pane of so many pixels."""
        if not self._mappers:
            self._prepare()
        mapper = self._mapper(Detail.FULL if self.on_card else detail)
        preset = RENDERINGS[look.rendering or "MIP"]
        self._take_curve(look, preset, mapper)
        _sample(mapper, detail, pixels, thin=preset.thin)
        mapper.SetClippingPlanes(planes_of(look.clip))
        self.prop.SetMapper(mapper)
        self.prop.VisibilityOn()

    def _prepare(self) -> None:
        """Measure the values: once, and only if they are rendered."""
        values = sample(self.volume.array).astype(np.float64)
        low, high = np.percentile(values, STRETCH_PERCENT) if len(values) else (0.0, 1.0)
        self._percentiles = float(low), float(high)
        if not self.on_card:
            self.scale = _fixed_point_scale(self.volume)

    def _mapper(self, detail: Detail) -> vtkVolumeMapper:
        if detail not in self._mappers:
            self._mappers[detail] = (
                self._card_mapper() if self.on_card else self._own_mapper(detail)
            )
        return self._mappers[detail]

    def _card_mapper(self) -> vtkVolumeMapper:
        mapper = vtkGPUVolumeRayCastMapper()
        mapper.UseJitteringOn()  # else all rays begin in step, and rings are seen
        mapper.SetInputData(self._image(*_for_card(self.volume)))
        mapper.AutoAdjustSampleDistancesOff()
        return mapper

    def _own_mapper(self, detail: Detail) -> vtkVolumeMapper:
        copy = reduced(self.volume, COARSEST if detail == Detail.COARSE else FINEST)
        mapper = vtkFixedPointVolumeRayCastMapper()
        mapper.SetInputData(self._image(_fixed_point(copy.array, self.scale), copy.geometry))
        mapper.AutoAdjustSampleDistancesOff()
        _compute_gradients_in_one_thread(mapper)
        return mapper

    def _image(self, array: NDArray[Any], geometry: Geometry) -> vtkImageData:
        """Let VTK read an array's memory; the grid's axes are in the prop's matrix.

        The image begins where the volume's corner is, so that a copy of larger voxels lies
        where the volume does.
        """
        image = vtkImageData()
        image.SetDimensions(geometry.size)
        image.SetSpacing(*geometry.spacing)
        image.SetOrigin(*self.volume.geometry.to_index(geometry.origin) * self.spacing)
        image.GetPointData().SetScalars(numpy_to_vtk(array.reshape(-1), deep=False))
        self._arrays.append(array)
        return image

    def _take_curve(self, look: BodyLook, preset: Rendering, mapper: vtkVolumeMapper) -> None:
        if preset.light is None:
            mapper.SetBlendModeToMaximumIntensity()
        else:
            mapper.SetBlendModeToComposite()
        if (look.rendering, look.shift) != self._shown:
            self._shown = look.rendering, look.shift
            curve = preset.on(*self._percentiles).moved(1.0, look.shift)
            _dress(self.prop.GetProperty(), self.scale.to_caster(curve))


def _sample(mapper: vtkVolumeMapper, detail: Detail, pixels: int, *, thin: bool) -> None:
    """Set how far apart the rays are, in pixels, and their samples, in mm."""
    moving = detail == Detail.COARSE
    voxel = float(np.mean(mapper.GetInput().GetSpacing()))
    step = voxel if moving else voxel / (4 if thin else 2)
    rays = RAYS_OF_A_CARD
    mapper.SetSampleDistance(step)
    if isinstance(mapper, vtkFixedPointVolumeRayCastMapper):
        mapper.SetInteractiveSampleDistance(step)
        rays = RAYS_WHILE_MOVING
    apart = (pixels / rays) ** 0.5 if moving else 1.0
    mapper.SetImageSampleDistance(max(1.0, apart))


def _compute_gradients_in_one_thread(mapper: vtkFixedPointVolumeRayCastMapper) -> None:
    """Shade as one thread does: those of VTK 9.7 are wrong where their slabs meet.

    Sixteen drew rings over a ball. Rays are cast by all of them.
    """
    threads = mapper.GetNumberOfThreads()
    mapper.SetNumberOfThreads(1)
    for event, count in (("Start", threads), ("End", 1)):
        mapper.AddObserver(
            f"VolumeMapperRender{event}Event",
            lambda *_, count=count: mapper.SetNumberOfThreads(count),
        )


def _axes(geometry: Geometry) -> vtkMatrix4x4:
    """Give the matrix from mm along the grid's axes to mm LPS."""
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = geometry.direction, geometry.origin
    axes = vtkMatrix4x4()
    axes.DeepCopy(matrix.ravel().tolist())
    return axes


def _property(geometry: Geometry) -> vtkVolumeProperty:
    """Make the material; its opacities count for a voxel's width, whatever copy is drawn."""
    material = vtkVolumeProperty()
    material.SetInterpolationTypeToLinear()
    material.SetScalarOpacityUnitDistance(float(np.prod(geometry.spacing) ** (1 / 3)))
    return material


def _dress(material: vtkVolumeProperty, curve: Rendering) -> None:
    opacity, colour = vtkPiecewiseFunction(), vtkColorTransferFunction()
    for value, part in curve.opacity:
        opacity.AddPoint(value, part)
    for value, *rgb in curve.colour:
        colour.AddRGBPoint(value, *rgb)
    material.SetScalarOpacity(opacity)
    material.SetColor(colour)
    material.SetShade(curve.light is not None)
    if curve.light is not None:
        material.SetAmbient(curve.light.ambient)
        material.SetDiffuse(curve.light.diffuse)
        material.SetSpecular(curve.light.specular)
        material.SetSpecularPower(curve.light.power)


def _for_card(volume: Volume) -> tuple[NDArray[Any], Geometry]:
    """Give the voxels themselves where a card takes them, else the least copy that it takes."""
    side = LARGEST_SIDE
    while np.prod([min(n, side) for n in volume.geometry.size], dtype=np.int64) > MOST_VOXELS:
        side //= 2
    copy = reduced(volume, side)
    native = copy.array.dtype.newbyteorder("=")
    kind = native if native.name in CARD_TYPES else np.dtype(np.float32)
    array = np.ascontiguousarray(copy.array, kind)
    if kind.kind == "f" and not np.isfinite(array).all():
        array = np.nan_to_num(array, nan=np.fmin.reduce(array, axis=None))
    return array, copy.geometry


def _fixed_point_scale(volume: Volume) -> Scale:
    """Spread the values over 15 bits; whole ones that fit stay whole."""
    array = volume.array
    finite = array if array.dtype.kind != "f" else array[np.isfinite(array)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    fits = array.dtype.kind in "iub" and high - low <= FIXED_POINT_TOP
    return Scale(low, 1.0 if fits or high == low else FIXED_POINT_TOP / (high - low))


def _fixed_point(array: NDArray[Any], scale: Scale) -> NDArray[np.uint16]:
    """Give the voxels as the fixed-point caster is fastest with, slice by slice."""
    made = np.empty(array.shape, np.uint16)
    for k, layer in enumerate(array):
        values = (layer.astype(np.float64) - scale.low) * scale.factor
        values = np.nan_to_num(values, copy=False, nan=0.0, posinf=FIXED_POINT_TOP)
        made[k] = np.rint(np.clip(values, 0, FIXED_POINT_TOP))
    return made
