# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The last look before a promotion: what it means that other nodes answer. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.sighting import Sighting


def against_promotion(
    seen: Sequence[Sighting], system_identifier: str, timeline: int, standbys: Collection[str] = ()
) -> str | None:
    """Why a standby on this timeline must not be promoted beside these servers; None when nothing speaks against it.

    Only a standby of the same history so far, and a server of another cluster, speak for themselves: who answers and
    does not let us ask may be a primary. standbys: endpoints of those that this run has just seen as standbys; another
    run may have promoted one since, and each word that says so counts; only silence is taken for a standby.
    """
    for server in seen:
        why = _against(server, system_identifier, timeline, seen_as_standby=server.endpoint in standbys)
        if why:
            return f"a server answers at {server.endpoint.replace(' ', ' port ')}: {why}"
    return None


def _against(server: Sighting, system_identifier: str, timeline: int, *, seen_as_standby: bool) -> str | None:
    if server.system_identifier not in (None, system_identifier):
        return None
    untold = None in (server.in_recovery, server.system_identifier, server.timeline)
    if untold and not seen_as_standby:
        return f"it cannot be told whether it is a primary ({server.trouble or 'it said nothing more'})"
    if server.in_recovery is False:
        return f"it is a primary, on timeline {server.timeline or 'unknown'}"
    if server.timeline is not None and server.timeline > timeline:
        return f"it is a standby on timeline {server.timeline}, newer than {timeline} here"
    return None
