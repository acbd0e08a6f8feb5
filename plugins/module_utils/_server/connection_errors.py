# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a refused connection is called, and what to do about it."""

from __future__ import annotations

import os
import pwd

from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError

from .endpoint import Endpoint

# What libpq and the server say, and what to do about it. First match wins.
REFUSALS = (
    (
        "no pg_hba.conf entry",
        "no_access_rule",
        (
            "Add the address that it names to the access rules of that server"
            " (set postgres_address of this host to the address that the server sees) and run site.yml again"
        ),
    ),
    (
        "password authentication failed",
        "wrong_password",
        "Make postgres_replication_password the one that the server has, or run site.yml to set it",
    ),
    (
        "no password supplied",
        "no_password",
        "The passfile has no line for this host, port and user: run site.yml",
    ),
    (
        "Peer authentication failed",
        "peer_failed",
        "Run as the operating system user that owns the cluster, or set login_user",
    ),
    (
        "the database system is starting up",
        "starting_up",
        "Wait until recovery has finished and run this again",
    ),
    ("remaining connection slots", "no_connection_slot", "Raise max_connections or close sessions"),
    ("too many clients", "no_connection_slot", "Raise max_connections or close sessions"),
    (
        "number of requested standby connections exceeds",
        "no_walsender",
        "Raise max_wal_senders on that server: restart it with site.yml's settings applied",
    ),
)
# Answers of a source that is not set up yet, which check mode has to expect.
NOT_YET = frozenset(
    {"cannot_connect", "missing_psycopg2", "no_access_rule", "wrong_password", "no_password", "starting_up"}
)

# Over the socket we are who owns the server, and have no password.
ASKED_FOR_MORE = frozenset({"no_access_rule", "wrong_password", "no_password"})


def comes_from_server(message: str) -> bool:
    """Whether a refused connection was refused by a server that stays: not by one that shuts down. Pure."""
    if "the database system is shutting down" in message:
        return False
    return "FATAL:" in message or any(fragment in message for fragment, _name, _hint in REFUSALS)


def missing_psycopg2() -> HotStandbyError:
    return HotStandbyError(
        "missing_psycopg2",
        "the Python library psycopg2 is not installed for the interpreter that Ansible uses on this host",
        "Install python3-psycopg2 (or psycopg2-binary) there, or set ansible_python_interpreter",
    )


def explain_refusal(target: Endpoint, message: str) -> HotStandbyError:
    """Give a refused connection a stable name and a next step; the server's own words stay in the message."""
    told = f"cannot connect to {target}: {message}"
    for fragment, name, hint in REFUSALS:
        if fragment in message:
            if name in ASKED_FOR_MORE and target.host.startswith("/") and not target.passfile:
                return _no_peer_access(target, told)
            return HotStandbyError(name, told, hint)
    return HotStandbyError("cannot_connect", told, "Check that the server runs and can be reached")


def _no_peer_access(target: Endpoint, told: str) -> HotStandbyError:
    user = target.user or pwd.getpwuid(os.geteuid()).pw_name
    return HotStandbyError(
        "no_peer_access",
        told,
        "The server may serve all others well, but a line of its pg_hba.conf keeps us out:"
        f' make "local all {user} peer" its first line, reload it, and run this again',
    )
