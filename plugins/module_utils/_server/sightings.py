# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adapter: what other nodes' servers say of themselves, through the replication protocol. Changes nothing.

A server that answers in whatever way lives; what it does not say stays None.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.network import answering
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.lsn import Lsn
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.sighting import Sighting

from .endpoint import Endpoint
from .replication import is_in_recovery
from .session import connect, connect_replication

# libpq's least. A server that has just answered takes milliseconds; one that hangs must not hold a promotion up.
CONNECT_SECONDS = 2


@dataclass(frozen=True)
class Asker:
    """As whom other nodes are asked: the replication user and its passfile."""

    user: str
    passfile: str


def sightings(endpoints: Sequence[str], asker: Asker) -> tuple[Sighting, ...]:
    """Ask at these endpoints ("ADDRESS PORT"); those at which nobody answers are left out."""
    return ask_all(answering(endpoints), asker)


def ask_all(endpoints: Sequence[str], asker: Asker) -> tuple[Sighting, ...]:
    """Ask the servers at these endpoints, all at once."""
    if not endpoints:
        return ()
    with ThreadPoolExecutor(max_workers=len(endpoints)) as pool:
        return tuple(pool.map(lambda endpoint: ask(endpoint, asker), endpoints))


def ask(endpoint: str, asker: Asker) -> Sighting:
    """Ask one server that answers. Its role is asked first: whoever is promoted after that is seen with its old role
    and its new timeline, and never as a primary with its old timeline."""
    address, port = endpoint.split()
    target = Endpoint(address, int(port), "postgres", asker.user, asker.passfile, CONNECT_SECONDS, CONNECT_SECONDS)
    seen = Sighting(endpoint, in_recovery=None, system_identifier=None, timeline=None, position=None, trouble="")
    try:
        with connect(target) as session:
            seen = replace(seen, in_recovery=is_in_recovery(session))
    except HotStandbyError as error:
        seen = replace(seen, trouble=error.message)
    try:
        with connect_replication(target) as session:
            row = session.row("IDENTIFY_SYSTEM")
    except (HotStandbyError, ValueError) as error:
        return replace(seen, trouble=error.message if isinstance(error, HotStandbyError) else str(error))
    return replace(
        seen,
        system_identifier=str(row["systemid"]),
        timeline=int(row["timeline"]),
        position=Lsn.from_optional(row["xlogpos"]),
    )
