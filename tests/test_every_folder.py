"""Every folder of real series becomes what is known of it, and each of its files is accounted for.

The table is that of the folder's own README: what the scanners and their tools say is there.
"""

from __future__ import annotations

import shutil
from collections import Counter

import pydicom
import pytest

import shared_data
import volume
from volume.dicom.files import Fate

VOLUMES = {
    "ct_chest_jpegll": {"CT 512x512x248": 1},
    "ct_geometry_phantom/orientation": {"CT 32x48x64": 1},
    "ct_geometry_phantom/sphere": {"CT 64x64x64": 1},
    "ct_head_tilt_ge": {"CT 512x611x37": 1},  # resampled: straight, and even at 4 mm
    "ct_mpr_two_orientations": {"CT 512x512x19": 1, "CT 512x512x1": 1},
    "ct_rtstruct_lung": {"CT 204x201x60": 1},
    "enhanced_ct": {"CT 512x512x2": 1},
    "mr_ge_4d_classic": {"MR 64x64x15": 10},
    "mr_mosaic/AxAsc36mb2a": {"MR 86x86x36": 2},
    "mr_mosaic/AxInt36mb": {"MR 86x86x36": 2},
    "mr_mosaic/axasc35": {"MR 64x64x35": 2},
    "mr_mosaic/corasc35": {"MR 64x64x35": 2},
    "mr_mosaic/sagasc35": {"MR 64x64x35": 2},
    "mr_t1_sag_hfs": {"MR 256x256x35": 1},
    "mr_wrist_sloppy": {"MR 256x256x16": 1},
    "mr_xa30_bold_4d": {"MR 64x64x33": 5},
    "mr_xa30_colour_fa": {"MR 72x72x39": 1},
    "mr_xa30_fieldmap_2echo": {"MR 64x64x33": 2},
    "mr_xa30_t1_enhanced": {"MR 128x128x96": 1},
    "odd_mr_rgb_geometry/five_syntaxes": {"MR 256x256x4": 1},
    "odd_mr_rgb_geometry/four_slopes": {"MR 64x28x4": 1},
    "odd_mr_rgb_geometry/hitachi_oblique": {"MR 64x64x4": 1},
    "odd_mr_rgb_geometry/rgb": {"MR 52x77x4": 1},
    "pet_fragments": {"PT 128x128x1": 2},
    "rt_case": {"CT 512x512x1": 1},
    "seg_ct_liver": {"CT 512x512x3": 1, "CT 23x38x3": 2, "CT 24x38x3": 2},
    "seg_on_pet": {},
    "charsets": {},
    "t1_lowres_ct_tagged": {"CT 88x128x17": 1},
    "transfer_syntaxes": {"MR 64x64x35": 1},  # one mosaic, nine times
}
"""Modality and size of what can be loaded: how many of them."""


@pytest.mark.parametrize("name", VOLUMES)
def test_a_folder_holds_the_volumes_that_are_known_of_it(name: str):
    found = volume.scan(shared_data.folder(name))
    sizes = Counter(f"{stack.modality} {'x'.join(map(str, stack.size))}" for stack in found.stacks)
    assert sizes == VOLUMES[name]
    assert sum(found.count(fate) for fate in Fate) == found.count() > 0
    unused = [record for record in found.files if record.fate is not Fate.USED]
    assert all(record.reason for record in unused)


@pytest.mark.parametrize("name", [name for name, known in VOLUMES.items() if known])
def test_every_volume_of_a_folder_passes_its_own_check(name: str):
    made = volume.load_all(shared_data.folder(name))
    expected = Counter(VOLUMES[name])
    if len(expected) > 1:  # single slices are no choice beside a volume
        expected = Counter({key: n for key, n in expected.items() if not key.endswith("x1")})
    assert Counter(f"{v.modality} {'x'.join(map(str, v.geometry.size))}" for v in made) == expected


def test_a_real_dose_lies_and_weighs_as_pydicom_reads_it(tmp_path):
    path = shared_data.folder("broken_and_odd") / "rtdose.dcm"
    if not path.exists():
        pytest.skip(f"{shared_data.ABSENT}: {path.name}")
    shutil.copy(path, tmp_path / "dose.dcm")
    made = volume.load(tmp_path)
    told = pydicom.dcmread(path)
    assert made.unit == {"GY": "Gy", "RELATIVE": "RELATIVE"}[told.DoseUnits]
    for n, offset in enumerate(told.GridFrameOffsetVector):
        x, y, z = made.geometry.to_world(
            (0, 0, n if offset >= 0 else made.geometry.size[2] - 1 - n)
        )
        first = told.ImagePositionPatient
        assert (x, y) == pytest.approx((first[0], first[1]), abs=1e-3)
        assert z == pytest.approx(first[2] + offset, abs=1e-3)
    real = told.pixel_array * float(told.DoseGridScaling)
    stored = made.array if told.GridFrameOffsetVector[-1] >= 0 else made.array[::-1]
    assert stored == pytest.approx(real, rel=1e-6)
