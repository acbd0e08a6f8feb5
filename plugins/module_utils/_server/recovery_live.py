# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adapter: the recovery settings of a running standby."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.conf_value import same_value
from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.recovery_settings import OPTIONAL
from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.contents import RECOVERY_CONF
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.dialect import Dialect
from ansible_collections.hotstandby.postgresql.plugins.module_utils._waiting import wait_until

from .endpoint import Endpoint
from .live_server import reload_configuration
from .replication import is_in_recovery
from .session import Session, connect


@dataclass(frozen=True)
class Standby:
    """The running standby. started: when its postmaster did, in seconds since the epoch."""

    target: Endpoint
    dialect: Dialect
    data_directory: str
    started: int

    def is_primary(self) -> bool:
        """Whether it is a running primary, and no standby at all."""
        with connect(self.target) as session:
            return not is_in_recovery(session)

    def check(self, wanted: Mapping[str, str | None]) -> None:
        """Raise HotStandbyError "not_a_standby" or "overridden" when nothing may or can be changed."""
        with connect(self.target) as session:
            if not is_in_recovery(session):
                raise HotStandbyError(
                    "not_a_standby",
                    f"the server in {self.data_directory} is a running primary",
                    "A running primary is not made a standby: stop it first",
                )
            forced = session.rows(
                "SELECT name FROM pg_catalog.pg_settings WHERE source = 'command line' AND name = ANY(%s)",
                (list(wanted),),
            )
            for row in forced:
                raise HotStandbyError(
                    "overridden",
                    f"{row['name']} is set on the command line of the server in {self.data_directory}",
                    "Start it without that",
                )

    def pending(self, wanted: Mapping[str, str | None]) -> set[str]:
        """Names of settings that the server does not have in force as wanted."""
        if self.dialect.uses_recovery_conf:
            return set(wanted) if self._started_before_last_change() else set()
        with connect(self.target) as session:
            return pending_settings(session, wanted)

    def unseen(self, wanted: Mapping[str, str | None], changed: Iterable[str]) -> set[str]:
        """Those of the settings changed in the files of which the server does not tell whether they are in force."""
        if self.dialect.uses_recovery_conf:
            return set(changed)
        return {name for name in changed if wanted[name] is None and name in OPTIONAL}

    def _started_before_last_change(self) -> bool:
        try:
            return os.stat(os.path.join(self.data_directory, RECOVERY_CONF)).st_mtime > self.started
        except FileNotFoundError:
            return True

    def reload(self, wanted: Mapping[str, str | None], timeout_seconds: int) -> float:
        """Make it read its files and wait until what a reload can change has changed; return the seconds.

        Raises HotStandbyError.
        """
        waited = reload_configuration(self.target, timeout_seconds)
        return waited + wait_until(
            lambda: not self.reloadable(self.pending(wanted)),
            timeout_seconds,
            f"the standby in {self.data_directory} has taken its new settings",
            "See its server's log",
        )

    def reloadable(self, names: set[str]) -> set[str]:
        return {name for name in names if not self.dialect.needs_restart(name)}


def pending_settings(session: Session, wanted: Mapping[str, str | None]) -> set[str]:
    """Names of settings whose value in force is not the wanted one (the default, for an unwanted one)."""
    rows = session.rows(
        "SELECT name, setting, boot_val, vartype, unit FROM pg_catalog.pg_settings WHERE name = ANY(%s)",
        (list(wanted),),
    )
    found = set()
    for row in rows:
        value = wanted[row["name"]]
        if value is None and row["name"] in OPTIONAL:
            continue  # postgresql.conf may set it
        target = (row["boot_val"] or "") if value is None else value
        if not same_value(row["setting"] or "", target, row["vartype"], row["unit"]):
            found.add(row["name"])
    return found
