"""Private elements are found through their creator, wherever their block lies."""

from __future__ import annotations

import io

import pytest
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.sequence import Sequence

from volume.dicom import elements
from volume.dicom.data_set import VALUE_AT_MOST, read_data_set
from volume.dicom.encoding import EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE, Encoding
from volume.dicom.limits import DEFAULT

FORMS = {
    IMPLICIT_LITTLE: (True, True),
    EXPLICIT_LITTLE: (False, True),
    EXPLICIT_BIG: (False, False),
}


def read(dataset: Dataset, syntax: str = EXPLICIT_LITTLE):
    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = FORMS[syntax]
    write_dataset(buffer, dataset)
    raw = buffer.getvalue()
    return read_data_set(
        Encoding(io.BytesIO(raw), syntax, *FORMS[syntax], len(raw), "", (), DEFAULT)
    )


def with_b_value(creator: str, before: tuple[str, ...] = ()) -> Dataset:
    dataset = Dataset()
    for other in before:
        dataset.private_block(0x0019, other, create=True).add_new(0x0C, "IS", "7")
    block = dataset.private_block(0x0019, creator, create=True)
    block.add_new(0x0C, "IS", "1000")
    return dataset


@pytest.mark.parametrize("syntax", FORMS)
@pytest.mark.parametrize("before", [(), ("SOMEONE ELSE",), ("A", "B", "C")])
def test_an_element_is_found_in_whatever_block_its_maker_reserved(syntax, before):
    data = read(with_b_value("SIEMENS MR HEADER", before), syntax)
    assert elements.hint(data, "SiemensBValue") == 1000


@pytest.mark.parametrize("creator", ["GEMS_ACQU_01", "siemens mr header", "SIEMENS MR HEADER 2"])
def test_the_same_number_of_another_maker_is_another_element(creator):
    assert elements.hint(read(with_b_value(creator)), "SiemensBValue") is None


def test_an_element_without_its_creator_says_nothing():
    dataset = Dataset()
    dataset.add_new(0x0019100C, "IS", "1000")
    assert elements.hint(read(dataset), "SiemensBValue") is None


def test_every_item_of_a_sequence_has_blocks_of_its_own():
    dataset, item = with_b_value("SOMEONE ELSE"), with_b_value("SIEMENS MR HEADER")
    dataset.MRDiffusionSequence = Sequence([item])
    data = read(dataset)
    assert elements.hint(data, "SiemensBValue") is None
    (inside,) = elements.items(data, "MRDiffusionSequence")
    assert elements.hint(inside, "SiemensBValue") == 1000


def test_a_private_value_too_long_to_be_one_is_passed_over():
    dataset = Dataset()
    block = dataset.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
    block.add_new(0x10, "OB", bytes(VALUE_AT_MOST + 2))
    dataset.Rows = 12
    data = read(dataset)
    assert elements.raw(data, "SiemensCsaImageHeader") is None
    assert elements.count(data, "Rows") == 12
