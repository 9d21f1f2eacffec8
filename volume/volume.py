"""A 3D image in space: voxels, where they are, and what is known about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from volume.errors import GridError
from volume.escaping import LABEL, escape
from volume.findings import Finding
from volume.geometry import LPS_TO_RAS, Geometry
from volume.labels import Label

if TYPE_CHECKING:
    import nibabel
    import SimpleITK


AIR_HU = -1024
"""What lies outside the field of view of a CT."""


@dataclass(frozen=True, eq=False)
class Volume:
    """Voxels on a grid.

    `array` is [k, j, i], or [k, j, i, c] for colour, C order; `geometry` places it in
    mm LPS; `unit` is the unit of the values ("HU" for CT); `valid`, where it is given,
    has the array's [k, j, i] shape in uint8: 0 outside what was scanned, 1 measured,
    2 interpolated between slices. `id` names the volume without naming the patient.
    `window` is DICOM's (centre, width). `axis` is (tag, value) for one stack of several
    that share a grid. `report` holds plain JSON values: what became of every slice. `labels`
    name the values of a label map, () where nothing names them; None: it is not known as one.
    """

    array: NDArray[Any]
    geometry: Geometry
    unit: str = ""
    modality: str = ""
    findings: tuple[Finding, ...] = ()
    report: Mapping[str, Any] = field(default_factory=dict)
    id: str = ""
    window: tuple[float, float] | None = None
    axis: tuple[str, Any] | None = None
    valid: NDArray[np.uint8] | None = None
    labels: tuple[Label, ...] | None = None

    def __post_init__(self) -> None:
        if self.array.ndim not in (3, 4):
            raise ValueError(f"an array is [k, j, i] or [k, j, i, c], not {self.array.shape}")
        if self.array.shape[:3] != self.geometry.size[::-1]:
            raise ValueError(
                f"an array of shape {self.array.shape} does not fit a grid {self.geometry.size}"
            )
        if self.valid is not None and self.valid.shape != self.array.shape[:3]:
            raise ValueError("the mask of valid voxels must have the array's shape")

    @property
    def is_colour(self) -> bool:
        """Whether every voxel has several components."""
        return self.array.ndim == 4

    def with_voxels(self, array: NDArray[Any], geometry: Geometry, **more: Any) -> Volume:
        """Make the same volume with other voxels on another grid."""
        return replace(self, array=array, geometry=geometry, **more)

    def to_sitk(self) -> SimpleITK.Image:
        """Copy into a SimpleITK image on the same grid (LPS, as here)."""
        import SimpleITK as sitk

        image = sitk.GetImageFromArray(self.array, isVector=self.is_colour)
        image.SetOrigin(self.geometry.origin.tolist())
        image.SetSpacing(self.geometry.spacing.tolist())
        image.SetDirection(self.geometry.direction.ravel().tolist())
        return image

    @classmethod
    def from_sitk(cls, image: SimpleITK.Image, **more: Any) -> Volume:
        """Copy a three-dimensional SimpleITK image; `more` are the other fields."""
        import SimpleITK as sitk

        geometry = Geometry(
            image.GetSize(),
            np.array(image.GetOrigin()),
            np.array(image.GetSpacing()),
            np.array(image.GetDirection()).reshape(3, 3),
        )
        return cls(sitk.GetArrayFromImage(image), geometry, **more)

    def to_nibabel(self) -> nibabel.Nifti1Image:
        """Make a nibabel image: the array as (i, j, k), the affine in mm RAS.

        A sheared grid stands in the sform alone: a qform cannot hold it. Raises `GridError`
        for a colour volume.
        """
        import nibabel

        if self.is_colour:
            raise GridError("a colour volume is no array of numbers to nibabel; use to_sitk")
        ijk = np.moveaxis(self.array, (0, 1, 2), (2, 1, 0))
        image = nibabel.Nifti1Image(ijk, self.geometry.ras_affine)
        if not self.geometry.is_sheared:
            image.set_qform(self.geometry.ras_affine, code=1)
        image.set_sform(self.geometry.ras_affine, code=1)
        image.header.set_xyzt_units("mm")
        return image

    @classmethod
    def from_nibabel(cls, image: nibabel.Nifti1Image, **more: Any) -> Volume:
        """Make a volume of a three-dimensional nibabel image."""
        voxels = np.asanyarray(image.dataobj)
        array = np.ascontiguousarray(np.moveaxis(voxels, (0, 1, 2), (2, 1, 0)))
        geometry = Geometry.from_affine(voxels.shape[:3], LPS_TO_RAS @ image.affine)
        return cls(array, geometry, **more)

    def _repr_html_(self) -> str:
        """Show the volume in a notebook: its three planes, and a short table."""
        notebook = import_module("volume.viewer.notebook")  # a notebook asks; nothing else here
        return str(notebook.to_html(self))

    def __repr__(self) -> str:
        what = escape(" ".join(filter(None, (self.modality, self.unit))), LABEL)
        return f"Volume({what or 'values'}, {self.array.dtype}, {self.geometry!r})"
