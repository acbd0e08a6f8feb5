# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The whole life by playbooks, where an ordinary user has planted what he likes, and under the worst settings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg2
import pytest

from hotstandby_demo.layout import NODES
from support.account import test_account as account_of_tests
from support.demo_user import new_user
from support.emergencies import Cluster
from support.hostile import WORST
from support.plants import CAUGHT, MORE, PLANT

# What the test's own sessions say, in which nothing else counts.
PLAIN = (
    "-c search_path=pg_catalog -c statement_timeout=0 -c lock_timeout=0 -c idle_session_timeout=0"
    " -c idle_in_transaction_session_timeout=0 -c default_transaction_read_only=off -c role=none"
    " -c default_transaction_isolation=read\\ committed -c synchronous_commit=local"
    " -c standard_conforming_strings=on -c exit_on_error=off"
)
GAINED = "SELECT rolsuper OR rolcreaterole OR EXISTS (SELECT FROM pg_auth_members WHERE member = r.oid) FROM pg_roles r"


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    user = new_user(account_of_tests())
    try:
        status, output = user.run("up")
        assert status == 0, output
        found = Cluster(user)
        found.name_nodes()
        yield found
    finally:
        user.close()


def ask(cluster: Cluster, node: str, *statements: str) -> Any:
    """First value of the last statement's answer, as the superuser; each statement is a transaction of its own."""
    state = cluster.layout.load()
    socket = str(cluster.layout.socket_directory(state, node))
    with cluster.user.account.effective():
        connection = psycopg2.connect(host=socket, port=state.ports[node], dbname="postgres", options=PLAIN)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            row = cursor.fetchone() if cursor.description else None
            return row[0] if row else None
    finally:
        connection.close()


def spoil(cluster: Cluster) -> None:
    """Plant, and set every setting for the superuser, the replication user, the database and the servers."""
    primary = cluster.names["db-1"]
    ask(
        cluster,
        primary,
        "CREATE ROLE mallory LOGIN",
        "CREATE ROLE harmless",
        "GRANT CREATE ON DATABASE postgres TO mallory",
        "GRANT CREATE ON SCHEMA public TO mallory",
        "SET SESSION AUTHORIZATION mallory",
        PLANT,
        *MORE,
    )
    owner = cluster.user.account.name
    places = (f"ROLE {owner}", "ROLE replicator", "DATABASE postgres", f"ROLE {owner} IN DATABASE postgres")
    settings = {**WORST, "search_path": "public, pg_catalog"}
    ask(
        cluster,
        primary,
        *(
            f"ALTER {what} SET {name} = {value if name == 'search_path' else repr(value)}"
            for name, value in settings.items()
            for what in places
        ),
        f"ALTER ROLE {owner} SET role = 'harmless'",
    )
    for node in NODES:
        ask(cluster, node, *(f"ALTER SYSTEM SET {name} = '{value}'" for name, value in WORST.items()))
        ask(cluster, node, "SELECT pg_reload_conf()")


def play(cluster: Cluster, *arguments: str, status: int = 0) -> str:
    code, output = cluster.user.run("play", *arguments)
    assert code == status, output
    return output


def test_nothing_is_gained_and_nothing_fails(cluster: Cluster) -> None:
    first, second, third = (cluster.names[f"db-{number}"] for number in (1, 2, 3))
    assert ask(cluster, first, "SELECT 1") == 1
    spoil(cluster)
    with pytest.raises(psycopg2.Error):  # the premise: a session of everybody else's can do nothing
        cluster.query(first, "CREATE TABLE t AS SELECT generate_series(1, 1000000)")
    assert ask(cluster, first, "SELECT count(*) > 100 FROM pg_proc WHERE proowner = 'mallory'::regrole")

    play(cluster, "site")
    play(cluster, "verify")
    play(cluster, "switchover", "-e", f"switchover_to={second}")
    play(cluster, "restart", "-e", "restart_all=true")
    cluster.kill(second)
    play(cluster, "failover", "-e", f"failover_to={third}")
    play(cluster, "rejoin")
    assert "healthy" in play(cluster, "status")
    assert "changed=0" in play(cluster, "site")

    assert not ask(cluster, third, "SELECT pg_is_in_recovery()")
    assert ask(cluster, third, f"{GAINED} WHERE rolname = 'mallory'") is False
    for node in NODES:
        log = cluster.layout.node(node) / "server.log"
        assert CAUGHT not in log.read_text(encoding="utf-8", errors="replace"), node
