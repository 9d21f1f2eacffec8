"""A volume on another grid; the only place that calls SimpleITK's Resample.

The steps: place the new grid, blur what it would alias, interpolate, and say so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from volume.errors import VolumeError
from volume.findings import Finding, info
from volume.geometry import Geometry
from volume.memory import refuse_beyond_memory
from volume.progress import Progress, Silent, shown
from volume.volume import AIR_HU, Volume

if TYPE_CHECKING:
    import SimpleITK

Slab = tuple[slice, NDArray[Any]]
"""Some slices [k, j, i] of the new grid, and where along k they belong."""
Blur = tuple[float, float, float]
"""The Gaussian's sigma along i, j and k of the source, in mm."""

OUTSIDE, MEASURED, INVENTED = 0, 1, 2
"""Values of the mask `valid`."""
LEAST_SHARE = 1 / 16
"""Of its weights, what a voxel needs from scanned ones: at a corner of the scan the nearest
one alone has 1/8; less than half of that is a splinter in a far wider voxel."""
TRACE = 1e-6
"""A lesser weight of interpolation is the rounding of a place, not a slice that went in."""
BLURRED_TRACE = 0.01
"""The Gaussian has long tails: from about one new step away, less than this comes in."""
SLAB_BYTES = 32 << 20
NO_BLUR = (0.0, 0.0, 0.0)
FINEST_BLUR = 0.1
"""In voxels: a narrower Gaussian leaves every voxel as it is (exp(-50) beside it)."""
EDGE = 0.5 - 1e-6
"""A voxel reaches half a step from its centre; at that very place it depends on rounding."""


def resample(
    volume: Volume,
    spacing: float | Sequence[float] | None = None,
    like: Volume | Geometry | None = None,
    *,
    nearest: bool = False,
    progress: Progress | None = None,
) -> Volume:
    """Put a volume on a grid of another spacing, or on another's grid.

    With `spacing` (one number, or three along i, j, k, in mm) the axes stay, the spacing
    is exact, and the field of view keeps its middle; the grid has as many voxels as fit
    best, so that each edge stays where it was or moves by at most a quarter of a new
    voxel. With `like` the grid is that of a volume, or the one given.

    Linear; where the new grid is coarser, after a Gaussian of
    sigma = s_in sqrt((k² - 1) / (8 ln 2)) along every axis with k = s_out / s_in > 1
    (Cardoso et al., MICCAI 2015). `nearest` takes the nearest voxel, unblurred, for
    labels. Outside the field of view stands the modality's least value: -1024 for CT, the
    smaller of 0 and the least value otherwise; there `valid` is 0. Whole numbers are
    rounded and keep their type. A finding `resampled` is added.

    What stands where `valid` is 0 goes into no voxel: at that edge a voxel is the weighted
    mean of the scanned ones around it (normalized convolution: Knutsson and Westin, CVPR
    1993). A voxel that an interpolated one (2) went into is a 2; with `nearest` the mask
    too is that of the nearest voxel.

    Raises `VolumeError` for a spacing that is not possible and `MemoryLimitError` for a
    grid that cannot fit.
    """
    target = _target(volume, spacing, like)
    blur = NO_BLUR if nearest else blur_mm(volume.geometry, target)
    resampled = _resample(volume, target, blur, least_value(volume), nearest, progress)
    finding = _said(volume.geometry, target, blur, nearest=nearest)
    return replace(resampled, findings=(*volume.findings, finding))


def least_value(volume: Volume) -> float:
    """Give the value of nothing: -1024 HU, or the smaller of 0 and the least voxel."""
    if volume.modality == "CT" and volume.unit in ("", "HU") and _holds(volume.array.dtype, AIR_HU):
        return AIR_HU
    return min(0.0, float(volume.array.min()))


def _holds(dtype: np.dtype[Any], value: float) -> bool:
    return dtype.kind == "f" or (dtype.kind == "i" and np.iinfo(dtype).min <= value)


def _target(
    volume: Volume, spacing: float | Sequence[float] | None, like: Volume | Geometry | None
) -> Geometry:
    if (spacing is None) == (like is None):
        raise VolumeError("to resample, give either a spacing or a grid to be like")
    if like is not None:
        target = like.geometry if isinstance(like, Volume) else like
        _refuse_too_fine(volume, np.array(target.size) / volume.geometry.size)
        return target
    steps = _three_steps(spacing)
    with np.errstate(over="ignore"):
        _refuse_too_fine(volume, volume.geometry.spacing / steps)
    return _same_field_of_view(volume.geometry, steps)


def _refuse_too_fine(volume: Volume, growth: NDArray[np.float64]) -> None:
    """Refuse a grid with so many times the voxels along i, j and k that memory cannot hold it."""
    needed = volume.array.nbytes * float(growth.prod())
    refuse_beyond_memory(needed, "the new grid", remedy="choose a wider spacing")


def _three_steps(spacing: Any) -> NDArray[np.float64]:
    try:
        steps = np.broadcast_to(np.asarray(spacing, dtype=np.float64), (3,))
    except (TypeError, ValueError):
        steps = np.full(3, np.nan)
    if not (np.isfinite(steps).all() and (steps > 0).all()):
        raise VolumeError(
            f"a spacing is one number or three, greater than 0, in mm; not {spacing!r}"
        )
    return steps


def _same_field_of_view(source: Geometry, spacing: NDArray[np.float64]) -> Geometry:
    """Cover the field of view, edge to edge, with voxels of exactly `spacing`."""
    extent = np.array(source.size) * source.spacing
    size = np.maximum(1, np.floor(extent / spacing + 0.5))
    origin = source.centre - source.direction @ (spacing * (size - 1) / 2)
    return Geometry((int(size[0]), int(size[1]), int(size[2])), origin, spacing, source.direction)


def blur_mm(source: Geometry, target: Geometry) -> Blur:
    """Give the Gaussian's sigma along i, j and k of `source`, in mm, 0 where none is needed.

    Along a source axis the target's step is that of its voxel seen from there: the root
    of the mean square of its steps, by the share each has in the direction.
    """
    shares = (source.direction.T @ target.direction) ** 2
    k_squared = shares @ target.spacing**2 / source.spacing**2
    sigmas = np.sqrt(np.maximum(k_squared - 1, 0) / (8 * np.log(2)))
    i, j, k = np.where(sigmas > FINEST_BLUR, sigmas * source.spacing, 0.0).tolist()
    return i, j, k


def _resample(
    volume: Volume,
    target: Geometry,
    blur: Blur,
    outside: float,
    nearest: bool,
    progress: Progress | None,
) -> Volume:
    """Interpolate channel by channel, and the mask beside them."""
    bar = shown(progress)
    source = volume.array
    components = source.shape[3:]
    bar.total = target.size[2] * (components[0] if components else 1)
    array = np.empty((*target.size[::-1], *components), source.dtype)
    with closing(bar):
        share = None if nearest else _scanned_share(volume, blur)
        mask = (
            _nearest_mask(volume, target) if nearest else _linear_mask(volume, target, blur, share)
        )
        for channel in np.ndindex(components):
            one = (..., *channel)
            values = source[one] if share is None else _scanned(source[one], volume.valid)
            image = _image(_blurred(values, volume.geometry, blur, nearest), volume.geometry)
            slabs = _slabs(image, target, outside, nearest)
            if share is not None:
                slabs = _means(slabs, _slabs(share, target), mask, outside)
            _fill(array[one], slabs, bar)
        return volume.with_voxels(array, target, valid=mask)


def _scanned_share(volume: Volume, blur: Blur) -> SimpleITK.Image | None:
    """Blur the scanned part as the values are blurred, or give None where all was scanned.

    It is as exact as the values that it divides.
    """
    if volume.valid is None or volume.valid.all():
        return None
    wide = _working_dtype(volume.array.dtype) is np.float64
    scanned = (volume.valid != OUTSIDE).astype(np.float64 if wide else np.uint8)
    return _image(_blurred(scanned, volume.geometry, blur, nearest=False), volume.geometry)


def _scanned(array: NDArray[Any], valid: Any) -> NDArray[Any]:
    return np.where(valid != OUTSIDE, array, array.dtype.type(0))


def _image(array: NDArray[Any], geometry: Geometry) -> SimpleITK.Image:
    return Volume(array, geometry).to_sitk()


def _blurred(array: NDArray[Any], geometry: Geometry, blur: Blur, nearest: bool) -> NDArray[Any]:
    """Give voxels in a type that SimpleITK interpolates, blurred by `blur` mm along the axes."""
    if nearest:
        return array.astype(np.uint8) if array.dtype == np.bool_ else array
    if max(blur) == 0 and array.dtype.kind in "iuf" and array.dtype != np.float16:
        return array
    import SimpleITK as sitk

    straight = Geometry(geometry.size, np.zeros(3), geometry.spacing, np.eye(3))
    image = _image(array.astype(_working_dtype(array.dtype)), straight)
    variance = [sigma * sigma for sigma in blur]
    smooth = sitk.DiscreteGaussian(image, variance, WIDEST_KERNEL, KERNEL_ERROR, True)
    blurred: NDArray[Any] = sitk.GetArrayFromImage(smooth)
    return blurred


WIDEST_KERNEL, KERNEL_ERROR = 1024, 1e-3
"""SimpleITK's own limits (32 voxels, 1 %) would cut a wide Gaussian short."""


def _working_dtype(dtype: np.dtype[Any]) -> type[np.floating[Any]]:
    """Give the floating type that holds every value exactly, or as well as can be."""
    wide = dtype.itemsize > 4 or (dtype.kind in "iu" and dtype.itemsize == 4)
    return np.float64 if wide else np.float32


def _slabs(
    image: SimpleITK.Image, target: Geometry, outside: float = 0, nearest: bool = False
) -> Iterator[Slab]:
    """Interpolate some slices at a time: little memory, and Ctrl-C is heard.

    SimpleITK cuts whole numbers off instead of rounding them (0.75 becomes 0), so that it
    is asked for floating ones.
    """
    import SimpleITK as sitk

    wide = _working_dtype(sitk.GetArrayViewFromImage(image).dtype) is np.float64
    working = sitk.sitkFloat64 if wide else sitk.sitkFloat32
    columns, rows, count = target.size
    step = max(1, SLAB_BYTES // (8 * columns * rows))
    for k in range(0, count, step):
        end = min(k + step, count)
        slab = sitk.Resample(
            image,
            (columns, rows, end - k),
            sitk.Transform(),
            sitk.sitkNearestNeighbor if nearest else sitk.sitkLinear,
            target.to_world((0, 0, k)).tolist(),
            target.spacing.tolist(),
            target.direction.ravel().tolist(),
            outside,
            image.GetPixelID() if nearest else working,
        )
        yield slice(k, end), sitk.GetArrayViewFromImage(slab)


def _means(
    sums: Iterable[Slab], shares: Iterable[Slab], mask: Any, outside: float
) -> Iterator[Slab]:
    """Divide by the share that was scanned; put `outside` where nothing was."""
    for (ks, total), (_, share) in zip(sums, shares, strict=True):
        mean = np.full_like(total, outside)
        yield ks, np.divide(total, share, out=mean, where=mask[ks] != OUTSIDE)


def _fill(out: NDArray[Any], slabs: Iterable[Slab], progress: Progress) -> None:
    for ks, values in slabs:
        out[ks] = _as_dtype(values, out.dtype)
        progress.update(len(values))


def _as_dtype(values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    if dtype.kind not in "iu" or values.dtype.kind != "f":
        return values
    limits = np.iinfo(dtype)
    return np.clip(np.rint(values), limits.min, limits.max)


def _nearest_mask(volume: Volume, target: Geometry) -> NDArray[np.uint8] | None:
    """Carry the mask along, or begin one where the target reaches outside the source."""
    valid = volume.valid
    if valid is None:
        if _lies_within(target, volume.geometry):
            return None
        valid = np.full(volume.array.shape[:3], MEASURED, np.uint8)
    mask = np.empty(target.size[::-1], np.uint8)
    _fill(mask, _slabs(_image(valid, volume.geometry), target, OUTSIDE, nearest=True), Silent())
    return mask


def _linear_mask(
    volume: Volume, target: Geometry, blur: Blur, share: SimpleITK.Image | None
) -> NDArray[np.uint8] | None:
    """Carry the mask along, and go by the weights where it is mixed."""
    mask = _nearest_mask(volume, target)
    if mask is None or volume.valid is None:
        return mask
    if share is not None:
        _drop_splinters(mask, _slabs(share, target))
    if (invented := volume.valid == INVENTED).any():
        _mark_invented(mask, _slabs(_spread(invented, volume.geometry, blur), target))
    return mask


def _spread(invented: NDArray[np.bool_], geometry: Geometry, blur: Blur) -> SimpleITK.Image:
    """Count among the invented voxels those that they are blurred into."""
    spread = invented.view(np.uint8)
    if max(blur) > 0:
        blurred = _blurred(spread, geometry, blur, nearest=False)
        spread = ((blurred > BLURRED_TRACE) | invented).view(np.uint8)
    return _image(spread, geometry)


def _drop_splinters(mask: NDArray[np.uint8], shares: Iterable[Slab]) -> None:
    for ks, share in shares:
        mask[ks][share < LEAST_SHARE] = OUTSIDE


def _mark_invented(mask: NDArray[np.uint8], weights: Iterable[Slab]) -> None:
    for ks, weight in weights:
        mask[ks][(weight > TRACE) & (mask[ks] != OUTSIDE)] = INVENTED


def _lies_within(target: Geometry, source: Geometry) -> bool:
    """Say whether every voxel's centre of `target` is inside a voxel of `source`."""
    corners = source.to_index(target.corners)
    return bool((corners >= -EDGE).all() and (corners <= np.array(source.size) - 1 + EDGE).all())


def _said(source: Geometry, target: Geometry, blur: Blur, *, nearest: bool) -> Finding:
    before, after = _steps(source), _steps(target)
    return info(
        "resampled",
        f"resampled from {before} to {after} mm on request",
        evidence={
            "from": {"size": list(source.size), "spacing": source.spacing.tolist()},
            "to": {"size": list(target.size), "spacing": target.spacing.tolist()},
            "sigma_mm": list(blur),
            "interpolation": "nearest" if nearest else "linear",
        },
    )


def _steps(geometry: Geometry) -> str:
    return " x ".join(f"{step:.4g}" for step in geometry.spacing)
