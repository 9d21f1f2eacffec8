"""Volume rendering: by every caster each blob is where the patient's geometry puts it.

Expected pixels are computed in test_picture.py from places in mm and the textbook's pinhole,
from nothing of the viewer's.
"""

from dataclasses import replace

import numpy as np
import pytest
from vtkmodules.vtkCommonCore import vtkMultiThreader

from blobs import ACQUISITIONS, AIR, BLOBS, BONE, FLESH, blob_volume
from test_gl import needs_gl
from test_picture import VIEWS, in_pane, in_space, middle_of
from volume.viewer import gl
from volume.viewer.detail import Detail
from volume.viewer.first_scene import scene_of
from volume.viewer.layout import arrange
from volume.viewer.picture import pixels_of
from volume.viewer.renderings import RENDERINGS
from volume.viewer.scene import Camera, Scene
from volume.volume import Volume

pytestmark = needs_gl

SIZE = (350, 280)
RECT = arrange("3d", SIZE).panes["3d"]
CASTERS = {
    "card": (True, Detail.FULL),
    "card, moving": (True, Detail.COARSE),
    "processor": (False, Detail.FULL),
    "processor, moving": (False, Detail.COARSE),
}
ONLY_BONE = "CT-AAA"
"""A preset that shows nothing below 143 HU: bone, and neither flesh nor air."""
by_every_caster = pytest.mark.parametrize("caster", CASTERS)


def draw(ct: Volume, scene: Scene, caster: str = "processor") -> np.ndarray:
    """Draw the 3D pane alone; rows from the top."""
    from volume.viewer.drawing import Drawing

    on_card, detail = CASTERS[caster]
    canvas = gl.off_screen_window(SIZE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gl, "is_hardware", lambda _window: on_card)
        Drawing(canvas, ct, scene).draw(scene, SIZE, detail=detail)
    pixels = in_pane(pixels_of(canvas), RECT).astype(int)
    canvas.Finalize()
    return pixels


def look_at(ct: Volume, rendering: str = ONLY_BONE, view=(0, 0), **more) -> Scene:
    scene = scene_of(ct, layout="3d", rendering=rendering).toggle_labels()
    return replace(scene, camera=Camera(*view), body=replace(scene.body, **more))


def nothing(scene: Scene) -> Scene:
    """The same view of an empty pane."""
    return replace(scene.set_rendering(None), level=None)


def seen(ct: Volume, scene: Scene, caster: str) -> np.ndarray:
    """Mark what the volume changes in the empty pane."""
    change = np.abs(draw(ct, scene, caster) - draw(ct, nothing(scene), caster))
    return change.max(axis=-1) > 12


@pytest.mark.parametrize("caster", ["card", "processor"])
@pytest.mark.parametrize("acquisition", ACQUISITIONS)
def test_each_blob_is_at_its_pixel(acquisition, caster):
    for blob, view in zip(BLOBS, (*VIEWS, (-60, -20)), strict=True):
        ct = blob_volume(acquisition, spacing=(1.5, 2.0, 3.0), blobs=blob)
        found = middle_of(seen(ct, look_at(ct, view=view), caster))
        expected = in_space(np.array(BLOBS[blob]), *view, ct, RECT)
        np.testing.assert_allclose(found, expected, atol=3.5, err_msg=blob)


@by_every_caster
@pytest.mark.parametrize("acquisition", ["axial, feet first", "oblique left-handed"])
def test_a_large_volume_is_averaged_without_being_moved(acquisition, caster):
    ct = blob_volume(acquisition, spacing=(0.38, 0.4, 3.0), blobs="L")
    assert max(ct.geometry.size) > 256
    found = middle_of(seen(ct, look_at(ct), caster))
    np.testing.assert_allclose(found, in_space(np.array(BLOBS["L"]), 0, 0, ct, RECT), atol=3)


def ball(acquisition: str = "axial") -> Volume:
    """Make a ball of bone with a dent at the front, left and above."""
    ct = blob_volume(acquisition, spacing=(2.0, 2.0, 2.0))
    places = (
        np.moveaxis(np.indices(ct.geometry.size), 0, -1).reshape(-1, 3)
        @ (ct.geometry.affine[:3, :3].T)
        + (ct.geometry.affine[:3, 3])
    )
    bone = np.linalg.norm(places, axis=1) < 45
    bone &= np.linalg.norm(places - (20, -35, 20), axis=1) > 18
    return replace(ct, array=np.where(bone, BONE, AIR).reshape(ct.geometry.size).T.astype(np.int16))


@pytest.mark.parametrize("rendering", ["CT-Bone", "CT-Lung", "CT-MIP"])
def test_a_patient_looks_the_same_however_acquired_and_whoever_draws(rendering):
    pictures = {
        (acquisition, caster): draw(ct, look_at(ct, rendering), caster)
        for acquisition in ("axial", "axial, feet first", "sagittal", "left-handed coronal")
        for ct in [ball(acquisition)]
        for caster in ("card", "processor")
    }
    for (acquisition, caster), pixels in pictures.items():
        first = pictures["axial", caster]
        assert np.abs(pixels - first).mean() < 1.5, (acquisition, caster)
    card, processor = (pictures["axial", caster].ravel() for caster in ("card", "processor"))
    assert np.corrcoef(card, processor)[0, 1] > 0.95


@pytest.mark.parametrize("acquisition", ["axial", "oblique left-handed"])
@pytest.mark.parametrize("caster", ["card", "processor"])
def test_what_faces_the_eye_is_bright_and_what_turns_away_is_dark(caster, acquisition):
    """In the middle of the ball diffuse light is full, at 80 % of its radius 0.6 of that."""
    ct = ball(acquisition)
    light = draw(ct, look_at(ct, "CT-AAA"), caster).sum(axis=-1)
    row, column = RECT.height // 2, RECT.width // 2
    edge = int(abs(in_space(np.array([-45.0, 0, 0]), 0, 0, ct, RECT)[0]) * 0.8)
    middle = light[row - 4 : row + 5, column - 4 : column + 5].mean()
    for side in (
        light[row - 4 : row + 5, column - edge],
        light[row + edge, column - 4 : column + 5],
    ):
        assert side.mean() / middle == pytest.approx(0.62, abs=0.13)


@pytest.mark.parametrize("caster", ["card", "processor"])
@pytest.mark.parametrize("dtype", ["u1", ">i2", "i4", "u4", "f2", "f4", "f8", "?"])
def test_values_of_every_type_are_rendered_where_they_are(caster, dtype):
    ct = blob_volume(blobs="L")
    bright = np.where(ct.array == BONE, 100, 3).astype(np.float64)
    values = (bright > 50 if dtype == "?" else bright).astype(dtype)
    mr = replace(ct, array=values, unit="", modality="MR")
    found = middle_of(seen(mr, look_at(mr, "MIP"), caster))
    np.testing.assert_allclose(found, in_space(np.array(BLOBS["L"]), 0, 0, mr, RECT), atol=30)


@pytest.mark.parametrize("caster", ["card", "processor"])
def test_what_is_no_number_is_not_seen(caster):
    ct = blob_volume(blobs="L")
    values = ct.array.astype(np.float32)
    values[:4] = np.nan
    holed = replace(ct, array=values)
    clean = replace(ct, array=np.where(np.isnan(values), np.float32(AIR), values))
    np.testing.assert_allclose(
        draw(holed, look_at(holed), caster), draw(clean, look_at(clean), caster), atol=3
    )


@pytest.mark.parametrize("caster", ["card", "processor"])
def test_a_curve_is_in_hu_and_shifted_in_hu(caster):
    """CT-AAA begins at 143.6 HU: a ball of 120 is not there, and is once shifted by -60."""
    ct = blob_volume(blobs="L")
    values = np.where(ct.array == BONE, 120, ct.array).astype(np.int16)
    dim = replace(ct, array=values)
    assert not seen(dim, look_at(dim), caster).any()
    assert not seen(dim, look_at(dim, shift=60.0), caster).any()
    found = middle_of(seen(dim, look_at(dim, shift=-60.0), caster))
    np.testing.assert_allclose(found, in_space(np.array(BLOBS["L"]), 0, 0, dim, RECT), atol=2)


@pytest.mark.parametrize("caster", ["card", "processor"])
def test_a_projection_shows_the_brightest_voxel_behind_whatever_lies_before_it(caster):
    """CT-MIP is white from 700 HU and (value + 637.6) / 1337.6 grey below."""
    ct = blob_volume(spacing=(2.0, 2.0, 2.0), blobs="P", radius=9)
    pixels = draw(ct, look_at(ct, "CT-MIP"), caster)
    place = in_space(np.array(BLOBS["P"]), 0, 0, ct, RECT)
    column, row = np.rint(place + np.array([RECT.width, RECT.height]) / 2).astype(int)
    assert pixels[row, column].min() > 245
    ground = draw(ct, nothing(look_at(ct)), caster)[row, column]
    grey = (FLESH + 637.6) / 1337.6
    flesh = pixels[row, column + 45]
    np.testing.assert_allclose(flesh, grey * 255 + (1 - grey) * ground, atol=6)


def slab(step: float, layers: int) -> Volume:
    """Make a plate of 60 HU across the line of sight, of so many layers of `step` mm."""
    ct = blob_volume(spacing=(2.0, step, 2.0), blobs="")
    array = np.full(ct.array.shape, AIR, np.int16)
    first = (ct.geometry.size[1] - layers) // 2
    array[:, first : first + layers] = 60
    return replace(ct, array=array)


def through(ct: Volume, caster: str) -> float:
    """Measure how much of a white ground a plate of black paint leaves to be seen."""
    from volume.viewer import body_pane, ray_caster
    from volume.viewer.renderings import Light, Rendering

    paint = Rendering(
        ((-500, 0), (-400, 0.05), (400, 0.05)), ((0, 0, 0, 0),), light=Light(0.5, 0.5)
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ray_caster, "RENDERINGS", {**RENDERINGS, "CT-Bone": paint})
        patch.setattr(body_pane, "SPACE", (1.0, 1.0, 1.0))
        pixels = draw(ct, look_at(ct, "CT-Bone"), caster)
    return float(pixels[RECT.height // 2, RECT.width // 2].mean() / 255)


@by_every_caster
@pytest.mark.parametrize(("step", "layers"), [(1.0, 12), (2.0, 6), (4.0, 4)])
def test_opacity_counts_by_the_voxels_width_of_the_volume(step, layers, caster):
    """Light that passes: 0.95 for each mean voxel's width (Beer and Lambert)."""
    ct = slab(step, layers)
    width = np.prod(ct.geometry.spacing) ** (1 / 3)
    expected = 0.95 ** (layers * step / width)
    assert through(ct, caster) == pytest.approx(expected, abs=0.03)


def test_a_moving_copy_is_as_dense_as_the_volume():
    """The copy's voxels are three times as wide; a mm holds back as much of the light."""
    fine = slab(0.3, 42)
    assert fine.geometry.size[1] > 256
    still, moving = through(fine, "processor"), through(fine, "processor, moving")
    assert moving == pytest.approx(still, abs=0.03)


@by_every_caster
@pytest.mark.parametrize("acquisition", ["axial", "oblique", "oblique left-handed"])
def test_a_box_cuts_the_rendering_at_its_sides(acquisition, caster):
    ct = blob_volume(acquisition)
    half = (-60.0, 12.0, -60.0, 60.0, -60.0, 60.0)
    scene = look_at(ct, "Skin", clip=half)
    columns = np.flatnonzero(seen(ct, scene, caster).any(axis=0)) - RECT.width / 2
    ends = [in_space(np.array([12.0, y, 0.0]), 0, 0, ct, RECT)[0] for y in (-47, 0)]
    assert ends[1] - 3 <= columns.max() <= ends[0] + 3
    assert columns.min() < -2 * columns.max()


@pytest.mark.parametrize("side", range(6))
def test_each_side_of_the_box_cuts_its_own_end_of_the_surface(side):
    """Of six blobs, the one at that end is gone and the others are there."""
    end = "RLAPFH"[side]
    box = [-60.0, 60.0] * 3
    box[side] = 0.6 * BLOBS[end][side // 2]
    for blob in BLOBS:
        ct = blob_volume("oblique left-handed", blobs=blob)
        scene = replace(scene_of(ct, layout="3d", level=500).toggle_labels(), camera=Camera(30, 20))
        whole = seen(ct, scene, "processor").sum()
        left = seen(ct, scene.set_clip(box), "processor").sum()
        assert left == (0 if blob == end else whole)


def test_a_card_gets_the_voxels_themselves():
    from volume.viewer.drawing import Drawing

    ct = blob_volume("oblique")
    canvas = gl.off_screen_window(SIZE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gl, "is_hardware", lambda _window: True)
        drawing = Drawing(canvas, ct, look_at(ct))
        drawing.draw(look_at(ct), SIZE)
    caster = drawing.body.caster
    assert all(np.shares_memory(array, ct.array) for array in caster._arrays)
    assert caster.prop.GetMapper().IsA("vtkGPUVolumeRayCastMapper")
    canvas.Finalize()


def test_nothing_is_copied_for_a_rendering_that_is_not_asked_for():
    from volume.viewer.drawing import Drawing

    ct = blob_volume()
    canvas = gl.off_screen_window(SIZE)
    drawing = Drawing(canvas, ct, scene_of(ct))
    drawing.draw(scene_of(ct), SIZE)
    assert drawing.body.caster._arrays == []
    canvas.Finalize()


@pytest.mark.parametrize("acquisition", ["axial, feet first", "oblique left-handed"])
def test_the_light_surface_that_is_turned_lies_where_the_fine_one_does(acquisition):
    ct = blob_volume(acquisition, spacing=(0.38, 0.4, 3.0), blobs="L")
    scene = replace(scene_of(ct, layout="3d", level=500).toggle_labels(), camera=Camera(30, 20))
    expected = in_space(np.array(BLOBS["L"]), 30, 20, ct, RECT)
    for caster in ("processor", "processor, moving"):
        found = middle_of(seen(ct, scene, caster))
        np.testing.assert_allclose(found, expected, atol=3, err_msg=caster)


def test_the_images_do_not_wait_for_the_body():
    from volume.viewer.drawing import Drawing

    ct = blob_volume()
    canvas = gl.off_screen_window(SIZE)
    for scene in (scene_of(ct), scene_of(ct, rendering="CT-Bone")):
        drawing = Drawing(canvas, ct, scene)
        drawing.draw(scene, SIZE, detail=Detail.NONE)
        pane = arrange("four", SIZE).panes["3d"]
        waiting = in_pane(pixels_of(canvas), pane)
        drawing.draw(scene, SIZE)
        assert (in_pane(pixels_of(canvas), pane) != waiting).any()
        assert drawing.body.caster._arrays == [] or scene.body.rendering
        for shown in drawing.panes:
            canvas.RemoveRenderer(shown.renderer)
    canvas.Finalize()


@pytest.mark.parametrize("acquisition", ["axial", "left-handed coronal"])
def test_the_picture_is_the_same_whatever_the_number_of_processors(acquisition: str):
    ct, pictures = ball(acquisition), []
    before = vtkMultiThreader.GetGlobalDefaultNumberOfThreads()
    for threads in (1, 16):
        vtkMultiThreader.SetGlobalDefaultNumberOfThreads(threads)
        pictures.append(draw(ct, look_at(ct, "CT-Bone"), "processor"))
    vtkMultiThreader.SetGlobalDefaultNumberOfThreads(before)
    assert np.array_equal(*pictures)
