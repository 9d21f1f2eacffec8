"""What there is to say of two volumes that were compared, in words a radiographer knows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from volume.findings import count
from volume.processing.axis_order import NAMES
from volume.processing.displacement import LPS_TO_RAS, Displacement, name_turn
from volume.processing.voxel_difference import VoxelDifference

if TYPE_CHECKING:
    from volume.processing.comparison import Comparison

CODES: Mapping[str, str] = {
    "stored-otherwise": "the axes are in another order, and every voxel is in its place",
    "types-differ": "the values are of another type",
    "cannot-tell": "the picture is symmetric: several ways to turn it fit",
    "count-differs": "one holds more volumes than the other",
    "order-differs": "both hold the same volumes, in another order",
    "components-differ": "one is of colour, the other not",
    "size-differs": "the numbers of voxels differ",
    "spacing-differs": "the spacing differs",
    "mirrored": "the same voxels, mirrored",
    "turned": "the same voxels, turned by a right angle or two",
    "lps-ras": "the places of one are the other's with x and y negated",
    "negated": "the places of one are the other's with x, y or z negated",
    "shifted": "the grid lies elsewhere",
    "rotated": "the grid is rotated",
    "sheared": "one grid is sheared, or more than the other",
    "moved": "the corners lie apart",
    "overlap": "the grids overlap in part",
    "not-compared": "no voxels were compared",
    "values-scaled": "the values differ by a slope and an intercept",
    "values-differ": "values differ",
}
STORED = frozenset("stored-otherwise types-differ cannot-tell overlap not-compared".split())
"""What is said and is no difference in itself."""


@dataclass(frozen=True)
class Remark:
    """One thing that sets two volumes apart, or that is only stored otherwise."""

    code: str
    message: str
    evidence: Mapping[str, Any] = field(default_factory=dict)

    @property
    def differs(self) -> bool:
        """Whether the volumes differ for it."""
        return self.code not in STORED

    def as_json(self) -> dict[str, Any]:
        """Give plain JSON values."""
        return {
            "code": self.code,
            "differs": self.differs,
            "message": self.message,
            "evidence": dict(self.evidence),
        }


def remarks_on(found: Comparison) -> tuple[Remark, ...]:
    """Say everything that was found, the place before the values."""
    return (*_kinds(found), *_place(found), *_ambiguity(found), *_values(found), *_types(found))


def _kinds(found: Comparison) -> Iterator[Remark]:
    """Say what makes the two not comparable throughout."""
    if found.counts[0] != found.counts[1]:
        held = " and ".join(count(n, "volume") for n in found.counts)
        yield Remark("count-differs", f"A and B hold {held}", {"counts": list(found.counts)})
    if found.components[0] != found.components[1]:
        held = " and ".join(count(n, "value") for n in found.components)
        yield Remark("components-differ", f"a voxel of A and of B holds {held}")
    a, b = found.a.size, found.pairing.order.size(found.b.size)
    if a != b:
        sizes = f"{_by(a)} voxels in A, {_by(b)} in B"
        yield Remark("size-differs", f"the sizes differ: {sizes}{_begins(found)}")


def _begins(found: Comparison) -> str:
    """Say where B begins in A, where both share a lattice."""
    offset = found.pairing.offset
    if offset is None:
        return ""
    return f"; on one lattice, B begins at voxel ({_list(offset)}) of A"


def _place(found: Comparison) -> Iterator[Remark]:
    moved, pairing = found.displacement, found.pairing
    if pairing.is_in_place and pairing.order == pairing.by_place:
        if not pairing.order.is_as_stored:
            text = f"B stores {pairing.order.told()}; in space it is the same grid"
            yield Remark("stored-otherwise", text)
        return
    if pairing.is_in_place:
        yield _turned_in_place(found)
    elif moved.negated is not None:
        yield _negated(moved)
    else:
        yield from _moved(found)
    if found.overlap < 1 and not pairing.is_in_place:
        yield _overlap(found)


def _turned_in_place(found: Comparison) -> Remark:
    """Name how the array was turned within its grid."""
    code, words = name_turn(found.displacement.turn, found.a)
    text = f"B's voxels are A's {words}: the array is turned and the geometry is not"
    if found.displacement.negated == LPS_TO_RAS:
        text += "; around the origin, so LPS read as RAS gives this too"
    return Remark(code, text, {"axes": found.displacement.turn.told()})


def _negated(moved: Displacement) -> Remark:
    signs = moved.negated or (1, 1, 1)
    named = " and ".join(name for name, sign in zip("xyz", signs, strict=True) if sign < 0)
    what = {"": "origin and directions", "origin": "origin", "directions": "directions"}
    are = "is" if moved.negated_part == "origin" else "are"
    text = f"B's {what[moved.negated_part]} {are} A's with {named} negated"
    evidence = {"signs": list(signs), "part": moved.negated_part or "both"}
    if signs == LPS_TO_RAS:
        return Remark("lps-ras", f"{text}: LPS taken for RAS, or RAS for LPS", evidence)
    return Remark("negated", text, evidence)


def _moved(found: Comparison) -> Iterator[Remark]:
    """Say how one grid would have to be moved to lie on the other."""
    moved = found.displacement
    said = [
        *_turned(found),
        *_spacing(found),
        *_rotated(found),
        *_shifted(found),
    ]
    if not said and not any(remark.code == "size-differs" for remark in _kinds(found)):
        text = f"the corners lie up to {moved.corners_mm:.3g} mm apart"
        said = [Remark("moved", text, {"corners_mm": moved.corners_mm})]
    yield from said


def _turned(found: Comparison) -> Iterator[Remark]:
    if not found.displacement.turn.is_as_stored:
        code, words = name_turn(found.displacement.turn, found.a)
        yield Remark(code, f"B's geometry is A's {words}")


def _spacing(found: Comparison) -> Iterator[Remark]:
    if not found.displacement.same_spacing:
        spacings = (found.a.spacing, found.pairing.order.grid(found.b).spacing)
        a, b = (_by([f"{step:.6g}" for step in steps]) for steps in spacings)
        yield Remark("spacing-differs", f"the spacing is {a} mm in A, {b} mm in B")


def _rotated(found: Comparison) -> Iterator[Remark]:
    moved, degrees = found.displacement, found.displacement.degrees
    reach = float(np.linalg.norm(found.a.corners - found.a.centre, axis=1).max())
    if _shears(found):
        a, b = (f"{round(angle, 3):g}°" for angle in moved.shears)
        yield Remark("sheared", f"A's grid is sheared by {a}, B's by {b}")
    elif np.radians(degrees) * reach > found.within_mm:
        text = f"B's grid is rotated by {degrees:.3g}°"
        yield Remark("rotated", text, {"degrees": degrees})


def _shears(found: Comparison) -> bool:
    a, b = found.displacement.shears
    return abs(a - b) > SHEARED_DEGREES


SHEARED_DEGREES = 0.01


def _shifted(found: Comparison) -> Iterator[Remark]:
    moved = found.displacement
    if found.a.size != found.pairing.order.size(found.b.size) and found.pairing.offset is not None:
        return
    alike = moved.same_spacing and not _shears(found)
    ends = (moved.shift_mm,) if alike else (moved.shift_mm, moved.first_mm)
    if min(float(np.linalg.norm(end)) for end in ends) <= found.within_mm:
        return
    text = (
        f"B's middle lies ({_list(f'{_plain(n):.6g}' for n in moved.shift_mm)}) mm (LPS) from A's"
    )
    voxels = _in_voxels(found)
    yield Remark(
        "shifted", f"{text}{voxels}",
        {"mm": list(moved.shift_mm), "voxels": list(moved.shift_voxels)},
    )  # fmt: skip


def _in_voxels(found: Comparison) -> str:
    """Word a shift in voxels, where it is a whole or a half number of them."""
    moved = found.displacement
    halves = np.array(moved.shift_voxels) * 2
    if not moved.same_spacing or np.abs(halves - np.round(halves)).max() > NEAR_VOXELS:
        return ""
    steps = [f"{n:+g} along {NAMES[axis]}" for axis, n in enumerate(np.round(halves) / 2) if n != 0]
    return f": {', '.join(steps)} in voxels" if steps else ""


NEAR_VOXELS = 0.02


def _overlap(found: Comparison) -> Remark:
    text = f"{100 * found.overlap:.3g} % of A lies within B"
    return Remark("overlap", text, {"overlap": found.overlap})


def _ambiguity(found: Comparison) -> Iterator[Remark]:
    others, pairing = found.pairing.others, found.pairing
    if others and not (pairing.is_in_place and pairing.order == pairing.by_place):
        text = (
            f"the picture is symmetric or of one value: {count(len(others), 'other way')} to turn"
            " it fit as well, so that which one it was cannot be told"
        )
        yield Remark("cannot-tell", text, {"others": len(others)})


def _values(found: Comparison) -> Iterator[Remark]:
    voxels = found.voxels
    if voxels is None:
        yield Remark("not-compared", f"no voxels were compared: {_why_not(found)}")
    elif voxels.different:
        if found.sequence is not None:
            numbers = [n + 1 for n in found.sequence]
            text = "B holds the volumes of A in another order: A's first to last are {} of B"
            shown = _list(numbers[:ORDER_SHOWN]) + ", …" * (len(numbers) > ORDER_SHOWN)
            yield Remark("order-differs", text.format(shown), {"volumes": numbers})
        if voxels.by is not None and voxels.explained >= EXPLAINS * voxels.compared:
            yield _scaled(voxels)
        yield _differing(found, voxels)


ORDER_SHOWN = 16
EXPLAINS = 0.9
"""From such a share of the voxels on, a slope and an intercept are worth a word."""


def _why_not(found: Comparison) -> str:
    if found.components[0] != found.components[1]:
        return "they hold different numbers of values"
    if found.counts[0] != found.counts[1]:
        return "the numbers of volumes differ"
    if found.pairing.basis != "nothing":
        return "the volumes of one set have different shapes"
    if found.overlap == 0:
        return "the grids do not meet"
    return "the grids have no lattice in common, and nothing is resampled here"


def _scaled(voxels: VoxelDifference) -> Remark:
    by = voxels.by
    slope, intercept = (by.slope, by.intercept) if by else (1.0, 0.0)
    line = "A" if slope == 1 else f"{slope:.6g} x A"
    if intercept:
        line += f" {'+' if intercept > 0 else '-'} {abs(intercept):.6g}"
    share = _share(voxels.explained, voxels.compared)
    what = "a constant: B is" if slope == 1 else "a slope and an intercept: B is"
    return Remark(
        "values-scaled",
        f"the values differ by {what} {line} at {share} of the voxels (a rescale of one alone?)",
        {"slope": slope, "intercept": intercept, "explained": voxels.explained},
    )


def _differing(found: Comparison, voxels: VoxelDifference) -> Remark:
    share = _share(voxels.different, voxels.compared)
    text = f"{voxels.different:,} of {voxels.compared:,} voxels differ ({share})"
    if voxels.only and voxels.different > 1:
        text += f", all by {voxels.only:g}"
    if voxels.at is not None and voxels.values is not None:
        where = _list(f"{_plain(n):.4g}" for n in found.a.to_world(voxels.at))
        which = f" of volume {voxels.volume + 1}" if found.counts[0] > 1 else ""
        a, b = voxels.values
        first, mean = "; as", ""
        if voxels.greatest:
            first = f"; the most by {voxels.greatest:g}"
            mean = f"; by {voxels.mean:.4g} on average"
        text += (
            f"{first} at ({_list(voxels.at)}){which}, ({where}) mm: {a:g} in A, {b:g} in B{mean}"
        )
    if voxels.not_numbers[0] != voxels.not_numbers[1]:
        text += (
            f"; {voxels.not_numbers[0]:,} values of A and {voxels.not_numbers[1]:,} of B are NaN"
        )
    return Remark("values-differ", text, {"different": voxels.different})


def _types(found: Comparison) -> Iterator[Remark]:
    if found.types[0] != found.types[1]:
        yield Remark("types-differ", f"the values are {found.types[0]} in A, {found.types[1]} in B")


def _share(part: int, of: int) -> str:
    if part == of:
        return "100 %"
    return f"{min(100 * part / of, 99.9):.3g} %" if part / of > 1e-6 else "under 0.0001 %"


def _by(sizes: Sequence[object]) -> str:
    return " x ".join(map(str, sizes))


def _list(numbers: Iterable[object]) -> str:
    return ", ".join(map(str, numbers))


def _plain(number: float) -> float:
    """Give zero for what is nothing but rounding."""
    return 0.0 if abs(number) < 5e-7 else float(number)
