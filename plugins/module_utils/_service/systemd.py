# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adapter: a server that is a systemd unit, and whether it starts at boot."""

from __future__ import annotations

import os
from collections.abc import Mapping

from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.commands import (
    Outcome,
    RunCommand,
    system_program,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.instance import debian_log
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.orphans import send
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.postmaster import Postmaster

from .services import DEBIAN_UNIT, STOP_SIGNALS
from .start_conf import set_start_keyword, start_keyword

BUSY = frozenset({"active", "activating", "reloading", "deactivating"})
# Such a unit starts nothing; what it started before may still run.
UNUSABLE = frozenset({"not-found", "masked", "bad-setting", "error"})
ENABLED = frozenset({"enabled", "enabled-runtime", "static", "indirect", "generated", "alias"})
ORDER, SIGNAL = "order", "signal"


def ways_to_stop(properties: Mapping[str, str], mode: str, *, runs: bool) -> tuple[str, ...]:
    """Whether systemd gets the order, and whether the server gets a signal. Pure."""
    state = properties.get("ActiveState")
    if runs and properties.get("LoadState") in UNUSABLE:
        # systemd has forgotten how: it would send SIGTERM, which waits for clients, and then SIGKILL
        return (SIGNAL,)
    order = (ORDER,) if state in BUSY else ()
    # of a unit that is not up yet systemd does not run ExecStop: it sends SIGTERM, which waits for clients
    signal = runs and (mode != "fast" or state not in BUSY or state == "activating")
    return (*order, SIGNAL) if signal else order


class Systemd:
    """A unit; orders do not block, so that our own timeout and not the unit's decides."""

    name = "systemd"

    def __init__(self, run: RunCommand, unit: str) -> None:
        self._run = run
        self._unit = unit
        self._debian = DEBIAN_UNIT.fullmatch(unit)

    def _systemctl(self, *arguments: str) -> Outcome:
        return system_program(self._run, "systemctl").attempt("systemctl", *arguments)

    def _order(self, *arguments: str) -> None:
        outcome = self._systemctl(*arguments)
        if outcome.code != 0:
            raise HotStandbyError(
                "systemctl_failed",
                f"systemctl {' '.join(arguments)} failed: {outcome.complaint}",
                f"Look at systemctl status {self._unit}",
            )

    def properties(self) -> dict[str, str]:
        """What systemd says of the unit."""
        names = "LoadState,ActiveState,SubState,Result,MainPID,Job,NeedDaemonReload"
        text = self._systemctl("show", self._unit, f"--property={names}").output
        return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)

    def is_usable(self) -> bool:
        return self.properties().get("LoadState") not in UNUSABLE

    def check(self, state: str) -> None:
        if os.geteuid() != 0:
            raise HotStandbyError(
                "needs_root", f"the unit {self._unit} can only be controlled by root", "Set become: true"
            )
        properties = self.properties()
        if not properties:
            raise HotStandbyError(
                "no_systemd",
                "systemctl does not answer: systemd does not run on this host",
                "Set postgres_service to pg_ctlcluster or pg_ctl",
            )
        if properties.get("LoadState") in UNUSABLE and state != "stopped":
            raise HotStandbyError(
                "no_such_unit",
                f"the systemd unit {self._unit} is {properties['LoadState']}",
                "Correct the name of the unit (Debian: postgresql@15-main), or unmask it",
            )

    def asks_guard(self) -> bool:
        return True

    def is_busy(self) -> bool:
        return self.properties().get("ActiveState") in BUSY

    def manages(self, postmaster: Postmaster) -> bool:
        properties = self.properties()
        ours = properties.get("MainPID") in ("0", str(postmaster.pid))
        return ours and properties.get("ActiveState") in BUSY

    def start(self, timeout_seconds: int) -> None:
        self._systemctl("reset-failed", self._unit)
        self._order("start", "--no-block", self._unit)

    def start_given_up(self) -> str | None:
        properties = self.properties()
        state = properties.get("ActiveState")
        if properties.get("Job") not in (None, "", "0") or state in BUSY:
            return None
        return f"the unit {self._unit} is {state} (result: {properties.get('Result')})"

    def stop(self, postmaster: Postmaster | None, mode: str) -> None:
        ways = ways_to_stop(self.properties(), mode, runs=postmaster is not None)
        if ORDER in ways:
            # also takes back an order to start it again
            self._order("stop", "--no-block", self._unit)
        if SIGNAL in ways and postmaster:
            send(postmaster, STOP_SIGNALS[mode])

    def log_files(self) -> list[str]:
        return [debian_log(self._debian["version"], self._debian["instance"])] if self._debian else []

    def journal(self) -> str:
        outcome = system_program(self._run, "journalctl").attempt(
            "journalctl", "--unit", self._unit, "--lines=30", "--no-pager", "--output=cat"
        )
        return outcome.output if outcome.code == 0 else ""

    def is_enabled(self, config_directory: str) -> bool:
        """Whether it starts when the host boots. Debian's start.conf has the last word there."""
        if self._debian:
            return start_keyword(config_directory) == "auto" and self._says_enabled("postgresql.service")
        return self._says_enabled(self._unit)

    def _says_enabled(self, unit: str) -> bool:
        return self._systemctl("is-enabled", unit).output.strip() in ENABLED

    def enable(self, config_directory: str, wanted: bool) -> None:
        """Let it start at boot, or not. Raises HotStandbyError."""
        if not self._debian:
            self._order("enable" if wanted else "disable", self._unit)
            return
        if wanted:
            self._order("enable", "postgresql.service")
        set_start_keyword(config_directory, "auto" if wanted else "manual")
        self._order("daemon-reload")
