# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Another server, asked by the replication protocol who it is."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.dialect import Dialect, major_of
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.lsn import Lsn

from .endpoint import Endpoint
from .session import connect_replication


@dataclass(frozen=True)
class Remote:
    """What a server says of itself. position: the end of its WAL (an LSN). major: its major version."""

    endpoint: Endpoint
    system_identifier: str
    timeline: int
    position: Lsn
    major: str

    def check_system(self, system_identifier: str) -> None:
        """Raise HotStandbyError "other_system" when it is of another cluster."""
        if self.system_identifier != system_identifier:
            raise HotStandbyError(
                "other_system",
                f"the server at {self.endpoint} is of another cluster: its system identifier is"
                f" {self.system_identifier}, not {system_identifier}",
                "Correct postgres_address and postgres_port of the primary",
            )

    def check_version(self, dialect: Dialect, hint: str) -> None:
        """Raise HotStandbyError "version_mismatch" when its major version is not that of the programs here."""
        if self.major != dialect.major:
            raise HotStandbyError(
                "version_mismatch",
                f"the server at {self.endpoint} is of version {self.major}, the programs here of {dialect.major}",
                hint,
            )


def ask_remote(endpoint: Endpoint) -> Remote:
    """Ask it. Raises HotStandbyError when it cannot be asked."""
    with connect_replication(endpoint) as session:
        identity = session.row("IDENTIFY_SYSTEM")
        version = session.version
    return Remote(
        endpoint,
        str(identity["systemid"]),
        int(identity["timeline"]),
        Lsn.parse(str(identity["xlogpos"])),
        major_of(version),
    )
