"""The house stands: imports go down only, names are nouns, and heavy things come late."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import volume
from phantom import phantom

PACKAGE = Path(volume.__file__).parent

WORDS = "words"
"""The modules at the top level of the package."""
MAY_IMPORT: dict[str, set[str]] = {
    WORDS: {WORDS},
    "formats": {WORDS, "formats"},
    "dicom": {WORDS, "dicom"},
    "assembly": {WORDS, "formats", "dicom", "assembly"},
    "processing": {WORDS, "formats", "dicom", "assembly", "processing"},
    "viewer": {WORDS, "formats", "dicom", "assembly", "processing", "viewer"},
    "cli": {WORDS, "formats", "dicom", "assembly", "processing", "viewer", "cli"},
}
"""Who may know whom: words <- dicom <- assembly <- processing <- viewer <- cli."""

DOORS = {"volume", "volume.__main__"}
"""Modules that lead everywhere by design: the public names and `python -m volume`."""

HEAVY = {
    "SimpleITK": set(),
    "nibabel": set(),
    "fast_simplification": set(),
    "pyvista": {"viewer"},
    "vtk": set(),
    "vtkmodules": {"viewer"},
    "imagecodecs": {"dicom"},
    "pydicom": {"dicom"},
    "click": {"cli"},
    "rich": {"cli"},
}
"""Who may import a library when it is itself imported; all others inside a function."""

VAGUE = {"utils", "util", "helpers", "helper", "common", "misc", "tools", "base", "core"}


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def layer_of(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and (PACKAGE / parts[1]).is_dir() else WORDS


TREES = {name_of(path): ast.parse(path.read_text("utf-8")) for path in PACKAGE.rglob("*.py")}


def is_ours(module: str) -> bool:
    return module.split(".")[0] == "volume"


def imports(node: ast.AST, inside: str) -> Iterator[str]:
    """Give the modules that one statement imports; public names count as their homes."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, f"{inside}: an import says its module's whole name"
        for alias in node.names:
            yield _home(node.module or "", alias.name)


def _home(module: str, name: str) -> str:
    """Say where a name comes from: `from volume import load` comes from assembly."""
    if module == "volume":
        return f"volume.{volume._HOMES.get(name, name)}"
    return f"{module}.{name}" if (PACKAGE.parent / module.replace(".", "/")).is_dir() else module


def at_import(node: ast.AST) -> Iterator[ast.stmt]:
    """Walk the statements that run when the module is imported."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        if isinstance(child, ast.stmt):
            yield child
        yield from at_import(child)


def test_imports_go_down_only():
    offences = [
        f"{module} imports {imported}"
        for module, tree in TREES.items()
        if module not in DOORS
        for node in ast.walk(tree)
        for imported in imports(node, module)
        if is_ours(imported) and layer_of(imported) not in MAY_IMPORT[layer_of(module)]
    ]
    assert offences == []


def test_heavy_libraries_are_imported_by_what_uses_them():
    offences = [
        f"{module} imports {imported} at once"
        for module, tree in TREES.items()
        for node in at_import(tree)
        for imported in imports(node, module)
        if layer_of(module) not in HEAVY.get(imported.split(".")[0], {layer_of(module)})
    ]
    assert offences == []


def test_modules_are_named_for_what_they_hold():
    assert [module for module in TREES if VAGUE & {*module.split(".")}] == []


def test_every_module_opens_with_a_sentence():
    assert [module for module, tree in TREES.items() if not ast.get_docstring(tree)] == []


def loaded_by(code: str) -> set[str]:
    """Run code in a Python of its own and give the libraries it has loaded."""
    report = "import sys; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"], capture_output=True, text=True, check=True
    )
    return set(done.stdout.splitlines()[-1].split())


def test_importing_volume_loads_nothing():
    assert not loaded_by("import volume") & {*HEAVY, "numpy"}


def test_a_scan_loads_neither_simpleitk_nor_vtk(tmp_path):
    phantom(tmp_path, size=(8, 8, 5))
    loaded = loaded_by(f"import volume; volume.scan({str(tmp_path)!r})")
    assert not loaded & {"SimpleITK", "vtk", "vtkmodules", "pyvista", "nibabel", "imagecodecs"}


def test_loading_a_regular_series_loads_no_vtk(tmp_path):
    phantom(tmp_path, size=(8, 8, 5))
    loaded = loaded_by(f"import volume; volume.load({str(tmp_path)!r})")
    assert not loaded & {"SimpleITK", "vtk", "vtkmodules", "pyvista", "nibabel"}
