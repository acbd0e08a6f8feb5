# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adapter: what /proc says of processes, whosever they are, and the end of our own."""

from __future__ import annotations

import os
import signal
from collections import defaultdict
from contextlib import suppress

from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._waiting import wait_for

COPIER = "pg_basebackup"
KILL_SECONDS = 20


def belongs_to(pid: int, uid: int) -> bool:
    """Whether the process has the rights of that user (every user may read that)."""
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
            uids = next(line for line in file if line.startswith("Uid:")).split()
        return int(uids[2]) == uid
    except (OSError, StopIteration):
        return False


def is_postgres(pid: int) -> bool:
    """Whether the process lives and is PostgreSQL (every user may read that)."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            before, after = file.read().rsplit(")", 1)
    except (OSError, ValueError):
        return False
    # a process that has ended and that nobody has reaped yet is not a server
    return before.partition("(")[2] in ("postgres", "postmaster") and after.split()[:1] not in (["Z"], ["X"])


def end_family(pid: int) -> None:
    """Kill a process and all that it has started."""
    children = defaultdict(list)
    for name in os.listdir("/proc"):
        if name.isdigit():
            with suppress(OSError, ValueError, IndexError), open(f"/proc/{name}/stat", "rb") as file:
                children[int(file.read().rsplit(b")", 1)[1].split()[1])].append(int(name))
    family = [pid]
    for member in family:
        family += children[member]
    for member in family:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(member, signal.SIGKILL)


def find_strays(side: str, program: str = COPIER) -> list[int]:
    """Pids of every pg_basebackup that writes to this side directory (each one is two processes)."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and _writes_to(name, side, program)]


def _writes_to(pid: str, side: str, program: str) -> bool:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            arguments = file.read().split(b"\0")
    except OSError:
        return False
    return os.path.basename(arguments[0]) == program.encode() and os.fsencode(side) in arguments


def stop_strays(side: str, program: str = COPIER) -> None:
    """End them and wait until they are gone. Raises HotStandbyError "stray_process"."""
    for pid in find_strays(side, program):
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    if wait_for(lambda: not find_strays(side, program), KILL_SECONDS) is None:
        pids = ", ".join(map(str, find_strays(side, program)))
        raise HotStandbyError(
            "stray_process",
            f"{program} of an earlier run still writes to {side} (process {pids}) and cannot be ended",
            "End it by hand",
        )


def parent_of(pid: str) -> int:
    """The process that started it; 0 when it has ended."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return int(file.read().rsplit(")", 1)[1].split()[1])
    except (OSError, ValueError, IndexError):
        return 0


def title_of(pid: str) -> str:
    """What it calls itself; empty when it has ended."""
    try:
        with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as file:
            return file.read().replace("\0", " ").strip()
    except OSError:
        return ""
