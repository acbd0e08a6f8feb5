# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adapter: what a rewind has to know of its source, and the checkpoint there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace

from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.network import is_local
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.dialect import Dialect
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.lsn import Lsn
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.endpoint import Endpoint
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.remote import ask_remote
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.replication import is_in_recovery
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.session import Session, SqlError, connect

from . import rules
from .rules import Impossible

NOT_ALLOWED = "42501"


@dataclass(frozen=True)
class RewindSource:
    """What was found of the source. tablespaces: locations outside of its data directory, by oid.

    impossible: what of it rules a rewind out.
    """

    target: Endpoint
    timeline: int
    position: Lsn
    tablespaces: Mapping[str, str]
    impossible: Impossible | None

    @property
    def is_local(self) -> bool:
        return is_local(self.target.host)


def inspect_source(target: Endpoint, dialect: Dialect, system_identifier: str) -> RewindSource:
    """Ask the source who it is, and whether one can rewind to it.

    Raises HotStandbyError: those of connecting, "other_system", "version_mismatch", "source_not_primary",
    "no_rewind_grants".
    """
    remote = ask_remote(target)
    remote.check_system(system_identifier)
    remote.check_version(dialect, "Set the same postgres_version for both")
    with connect(target) as session:
        if is_in_recovery(session):
            raise HotStandbyError(
                "source_not_primary",
                f"the server at {target} is in recovery: it is no primary",
                "Name the running primary, or promote that server first",
            )
        impossible = _impossible(session, dialect, target)
        rows = session.rows(
            "SELECT oid::text AS oid, pg_catalog.pg_tablespace_location(oid) AS place FROM pg_catalog.pg_tablespace"
        )
    return RewindSource(
        target,
        remote.timeline,
        remote.position,
        {row["oid"]: row["place"] for row in rows if os.path.isabs(row["place"])},
        impossible,
    )


def _impossible(session: Session, dialect: Dialect, target: Endpoint) -> Impossible | None:
    superuser = session.value("SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user")
    question = "SELECT pg_catalog.has_function_privilege(%s, 'EXECUTE')"
    functions = [f"pg_catalog.{function}" for function in dialect.rewind_functions]
    if not superuser and (
        not dialect.has_rewind_grants or not all(session.value(question, (name,)) for name in functions)
    ):
        needs = "EXECUTE on the functions of pg_rewind" if dialect.has_rewind_grants else "to be a superuser there"
        raise HotStandbyError(
            "no_rewind_grants",
            f"the user {target.user} may not rewind to {target}: it needs {needs}",
            "Run site.yml (module replication_user grants that, from PostgreSQL 11 on), or have the node cloned",
        )
    if session.value("SELECT pg_catalog.current_setting('full_page_writes')") != "on":
        return Impossible(rules.FULL_PAGE_WRITES_OFF, f"full_page_writes is off at {target}")
    return None


def checkpoint(source: RewindSource, dialect: Dialect, seconds: int) -> None:
    """Have the source write a checkpoint, so that its control file tells its timeline. seconds: 0 for no limit.

    Before 16 pg_rewind looks nowhere else, and takes a source that has just been promoted for one that has not.
    Raises HotStandbyError "source_not_checkpointed".
    """
    with connect(replace(source.target, statement_timeout_seconds=seconds)) as session:
        made = True
        try:
            session.execute("CHECKPOINT")
        except SqlError as error:
            if error.sqlstate != NOT_ALLOWED:
                raise
            made = False
        timeline = _control_timeline(session) if dialect.has_control_functions else None
    if dialect.rewind_follows_without_checkpoint:
        return
    if timeline != source.timeline if timeline is not None else not made:
        told = f"is still of timeline {timeline}" if timeline is not None else "cannot be read"
        raise HotStandbyError(
            "source_not_checkpointed",
            f"the user {source.target.user} may not have {source.target} write a checkpoint, whose control file {told}",
            f"Run CHECKPOINT there (module promote does), or grant pg_checkpoint from 15 on; its timeline is"
            f" {source.timeline}",
        )


def _control_timeline(session: Session) -> int | None:
    try:
        return int(session.value("SELECT timeline_id FROM pg_catalog.pg_control_checkpoint()"))
    except SqlError as error:
        if error.sqlstate != NOT_ALLOWED:
            raise
        return None
