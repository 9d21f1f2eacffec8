"""The quick way through a header reads what the careful one reads, whatever was read before."""

from __future__ import annotations

import random
import tracemalloc
from functools import lru_cache
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

import shared_data
from phantom import phantom
from volume.dicom import data_set, element_run, elements, reader
from volume.dicom.containers import IsArchive
from volume.dicom.element_run import Run
from volume.dicom.encoding import NotDicom, Unreadable
from volume.dicom.files import FoundFile
from volume.dicom.likeness import MEMORY, Header, Memory


@pytest.fixture
def carefully(monkeypatch: pytest.MonkeyPatch):
    """Read as without any short cut: element by element, and recalling nothing."""

    def read(work):
        forget()
        with monkeypatch.context() as patch:
            patch.setattr(reader, "MEMORY", Forgetful())
            patch.setattr(data_set, "run_explicit", lambda _c, at, *_: Run(at, 0, 0))
            patch.setattr(data_set, "run_implicit", lambda _c, at, *more: Run(at, 0, more[-1]))
            for module, name in CACHED:
                nothing_kept = lru_cache(maxsize=0)(getattr(module, name).__wrapped__)
                patch.setattr(module, name, nothing_kept)
            return work()

    return read


class Forgetful(Memory):
    """Learns nothing."""

    def learn(self, header: Header) -> None:
        pass


CACHED = [(elements, name) for name in ("_values", "_text", "_count", "_hint", "_floats")]


def forget() -> None:
    MEMORY.forget()
    for module, name in CACHED:
        getattr(module, name).cache_clear()


def headers(path: Path):
    """Read a file's records, or say why not; what is said must be the same too."""
    try:
        slices, noticed = reader.read_headers(FoundFile(str(path), path.name))
    except (Unreadable, NotDicom) as fault:
        return type(fault), str(fault)
    except IsArchive as fault:
        return type(fault).__name__
    return slices, noticed


FOLDERS = [
    "ct_chest_jpegll", "ct_head_tilt_ge", "ct_rtstruct_lung", "mr_t1_sag_hfs", "mr_ge_4d_classic",
    "mr_mosaic", "mr_xa30_bold_4d", "mr_wrist_sloppy", "broken_and_odd", "transfer_syntaxes",
    "seg_ct_liver", "enhanced_ct", "charsets", "dicomdirs", "pet_fragments", "odd_mr_rgb_geometry",
]  # fmt: skip


@pytest.mark.parametrize("name", FOLDERS)
def test_every_real_file_is_read_alike_both_ways(name: str, carefully):
    paths = sorted(p for p in shared_data.folder(name).rglob("*") if p.is_file())
    random.Random(0).shuffle(paths)
    forget()
    quick = [headers(path) for path in [*paths, *paths]]  # the second time all is recalled
    slow = carefully(lambda: [headers(path) for path in paths])
    for n, path in enumerate(paths):
        assert quick[n] == slow[n], path
        assert quick[n + len(paths)] == slow[n], path


@pytest.mark.parametrize("syntax", ["explicit", "implicit", "big-endian", "deflated"])
def test_files_of_a_phantom_are_read_alike_both_ways(syntax: str, tmp_path, carefully):
    def edit(dataset: Dataset, k: int, _phase: int) -> None:
        for group, maker in ((0x0019, "SIEMENS MR HEADER"), (0x0043, "GEMS_PARM_01"), (9, "X")):
            block = dataset.private_block(group, maker if k % 3 else f"{maker} 2", create=True)
            for number in range(0x60, 0x88):
                block.add_new(number, "LO", f"{number * (k % 4)}")
        dataset.StudyID = "x" * (k % 7)

    made = phantom(tmp_path / "s", transfer_syntax=syntax, edit=edit, modality="MR")
    forget()
    quick = [headers(path) for path in [*made.paths, *made.paths]]
    slow = carefully(lambda: [headers(path) for path in made.paths])
    assert quick == [*slow, *slow]
    assert [type(records) for records, _ in slow] == [list] * 20


@pytest.mark.filterwarnings("ignore")  # pydicom: longer than the standard allows
def test_long_values_are_not_kept_behind(tmp_path):
    """A folder of hostile headers would fill the memory with what is recalled of each."""
    long = ("ImageComments", "ConvolutionKernel", "ContrastBolusAgent", "SeriesDescription")

    def edit(dataset: Dataset, k: int, _phase: int) -> None:
        for keyword in long:
            setattr(dataset, keyword, f"{k:04}" * 15_000)

    made = phantom(tmp_path / "s", size=(4, 4, 60), edit=edit)
    headers(made.paths[0])
    forget()
    tracemalloc.start()
    for path in made.paths:
        headers(path)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 4 * 2**20  # of 14 MB


def test_many_numbers_in_one_value_are_not_kept_behind():
    forget()
    tracemalloc.start()
    for n in range(40):
        value = b"\\" * (100_000 + n)
        data = {elements.TAGS["PixelSpacing"]: element_run.Element(b"DS", value, True)}
        assert elements.floats(data, "PixelSpacing", 2) is None
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 2 * 2**20  # of 32 MB
