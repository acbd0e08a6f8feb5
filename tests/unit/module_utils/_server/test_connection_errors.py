# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a refused connection is called."""

from __future__ import annotations

import pytest

from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.connection_errors import (
    comes_from_server,
    explain_refusal,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.endpoint import Endpoint

NO_PASSWORD = "connection to server on socket failed: fe_sendauth: no password supplied"
SOCKET, HOST = Endpoint("/run/postgresql", 5432, user="postgres"), Endpoint("192.0.2.1", 5432, passfile="/p")


@pytest.mark.parametrize(
    ("target", "message", "name"),
    [
        (SOCKET, NO_PASSWORD, "no_peer_access"),
        (SOCKET, 'FATAL:  no pg_hba.conf entry for host "[local]"', "no_peer_access"),
        (SOCKET, "FATAL:  password authentication failed for user", "no_peer_access"),
        (SOCKET, "FATAL:  sorry, too many clients already", "no_connection_slot"),
        (SOCKET, "Connection refused", "cannot_connect"),
        (HOST, NO_PASSWORD, "no_password"),
        (HOST, "FATAL:  password authentication failed for user", "wrong_password"),
    ],
)
def test_the_name_of_a_refused_connection(target: Endpoint, message: str, name: str) -> None:
    assert explain_refusal(target, message).name == name


@pytest.mark.parametrize(
    ("message", "served"),
    [
        ("connection to server failed: FATAL:  sorry, too many clients already", True),
        ("FATAL:  the database system is starting up", True),
        ("FATAL:  Passwort-Authentifizierung fehlgeschlagen", True),
        ("fe_sendauth: no password supplied", True),
        ("FATAL:  the database system is shutting down", False),
        ("Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?", False),
        ("timeout expired", False),
        ("server closed the connection unexpectedly", False),
    ],
)
def test_a_server_that_refuses_us_lives(message: str, served: bool) -> None:
    assert comes_from_server(message) is served


def test_who_is_kept_out_of_the_socket_is_told_the_line() -> None:
    told = str(explain_refusal(SOCKET, NO_PASSWORD))
    assert '"local all postgres peer"' in told
    assert "failover" not in told
