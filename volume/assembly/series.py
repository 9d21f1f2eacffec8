"""One SeriesInstanceUID and the stacks it holds."""

from __future__ import annotations

from dataclasses import dataclass

from volume.assembly.stack import Stack
from volume.escaping import LABEL, escape


@dataclass(frozen=True, eq=False)
class Series:
    """A series: `stacks` are what may become volumes, the largest first."""

    uid: str
    study_uid: str
    number: int | None
    description: str
    modality: str
    stacks: tuple[Stack, ...]

    def __repr__(self) -> str:
        stacks = ", ".join(stack.id for stack in self.stacks)
        return f"Series({escape(self.modality, LABEL)} {self.number}: {stacks})"
