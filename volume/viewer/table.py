"""Measurements as a table for other programs: JSON or CSV, places in mm LPS."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from volume.atomic import whole_file
from volume.errors import VolumeError
from volume.processing.plane_grid import is_turned
from volume.processing.planes import Reformatter
from volume.viewer.measurement import Measurement
from volume.viewer.measurements import Measurements
from volume.viewer.reading import Readings
from volume.viewer.words import safe
from volume.volume import Volume

SCHEMA = "volume.measurements/1"
SUFFIXES = (".csv", ".json")
MOST_POINTS = 4
"""A rectangle's corners; other kinds leave columns empty."""
COLUMNS = (
    "number", "kind", "plane", "distance_mm", "angle_degrees", "area_mm2",
    "mean", "sd", "min", "max", "unit", "pixels", "interpolated_pixels",
)  # fmt: skip


def write_measurements(
    measurements: Measurements,
    volume: Volume,
    path: str | os.PathLike[str],
    *,
    overwrite: bool = False,
) -> Path:
    """Write what was measured on a volume as .csv or .json, whole or not at all.

    Points are (x, y, z) in mm LPS, as in DICOM: the ends of a distance, an angle's sides
    with the vertex in the middle, the four corners of a rectangle and of an ellipse's box.
    """
    path = Path(path)
    suffix = check_table_name(path)
    text = (_as_csv if suffix == ".csv" else _as_json)(measurements, volume)
    with whole_file(path, overwrite=overwrite) as stream:
        stream.write(text.encode())
    return path


def check_table_name(path: Path) -> str:
    """Give the suffix of a table's name, or refuse one that is none."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise VolumeError(
            "measurements are written as CSV or JSON, and this name is another format's",
            files=(str(path),),
            remedy=f"name it {path.stem or 'measurements'}.csv or .json",
        )
    return suffix


def rows(measurements: Measurements, volume: Volume) -> list[dict[str, Any]]:
    """Give each measurement as plain values, in the order of drawing."""
    readings = Readings(Reformatter(volume))
    return [
        _row(number, item, readings, volume)
        for number, item in enumerate(measurements.items, start=1)
    ]


def _row(number: int, item: Measurement, readings: Readings, volume: Volume) -> dict[str, Any]:
    reading = readings.of(item)
    found = {} if reading.statistics is None else asdict(reading.statistics)
    row, column, sight = item.grid(volume.geometry).direction.T
    return {
        "number": number,
        "kind": item.kind,
        "plane": "oblique" if is_turned(item.plane, item.rotation) else item.plane,
        "distance_mm": reading.length,
        "angle_degrees": reading.angle,
        "area_mm2": reading.area,
        "mean": found.get("mean"),
        "sd": found.get("sd"),
        "min": found.get("least"),
        "max": found.get("largest"),
        "unit": safe(volume.unit) if found else None,
        "pixels": found.get("pixels"),
        "interpolated_pixels": found.get("invented"),
        "row_direction": row.tolist(),
        "column_direction": column.tolist(),
        "normal": sight.tolist(),
        "points": item.corners(volume.geometry).tolist(),
    }


def _as_json(measurements: Measurements, volume: Volume) -> str:
    document = {
        "schema": SCHEMA,
        "volume": {
            "id": volume.id,
            "size": list(volume.geometry.size),
            "affine": volume.geometry.affine.ravel().tolist(),
        },
        "coordinates": "mm LPS",
        "measurements": rows(measurements, volume),
    }
    return json.dumps(document, indent=1) + "\n"


def _as_csv(measurements: Measurements, volume: Volume) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    places = [f"{axis}{n}_mm" for n in range(1, MOST_POINTS + 1) for axis in "xyz"]
    writer.writerow([*COLUMNS, "normal_x", "normal_y", "normal_z", *places])
    writer.writerows(_cells(row) for row in rows(measurements, volume))
    return stream.getvalue()


def _cells(row: Mapping[str, Any]) -> Iterator[str]:
    points = [mm for point in row["points"] for mm in point]
    empty = [None] * (3 * MOST_POINTS - len(points))
    for value in (*(row[name] for name in COLUMNS), *row["normal"], *points, *empty):
        yield _cell(value)


def _cell(value: object) -> str:
    """Write one value; a unit that a spreadsheet would take for a formula gets an apostrophe."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.10g}"
    text = str(value)
    return f"'{text}" if text[:1] in FORMULA else text


FORMULA = ("=", "+", "-", "@")
