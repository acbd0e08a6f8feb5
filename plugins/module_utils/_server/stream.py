# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a standby has received and replayed at one moment. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.lsn import Lsn


@dataclass(frozen=True)
class Stream:
    """What a standby has, and what its walreceiver does. Times are seconds by the server's clock.

    receiver: its pid, or None. told: the end of the primary's WAL as of its last message, which came at heard.
    """

    in_recovery: bool
    now: float
    received: Lsn | None
    replayed: Lsn | None
    receiver: int | None
    streaming: bool
    timeline: int | None
    told: Lsn | None
    heard: float | None

    @property
    def position(self) -> Lsn | None:
        """The end of what it has. After a restart without a primary, received falls back behind replayed."""
        return max((lsn for lsn in (self.received, self.replayed) if lsn is not None), default=None)
