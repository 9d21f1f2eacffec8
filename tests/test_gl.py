"""Asking for OpenGL in a child process, and the words where it is missing."""

import subprocess
import sys

import pytest

from volume.errors import DisplayError
from volume.viewer import gl

needs_gl = pytest.mark.skipif(not gl.available(), reason="GL is missing")


@pytest.fixture
def fresh():
    """Forget what was answered before and after."""
    for asked in (gl.drawable, gl._answer, gl._ask):
        asked.cache_clear()
    yield
    for asked in (gl.drawable, gl._answer, gl._ask):
        asked.cache_clear()


@needs_gl
def test_what_draws_is_asked_once(fresh, monkeypatch):
    gl.begin()
    assert gl.available()
    monkeypatch.setattr(subprocess, "Popen", None)
    assert gl.available()


@pytest.mark.parametrize(
    "child",
    [
        "import os; os.abort()",
        "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
        "raise ImportError('libGL.so.1: cannot open shared object file')",
        "import time; time.sleep(600)",
    ],
)
def test_where_the_probe_dies_the_remedy_says_what_to_install(fresh, monkeypatch, child):
    monkeypatch.setattr(gl, "PROBE", child)
    monkeypatch.setattr(gl, "SECONDS", 0.5)
    monkeypatch.setattr(sys, "platform", "linux")
    assert not gl.available()
    with pytest.raises(DisplayError, match=r"OpenGL is missing\n.*libegl1 libgl1"):
        gl.require()


def test_where_no_child_can_be_started_nothing_is_drawn(fresh, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert not gl.available()


def test_a_module_in_the_working_folder_is_not_the_probes(fresh, monkeypatch, tmp_path):
    (tmp_path / "vtkmodules.py").write_text("raise SystemExit(0)")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(gl, "PROBE", "import sys; sys.exit('' in sys.path)")
    child = subprocess.run([sys.executable, "-P", "-c", gl.PROBE], check=False)
    assert child.returncode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="displays are named on Linux")
def test_without_a_display_a_picture_is_the_way_out(monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(DisplayError, match="no display") as refused:
        gl.require_display()
    assert "--screenshot FILE" in refused.value.lines(for_shell=True)[-1]
    assert 'screenshot="FILE"' in refused.value.lines()[-1]


@needs_gl
@pytest.mark.skipif(sys.platform != "linux", reason="displays are named on Linux")
def test_a_display_that_does_not_answer_is_told_apart(fresh, monkeypatch):
    monkeypatch.setenv("DISPLAY", ":4711")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(DisplayError, match="does not answer"):
        gl.require_display()


class Canvas:
    """A window of a kind."""

    def GetClassName(self) -> str:  # noqa: N802 VTK's
        return "vtkEGLRenderWindow"


@pytest.mark.parametrize(
    ("name", "hardware"),
    [
        ("llvmpipe (LLVM 19.1.7, 256 bits)", False),
        ("softpipe", False),
        ("Software Rasterizer", False),
        ("SVGA3D; build: RELEASE;  LLVM;", False),
        ("GDI Generic", False),
        ("Microsoft Basic Render Driver", False),
        ("Apple Software Renderer", False),
        ("NVIDIA H100 80GB HBM3/PCIe/SSE2", True),
        ("Mesa Intel(R) UHD Graphics 620 (KBL GT2)", True),
        ("AMD Radeon Pro 5500M OpenGL Engine", True),
        ("Apple M2", True),
        ("", False),
    ],
)
def test_who_draws_is_told_by_the_name_that_opengl_gives(fresh, monkeypatch, name, hardware):
    monkeypatch.setattr(gl, "PROBE", f"print('vtkEGLRenderWindow'); print({name!r})")
    assert gl.is_hardware(Canvas()) == hardware


@needs_gl
def test_the_probe_tells_who_draws(fresh):
    kind, name = gl._answer(gl.drawable())
    assert kind.startswith("vtk")
    assert kind.endswith("RenderWindow")
    assert name
