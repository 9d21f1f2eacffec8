"""A first, coarse look at a stack of very many slices: some of them, within seconds."""

from __future__ import annotations

from dataclasses import replace

from volume.assembly.assemble import assemble
from volume.assembly.forecast import bytes_kept, refuse_if_too_large
from volume.assembly.options import Options
from volume.assembly.stack import Stack
from volume.assembly.stacking import refit
from volume.dicom.encoding import NATIVE
from volume.findings import warning
from volume.volume import Volume

CODE = "first-look"
LARGE = 400 << 20
"""From so many bytes on a volume takes more than a second or two to be read and drawn."""
DECODING = 2
"""So many times as long a compressed byte takes, about."""
SLICES = 96
"""So many slices are read for a first look: 48 MiB of 512 x 512."""


def is_large(stack: Stack) -> bool:
    """Say whether a first look at a stack is worth it."""
    first = stack.slices[0]
    slow = 1 if first.pixels.transfer_syntax in NATIVE else DECODING
    return len(stack.slices) >= 2 * SLICES and bytes_kept(stack) * slow >= LARGE


def sketch(stack: Stack, options: Options) -> Volume:
    """Assemble every nth slice of a stack; refused where the whole would not fit in memory."""
    refuse_if_too_large([stack], options)
    step = -(-len(stack.slices) // SLICES)
    volume = assemble(refit(stack, stack.slices[::step]), options)
    told = warning(
        CODE,
        f"a first look: one in {step} of {len(stack.slices)} slices; the others are being read",
        evidence={"step": step, "slices": len(stack.slices)},
    )
    return replace(volume, findings=(told, *volume.findings))


def is_sketch(volume: Volume) -> bool:
    """Say whether a volume is the first look at a larger one."""
    return any(finding.code == CODE for finding in volume.findings)
