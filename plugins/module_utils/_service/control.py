# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts, stops or reloads one server, and waits until it is true.

Needs no SQL: what runs is read from postmaster.pid (rules of _host/postmaster).
"""

from __future__ import annotations

import os
import pwd
import re
import signal
from contextlib import suppress
from datetime import datetime, timezone

from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.as_owner import (
    ROOT,
    acting_as,
    acting_as_owner_of,
    owner_of,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.commands import (
    Commands,
    Outcome,
    RunCommand,
    system_program,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.instance import Instance
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.orphans import (
    OWN_WAY,
    end_orphans,
    find_orphans,
    refuse_orphans,
    send,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.postmaster import (
    Postmaster,
    running_postmaster,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.processes import is_postgres
from ansible_collections.hotstandby.postgresql.plugins.module_utils._waiting import SystemClock, wait_for, wait_until

from .boot_guard import HINT, REFUSED, refusal_in
from .log import LogWatch, relevant_lines
from .port_holder import find_holder
from .services import Service

START = "start"
STOP = "stop"
RELOAD = "reload"
PORT_TAKEN = re.compile(
    r"Address already in use|could not create any TCP/IP sockets|another postmaster already running on port"
)


def actions(state: str, running: bool, busy: bool, orphans: bool = False) -> tuple[str, ...]:
    """Return what leads to the wanted state. Pure.

    busy: the service manager runs the server, or would start it again by itself.
    orphans: processes of the server have outlived its postmaster.
    """
    if state == "started":
        return () if running else (START,)
    if state == "stopped":
        return (STOP,) if running or busy or orphans else ()
    if state == "restarted":
        return (STOP, START) if running or orphans else (START,)
    return (RELOAD,) if running else ()


class ServerControl:
    """One instance and who starts it. The times are seconds."""

    def __init__(self, run: RunCommand, instance: Instance, service: Service, timeout_seconds: int) -> None:
        self._run = run
        self._instance = instance
        self._service = service
        self._timeout_seconds = timeout_seconds
        self._clock = SystemClock()

    def running(self) -> Postmaster | None:
        """Return the server of this data directory, if it runs.

        Raises HotStandbyError "cannot_read" when this user may not know.
        """
        directory = self._instance.data_directory
        try:
            with acting_as(owner_of(directory)):
                os.listdir(directory)
        except PermissionError as error:
            as_root = os.geteuid() == ROOT
            why = f" ({error.strerror})" if as_root else ""
            raise HotStandbyError(
                "cannot_read",
                f"this user may not read {directory}{why}, so it cannot tell whether a server runs there",
                OWN_WAY if as_root else "Run as root or as the user that owns the server (become_user)",
            ) from None
        except OSError:
            return None
        return running_postmaster(directory)

    def start(self) -> float:
        """Start the server; return the seconds until it took connections.

        Raises HotStandbyError "processes_left", "no_cluster", "port_taken", "start_failed" or "start_timed_out".
        """
        directory = self._instance.data_directory
        refuse_orphans(directory)
        with acting_as_owner_of(directory):
            has_cluster = os.path.exists(os.path.join(directory, "PG_VERSION"))
        if not has_cluster:
            raise HotStandbyError(
                "no_cluster", f"there is no cluster in {directory}", "Create it (module instance) or clone it"
            )
        self._require_free_port()
        watch = LogWatch([self._instance.log_file, *self._service.log_files()], directory)
        begun = self._clock.now()
        self._service.start(self._timeout_seconds)
        left = max(0, self._timeout_seconds - (self._clock.now() - begun))
        if wait_for(self._started_or_given_up, left) is None:
            raise self._explained("start_timed_out", "is not ready yet", self._said(watch))
        if not self._ready():
            given_up = self._service.start_given_up() or ""
            raise self._explained("start_failed", "did not start", self._said(watch) or given_up)
        return round(self._clock.now() - begun, 3)

    def wait_ready(self) -> float:
        """Wait until a server that is on its way takes connections. Raises HotStandbyError "timed_out"."""
        return wait_until(
            self._ready,
            self._timeout_seconds,
            f"the server in {self._instance.data_directory} takes connections",
            "It is still in recovery: look at its log, and raise postgres_timeout if it makes progress",
        )

    def stop(self, mode: str) -> float:
        """Stop the server; return the seconds until its process was gone.

        Raises HotStandbyError "stop_timed_out"; the stop goes on all the same.
        """
        found = self.running()
        begun = self._clock.now()
        self._service.stop(found, mode)
        self.wait_stopped(f"it was told to stop ({mode})", found)
        return round(self._clock.now() - begun, 3)

    def wait_stopped(self, told: str, found: Postmaster | None) -> float:
        """Wait until a server that was told to stop has stopped; return the seconds.

        Raises HotStandbyError "stop_timed_out".
        """
        directory = self._instance.data_directory
        begun = self._clock.now()

        def stopped() -> bool:
            return self.running() is None and not (found and is_postgres(found.pid))

        if wait_for(stopped, self._timeout_seconds) is None:
            raise HotStandbyError(
                "stop_timed_out",
                f"the server in {directory} (pid {found.pid if found else 'unknown'}) still runs after"
                f" {self._timeout_seconds} s: {told}",
                "It waits for a standby that has gone silent, for the archiver or for its checkpoint: look at its log,"
                " and give it more time (postgres_timeout; switchover.yml: switchover_timeout)",
            )
        return round(self._clock.now() - begun, 3)

    def end_orphans(self) -> int:
        """End what has outlived the postmaster; return how many. Raises HotStandbyError "processes_left"."""
        return len(end_orphans(self._instance.data_directory, self._timeout_seconds))

    def orphans(self) -> int:
        """How many processes have outlived the postmaster."""
        return len(find_orphans(self._instance.data_directory))

    def reload(self) -> None:
        """Let the server read its configuration. Raises HotStandbyError "not_the_owner"."""
        found = self.running()
        if found:
            send(found, signal.SIGHUP)

    def _ready(self) -> bool:
        found = self.running()
        if found is None:
            return False
        if found.status:
            return found.ready
        return self._answers(found)

    def _answers(self, found: Postmaster) -> bool:
        """Ask pg_isready: before version 10 postmaster.pid has no status."""
        host = found.socket_directory or found.listen_address or self._instance.socket_directory
        outcome = self._as_account("pg_isready", "-q", "-h", host, "-p", str(found.port))
        return outcome is not None and outcome.code == 0

    def _started_or_given_up(self) -> bool:
        return self._ready() or (self._service.start_given_up() is not None and self.running() is None)

    def _said(self, watch: LogWatch) -> str:
        added = relevant_lines(watch.added())
        if added:
            return added
        journal = self._service.journal()
        return refusal_in(journal) or relevant_lines(journal)

    def _explained(self, name: str, what: str, said: str) -> HotStandbyError:
        instance = self._instance
        if PORT_TAKEN.search(said):
            name = "port_taken"
        if refusal_in(said):
            name = REFUSED
        return HotStandbyError(
            name,
            f"the server in {instance.data_directory} {what} (waited up to {self._timeout_seconds} s):"
            f" {said or 'its log says nothing'}",
            {
                "port_taken": "Free the port or choose another postgres_port",
                REFUSED: HINT,
                "start_timed_out": "It goes on starting: raise postgres_timeout if its log shows progress",
            }.get(name, f"Put right what its log says ({self._log_names()})"),
        )

    def _log_names(self) -> str:
        return ", ".join(filter(None, [self._instance.log_file, *self._service.log_files()])) or "the unit's journal"

    def _require_free_port(self) -> None:
        port, addresses, directories = self._places()
        holder = find_holder(port, addresses, directories)
        if holder:
            raise HotStandbyError(
                "port_taken",
                f"the server in {self._instance.data_directory} was not started: {holder}",
                "Stop that one or choose another postgres_port",
            )

    def _places(self) -> tuple[int, list[str], list[str]]:
        """Where the server is going to listen: asked of its programs, which read every include file."""
        instance = self._instance
        port = self._configured("port")
        addresses = self._configured("listen_addresses")
        directories = self._configured("unix_socket_directories")
        return (
            int(port) if port and port.isdigit() else instance.port,
            _names("*" if addresses is None else addresses),
            _names(instance.socket_directory if directories is None else directories),
        )

    def _configured(self, setting: str) -> str | None:
        instance = self._instance
        if not instance.bin_directory:
            return None
        outcome = self._as_account(
            "postgres", "-C", setting, "-D", instance.config_directory,
            "-c", f"data_directory={instance.data_directory}",
        )
        return outcome.output.strip() if outcome and outcome.code == 0 else None

    def _as_account(self, program: str, *arguments: str) -> Outcome | None:
        """Run a program with the rights of the server's account, which says what it reads; None where it cannot be."""
        directory = self._instance.bin_directory
        commands = Commands(self._run, directory) if directory else system_program(self._run, program)
        if os.geteuid() != ROOT:
            return commands.attempt(program, *arguments, cwd="/")
        with suppress(OSError, KeyError, HotStandbyError):
            name = pwd.getpwuid(owner_of(self._instance.data_directory).uid).pw_name
            return system_program(self._run, "runuser").attempt(
                "runuser", "-u", name, "--", commands.path(program), *arguments, cwd="/"
            )
        return None


def _names(text: str) -> list[str]:
    """The members of a list setting."""
    return [name.strip().strip('"') for name in text.split(",") if name.strip()]


def started_at(postmaster: Postmaster | None) -> str | None:
    """When a server was started, as ISO 8601 in UTC."""
    if postmaster is None:
        return None
    return datetime.fromtimestamp(postmaster.started, timezone.utc).isoformat()
