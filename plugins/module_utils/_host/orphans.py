# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The processes of a server in a data directory, and those that have outlived its postmaster.

A backend whose postmaster was killed goes on with its statement, commits and acknowledges.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._waiting import wait_for

from .as_owner import ROOT, Account, acting_as, owner_of
from .postmaster import Postmaster, running_postmaster
from .processes import belongs_to, is_postgres

# How long a process may take to obey SIGQUIT, before it gets SIGKILL.
QUIT_SECONDS = 3
OWN_WAY = (
    "Let every directory above the data directory belong to root or to the account that owns it, and be writable for"
    " nobody else"
)
# How long those that are idle may take to see that their postmaster has ended.
IDLE_SECONDS = 10


def server_processes(data_directory: str) -> list[int]:
    """Every process of PostgreSQL that works in this directory and belongs to its owner."""
    try:
        owner = owner_of(data_directory)
    except OSError:
        return []
    return sorted(
        int(entry) for entry in os.listdir("/proc") if entry.isdigit() and _serves(int(entry), data_directory, owner)
    )


def find_orphans(data_directory: str) -> list[int]:
    """The processes of a server whose postmaster has ended."""
    found = [] if running_postmaster(data_directory) else server_processes(data_directory)
    # a server that had just begun to start has its postmaster by now
    return [] if found and running_postmaster(data_directory) else found


def end_orphans(data_directory: str, timeout_seconds: int) -> list[int]:
    """End them, wait until none is left, and return their pids. Raises HotStandbyError "processes_left"."""
    ended = find_orphans(data_directory)
    if not ended:
        return []
    _signal(ended, data_directory, signal.SIGQUIT)
    wait_for(lambda: not server_processes(data_directory), min(QUIT_SECONDS, timeout_seconds))
    _signal(server_processes(data_directory), data_directory, signal.SIGKILL)
    if wait_for(lambda: not server_processes(data_directory), timeout_seconds) is None:
        raise left_over(data_directory, server_processes(data_directory), "could not be ended")
    return ended


def refuse_orphans(data_directory: str, patience_seconds: int = IDLE_SECONDS) -> None:
    """Let nobody use the directory beside the processes of an earlier server. Raises HotStandbyError "processes_left".

    Those that are idle end by themselves; one in the middle of a statement is at somebody's work.
    """
    if wait_for(lambda: not find_orphans(data_directory), patience_seconds) is None:
        raise left_over(data_directory, find_orphans(data_directory), "are in the way")


def left_over(data_directory: str, pids: list[int], what: str) -> HotStandbyError:
    told = ", ".join(map(str, pids))
    return HotStandbyError(
        "processes_left",
        f"the postmaster of {data_directory} has ended, but processes of its server are left ({told}), which may"
        f" still write and commit: they {what}",
        "See what they do; end them (kill -QUIT, then kill -KILL), or have module server end them (state=stopped or"
        " restarted), and run this again",
    )


def _serves(pid: int, data_directory: str, owner: Account) -> bool:
    if not is_postgres(pid) or not belongs_to(pid, owner.uid):
        return False
    try:
        # without CAP_SYS_PTRACE, as in many containers, root may not see where the process of another user works
        with acting_as(owner):
            return os.path.samefile(f"/proc/{pid}/cwd", data_directory)
    except OSError:
        return False


def send(postmaster: Postmaster, number: signal.Signals) -> None:
    """Send a signal to a server. Raises HotStandbyError "not_the_owner"; a server that is gone is fine."""
    _signal([postmaster.pid], postmaster.found_in, number)


def _signal(pids: Iterable[int], data_directory: str, number: signal.Signals) -> None:
    """Send a signal to those that are still what they were. Raises HotStandbyError "not_the_owner"."""
    try:
        owner = owner_of(data_directory)
    except FileNotFoundError:
        return
    except OSError as error:
        raise HotStandbyError(
            "not_the_owner",
            f"{number.name} was sent to no process of the server in {data_directory}: {error.strerror or error}",
            OWN_WAY,
        ) from None
    for pid in pids:
        if os.geteuid() not in (ROOT, owner.uid):
            raise _not_the_owner(number, pid, data_directory)
        with _held(pid) as descriptor:
            if not _serves(pid, data_directory, owner):
                continue
            try:
                if descriptor is None:
                    os.kill(pid, number)
                else:
                    signal.pidfd_send_signal(descriptor, number)
            except ProcessLookupError:
                continue
            except PermissionError:
                raise _not_the_owner(number, pid, data_directory) from None


def _not_the_owner(number: signal.Signals, pid: int, data_directory: str) -> HotStandbyError:
    return HotStandbyError(
        "not_the_owner",
        f"this user may not send {number.name} to process {pid} of the server in {data_directory}",
        "Run as root or as the user that owns the server (become_user)",
    )


@contextmanager
def _held(pid: int) -> Iterator[int | None]:
    """A descriptor of the process, so that its pid cannot be somebody else's meanwhile; None on an old kernel."""
    descriptor = None
    with suppress(OSError, AttributeError):
        descriptor = os.pidfd_open(pid)
    try:
        yield descriptor
    finally:
        if descriptor is not None:
            os.close(descriptor)
