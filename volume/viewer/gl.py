"""Whether anything can be drawn here: asked in a child process, because VTK does not raise
where a graphics library is missing, it ends the process."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

from volume.errors import DisplayError

if TYPE_CHECKING:
    from vtkmodules.vtkRenderingCore import vtkRenderWindow

SECONDS = 60
"""Even on a cold disk a probe takes seconds; one that hangs shall not hang the caller."""

PROBE = """
import sys
import vtkmodules.vtkRenderingOpenGL2 as gl
from vtkmodules.vtkCommonCore import vtkUnsignedCharArray
from vtkmodules.vtkRenderingCore import vtkRenderer, vtkRenderWindow
window = getattr(gl, sys.argv[1], vtkRenderWindow)()
window.SetOffScreenRendering(1)
window.SetSize(8, 8)
renderer = vtkRenderer()
renderer.SetBackground(1, 1, 1)
window.AddRenderer(renderer)
window.Render()
pixel = vtkUnsignedCharArray()
window.GetPixelData(4, 4, 4, 4, 0, pixel, 0)
print(window.GetClassName())
told = window.ReportCapabilities().splitlines()
print(next((line.partition(":")[2] for line in told if "OpenGL renderer" in line), ""))
sys.exit(0 if pixel.GetValue(0) == 255 else 3)
"""
"""Draws a white picture off screen and looks whether it is white; tells the kind of window,
and what OpenGL calls the one who draws."""

WAYS = ("vtkEGLRenderWindow", "vtkOSOpenGLRenderWindow")
"""Kinds of windows that need no display, in the order they are tried on Linux."""
NATIVE = "vtkRenderWindow"

SOFTWARE = (
    "llvmpipe", "softpipe", "swrast", "software", "svga3d", "gdi generic", "basic render",
)  # fmt: skip
"""Who draws on the processor calls itself by one of these: Mesa, macOS, VMware, Windows."""

PICTURE = "write a picture with {screenshot=FILE}"

INSTALL = {
    "linux": "install the graphics libraries: apt-get install libegl1 libgl1"
    " (Debian, Ubuntu), dnf install mesa-libEGL mesa-libGL (Fedora)",
    "darwin": "open a session with a screen: macOS draws only where someone is logged in",
    "win32": "install the graphics driver, or put Mesa's opengl32.dll beside python.exe",
}


def begin(*, window: bool = False) -> None:
    """Start what takes its time, asking and loading VTK, while the volume is still read."""
    _ask(WAYS[0] if sys.platform == "linux" and not window else NATIVE)
    threading.Thread(target=_load, kwargs={"window": window}).start()


def _load(*, window: bool) -> None:
    """Import what draws; who needs it will say what is wrong with it."""
    with suppress(Exception):
        if window:
            import pyvista  # noqa: F401
    with suppress(Exception):
        import volume.viewer.drawing  # noqa: F401


@cache
def drawable() -> str | None:
    """Name the kind of window that draws off screen here, None if none does."""
    ways = (*WAYS, NATIVE) if sys.platform == "linux" else (NATIVE,)
    return next((way for way in ways if _draws(way)), None)


def available() -> bool:
    """Say whether anything can be drawn here."""
    return drawable() is not None


def require() -> None:
    """Raise a DisplayError that says what to install, if nothing can be drawn here."""
    if not available():
        remedy = INSTALL.get(sys.platform, "install a graphics driver with OpenGL 3.2")
        raise DisplayError("nothing can be drawn here: OpenGL is missing", remedy=remedy)


def refuse_without_display() -> None:
    """Raise a DisplayError if there is no display: known at once, on Linux."""
    named = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if sys.platform == "linux" and not named:
        raise DisplayError("no window can be opened: there is no display", remedy=PICTURE)


def require_display() -> None:
    """Raise a DisplayError if no window can be opened here."""
    refuse_without_display()
    if sys.platform != "linux":
        require()
        return
    if not _draws(NATIVE):
        require()
        raise DisplayError("no window can be opened: the display draws no OpenGL", remedy=PICTURE)
    if "EGL" in _answer(NATIVE)[0]:  # what VTK falls back to
        raise DisplayError("no window can be opened: the display does not answer", remedy=PICTURE)


def off_screen_window(size: tuple[int, int]) -> vtkRenderWindow:
    """Make a window of pixels that needs no display."""
    require()
    import vtkmodules.vtkRenderingOpenGL2 as gl
    from vtkmodules.vtkRenderingCore import vtkRenderWindow

    window = getattr(gl, drawable() or NATIVE, vtkRenderWindow)()
    window.SetOffScreenRendering(1)
    window.SetMultiSamples(0)
    window.SetSize(*size)
    return window


def is_hardware(window: vtkRenderWindow) -> bool:
    """Say whether a graphics card draws what is in this window; not if that is unknown."""
    kind = window.GetClassName()
    name = _answer(kind if kind in WAYS else NATIVE)[1].lower()
    return bool(name) and not any(word in name for word in SOFTWARE)


def _draws(way: str) -> bool:
    return bool(_answer(way)[0])


NOTHING = ("", "")


@cache
def _answer(way: str) -> tuple[str, str]:
    """Give the kind of window that drew and who drew, "" if none did, whatever ended the child."""
    child = _ask(way)
    if child is None:
        return NOTHING
    try:
        said, _ = child.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()
        return NOTHING
    if child.returncode != 0:
        return NOTHING
    kind, _, name = said.strip().partition("\n")
    return kind.strip(), name.strip()


@cache
def _ask(way: str) -> subprocess.Popen[str] | None:
    command = [sys.executable, "-P", "-c", PROBE, way]
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
    except OSError:
        return None
