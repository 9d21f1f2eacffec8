"""From a folder of DICOM files to a correct 3D volume: see it, trust it, ship it.

The public names are loaded when they are touched, so that importing costs nothing.
For research and teaching; not a medical device, not for diagnosis.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from volume.assembly.load import load as load
    from volume.assembly.load import load_all as load_all
    from volume.assembly.scan import Scan as Scan
    from volume.assembly.scan import scan as scan
    from volume.assembly.series import Series as Series
    from volume.assembly.stack import Stack as Stack
    from volume.dicom.header import SliceHeader as SliceHeader
    from volume.dicom.limits import Limits as Limits
    from volume.errors import DisplayError as DisplayError
    from volume.errors import ExistsError as ExistsError
    from volume.errors import GridError as GridError
    from volume.errors import MemoryLimitError as MemoryLimitError
    from volume.errors import NotDicomError as NotDicomError
    from volume.errors import PixelError as PixelError
    from volume.errors import SelfCheckError as SelfCheckError
    from volume.errors import SeriesChoiceError as SeriesChoiceError
    from volume.errors import SurfaceError as SurfaceError
    from volume.errors import VolumeError as VolumeError
    from volume.findings import Finding as Finding
    from volume.findings import Severity as Severity
    from volume.formats.files import export as export
    from volume.formats.meshes import read_mesh as read_mesh
    from volume.geometry import Geometry as Geometry
    from volume.processing.comparison import Comparison as Comparison
    from volume.processing.comparison import compare as compare
    from volume.processing.isosurface import mesh as mesh
    from volume.processing.orientation import reorient as reorient
    from volume.processing.planes import Plane as Plane
    from volume.processing.planes import reformat as reformat
    from volume.resampling import resample as resample
    from volume.surface import Mesh as Mesh
    from volume.viewer.picture import screenshot as screenshot
    from volume.viewer.window import view as view
    from volume.volume import Volume as Volume

_HOMES = {
    "Comparison": "processing.comparison",
    "DisplayError": "errors",
    "ExistsError": "errors",
    "Finding": "findings",
    "Geometry": "geometry",
    "GridError": "errors",
    "MemoryLimitError": "errors",
    "Limits": "dicom.limits",
    "Mesh": "surface",
    "NotDicomError": "errors",
    "PixelError": "errors",
    "Plane": "processing.planes",
    "Scan": "assembly.scan",
    "SelfCheckError": "errors",
    "Series": "assembly.series",
    "SeriesChoiceError": "errors",
    "Severity": "findings",
    "SliceHeader": "dicom.header",
    "Stack": "assembly.stack",
    "SurfaceError": "errors",
    "Volume": "volume",
    "VolumeError": "errors",
    "compare": "processing.comparison",
    "export": "formats.files",
    "load": "assembly.load",
    "load_all": "assembly.load",
    "mesh": "processing.isosurface",
    "read_mesh": "formats.meshes",
    "reformat": "processing.planes",
    "reorient": "processing.orientation",
    "resample": "resampling",
    "scan": "assembly.scan",
    "screenshot": "viewer.picture",
    "view": "viewer.window",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'volume' has no attribute {name!r}")
    value = getattr(import_module(f"volume.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*globals(), *_HOMES]
