# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stops what runs in a demo directory. Processes are known by pid and directory, never by name."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path

from hotstandby_demo.console import DemoError

PATIENCE_SECONDS = 30.0


def postmaster(data_directory: Path) -> int | None:
    """Pid of the postmaster that runs in this directory."""
    try:
        pid = int((data_directory / "postmaster.pid").read_text(encoding="utf-8").split("\n")[0])
        return pid if os.path.samefile(f"/proc/{pid}/cwd", data_directory) else None
    except (OSError, ValueError):
        return None


def processes_below(directories: Iterable[Path]) -> list[int]:
    """Pids of processes whose working directory or command line lies below one of the directories, but us."""
    prefixes = [f"{directory}/" for directory in directories]
    spared = {os.getpid(), os.getppid()}
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) in spared:
            continue
        try:
            words = (entry / "cmdline").read_bytes().decode("utf-8", "surrogateescape").split("\0")
            words.append(os.readlink(entry / "cwd"))
        except OSError:
            continue  # it ended meanwhile, is a zombie, or belongs to somebody else
        if any(prefix in f"{word}/" for prefix in prefixes for word in words if word):
            found.append(int(entry.name))
    return found


def children(parent: int) -> list[int]:
    """Pids of the processes that this one has started."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            text = entry.read_text(encoding="utf-8", errors="replace")
            if int(text.rpartition(")")[2].split()[1]) == parent:
                found.append(int(entry.parent.name))
    return found


def alive(pids: Iterable[int]) -> list[int]:
    return [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def end(pids: list[int], signals: tuple[signal.Signals, ...]) -> None:
    """Send each signal in turn until all have ended, with patience after each."""
    for number in signals:
        for pid in alive(pids):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while alive(pids) and time.monotonic() < deadline:
            time.sleep(0.05)
        if not alive(pids):
            return
    raise DemoError(f"process {alive(pids)[0]} does not end, not even by SIGKILL; nothing was removed")


def stop_all(directories: list[Path]) -> int:
    """Stop the servers (fast, then immediate), then whatever else is at work there; how many servers."""
    walks = (os.walk(directory) for directory in directories)  # it takes no offence at what is removed meanwhile
    found = (postmaster(Path(path)) for walk in walks for path, _below, files in walk if "postmaster.pid" in files)
    servers = [pid for pid in found if pid is not None]
    end(servers, (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL))
    end(processes_below(directories), (signal.SIGTERM, signal.SIGKILL))
    return len(servers)
