"""The README's pictures are there, small, and those that tools/pictures.py draws."""

import re
import runpy
from pathlib import Path

import pytest
from PIL import Image

from test_gl import needs_gl

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
LINKED = sorted(set(re.findall(r"\((docs/[a-z-]+\.png)\)", README)))


def test_every_picture_that_is_drawn_is_shown_and_no_other():
    drawn = runpy.run_path(str(ROOT / "tools" / "pictures.py"))["LOOKS"]
    assert sorted(f"docs/{name}.png" for name in drawn) == LINKED
    assert sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.png")) == LINKED


@pytest.mark.parametrize("path", LINKED)
def test_a_picture_is_small(path):
    with Image.open(ROOT / path) as image:
        assert image.size[0] <= 800
    assert (ROOT / path).stat().st_size < 200_000


@needs_gl
def test_the_script_draws_them_anew(tmp_path, capsys):
    main = runpy.run_path(str(ROOT / "tools" / "pictures.py"))["main"]
    assert main([str(tmp_path)]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [Path(p).name for p in LINKED]
    assert len(capsys.readouterr().out.splitlines()) == len(LINKED)
