"""Disks that are full and folders that may not be written to, also for root."""

from __future__ import annotations

import functools
import os
import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path

LIMIT_KIB = 300


@functools.cache
def may_mount() -> bool:
    """Say whether this process may mount in a namespace of its own."""
    try:
        line = ["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
        return subprocess.run(line, capture_output=True).returncode == 0
    except OSError:
        return False


def on_a_full_disk(command: Sequence[object], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command where `folder` has room for 300 KiB; stdout ends with what it then holds.

    A small disk of its own where that may be mounted, otherwise a limit to the size of files.
    """
    if not may_mount():
        return with_small_files(command, folder)
    older = " ".join(shlex.quote(str(path)) for path in folder.iterdir())
    return _in_namespace(
        f"cp {older} /mnt; " if older else "",
        f"mount -t tmpfs -o size={LIMIT_KIB}k tmpfs {shlex.quote(str(folder))}",
        command,
        folder,
    )


def with_small_files(command: Sequence[object], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command that may write no file of more than 300 KiB."""
    limit = f"ulimit -f {LIMIT_KIB}; "  # bash counts KiB
    return _bash(f"{limit}{_line(command)}; {_listing(folder)}")


def in_a_folder_to_read(
    command: Sequence[object], folder: Path
) -> subprocess.CompletedProcess[str]:
    """Run a command where `folder` can only be read."""
    where = shlex.quote(str(folder))
    if os.geteuid() == 0 and may_mount():
        return _in_namespace("", f"mount --bind -o ro {where} {where}", command, folder)
    folder.chmod(0o555)
    try:
        return _bash(f"{_line(command)}; {_listing(folder)}")
    finally:
        folder.chmod(0o755)


def _in_namespace(
    before: str, mount: str, command: Sequence[object], folder: Path
) -> subprocess.CompletedProcess[str]:
    """Mount, put back what the folder held, run and list."""
    where = shlex.quote(str(folder))
    room = f"mount -t tmpfs tmpfs /mnt && {before}{mount}"
    back = f"cp -a /mnt/. {where}; " if before else ""
    script = f"{room} || exit 99; {back}{_line(command)}; {_listing(folder)}"
    return _bash(script, "unshare", "-m")


def _line(command: Sequence[object]) -> str:
    return shlex.join(map(str, command)) + "; code=$?"


def _listing(folder: Path) -> str:
    return f"ls -A {shlex.quote(str(folder))}; exit $code"


def _bash(script: str, *before: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*before, "bash", "-c", script], capture_output=True, text=True)
