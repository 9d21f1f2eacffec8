"""Real series to test with, kept beside the project and not in it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ABSENT = "shared data is absent"
"""Begins the reason of every skip for want of shared data."""


def root() -> Path:
    """Give the folder of real series: VOLUME_TEST_DATA, or shared/data beside the project."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    return Path(os.environ.get("VOLUME_TEST_DATA", beside))


def folder(name: str) -> Path:
    """Give one folder (or file) of the real series, or skip the test."""
    path = root() / name
    if not path.exists():
        pytest.skip(f"{ABSENT}: {name}")
    return path
