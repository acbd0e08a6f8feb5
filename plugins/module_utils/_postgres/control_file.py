# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What pg_controldata says of a cluster. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError

from .lsn import Lsn

# States of a server that was shut down, not killed: as a primary, and as a standby.
SHUT_DOWN = "shut down"
SHUT_DOWN_IN_RECOVERY = "shut down in recovery"
# States of a server that was not in recovery when it ended.
PRIMARY_STATES = ("in production", "shutting down", SHUT_DOWN)


@dataclass(frozen=True)
class Control:
    """The control file. Positions are LSNs."""

    system_identifier: str
    state: str
    timeline: int
    checkpoint: Lsn
    redo: Lsn
    minimum_recovery_end: Lsn | None
    minimum_recovery_timeline: int
    data_checksums: bool
    wal_log_hints: bool

    @property
    def can_rewind(self) -> bool:
        """Whether pg_rewind can tell which blocks have changed."""
        return self.data_checksums or self.wal_log_hints

    @property
    def clean(self) -> bool:
        """Whether the server was shut down, not killed."""
        return self.state in (SHUT_DOWN, SHUT_DOWN_IN_RECOVERY)

    @property
    def newest_timeline(self) -> int:
        """The timeline of its last checkpoint, or that of its recovery when this is newer."""
        return max(self.timeline, self.minimum_recovery_timeline)

    @classmethod
    def parse(cls, raw: Mapping[str, str]) -> Control:
        """Read pg_controldata's lines. Raises HotStandbyError "control_file" when one that is needed is not there."""
        try:
            return cls(
                system_identifier=raw["Database system identifier"],
                state=raw["Database cluster state"],
                timeline=int(raw["Latest checkpoint's TimeLineID"]),
                checkpoint=Lsn.parse(raw["Latest checkpoint location"]),
                redo=Lsn.parse(raw["Latest checkpoint's REDO location"]),
                minimum_recovery_end=Lsn.from_optional(_unless_zero(raw["Minimum recovery ending location"])),
                minimum_recovery_timeline=int(raw.get("Min recovery ending loc's timeline", "0")),
                data_checksums=raw.get("Data page checksum version", "0") != "0",
                wal_log_hints=raw.get("wal_log_hints setting") == "on",
            )
        except (KeyError, ValueError) as error:
            raise HotStandbyError(
                "control_file",
                f"the control file's line {error} was not understood",
                "Check that the programs and the data directory are of the same version",
            ) from error


def _unless_zero(lsn: str) -> str | None:
    return None if lsn == "0/0" else lsn
