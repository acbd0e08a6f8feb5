# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The server that runs in a data directory: finding it, and making it read its files again."""

from __future__ import annotations

import os
import socket
from typing import Any

from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.conf_file import ConfFile
from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.conf_value import normalise
from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.instance import Instance
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.postmaster import running_postmaster
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.contents import RECOVERY_CONF
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.dialect import Dialect, dialect_for
from ansible_collections.hotstandby.postgresql.plugins.module_utils._waiting import wait_until

from .endpoint import Endpoint
from .session import Session, connect

SOCKET_TIMEOUT_SECONDS = 5


def find_server(instance: Instance) -> Endpoint | None:
    """Where the instance's server answers, or None when it does not run.

    With a data directory its postmaster.pid decides, and the port and the socket that the server itself names count
    (they are the old ones until a restart applies new ones).
    """
    port, directory = instance.port, instance.socket_directory
    if instance.data_directory:
        postmaster = running_postmaster(instance.data_directory)
        if postmaster is None:
            return None
        port = postmaster.port
        directory = postmaster.socket_directory or directory
    elif not _somebody_listens(os.path.join(directory, f".s.PGSQL.{port}")):
        return None
    return Endpoint(directory, port, instance.login_database, instance.login_user)


def _somebody_listens(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(SOCKET_TIMEOUT_SECONDS)
        try:
            probe.connect(path)
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        except OSError:
            return True  # somebody is there; connecting for real tells what is wrong
    return True


def open_session(target: Endpoint | None, *, check_mode: bool) -> Session | None:
    """A session, or None when no server runs; in check mode also when psycopg2 is not yet there.

    Raises HotStandbyError of connect.
    """
    if target is None:
        return None
    try:
        return connect(target)
    except HotStandbyError as error:
        if check_mode and error.name == "missing_psycopg2":
            return None
        raise


def session_or_none(instance: Instance, *, check_mode: bool) -> Session | None:
    """As session_with; but in check mode None, when the server or psycopg2 is not yet there."""
    if check_mode:
        return open_session(find_server(instance), check_mode=True)
    return session_with(instance)


def session_with(instance: Instance) -> Session:
    """A session with the instance's server. Raises HotStandbyError "not_running", and those of connect."""
    session = open_session(find_server(instance), check_mode=False)
    if session is None:
        raise HotStandbyError(
            "not_running",
            f"no server runs at {instance.socket_directory} port {instance.port} on this host",
            "Start it first: site.yml does",
        )
    return session


def check_file(session: Session, setting: str, path: str) -> None:
    """Raise HotStandbyError "other_file" unless the server reads this file (setting: config_file, ...)."""
    actual = session.value("SELECT pg_catalog.current_setting(%s)", (setting,))
    if os.path.realpath(actual) != os.path.realpath(path):
        raise HotStandbyError(
            "other_file",
            f"the server at {session.target} reads {actual}, not {path}",
            "Correct config_directory (or hba_file), port or socket_directory",
        )


def dialect_of(session: Session) -> Dialect:
    """The dialect of the server. Raises HotStandbyError "version_unsupported"."""
    return dialect_for(session.version)


def recovery_setting(session: Session, dialect: Dialect, data_directory: str, name: str) -> str | None:
    """A setting that is recovery.conf's below PostgreSQL 12, or None."""
    if not dialect.uses_recovery_conf:
        return str(session.value("SELECT pg_catalog.current_setting(%s)", (name,)) or "") or None
    try:
        with open(os.path.join(data_directory, RECOVERY_CONF), encoding="utf-8") as file:
            return ConfFile.parse(file.read()).get(name)
    except OSError:
        return None


def apply_delay(session: Session, dialect: Dialect, data_directory: str) -> int:
    """recovery_min_apply_delay in milliseconds."""
    text = recovery_setting(session, dialect, data_directory, "recovery_min_apply_delay") or "0"
    microseconds = normalise(text, "integer", "ms")
    return int(microseconds[:-2]) // 1000 if microseconds[:-2].isdigit() and microseconds.endswith("us") else 0


def load_time(session: Session) -> float:
    """When the configuration was last read, in seconds since the epoch, as the session's own process has it.

    A process starts with what the postmaster had read when it began.
    """
    return float(session.value("SELECT extract(epoch FROM pg_catalog.pg_conf_load_time())"))


def unreadable_settings(session: Session) -> list[dict[str, Any]]:
    """Lines of the configuration files that keep a reload from being taken, or from being taken whole.

    Asked of the files as they are now. A setting that waits for a restart is none of them: its row has its
    name, or no file either when the line was removed.
    """
    return session.rows(
        "SELECT f.sourcefile AS file, f.sourceline AS line, f.name, f.error FROM pg_catalog.pg_file_settings f"
        " LEFT JOIN pg_catalog.pg_settings s ON pg_catalog.lower(s.name) = pg_catalog.lower(f.name)"
        " WHERE f.error IS NOT NULL AND f.sourcefile IS NOT NULL AND s.context IS DISTINCT FROM 'postmaster'"
        " ORDER BY f.seqno"
    )


def reload_configuration(target: Endpoint, timeout_seconds: int) -> float:
    """Make the server read its files again; wait until it has. Return the seconds waited.

    A new session inherits the load time of the postmaster, which reads pg_hba.conf in the same breath and
    serves no one in between: when a new session has a newer load time, the access rules are live too.
    Raises HotStandbyError "unreadable_settings" or "timed_out".
    """
    with connect(target) as session:
        before = load_time(session)
        for problem in unreadable_settings(session):
            raise HotStandbyError(
                "unreadable_settings",
                f"the server would not take its configuration: {problem['file']} line {problem['line']}"
                f" ({problem['name'] or 'no setting'}): {problem['error']}",
                "Correct that line",
            )
        session.execute("SELECT pg_catalog.pg_reload_conf()")
    return wait_until(
        lambda: _load_time_of_new_session(target) > before,
        timeout_seconds,
        f"the server at {target} has read its configuration again",
        "See the server's log",
    )


def _load_time_of_new_session(target: Endpoint) -> float:
    with connect(target) as session:
        return load_time(session)
