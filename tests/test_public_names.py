"""The public names are pinned: one who adds or drops a name does it here too."""

from __future__ import annotations

import inspect

import pytest

import volume

PINNED = """
    Comparison DisplayError ExistsError Finding Geometry GridError Limits MemoryLimitError Mesh
    NotDicomError PixelError Plane Scan SelfCheckError Series SeriesChoiceError Severity
    SliceHeader Stack SurfaceError Volume VolumeError
    compare export load load_all mesh read_mesh reformat reorient resample scan screenshot view
""".split()


def test_the_public_names_are_these():
    assert sorted(volume.__all__) == sorted(PINNED)


@pytest.mark.parametrize("name", PINNED)
def test_a_public_name_is_there_and_says_what_it_is(name):
    thing = getattr(volume, name)
    assert thing.__name__ == name
    assert inspect.getdoc(thing)
    assert getattr(volume, name) is thing


def test_the_list_for_people_names_them_all():
    assert set(PINNED) <= set(dir(volume))


def test_what_type_checkers_see_is_what_there_is():
    text = inspect.getsource(volume)
    seen = {line.split(" as ")[1].strip() for line in text.splitlines() if " as " in line}
    assert set(PINNED) <= seen


def test_another_name_is_no_attribute():
    with pytest.raises(AttributeError, match="no attribute 'vload'"):
        volume.vload  # noqa: B018 the access is what is tested
