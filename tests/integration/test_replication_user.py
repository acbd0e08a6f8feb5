# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Module replication_user: a role that can really log in, and a password that is seen nowhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import psycopg2
import psycopg2.extras
import pytest

from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.password_verifier import is_verifier_of
from support.servers import Server, ServerFactory

RunModule = Callable[..., dict[str, Any]]

USER = "replicator"
NASTY = """q'uote"s \\back:slash 100%s #x {{ y }} $$ ä€"""
REPLICATION_RULE = "host replication all 127.0.0.1/32 scram-sha-256"


def parameters(server: Server, **more: Any) -> dict[str, Any]:
    return {
        "user": USER,
        "password": NASTY,
        "port": server.port,
        "socket_directory": server.socket_directory,
        **more,
    }


def log_in(server: Server, password: str = NASTY, user: str = USER) -> None:
    """Over TCP, by scram, as a standby does."""
    psycopg2.connect(
        host="127.0.0.1",
        port=server.port,
        user=user,
        password=password,
        connection_factory=psycopg2.extras.PhysicalReplicationConnection,
        require_auth="scram-sha-256",
    ).close()


def verifier(server: Server, user: str = USER) -> str:
    return str(server.sql("SELECT rolpassword FROM pg_authid WHERE rolname = %s", (user,))[0][0])


@pytest.fixture
def primary(servers: ServerFactory) -> Server:
    return servers.primary(hba=[REPLICATION_RULE], settings={"log_statement": "all"})


def test_the_role_can_log_in_and_nothing_gives_the_password_away(
    primary: Server, run_module: RunModule
) -> None:
    result = run_module("replication_user", parameters(primary), diff=True)
    assert not result["failed"], result
    assert result["changed"]
    assert {"LOGIN", "REPLICATION", "password"} <= set(result["changes"])
    log_in(primary)
    role = "SELECT rolcanlogin, rolreplication, rolsuper FROM pg_authid WHERE rolname = %s"
    assert primary.sql(role, (USER,)) == [(True, True, False)]
    stored = verifier(primary)
    assert stored.startswith("SCRAM-SHA-256$4096:")
    # it was watched: all other statements are in the log
    assert "GRANT EXECUTE" in primary.log_text()
    for secret in (NASTY, "back:slash", stored, "SCRAM-SHA-256$"):
        assert secret not in primary.log_text()
        assert secret not in json.dumps(result, ensure_ascii=False)

    again = run_module("replication_user", parameters(primary), diff=True)
    assert (again["failed"], again["changed"], again["changes"]) == (False, False, [])
    assert verifier(primary) == stored


def test_a_statement_that_fails_does_not_log_the_verifier(primary: Server, run_module: RunModule) -> None:
    result = run_module("replication_user", parameters(primary, user="pg_not_allowed"))
    assert (result["failed"], result["error_name"]) == (True, "sql_failed")
    assert "reserved" in result["msg"]
    assert "SCRAM-SHA-256$" not in primary.log_text() + json.dumps(result)


def test_another_password(primary: Server, run_module: RunModule) -> None:
    run_module("replication_user", parameters(primary, password="the old one"))
    before = verifier(primary)
    forecast = run_module("replication_user", parameters(primary), check_mode=True, diff=True)
    assert (forecast["changed"], forecast["changes"]) == (True, ["password"])
    assert forecast["diff"]["after"]["password"] == "changed"
    assert verifier(primary) == before
    result = run_module("replication_user", parameters(primary))
    assert (result["changed"], result["changes"]) == (True, ["password"])
    log_in(primary)
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        log_in(primary, "the old one")


@pytest.mark.parametrize(
    "password",
    [
        "plain",
        NASTY,
        "no\u00a0break\u00adsoft",  # a space that is mapped, a character that is left out
        "ﬁ Å Ⅸ",  # NFKC
        "\u0627\u0628",  # right to left
        "a\u0627",  # both ways: not allowed, so taken as it is
        "tab\tä",  # a control character: not allowed either
        "\U0001f130\U0001f418",  # not assigned in Unicode 3.2
        "\u0627\u00b2",  # right to left at one end only
        "\u00ad",  # nothing is left of it
    ],
)
def test_passwords_mean_to_us_what_they_mean_to_the_server(
    primary: Server, run_module: RunModule, password: str
) -> None:
    # what the server made of it, seen with our eyes
    primary.sql("CREATE ROLE other LOGIN PASSWORD %s", (password,))
    assert is_verifier_of(verifier(primary, "other"), password, "other", scram=True)
    assert not is_verifier_of(verifier(primary, "other"), password + "x", "other", scram=True)
    # what we made of it, seen by the server
    run_module("replication_user", parameters(primary, password=password))
    log_in(primary, password)


@pytest.mark.parametrize("user", ['a"b\'c%s {{ x }}', "Größe", "select"])
def test_any_name_is_quoted(primary: Server, run_module: RunModule, user: str) -> None:
    result = run_module("replication_user", parameters(primary, user=user))
    assert not result["failed"], result
    log_in(primary, user=user)
    assert not run_module("replication_user", parameters(primary, user=user))["changed"]


def test_what_a_role_has_it_keeps(primary: Server, run_module: RunModule) -> None:
    primary.sql(
        "CREATE ROLE replicator NOLOGIN SUPERUSER CREATEDB CONNECTION LIMIT 7 VALID UNTIL '2001-01-01' PASSWORD 'x'"
    )
    result = run_module("replication_user", parameters(primary))
    assert result["changes"] == ["LOGIN", "REPLICATION", "no longer expired", "password"]
    log_in(primary)
    kept = "SELECT rolsuper, rolcreatedb, rolconnlimit FROM pg_roles WHERE rolname = 'replicator'"
    assert primary.sql(kept) == [(True, True, 7)]
    result = run_module("replication_user", parameters(primary, connection_limit=-1))
    assert result["changes"] == ["connection limit -1"]
    assert primary.sql(kept) == [(True, True, -1)]


def test_an_md5_verifier_is_replaced(primary: Server, run_module: RunModule) -> None:
    primary.sql("SET password_encryption = md5; CREATE ROLE replicator LOGIN REPLICATION PASSWORD %s", (NASTY,))
    assert verifier(primary).startswith("md5")
    assert "password" in run_module("replication_user", parameters(primary))["changes"]
    log_in(primary)


def test_pg_rewind_gets_its_grants_once(primary: Server, run_module: RunModule) -> None:
    without = run_module("replication_user", parameters(primary, rewind=False))
    assert without["changes"] == ["LOGIN", "REPLICATION", "password"]
    primary.sql("GRANT EXECUTE ON FUNCTION pg_read_binary_file(text) TO replicator")
    result = run_module("replication_user", parameters(primary))
    assert result["changes"] == [
        "EXECUTE on pg_ls_dir(text, boolean, boolean)",
        "EXECUTE on pg_stat_file(text, boolean)",
        "EXECUTE on pg_read_binary_file(text, bigint, bigint, boolean)",
        "member of pg_checkpoint",
    ]
    as_role = "SET ROLE replicator; SELECT count(*) > 0 FROM pg_ls_dir('.', true, false)"
    assert primary.sql(as_role) == [(True,)]
    primary.sql("SET ROLE replicator; CHECKPOINT")
    # nothing is taken away
    run_module("replication_user", parameters(primary, rewind=False))
    assert not run_module("replication_user", parameters(primary))["changed"]


def test_on_a_standby_it_comes_by_replication(servers: ServerFactory, run_module: RunModule) -> None:
    primary = servers.primary()
    standby = servers.standby("s", primary)
    result = run_module("replication_user", parameters(standby))
    assert (result["failed"], result["changed"]) == (False, False)
    assert "standby" in result["reason"]


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"password": ""}, "empty_password"),
        ({"password": "two\nlines"}, "unusable_password"),
        ({"user": ""}, "empty_user"),
    ],
)
def test_what_is_refused(primary: Server, run_module: RunModule, wrong: dict[str, str], name: str) -> None:
    for check_mode in (False, True):
        result = run_module("replication_user", parameters(primary, **wrong), check_mode=check_mode)
        assert (result["failed"], result["error_name"]) == (True, name)


def test_without_a_server(servers: ServerFactory, run_module: RunModule) -> None:
    nothing = servers.empty("n")
    result = run_module("replication_user", parameters(nothing))
    assert (result["failed"], result["error_name"]) == (True, "not_running")
    forecast = run_module("replication_user", parameters(nothing), check_mode=True)
    assert (forecast["failed"], forecast["changed"]) == (False, True)
    assert "would be created" in forecast["reason"]
