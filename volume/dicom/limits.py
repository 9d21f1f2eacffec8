"""How much a file may ask for: caps that a person can raise, and never silently."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from volume.findings import Finding, info

MIB = 2**20


@dataclass(frozen=True)
class Limits:
    """Caps on what a file may make of a few bytes; a good file stays far below them.

    `inflated` MiB of a deflated data set, `frame` MiB of one compressed frame, before and
    after it is decoded, `nesting` of sequences, `elements` of a header, `seconds` for a
    decoder on one frame (and a second more for every 10 MiB of it), `memory` MiB of a volume
    while it is made (0: what is free).
    """

    inflated: int = 512
    frame: int = 256
    nesting: int = 64
    elements: int = 2_000_000
    seconds: int = 6
    memory: int = 0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            least = 0 if field.name == "memory" else 1
            if not least <= value <= AT_MOST[field.name]:
                limits = f"from {least} to {AT_MOST[field.name]}"
                raise ValueError(f"{field.name} is {limits}, not {value}")

    @property
    def raised(self) -> dict[str, int]:
        """Those that differ from what they are by themselves."""
        usual = asdict(DEFAULT)
        return {name: value for name, value in asdict(self).items() if value != usual[name]}


AT_MOST = {
    "inflated": 2**20,
    "frame": 2**14,
    "nesting": 200,
    "elements": 10**9,
    "seconds": 10**5,
    "memory": 2**30,
}
"""Beyond these nothing would hold: 200 levels fill Python's own stack, 16 GiB are one frame."""
DEFAULT = Limits()


def parse_limits(text: str) -> Limits:
    """Read caps as the command line has them: `inflated=2048,seconds=60`. Raises `ValueError`."""
    chosen: dict[str, Any] = {}
    for part in filter(None, text.split(",")):
        name, _, value = (word.strip() for word in part.partition("="))
        if name not in AT_MOST or not (value.isascii() and value.isdigit()):
            known = ", ".join(f"{one.name}={one.default}" for one in fields(Limits))
            raise ValueError(f"{part!r} is no limit; they are {known}")
        chosen[name] = int(value)
    return replace(DEFAULT, **chosen)


def limits_of(given: Limits | str) -> Limits:
    """Take limits as they are, or in the words of the command line. Raises `ValueError`."""
    return parse_limits(given) if isinstance(given, str) else given


def said(limits: Limits) -> list[Finding]:
    """Say which limits were raised or lowered."""
    if not limits.raised:
        return []
    words = ", ".join(f"{name} {value}" for name, value in limits.raised.items())
    return [info("limits-raised", f"limits set by hand: {words}", evidence=limits.raised)]
