"""The quick way through a header reads what the careful one reads, whatever was read before."""

from __future__ import annotations

import tracemalloc

import pytest
from pydicom.dataset import Dataset

from careful import carefully, forget, told
from phantom import phantom
from volume.dicom import element_run, elements


@pytest.mark.parametrize("syntax", ["explicit", "implicit", "big-endian", "deflated"])
def test_files_of_a_phantom_are_read_alike_both_ways(syntax: str, tmp_path):
    def edit(dataset: Dataset, k: int, _phase: int) -> None:
        for group, maker in ((0x0019, "SIEMENS MR HEADER"), (0x0043, "GEMS_PARM_01"), (9, "X")):
            block = dataset.private_block(group, maker if k % 3 else f"{maker} 2", create=True)
            for number in range(0x60, 0x88):
                block.add_new(number, "LO", f"{number * (k % 4)}")
        dataset.StudyID = "x" * (k % 7)

    made = phantom(tmp_path / "s", transfer_syntax=syntax, edit=edit, modality="MR")
    forget()
    quick = [told(path) for path in [*made.paths, *made.paths]]
    with carefully():
        slow = [told(path) for path in made.paths]
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
    told(made.paths[0])
    forget()
    tracemalloc.start()
    for path in made.paths:
        told(path)
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
