"""All that was measured, the tool in hand, and what is being drawn with it; no VTK."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import ArrayLike

from volume.geometry import Geometry
from volume.processing.rotation import Rotation
from volume.viewer.measurement import POINTS, Measurement, as_place

Items = tuple[Measurement, ...]
UNDONE_AT_MOST = 100


@dataclass(frozen=True)
class Measurements:
    """A value: each command gives the next one.

    `chosen` is the number in `items` of the one that is selected. `draft` is the one being
    drawn: its last point goes with the pointer. `past` holds the items as they were.
    """

    items: Items = ()
    chosen: int | None = None
    tool: str | None = None
    draft: Measurement | None = None
    listed: bool = False
    past: tuple[Items, ...] = ()

    # drawing

    def take(self, tool: str | None) -> Measurements:
        """Take a tool in hand, or put it down; what was being drawn goes."""
        if tool is not None and tool not in POINTS:
            raise ValueError(f"no such tool: {tool!r}; there are {', '.join(POINTS)}")
        return replace(self, tool=tool, draft=None)

    def begin(self, plane: str, rotation: Rotation, place: ArrayLike) -> Measurements:
        """Put the first point of a new measurement down; the second goes with the pointer."""
        if self.tool is None:
            return self
        point = as_place(place)
        return replace(self, draft=Measurement(self.tool, (point, point), plane, rotation))

    def point(self, place: ArrayLike) -> Measurements:
        """Have the last point of what is being drawn go with the pointer."""
        if self.draft is None:
            return self
        return replace(self, draft=self.draft.with_point(-1, place))

    def put_down(self, geometry: Geometry) -> Measurements:
        """Leave the last point where it is: the measurement is whole, or has one more to come."""
        draft = self.draft
        if draft is None or draft.is_nothing(geometry):
            return replace(self, draft=None)
        if not draft.is_whole:
            return replace(self, draft=draft.and_point(draft.points[-1]))
        return replace(self.add(draft), tool=None, draft=None)

    # changing

    def add(self, item: Measurement) -> Measurements:
        """Add one and choose it."""
        return self._change((*self.items, item), chosen=len(self.items))

    def delete(self) -> Measurements:
        """Delete the chosen one."""
        if self.chosen is None:
            return self
        left = tuple(item for n, item in enumerate(self.items) if n != self.chosen)
        return self._change(left, chosen=None)

    def replace_item(self, number: int, item: Measurement, *, undoable: bool) -> Measurements:
        """Put another in the place of one; steps of one drag are undone as one."""
        items = (*self.items[:number], item, *self.items[number + 1 :])
        if undoable:
            return self._change(items, chosen=number)
        return replace(self, items=items, chosen=number)

    def undo(self) -> Measurements:
        """Take back what is being drawn, else the last change."""
        if self.draft is not None:
            return replace(self, draft=None)
        if not self.past:
            return self
        return replace(self, items=self.past[-1], past=self.past[:-1], chosen=None)

    # choosing

    def choose(self, number: int | None) -> Measurements:
        """Select one, or none."""
        return self if number == self.chosen else replace(self, chosen=number)

    def choose_next(self) -> Measurements:
        """Select the next one, after the last the first."""
        if not self.items:
            return self
        return self.choose(0 if self.chosen is None else (self.chosen + 1) % len(self.items))

    def toggle_list(self) -> Measurements:
        """Show or hide the list."""
        return replace(self, listed=not self.listed)

    @property
    def chosen_one(self) -> Measurement | None:
        """The measurement that is selected."""
        return None if self.chosen is None else self.items[self.chosen]

    def _change(self, items: Items, chosen: int | None) -> Measurements:
        past = (*self.past, self.items)[-UNDONE_AT_MOST:]
        return replace(self, items=items, chosen=chosen, past=past)

    # as JSON

    def as_json(self) -> dict[str, Any]:
        """Give plain values for a saved scene: what was measured, not what is being drawn."""
        return {
            "items": [item.as_json() for item in self.items],
            "chosen": self.chosen,
            "listed": self.listed,
        }

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> Measurements:
        """Read what `as_json` gave; a ValueError where it is something else."""
        items = tuple(Measurement.from_json(item) for item in saved["items"])
        chosen = saved["chosen"]
        if chosen is not None and not (isinstance(chosen, int) and 0 <= chosen < len(items)):
            raise ValueError(f"no measurement has the number {chosen!r}")
        return cls(items, chosen, listed=bool(saved["listed"]))


NOTHING = Measurements()
"""Nothing measured, no tool in hand."""
