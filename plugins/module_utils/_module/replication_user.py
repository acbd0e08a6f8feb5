# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of module replication_user."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.dialect import Dialect
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.password_verifier import (
    SALT_BYTES,
    is_verifier_of,
    new_verifier,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.live_server import (
    dialect_of,
    session_or_none,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.replication import is_in_recovery
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.session import Session, quote_identifier

from .entry import RUN_ARGUMENT, instance_arguments, instance_of

ARGUMENTS: dict[str, Any] = {
    **RUN_ARGUMENT,
    **instance_arguments(),
    "user": {"type": "str", "required": True},
    "password": {"type": "str", "required": True, "no_log": True},
    "connection_limit": {"type": "int"},
    "rewind": {"type": "bool", "default": True},
}

CHECKPOINT_ROLE = "pg_checkpoint"
# Even a verifier has no place in a log, nor in the statistics of statements, nor in pg_stat_activity. Extensions
# that are not loaded make nothing of their settings.
QUIET = (
    ("log_statement", "none"),
    ("log_min_duration_statement", "-1"),
    ("log_min_error_statement", "panic"),
    ("log_duration", "off"),
    ("log_min_duration_sample", "-1"),
    ("log_transaction_sample_rate", "0"),
    ("debug_print_parse", "off"),
    ("debug_print_rewritten", "off"),
    ("debug_print_plan", "off"),
    ("track_activities", "off"),
    ("pg_stat_statements.track", "none"),
    ("pgaudit.log", "none"),
)

FIND_ROLE = """
SELECT rolcanlogin AS login, rolreplication AS replication, rolconnlimit AS connection_limit,
       rolpassword AS verifier, coalesce(rolvaliduntil < pg_catalog.now(), false) AS expired
FROM pg_catalog.pg_authid WHERE rolname = %s
"""


@dataclass(frozen=True)
class Wanted:
    """The role as it shall be. connection_limit None leaves it alone."""

    user: str
    connection_limit: int | None
    rewind: bool


@dataclass(frozen=True)
class Change:
    """One thing to do: what a reader is told, and a clause of CREATE/ALTER ROLE or a statement of its own."""

    what: str
    clause: str = ""
    statement: str = ""


def role_changes(wanted: Wanted, found: Mapping[str, Any], password_matches: bool) -> Iterator[Change]:
    """What is missing of the role; found is empty when it does not exist. Pure.

    Nothing is ever taken away: a superuser stays one.
    """
    if not found.get("login"):
        yield Change("LOGIN", clause="LOGIN")
    if not found.get("replication"):
        yield Change("REPLICATION", clause="REPLICATION")
    if wanted.connection_limit is not None and found.get("connection_limit") != wanted.connection_limit:
        yield Change(
            f"connection limit {wanted.connection_limit}",
            clause=f"CONNECTION LIMIT {wanted.connection_limit:d}",
        )
    if found.get("expired"):
        yield Change("no longer expired", clause="VALID UNTIL 'infinity'")
    if not password_matches:
        yield Change("password", clause="PASSWORD %(verifier)s")


def role_statement(user: str, exists: bool, changes: list[Change]) -> str:
    """The one statement that makes these changes; its parameter is verifier. Pure."""
    verb = "ALTER" if exists else "CREATE"
    clauses = " ".join(change.clause for change in changes)
    return f"{verb} ROLE {_in_statement(user)} WITH {clauses}"


def grant_changes(wanted: Wanted, session: Session, dialect: Dialect, exists: bool) -> Iterator[Change]:
    """What pg_rewind needs instead of a superuser, as far as it is not granted yet.

    Source: the documentation of pg_rewind (11 and later); CHECKPOINT on the source: pg_checkpoint (15).
    """
    if not wanted.rewind:
        return
    user = _in_statement(wanted.user)
    for function in dialect.rewind_functions:
        name = f"pg_catalog.{function}"
        question = "SELECT pg_catalog.has_function_privilege(%s, %s, 'EXECUTE')"
        if not (exists and session.value(question, (wanted.user, name))):
            yield Change(f"EXECUTE on {function}", statement=f"GRANT EXECUTE ON FUNCTION {name} TO {user}")
    if dialect.has_pg_checkpoint_role:
        question = "SELECT pg_catalog.pg_has_role(%s, %s, 'MEMBER')"
        if not (exists and session.value(question, (wanted.user, CHECKPOINT_ROLE))):
            yield Change(f"member of {CHECKPOINT_ROLE}", statement=f"GRANT {CHECKPOINT_ROLE} TO {user}")


def replication_user(module: AnsibleModule) -> dict[str, Any]:
    """Make sure of the role. Raises HotStandbyError."""
    params = module.params
    wanted = Wanted(params["user"], params["connection_limit"], params["rewind"])
    _require_usable(wanted.user, params["password"])
    session = session_or_none(instance_of(params), check_mode=module.check_mode)
    if session is None:
        return _result(True, f"the role {wanted.user} would be created once the server runs", ["role"], False)
    with session:
        if is_in_recovery(session):
            return _result(False, "the server is a standby: the role comes by replication", [], True)
        return _converge(module, session, wanted)


def _converge(module: AnsibleModule, session: Session, wanted: Wanted) -> dict[str, Any]:
    dialect = dialect_of(session)
    password = module.params["password"]
    found = session.row(FIND_ROLE, (wanted.user,))
    exists = bool(found)
    matches = is_verifier_of(found.get("verifier"), password, wanted.user, dialect.has_scram)
    changes = list(role_changes(wanted, found, matches))
    grants = list(grant_changes(wanted, session, dialect, exists))
    if not module.check_mode:
        verifier = new_verifier(password, wanted.user, dialect.has_scram, os.urandom(SALT_BYTES))
        if changes:
            with _quiet(session):
                session.execute(role_statement(wanted.user, exists, changes), {"verifier": verifier})
        for grant in grants:
            session.execute(grant.statement, {})
    return _told(wanted.user, exists, [change.what for change in (*changes, *grants)], module.check_mode)


def _told(user: str, exists: bool, missing: list[str], check_mode: bool) -> dict[str, Any]:
    if not missing:
        return _result(False, f"the role {user} is as it should be", [], True)
    verb = "would be " if check_mode else "was "
    verb += "changed" if exists else "created"
    return _result(True, f"the role {user} {verb}: {', '.join(missing)}", missing, exists)


def _result(changed: bool, reason: str, changes: list[str], existed: bool) -> dict[str, Any]:
    """The diff names what differs, never what it is: not even a verifier may be shown."""
    before = {"exists": existed, **dict.fromkeys(changes, "missing or different")}
    after = {"exists": existed or changed, **dict.fromkeys(changes, "as wanted")}
    if "password" in changes:
        after["password"] = "changed"
    return {
        "changed": changed,
        "reason": reason,
        "changes": changes,
        "diff": {"before": before, "after": after},
    }


@contextmanager
def _quiet(session: Session) -> Iterator[None]:
    """Keep what is done meanwhile out of the server's log; all else stays as the site has it."""
    for setting, value in QUIET:
        # not every version has each of them
        with suppress(HotStandbyError):
            session.execute("SELECT pg_catalog.set_config(%s, %s, false)", (setting, value))
    yield
    for setting, _value in QUIET:
        with suppress(HotStandbyError):
            session.execute(f"RESET {setting}")


def _in_statement(user: str) -> str:
    """The quoted name in a statement with parameters."""
    return quote_identifier(user).replace("%", "%%")


def _require_usable(user: str, password: str) -> None:
    if not user:
        raise HotStandbyError("empty_user", "the name of the replication user is empty", "Set user")
    if not password:
        raise HotStandbyError(
            "empty_password",
            f"the password of the replication user {user} is empty",
            "Set postgres_replication_password",
        )
    if any(character in password for character in "\0\n\r"):
        raise HotStandbyError(
            "unusable_password",
            f"the password of the replication user {user} holds a line break or a zero byte,"
            " which no passfile can hold",
            "Choose another postgres_replication_password",
        )
