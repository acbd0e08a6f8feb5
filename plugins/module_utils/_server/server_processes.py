# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adapter: the processes of a standby's server that receive and replay, known by their titles."""

from __future__ import annotations

import os
import re
import signal
from contextlib import suppress

from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.postmaster import running_postmaster
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.processes import parent_of, title_of

# With a cluster_name its text stands before; until 9.6 the names have more words.
RECEIVER_TITLE = re.compile(
    r"postgres: (?:.*: )?(?:walreceiver|wal receiver process)(?:\s+(?P<does>streaming|restarting|idle)\b.*|\s*)$"
)
STARTUP_TITLE = re.compile(r"postgres: (?:.*: )?startup(?: process)?(?:\s+(?:recovering|waiting)\b.*|\s*)$")
# Until 12 it also says "waiting for" a file of WAL, which is no such wait.
WAITING = re.compile(r"\brecovering \S+ waiting\b")


def wake_startup(data_directory: str) -> None:
    """Make the process that replays look again at what it was told.

    One that was told to promote while it was about to try its upstream again would first sleep through
    wal_retrieve_retry_interval, 5 seconds by default. A SIGHUP ends every sleep of it, and it reads its files again.
    """
    found = _process(data_directory, STARTUP_TITLE)
    if found:
        with suppress(ProcessLookupError):
            os.kill(found[0], signal.SIGHUP)


def replay_waits(data_directory: str) -> bool:
    """Whether the process that replays waits for other sessions. It says so in its title, after half a second."""
    found = _process(data_directory, STARTUP_TITLE)
    return bool(found and WAITING.search(found[1].string))


def receiver_process(data_directory: str) -> tuple[int, str] | None:
    """The pid of the server's walreceiver and what it says that it does.

    By its title: the view shows it only once it is connected, and 9.5 has no view.
    """
    found = _process(data_directory, RECEIVER_TITLE)
    return (found[0], found[1]["does"] or "") if found else None


def _process(data_directory: str, title: re.Pattern[str]) -> tuple[int, re.Match[str]] | None:
    postmaster = running_postmaster(data_directory)
    if postmaster is None:
        return None
    for entry in os.listdir("/proc"):
        if entry.isdigit() and parent_of(entry) == postmaster.pid:
            found = title.match(title_of(entry))
            if found:
                return int(entry), found
    return None
