"""No file that is read is ever run: no pickle, eval, YAML, XML or shell, no module on a disc."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import volume
from phantom import phantom

PACKAGE = Path(volume.__file__).parent
MODULES = frozenset(
    "pickle cPickle _pickle dill cloudpickle joblib marshal shelve dbm yaml ruamel xml lxml"
    " defusedxml plistlib code codeop runpy imp".split()
)
"""Modules that make objects or programs of data, or entities of a document."""
CALLS = frozenset(
    "eval exec compile __import__ os.system os.popen os.execv os.execvp os.spawnv pty.spawn"
    " subprocess.getoutput subprocess.getstatusoutput numpy.fromregex".split()
)


def offences(tree: ast.AST) -> Iterator[str]:
    """Give what a module does that would run its data."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name.split(".")[0] in MODULES)
        elif isinstance(node, ast.ImportFrom):
            if (node.module or "").split(".")[0] in MODULES:
                yield str(node.module)
        elif isinstance(node, ast.Call):
            yield from _of_call(node)
        elif isinstance(node, ast.keyword) and node.arg in ("shell", "allow_pickle"):
            value = ast.unparse(node.value)
            yield from () if value == "False" else (f"{node.arg}={value}",)


def _of_call(call: ast.Call) -> Iterator[str]:
    name = ast.unparse(call.func)
    of_numpy = name.split(".")[0] in ("np", "numpy", "npy")
    if name in CALLS:
        yield name
    if of_numpy and name.rpartition(".")[2] in LOADERS and not _says_pickle(call):
        yield f"{name} without allow_pickle=False"
    if name.endswith("import_module") and not _is_ours(call.args[0]):
        yield f"import of {ast.unparse(call.args[0])}"


def _says_pickle(call: ast.Call) -> bool:
    return any(keyword.arg == "allow_pickle" for keyword in call.keywords)


LOADERS = frozenset({"load", "read_array", "save", "write_array"})
OF_OUR_OWN = frozenset({"self._home"})
"""Names of modules that a flag of ours holds, written beside it."""


def _is_ours(name: ast.expr) -> bool:
    """Say whether a module's name begins with ours."""
    if isinstance(name, ast.JoinedStr):
        name = name.values[0]
    if isinstance(name, ast.Constant):
        return str(name.value).startswith("volume.")
    return ast.unparse(name) in OF_OUR_OWN


def test_nothing_here_runs_what_it_reads():
    found = {
        str(path.relative_to(PACKAGE)): told
        for path in PACKAGE.rglob("*.py")
        if (told := list(offences(ast.parse(path.read_text("utf-8")))))
    }
    assert found == {}


@pytest.mark.parametrize(
    "code",
    """import pickle
from xml.etree import ElementTree
import yaml
eval(text)
exec(text)
__import__(name)
os.system(text)
subprocess.run(text, shell=True)
subprocess.Popen(text, shell=flag)
np.load(path)
np.load(path, allow_pickle=True)
npy.read_array(stream)
import_module(name)
importlib.import_module(f"{name}.x")""".splitlines(),
)
def test_the_search_knows_what_would_run_data(code):
    assert list(offences(ast.parse(code)))


TRAPS = """json numpy struct volume click zlib pydicom imagecodecs io os warnings logging
    multiprocessing ctypes sitecustomize usercustomize""".split()
"""Modules that our processes import, as a disc may hold files of their names."""


@pytest.fixture
def disc(tmp_path):
    """A folder as a hospital's disc may be: a series, and programs named as modules are."""
    folder = tmp_path / "disc"
    phantom(folder / "DICOM", size=(16, 16, 6), transfer_syntax="jpeg-lossless-sv1")
    for name in TRAPS:
        (folder / f"{name}.py").write_text(
            f"open({str(tmp_path / 'trapped')!r}, 'a').write({name!r})\nraise SystemExit(99)\n"
        )
    return folder


def ways() -> list[list[str]]:
    """List the ways to start the program that leave the working folder alone."""
    script = Path(sys.executable).with_name("volume")
    return [[sys.executable, "-P", "-m", "volume"], [str(script)]]


@pytest.mark.parametrize("way", ways(), ids=["module", "script"])
@pytest.mark.parametrize("verb", ["info", "export"])
def test_programs_that_lie_beside_the_images_are_never_run(disc, tmp_path, way, verb):
    wish = ["DICOM"] if verb == "info" else ["DICOM", str(tmp_path / "a.nii")]
    here = {"PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run(
        [*way, verb, *wish], cwd=disc, capture_output=True, text=True, env={**os.environ, **here}
    )
    trapped = tmp_path / "trapped"
    assert not trapped.exists(), trapped.read_text()
    assert done.returncode == 0, done.stderr
    assert verb == "info" or (tmp_path / "a.nii").stat().st_size > 352
