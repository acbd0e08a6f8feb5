# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which processes live below a directory: read from /proc, so that nothing is found or ended by name."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from pathlib import Path

from support.waiting import wait_for


def processes_below(directory: Path) -> list[int]:
    """Pids whose working directory or command line lies below the directory, without ourselves."""
    prefix = f"{directory}/"
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            arguments = (entry / "cmdline").read_bytes().decode("utf-8", "surrogateescape").split("\0")
            cwd = os.readlink(entry / "cwd")
        except OSError:
            continue  # ended meanwhile, or a zombie, or another user's
        if f"{cwd}/".startswith(prefix) or any(prefix in f"{argument}/" for argument in arguments if argument):
            found.append(int(entry.name))
    return found


def kill_below(directory: Path, signal_number: int = signal.SIGKILL) -> None:
    """End every process below the directory and wait until none is left."""
    wait_for(lambda: not _told(directory, signal_number), f"processes below {directory} to end")


def program_of(pid: int) -> str:
    """The name of the program that a process runs; empty when it has ended."""
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def freeze_below(directory: Path) -> list[int]:
    """Stop every process below the directory, and those that these were about to start; there must be one."""
    return wait_for(lambda: _stopped(directory), f"processes below {directory} that are stopped")


def _told(directory: Path, signal_number: int) -> list[int]:
    found = processes_below(directory)
    for pid in found:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal_number)
    return found


def _stopped(directory: Path) -> list[int]:
    found = processes_below(directory)
    for pid in found:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
    return found if all(map(_is_stopped, found)) and processes_below(directory) == found else []


def _is_stopped(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
    return False


def kill_tree(process: subprocess.Popen[str]) -> None:
    """SIGKILL to a process that leads a group, and to all that it has started: Ansible's workers lead groups, too."""
    others = descendants(process.pid)
    os.killpg(process.pid, signal.SIGKILL)
    for pid in others:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()


def descendants(pid: int) -> list[int]:
    """All processes that a process has started, and theirs."""
    parents: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            text = path.read_text()
            parents.setdefault(int(text.rpartition(")")[2].split()[1]), []).append(int(text.split()[0]))
    found, todo = [], [pid]
    while todo:
        children = parents.get(todo.pop(), [])
        found += children
        todo += children
    return found
