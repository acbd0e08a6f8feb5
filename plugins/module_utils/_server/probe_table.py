# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of module replication_probe, which a superuser writes and reads: so it has to be ours, and plain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError

from .session import Session

UPSERT = (
    "INSERT INTO hotstandby.probe AS p (id, token, written) VALUES (1, %s, pg_catalog.now())"
    " ON CONFLICT (id) DO UPDATE SET token = excluded.token, written = excluded.written"
)
READ = "SELECT token FROM ONLY hotstandby.probe WHERE id = 1"

COLUMNS = "id integer, token text, written timestamp with time zone"
SCHEMA = (
    "SELECT r.rolname AS owner, r.rolsuper OR r.rolname = current_user AS trusted"
    " FROM pg_catalog.pg_namespace AS n JOIN pg_catalog.pg_roles AS r ON r.oid = n.nspowner"
    " WHERE n.nspname = 'hotstandby'"
)
TABLE = (
    "SELECT r.rolname AS owner, r.rolsuper OR r.rolname = current_user AS trusted,"
    " c.relkind = 'r' AND c.relpersistence = 'p' AS plain, c.relhasrules AS rules, c.relrowsecurity AS policies,"
    " EXISTS (SELECT 1 FROM pg_catalog.pg_trigger AS t WHERE t.tgrelid = c.oid) AS triggers,"
    " EXISTS (SELECT 1 FROM pg_catalog.pg_attrdef AS d WHERE d.adrelid = c.oid) AS defaults,"
    " EXISTS (SELECT 1 FROM pg_catalog.pg_constraint AS k WHERE k.conrelid = c.oid AND k.contype NOT IN ('p', 'n'))"
    " AS constraints,"
    " (SELECT pg_catalog.count(*) FROM pg_catalog.pg_index AS i WHERE i.indrelid = c.oid) <> 1 AS indexes,"
    " (SELECT pg_catalog.string_agg("
    "pg_catalog.concat(a.attname, ' ', pg_catalog.format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY a.attnum)"
    " FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns"
    " FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
    " JOIN pg_catalog.pg_roles AS r ON r.oid = c.relowner WHERE n.nspname = 'hotstandby' AND c.relname = 'probe'"
)
# What makes a write or a read run what somebody else wrote.
ADDITIONS = ("triggers", "rules", "policies", "defaults", "constraints", "indexes")


def make_table(session: Session) -> None:
    """Make schema and table where they are not there. Raises HotStandbyError "foreign_object"."""
    if not session.row(SCHEMA):
        session.execute("CREATE SCHEMA IF NOT EXISTS hotstandby")
    # whoever owns the schema can put another table in the place of ours
    _refuse(session, foreign_schema(session.row(SCHEMA)))
    if not session.row(TABLE):
        session.execute(
            "CREATE TABLE IF NOT EXISTS hotstandby.probe (id int PRIMARY KEY, token text, written timestamptz)"
        )
    require_own(session)


def require_own(session: Session) -> None:
    """Raise HotStandbyError "foreign_object" unless schema and table are ours, and as we make them."""
    _refuse(session, foreign_schema(session.row(SCHEMA)) or foreign_table(session.row(TABLE)))


def foreign_schema(found: Mapping[str, Any]) -> str | None:
    """Why the schema is not ours, or None; found: the row of SCHEMA. Pure."""
    if not found:
        return "the schema hotstandby is not there"
    return None if found["trusted"] else f"the schema hotstandby belongs to {found['owner']}"


def foreign_table(found: Mapping[str, Any]) -> str | None:
    """Why the table is not ours, or None; found: the row of TABLE. Pure."""
    if not found:
        return "the table hotstandby.probe is not there"
    if not found["trusted"]:
        return f"hotstandby.probe belongs to {found['owner']}"
    if not found["plain"]:
        return "hotstandby.probe is no ordinary table"
    if found["columns"] != COLUMNS:
        return f"hotstandby.probe has the columns {found['columns']}, not {COLUMNS}"
    added = [name for name in ADDITIONS if found[name]]
    return f"hotstandby.probe has {', '.join(added)} of its own" if added else None


def _refuse(session: Session, why: str | None) -> None:
    if why:
        raise HotStandbyError(
            "foreign_object",
            f"{why}, in database {session.target.database} of the server at {session.target}: a superuser must neither"
            " write nor read it",
            "Look who made it and why, run DROP SCHEMA hotstandby CASCADE there on the primary, and run this again",
        )
