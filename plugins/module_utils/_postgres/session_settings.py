# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All settings that a session of ours depends on, whatever role, database, files and environment say. Pure.

What every supported version knows is in the startup packet, where it counts before the first statement; an unknown
name there would end the connection, so the rest follows by the version (Dialect.session_settings). Two things cannot
be overcome from a session: session_preload_libraries and event triggers on login. Only a superuser can set them up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

# Without these the server's own settings cannot be read.
_ESSENTIAL: Mapping[str, str] = {
    # nobody's functions, operators and tables but PostgreSQL's own are found by a bare name
    "search_path": "pg_catalog,pg_temp",
    # a hot standby cannot do serializable
    "default_transaction_isolation": "read committed",
    "role": "none",
}
_SETTINGS: Mapping[str, str] = {
    **_ESSENTIAL,
    "default_transaction_read_only": "off",
    "default_transaction_deferrable": "off",
    # an error, never a part of the rows
    "row_security": "off",
    # a session of ours never waits for a synchronous standby that may be dead
    "synchronous_commit": "local",
    # an expected error does not end the session
    "exit_on_error": "off",
    "transform_null_equals": "off",
    "DateStyle": "ISO,MDY",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "standard_conforming_strings": "on",
    "bytea_output": "hex",
    "array_nulls": "on",
    "quote_all_identifiers": "off",
    # every digit of a time
    "extra_float_digits": "3",
    "default_tablespace": "",
    "temp_tablespaces": "",
}
LOCK_TIMEOUT_SECONDS = 10


def essential_options(statement_timeout_seconds: int) -> str:
    """libpq's "options" of a session that is to see the server's own settings, as far as that can be."""
    return _options({**_ESSENTIAL, "statement_timeout": str(statement_timeout_seconds * 1000)}.items())


def session_options(
    statement_timeout_seconds: int,
    lock_timeout_seconds: int = LOCK_TIMEOUT_SECONDS,
    more: Iterable[tuple[str, str]] = (),
) -> str:
    """libpq's "options" of a session. more: those of Dialect.session_settings, where the version is known."""
    timeouts = {
        "statement_timeout": str(statement_timeout_seconds * 1000),
        "lock_timeout": str(lock_timeout_seconds * 1000),
    }
    return _options({**_SETTINGS, **timeouts, **dict(more)}.items())


def program_environment(more: Iterable[tuple[str, str]], passfile: str | None) -> dict[str, str]:
    """The environment of a program that connects by libpq; it takes the time that it needs."""
    environment = {"PGOPTIONS": session_options(0, 0, more)}
    # the passfile through the environment: all versions take it there, and it is no argument
    return {**environment, "PGPASSFILE": passfile} if passfile else environment


def set_statements(settings: Iterable[tuple[str, str]]) -> str:
    """The statements that set them, for a session that is open."""
    return "; ".join(f"SET {name} = '{value}'" for name, value in settings)


def _options(settings: Iterable[tuple[str, str]]) -> str:
    return " ".join("-c " + re.sub(r"([\\ ])", r"\\\1", f"{name}={value}") for name, value in settings)
