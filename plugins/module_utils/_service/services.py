# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The three ways in which a server is started and stopped: systemd, pg_ctlcluster, pg_ctl.

They only give the order; whether it came true is read from the server itself (see control).
"""

from __future__ import annotations

import os
import re
import shlex
import signal
from contextlib import suppress
from typing import Protocol

from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.commands import (
    Commands,
    Outcome,
    RunCommand,
    system_program,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.instance import Instance, debian_log
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.orphans import send
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.postmaster import Postmaster

STOP_SIGNALS = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}
DEBIAN_UNIT = re.compile(r"postgresql@(?P<version>[\d.]+)-(?P<instance>[^.]+?)(\.service)?")


class Service(Protocol):
    """Who starts and stops the server."""

    name: str

    def check(self, state: str) -> None:
        """Raise HotStandbyError when this host or user cannot bring a server into that state this way."""

    def asks_guard(self) -> bool:
        """Whether it asks the boot guard itself before each start."""

    def is_busy(self) -> bool:
        """Whether it runs the server, or is about to (again)."""

    def manages(self, postmaster: Postmaster) -> bool:
        """Whether the server that runs is the one that it started."""

    def start(self, timeout_seconds: int) -> None:
        """Give the order; it may wait for the end or not. Raises HotStandbyError when it is refused."""

    def start_given_up(self) -> str | None:
        """What became of a start that has failed, in its own words; None while it may still succeed."""

    def stop(self, postmaster: Postmaster | None, mode: str) -> None:
        """Give the order; mode is fast or immediate."""

    def log_files(self) -> list[str]:
        """Where the server's first words go."""

    def journal(self) -> str:
        """The last lines of the service manager's own log."""


class PgCtl:
    """PostgreSQL's own pg_ctl, run by the owner of the data directory."""

    name = "pg_ctl"

    def __init__(self, run: RunCommand, instance: Instance) -> None:
        self._commands = Commands(run, instance.bin_directory)
        self._instance = instance
        self._outcome: Outcome | None = None

    def check(self, state: str) -> None:
        user = os.geteuid()
        if user == 0:
            raise HotStandbyError(
                "pg_ctl_as_root",
                "PostgreSQL does not run as root, so pg_ctl cannot be used as root",
                "Set become_user to the owner of the data directory, or use systemd or pg_ctlcluster",
            )
        with suppress(FileNotFoundError):
            owner = os.stat(self._instance.data_directory).st_uid
            if owner != user:
                raise HotStandbyError(
                    "not_the_owner",
                    f"{self._instance.data_directory} belongs to the user with id {owner}, not {user}",
                    "Set become_user to the owner of the data directory",
                )

    def asks_guard(self) -> bool:
        return False

    def is_busy(self) -> bool:
        return False

    def manages(self, postmaster: Postmaster) -> bool:
        return True

    def start(self, timeout_seconds: int) -> None:
        instance = self._instance
        options = []
        if instance.config_directory != instance.data_directory:
            # pg_hba.conf is looked for where -D points to, so that has to be the configuration directory
            options = ["-o", f"-c data_directory={shlex.quote(instance.data_directory)}"]
        # -l also keeps the server off our own output, which would stay open for as long as it lives
        self._outcome = self._commands.attempt(
            "pg_ctl", "start", "-w", "-s", "-t", str(timeout_seconds), "-D", instance.config_directory,
            "-l", str(instance.log_file), *options, cwd=instance.data_directory,
        )

    def start_given_up(self) -> str | None:
        return self._outcome.complaint if self._outcome and self._outcome.code != 0 else None

    def stop(self, postmaster: Postmaster | None, mode: str) -> None:
        if postmaster:
            send(postmaster, STOP_SIGNALS[mode])

    def log_files(self) -> list[str]:
        return []

    def journal(self) -> str:
        return ""


class PgCtlCluster:
    """Debian's wrapper; as root under systemd it hands its orders on to systemctl."""

    name = "pg_ctlcluster"

    def __init__(self, run: RunCommand, version: str, cluster: str) -> None:
        self._run = run
        self._version = version
        self._cluster = cluster
        self._outcome: Outcome | None = None

    def _order(self, action: str, *options: str) -> Outcome:
        return system_program(self._run, "pg_ctlcluster").attempt(
            "pg_ctlcluster", *options, self._version, self._cluster, action, cwd="/"
        )

    def check(self, state: str) -> None:
        system_program(self._run, "pg_ctlcluster")

    def asks_guard(self) -> bool:
        return False

    def is_busy(self) -> bool:
        return False

    def manages(self, postmaster: Postmaster) -> bool:
        return True

    def start(self, timeout_seconds: int) -> None:
        self._outcome = self._order("start")

    def start_given_up(self) -> str | None:
        return self._outcome.complaint if self._outcome and self._outcome.code not in (0, 2) else None

    def stop(self, postmaster: Postmaster | None, mode: str) -> None:
        if mode == "fast":
            self._order("stop", "-m", "fast")
        elif postmaster:
            # handed on to systemctl, the mode would be lost
            send(postmaster, STOP_SIGNALS[mode])

    def log_files(self) -> list[str]:
        return [debian_log(self._version, self._cluster)]

    def journal(self) -> str:
        return ""
