# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adapter: what has to hold where a standby is copied, and its copy follows the primary.

The copy's slot is on the primary, and nobody uses it before the copy does: WAL is kept there from one LSN on, and the
copy has to reach as far by itself.
"""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.dialect import Dialect
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.lsn import Lsn
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.endpoint import Endpoint
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.remote import ask_remote
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.replication import (
    is_in_recovery,
    standby_position,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.session import connect
from ansible_collections.hotstandby.postgresql.plugins.module_utils._waiting import wait_for

from .source import Source, SourceSlot, locations

# A standby that streams is behind by less.
CATCH_UP_SECONDS = 60


def compared(source: Source, primary: Endpoint) -> Source:
    """The source, a standby, beside its primary. Raises HotStandbyError "source_unfit", or those of connecting."""
    remote = ask_remote(primary)
    remote.check_system(source.system_identifier)
    with connect(source.target) as session:
        recovers, here = is_in_recovery(session), locations(session)
    with connect(primary) as session:
        primary_recovers, there = is_in_recovery(session), locations(session)
        pages = session.value("SELECT pg_catalog.current_setting('full_page_writes')")
    if not recovers:
        raise _unfit(f"the server at {source.target} is no standby: it accepts writes")
    if primary_recovers:
        raise _unfit(f"the server at {primary} is a standby, and no primary")
    if remote.timeline != source.timeline:
        raise _unfit(
            f"the standby at {source.target} is on timeline {source.timeline}, the primary at {primary} on"
            f" {remote.timeline}"
        )
    if pages != "on":
        raise _unfit(f"full_page_writes is off on the primary at {primary}, and no standby can be copied then")
    return replace(source, names={place: there[oid] for oid, place in here.items() if oid in there})


def await_source(source: Source, dialect: Dialect, slot: SourceSlot) -> None:
    """Wait until the source has what the slot on the primary does not keep. Raises HotStandbyError "source_behind"."""
    kept_from = slot.kept_from()
    if kept_from is None:
        raise _not_kept(slot)

    with connect(source.target) as session:

        def replayed() -> bool:
            position = standby_position(session, dialect)[1]
            return position is not None and position >= kept_from

        if wait_for(replayed, CATCH_UP_SECONDS) is None:
            raise HotStandbyError(
                "source_behind",
                f"the standby at {source.target} has not replayed {kept_from} within {CATCH_UP_SECONDS} s, from where"
                f" on the primary keeps WAL for the copy",
                "See what holds it up there, or clone the primary",
            )


def prove_reach(end: Lsn | None, slot: SourceSlot) -> None:
    """See that the copy goes on where the primary's WAL begins. end: how far it reaches by itself, an LSN.

    Raises HotStandbyError "source_behind".
    """
    kept_from = slot.kept_from()
    if kept_from is None:
        raise _not_kept(slot)
    if end is None or end < kept_from:
        raise HotStandbyError(
            "source_behind",
            f"the copy reaches {end or 'an unknown point'}, and the slot {slot.name} on {slot.target} keeps WAL from"
            f" {kept_from} on only",
            "Run this again, or clone the primary; nothing was changed",
        )


def _unfit(what: str) -> HotStandbyError:
    return HotStandbyError("source_unfit", what, "Name a standby that streams from the primary, or clone the primary")


def _not_kept(slot: SourceSlot) -> HotStandbyError:
    return HotStandbyError(
        "source_behind",
        f"the slot {slot.name} on {slot.target} keeps no WAL, or has lost it: postgres_max_slot_wal_keep bounds it",
        "Raise postgres_max_slot_wal_keep, or clone the primary; nothing was changed",
    )
