"""Judging what a reader made of a damaged file: right, altered, refused, or a fault."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from damaged import Damaged, Picture
from reader import Answer, Reader

SWELL = 2 * 2**30
"""So much beyond what it had before a reader may take: every picture here is small."""
CLEAN_EXITS = (1, 3, 4)
FAULTS = (
    "crashed", "hung", "over 2 GB", "wrong in silence", "traceback", "unclear refusal",
    "not named",
)  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """What a reader did with one file, and the figures."""

    case: str
    family: str
    kind: str
    """right, altered, refused, or one of FAULTS."""
    why: str
    seconds: float
    peak: int

    @property
    def is_fault(self) -> bool:
        return self.kind in FAULTS


class Judge:
    """Reads damaged files with one tool, and asks a second reader where it must."""

    def __init__(self, reader: Reader, second: Reader) -> None:
        self.reader = reader
        self.second = second
        self._folder = tempfile.TemporaryDirectory()

    def __enter__(self) -> Judge:
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()

    def judge(self, case: Damaged) -> Verdict:
        """Write the file, have it read, and say what came of it."""
        path = Path(self._folder.name, f"damaged{case.suffix}")
        path.write_bytes(case.data)
        answer = self.reader.ask(path)
        kind, why = self._kind(case, answer, path)
        return Verdict(case.name, case.family, kind, why, answer.seconds, answer.peak)

    def _kind(self, case: Damaged, answer: Answer, path: Path) -> tuple[str, str]:
        if answer.kind in ("crashed", "hung", "traceback"):
            return answer.kind, answer.why
        if answer.peak > SWELL:
            return "over 2 GB", f"{answer.peak / 2**30:.1f} GB"
        if answer.unclean:
            return "unclear refusal", f"says {answer.unclean}"
        if answer.kind == "refused":
            return self._refused(case, answer)
        return self._picture(case, answer, path)

    def _refused(self, case: Damaged, answer: Answer) -> tuple[str, str]:
        if self.reader.tool == "volume":
            if not case.may_refuse:
                return "unclear refusal", f"a good file is refused: {answer.why}"
            if UNFORESEEN in answer.why:
                return "traceback", answer.why
            if answer.exit_code not in CLEAN_EXITS:
                return "unclear refusal", f"exit code {answer.exit_code}: {answer.why}"
            if not any(files for _, files in answer.named):
                return "unclear refusal", f"names no file: {answer.why}"
        return "refused", answer.why

    def _picture(self, case: Damaged, answer: Answer, path: Path) -> tuple[str, str]:
        got = answer.picture
        if got is None:
            raise ValueError("an answer without its picture")
        told = ["there is no right picture"]
        for right in case.pictures:
            told.append(self._differs(right, answer, case.tolerance))
            if not told[-1]:
                return "right", ""
            if warned(answer) and is_part(got, right, case.tolerance):
                return "right", "in part, and said so"
        if case.says:
            seen = self.second.ask(path)
            if seen.picture is not None:
                told.append(self._differs(seen.picture, answer, case.tolerance))
                if not told[-1] or rounded_otherwise(seen.picture, got, case.tolerance):
                    return ("right", "as the file says") if case.says == "file" else (
                        "altered", told[1]
                    )  # fmt: skip
            else:
                told.append(f"the second reader refuses: {seen.why}")
        return "wrong in silence", "; ".join(told[1:] or told)

    def _differs(self, right: Picture, answer: Answer, tolerance: float) -> str:
        """Compare; a place that the file does not give must have been assumed aloud."""
        got = answer.picture
        if got is None:
            return "no picture"
        if self.reader.tool != "volume":
            alone = len(right.array) == 1  # how thick a single slice is, not every tool says
            right = right.without(2) if alone else right
            return right.differs(facing(got, right), tolerance)
        assumed = {"spacing-assumed", "single-slice"} & {code for code, _ in answer.codes}
        if np.isnan(right.affine).any() and not assumed:
            return "a number that the file lacks was assumed in silence"
        return right.differs(got, tolerance)


UNFORESEEN = "the header is damaged ("
"""What a refusal says where whatever was raised was caught."""


def rounded_otherwise(seen: Picture, got: Picture, tolerance: float) -> bool:
    """Say whether two decoders of a picture with loss differ in a few wild values alone."""
    if not tolerance or seen.array.shape != got.array.shape:
        return False
    off = np.abs(np.asarray(seen.array, float) - np.asarray(got.array, float))
    return float(np.mean(off > tolerance)) <= WILD


WILD = 0.01
"""Where a changed table gives values beyond what 8 bits hold, decoders clip differently."""


def warned(answer: Answer) -> bool:
    """Say whether a picture came with more than a remark."""
    return any(severity != "info" for _, severity in answer.codes)


def is_part(got: Picture, right: Picture, tolerance: float) -> bool:
    """Say whether every slice of a picture is one of another's, in the same place."""
    if got.array.shape[1:] != right.array.shape[1:] or np.isnan(right.affine).any():
        return False
    to_index = np.linalg.inv(right.affine) @ got.affine
    if not np.allclose(to_index[:3, :2], np.eye(3)[:, :2], atol=1e-4):
        return False
    ks = to_index[2, 3] + to_index[2, 2] * np.arange(len(got.array))
    near = np.round(ks).astype(int)
    if np.abs(ks - near).max() > 1e-3 or near.min() < 0 or near.max() >= len(right.array):
        return False
    return bool(np.allclose(got.array, right.array[near], atol=tolerance, rtol=1e-6))


def facing(got: Picture, right: Picture) -> Picture:
    """Flip a picture's axes as another has them: other tools may turn rows and columns round."""
    array, affine = got.array, got.affine.copy()
    for axis in range(3):
        if np.nan_to_num(affine[:3, axis] @ right.affine[:3, axis]) < 0:
            array = np.flip(array, 2 - axis)
            affine[:3, 3] += affine[:3, axis] * (array.shape[2 - axis] - 1)
            affine[:3, axis] *= -1
    return Picture(array, affine)
