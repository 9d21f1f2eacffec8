"""An independent look at written DICOM: the tables of the standard that highdicom ships."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import pydicom
from pydicom import Dataset, config

REQUIRED, MAY_BE_EMPTY = "1", "2"


@cache
def _table(name: str) -> Any:
    return json.loads((files("highdicom") / "_standard" / f"{name}.json").read_text("utf-8"))


def complaints(path: Path) -> list[str]:
    """Say what a file lacks to conform: required attributes, valid values, file meta."""
    dataset = _read_strictly(path)
    said = list(_missing(dataset))
    if dataset.file_meta.MediaStorageSOPInstanceUID != dataset.SOPInstanceUID:
        said.append("the file meta names another instance")
    if dataset.file_meta.MediaStorageSOPClassUID != dataset.SOPClassUID:
        said.append("the file meta names another SOP class")
    return said + [f"{keyword} is not in the IOD" for keyword in _strangers(dataset)]


def _read_strictly(path: Path) -> Dataset:
    """Read every element, and raise where a value is not valid for its VR."""
    before = config.settings.reading_validation_mode
    config.settings.reading_validation_mode = config.RAISE
    try:
        dataset = pydicom.dcmread(path)
        for _ in dataset.iterall():
            pass
    finally:
        config.settings.reading_validation_mode = before
    return dataset


def _modules(dataset: Dataset) -> list[dict[str, str]]:
    iod = _table("sop_class_iod_map")[dataset.SOPClassUID]
    return _table("iod_module_map")[iod]


def _missing(dataset: Dataset) -> Iterator[str]:
    for module in _modules(dataset):
        if module["usage"] != "M":
            continue
        for attribute in _table("module_attribute_map")[module["key"]]:
            if not attribute["path"]:
                yield from _missing_attribute(dataset, module["key"], attribute)


def _missing_attribute(dataset: Dataset, module: str, attribute: dict[str, Any]) -> Iterator[str]:
    keyword, kind = attribute["keyword"], attribute["type"]
    if kind in (REQUIRED, MAY_BE_EMPTY) and keyword not in dataset:
        yield f"{module}: {keyword} is missing"
    elif kind == REQUIRED and dataset[keyword].is_empty:
        yield f"{module}: {keyword} is empty"


def _strangers(dataset: Dataset) -> Iterator[str]:
    known = {
        attribute["keyword"]
        for module in _modules(dataset)
        for attribute in _table("module_attribute_map")[module["key"]]
        if not attribute["path"]
    }
    for element in dataset:
        if not element.tag.is_private and element.keyword not in known:
            yield element.keyword
