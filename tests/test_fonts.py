"""Text outside Latin: drawn by a font of the system, else written in Latin letters, and said."""

import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont

from blobs import blob_volume
from test_gl import needs_gl
from volume.viewer import fonts
from volume.viewer.first_scene import scene_of
from volume.viewer.font_file import letters_of
from volume.viewer.fonts import drawable, font_for
from volume.viewer.picture import picture
from volume.viewer.transliteration import romanize
from volume.viewer.words import safe


def box(side: int):
    pen = TTGlyphPen(None)
    pen.moveTo((50, 0))
    for corner in ((50, side), (side, side), (side, 0)):
        pen.lineTo(corner)
    pen.closePath()
    return pen.glyph()


def write_font(path, letters: str) -> None:
    """Write a font in which every letter is a box."""
    names = [".notdef", *(f"g{ord(letter):05x}" for letter in letters)]
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({ord(a): name for a, name in zip(letters, names[1:], strict=True)})
    builder.setupGlyf({name: box(600) for name in names})
    builder.setupHorizontalMetrics(dict.fromkeys(names, (700, 50)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Boxes", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(path)


@pytest.fixture
def system(tmp_path, monkeypatch):
    """Have a system whose only fonts are those in a folder."""
    fonts.installed.cache_clear()
    fonts._font_with.cache_clear()
    monkeypatch.setattr(fonts, "places", lambda: [tmp_path / "fonts", tmp_path / "absent"])
    monkeypatch.setattr(fonts, "_noted", set())
    (tmp_path / "fonts" / "truetype" / "nanum").mkdir(parents=True)
    yield tmp_path / "fonts" / "truetype" / "nanum"
    fonts.installed.cache_clear()
    fonts._font_with.cache_clear()


def test_a_font_of_the_system_is_taken_where_it_has_every_letter(system):
    write_font(system / "NanumGothic.ttf", "흉부 CT軸")
    assert font_for("흉부 CT") == str(system / "NanumGothic.ttf")
    assert safe("흉부 軸\n") == "흉부 軸"
    assert font_for("Thorax") is None  # VTK's own font draws it


def test_what_the_best_font_lacks_is_replaced_and_the_rest_stays(system):
    write_font(system / "NanumGothic.ttf", "흉부")
    assert safe("흉부 断 é × ü…") == "흉부 ? e x u..."
    assert safe("흉부 Ж") == "흉부 ?"
    write_font(system / "DejaVuSans.ttf", "Ж×é")
    fonts.installed.cache_clear()
    fonts._font_with.cache_clear()
    assert safe("Ж é") == "Ж é"
    assert safe("복부") == "bokbu"  # no font has it
    assert safe("흉부 복부") == "hyungbu bokbu"


def test_fonts_for_korean_go_first_and_unknown_files_are_left_alone(system):
    write_font(system / "DejaVuSans.ttf", "흉")
    write_font(system / "unknown.ttf", "부")
    write_font(system / "Malgun.TTF", "흉")
    assert font_for("흉") == str(system / "Malgun.TTF")
    assert font_for("부") is None


@pytest.mark.parametrize("content", [b"", b"ttcf", b"\0\1\0\0\0\7junk", b"\xff" * 4000])
def test_a_file_that_is_no_font_has_no_letters(system, content):
    (system / "malgun.ttf").write_bytes(content)
    assert letters_of(system / "malgun.ttf") == frozenset()
    assert safe("흉부") == "hyungbu"


@needs_gl
def test_vtk_finds_letters_in_the_first_table_alone_and_so_do_we(system):
    """NanumGothic.ttf begins with Macintosh's table: VTK draws its Hangul as nothing."""
    from fontTools.ttLib.tables._c_m_a_p import CmapSubtable

    write_font(system / "NanumGothic.ttf", "흉부AB")
    font = TTFont(system / "NanumGothic.ttf")
    roman = CmapSubtable.newSubtable(0)
    roman.platformID, roman.platEncID, roman.language = 1, 0, 0
    roman.cmap = {65: "g00041", 66: "g00042"}
    font["cmap"].tables = [roman, *(t for t in font["cmap"].tables if t.platformID == 3)]
    font.save(system / "malgun.ttf")
    assert letters_of(system / "malgun.ttf") == frozenset()
    assert font_for("흉부") == str(system / "NanumGothic.ttf")
    assert not ink("흉부", system / "malgun.ttf")
    assert ink("흉부", system / "NanumGothic.ttf")


def ink(text: str, path) -> bool:
    """Say whether VTK draws anything of a text with a font file."""
    import vtkmodules.vtkRenderingFreeType  # noqa: F401 gives the renderer a body
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkCommonDataModel import vtkImageData
    from vtkmodules.vtkRenderingCore import vtkTextProperty, vtkTextRenderer

    style, image = vtkTextProperty(), vtkImageData()
    style.SetFontFamily(4)
    style.SetFontFile(str(path))
    style.SetFontSize(20)
    vtkTextRenderer.GetInstance().RenderString(style, text, image, [0, 0], 72)
    scalars = image.GetPointData().GetScalars()
    return scalars is not None and bool(vtk_to_numpy(scalars)[:, 3].any())


def test_the_letters_of_a_font_are_those_another_library_finds(tmp_path):
    write_font(tmp_path / "own.ttf", "흉부 CT軸𠀋")
    for path in (tmp_path / "own.ttf", *fonts.installed()):
        first = TTFont(path, fontNumber=0)["cmap"].tables[0]
        assert letters_of(path) == (set(first.cmap) if first.isUnicode() else set()), path


@pytest.mark.parametrize(
    ("hangul", "latin"),
    [
        ("한국", "hanguk"), ("흉부", "hyungbu"), ("머리", "meori"), ("종로", "jongno"),
        ("신라", "silla"), ("왕십리", "wangsimni"), ("국물", "gungmul"),
        ("독립문", "dongnimmun"), ("대관령", "daegwallyeong"),
        ("없어", "eopseo"), ("좋아", "joa"), ("값이", "gapsi"),
        ("울산", "ulsan"), ("구미", "gumi"), ("옥천", "okcheon"), ("별내", "byeollae"),
    ],
)  # fmt: skip
def test_hangul_is_romanized_by_the_rules_of_2000(hangul, latin):
    assert romanize(hangul) == latin


@pytest.mark.usefixtures("system")
def test_without_a_font_hangul_becomes_latin_and_that_is_said_once():
    assert safe("흉부 CT 1 mm") == "hyungbu CT 1 mm"
    assert safe("頭部 Привет") == "?? ??????"
    assert safe("Ǎ") == "A"
    assert "fonts-nanum" in fonts.remark()
    assert fonts.remark() == ""


@pytest.mark.usefixtures("system")
def test_nothing_is_said_where_no_hangul_was_shown():
    assert drawable("Zürich – 軸") == "Zürich – ?"
    assert fonts.remark() == ""


def test_scripts_that_vtk_cannot_shape_are_not_drawn_wrong(system):
    write_font(system / "DejaVuSans.ttf", "שלום ا")
    assert font_for("שלום") is None


@needs_gl
def test_hangul_is_drawn_by_the_font_and_latin_as_before(system):
    write_font(system / "NanumGothic.ttf", "흉부")
    ct = blob_volume()
    scene = scene_of(ct, surface=False)

    def title(text: str) -> np.ndarray:
        return picture(scene, ct, size=(400, 300), title=text)[:20].astype(int)

    empty = title(" ")
    drawn = np.abs(title("흉부") - empty).sum()
    assert drawn > 0
    assert np.abs(title("흉") - empty).sum() < drawn  # one box less
    np.testing.assert_array_equal(title("Head"), title("Head"))


@needs_gl
@pytest.mark.usefixtures("system")
def test_a_window_says_once_that_hangul_is_in_latin_letters(tmp_path, monkeypatch):
    from volume.viewer.series_list import Row
    from volume.viewer.shelf import Item, Point, Shelf
    from volume.viewer.window import Window

    monkeypatch.chdir(tmp_path)
    ct = blob_volume()
    rows = [Row(f"ct_{n}", (f"ct_{n}", "흉부"), "흉부") for n in range(2)]
    items = [Item(row, (Point(row.id, "", 1, lambda _: ct),), lambda: None) for row in rows]
    window = Window(ct, scene_of(ct), size=(640, 512), off_screen=True, shelf=Shelf(tuple(items)))
    window._idle()
    assert window.controller.scene.note == fonts.NO_FONT
    window.controller.key("i")
    window._idle()
    assert window.controller.scene.note == ""
    window.exchange.close()
    window.close()
