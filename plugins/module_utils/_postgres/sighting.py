# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server says of itself through the replication protocol. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from .lsn import Lsn


@dataclass(frozen=True)
class Sighting:
    """A server that answers at an endpoint ("ADDRESS PORT"), as another node sees it through the replication protocol.

    in_recovery: None when it answers and this cannot be told; trouble says why. position is an LSN.
    """

    endpoint: str
    in_recovery: bool | None
    system_identifier: str | None
    timeline: int | None
    position: Lsn | None
    trouble: str
