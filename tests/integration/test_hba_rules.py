# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Module hba_rules against real servers."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from support.servers import Server, ServerFactory

Apply = Callable[..., dict[str, Any]]
PEER = {"database": "replication", "user": "standby", "address": "198.51.100.12"}
LINE = "host replication standby 198.51.100.12/32 scram-sha-256"


@pytest.fixture
def apply(run_module: Callable[..., dict[str, Any]]) -> Apply:
    """Run the module on a server with these rules."""

    def run(server: Server, rules: list[dict[str, Any]], **options: Any) -> dict[str, Any]:
        modes = {name: options.pop(name) for name in ("check_mode", "diff") if name in options}
        parameters = {
            "data_directory": server.data_directory,
            "port": server.port,
            "socket_directory": server.socket_directory,
            "rules": rules,
            **options,
        }
        return run_module("hba_rules", parameters, **modes)

    return run


def everything(directory: Path) -> dict[str, tuple[int, int, bytes]]:
    """Every configuration file with its inode, mode and text."""
    return {
        path.name: (path.stat().st_ino, path.stat().st_mode, path.read_bytes())
        for path in sorted(directory.glob("*.conf"))
    } | {"": (0, len(os.listdir(directory)), b"")}


def test_rules_decide_at_once_and_a_second_run_changes_nothing(servers: ServerFactory, apply: Apply) -> None:
    server = servers.primary(start=False)
    server.write("pg_hba.conf", "host all app 127.0.0.1/32 reject\n" + server.read("pg_hba.conf"))
    server.start()
    server.sql("CREATE ROLE app LOGIN PASSWORD 'a b'")
    login = {"host": "127.0.0.1", "user": "app", "password": "a b"}
    with pytest.raises(psycopg2.OperationalError, match=r"pg_hba\.conf rejects"):
        server.connect(**login)
    old = server.read("pg_hba.conf")
    rules = [PEER, {"database": "all", "user": "app", "address": "127.0.0.1"}]
    result = apply(server, rules)
    assert not result["failed"], result
    assert (result["changed"], result["proved"], result["reloaded"]) == (True, True, True)
    assert result["lines"] == [LINE, "host all app 127.0.0.1/32 scram-sha-256"]
    server.connect(**login).close()  # no waiting: the module has proved it
    assert server.read("pg_hba.conf").endswith(f"\n\n{old}")
    before = everything(server.data_directory)
    again = apply(server, rules)
    assert (again["changed"], again["proved"], again["reloaded"]) == (False, True, False), again
    assert everything(server.data_directory) == before
    removed = apply(server, [])
    assert removed["changed"], removed
    assert server.read("pg_hba.conf") == old
    with pytest.raises(psycopg2.OperationalError, match=r"pg_hba\.conf rejects"):
        server.connect(**login)


def test_a_run_that_was_cut_off_before_the_reload_is_completed(servers: ServerFactory, apply: Apply) -> None:
    server = servers.primary()
    first = apply(server, [PEER], reload=False)
    assert (first["reloaded"], first["reload_required"], first["proved"]) == (False, True, True), first
    second = apply(server, [PEER])
    assert (second["changed"], second["reloaded"]) == (True, True), second
    third = apply(server, [PEER])
    assert (third["changed"], third["reloaded"], third["reload_required"]) == (False, False, False), third


def test_a_host_name_gets_a_line_per_address(servers: ServerFactory, apply: Apply) -> None:
    server = servers.primary()
    result = apply(server, [{**PEER, "address": "localhost"}])
    assert "host replication standby 127.0.0.1/32 scram-sha-256" in result["lines"], result
    assert result["proved"]


def test_a_name_that_does_not_resolve(servers: ServerFactory, apply: Apply) -> None:
    server = servers.primary()
    before = everything(server.data_directory)
    result = apply(server, [PEER, {**PEER, "address": "no-such-host.invalid"}])
    assert result["error_name"] == "address_unmatched"
    assert "no-such-host.invalid" in result["msg"]
    assert "postgres_address" in result["msg"]
    assert everything(server.data_directory) == before


def test_trust_is_refused(servers: ServerFactory, apply: Apply) -> None:
    server = servers.primary()
    before = everything(server.data_directory)
    assert apply(server, [{**PEER, "method": "trust"}])["error_name"] == "trust_refused"
    assert everything(server.data_directory) == before


@pytest.mark.parametrize("start", [True, False])
def test_a_line_above_the_block_that_decides_is_named(servers: ServerFactory, apply: Apply, start: bool) -> None:
    server = servers.primary(start=start)
    assert apply(server, [PEER])["changed"]
    above = "# mine\nhost all,replication all 198.51.100.0/24 reject\n"
    server.write("pg_hba.conf", above + server.read("pg_hba.conf"))
    before = everything(server.data_directory)
    for check_mode in (True, False):
        for rules in ([PEER], [{**PEER, "address": "198.51.100.13"}]):
            result = apply(server, rules, check_mode=check_mode)
            assert result["error_name"] == "shadowed", result
            assert f"{server.data_directory}/pg_hba.conf line 2" in result["msg"]
            assert "nothing was changed" in result["msg"]
    assert everything(server.data_directory) == before
    # what it does not decide about may be changed
    assert not apply(server, [{**PEER, "address": "203.0.113.1"}])["failed"]
    assert server.read("pg_hba.conf").startswith(above)


def test_a_broken_line_of_the_user_is_named(servers: ServerFactory, apply: Apply) -> None:
    server = servers.primary()
    server.write("pg_hba.conf", "\nhost all all 10.0.0.0/8 no-such-method\n" + server.read("pg_hba.conf"))
    before = everything(server.data_directory)
    for check_mode in (True, False):
        result = apply(server, [PEER], check_mode=check_mode)
        assert result["error_name"] == "broken_access_rule", result
        assert f"{server.data_directory}/pg_hba.conf line 2" in result["msg"]
        assert 'invalid authentication method "no-such-method"' in result["msg"]
    assert everything(server.data_directory) == before


def test_the_old_file_comes_back_when_the_server_cannot_read_our_rule(servers: ServerFactory, apply: Apply) -> None:
    server = servers.primary()
    before = server.read("pg_hba.conf")
    result = apply(server, [PEER, {**PEER, "method": "scram"}])
    assert result["error_name"] == "broken_access_rule", result
    assert f"{server.data_directory}/pg_hba.conf line 3" in result["msg"]
    assert "the file is as it was before" in result["msg"]
    assert server.read("pg_hba.conf") == before
    assert server.sql("SELECT count(*) FROM pg_hba_file_rules WHERE error IS NOT NULL") == [(0,)]


def test_our_own_broken_line_can_be_put_right(servers: ServerFactory, apply: Apply) -> None:
    server = servers.primary()
    assert apply(server, [PEER])["changed"]
    broken = LINE.replace("scram-sha-256", "scram")
    server.write("pg_hba.conf", server.read("pg_hba.conf").replace(LINE, broken))
    result = apply(server, [PEER])
    assert not result["failed"], result
    assert result["proved"]


def test_an_unreadable_postgresql_conf_is_named_before_the_reload(servers: ServerFactory, apply: Apply) -> None:
    server = servers.primary()
    server.write("postgresql.conf", server.read("postgresql.conf") + "no_such_setting = 1\n")
    result = apply(server, [PEER])
    assert result["error_name"] == "unreadable_settings", result
    assert "no_such_setting" in result["msg"]


@pytest.mark.parametrize("start", [True, False])
def test_check_mode_tells_and_changes_nothing(servers: ServerFactory, apply: Apply, start: bool) -> None:
    server = servers.primary(start=start)
    before = everything(server.data_directory)
    result = apply(server, [PEER], check_mode=True, diff=True)
    assert not result["failed"], result
    assert result["changed"]
    assert result["reloaded"] is start
    assert "would be put into" in result["reason"]
    assert LINE in result["diff"]["after"]
    assert result["diff"]["before"] == server.read("pg_hba.conf")
    assert everything(server.data_directory) == before


def test_a_stopped_server_reads_it_at_its_start(servers: ServerFactory, apply: Apply) -> None:
    server = servers.primary(start=False)
    result = apply(server, [PEER])
    assert (result["changed"], result["proved"], result["reloaded"]) == (True, False, False), result
    server.start()
    assert apply(server, [PEER])["proved"]


def test_check_mode_on_a_virgin_host_is_a_forecast(servers: ServerFactory, apply: Apply) -> None:
    server = servers.empty("virgin")
    result = apply(server, [PEER], check_mode=True)
    assert not result["failed"], result
    assert result["changed"]
    assert apply(server, [PEER])["error_name"] == "no_hba_file"
    assert not server.data_directory.exists()


def test_blocks_of_two_names(servers: ServerFactory, apply: Apply) -> None:
    server = servers.primary()
    old = server.read("pg_hba.conf")
    assert apply(server, [PEER])["proved"]
    proxy = {"database": "all", "user": "proxy", "address": "198.51.100.0/24"}
    assert apply(server, [proxy], name="proxies")["proved"]
    assert not apply(server, [PEER])["changed"]
    for name in ("peers", "proxies"):
        assert apply(server, [], name=name)["changed"]
    assert server.read("pg_hba.conf") == old
    assert apply(server, [PEER], name="a\nb")["error_name"] == "bad_name"


def test_the_file_may_be_elsewhere(servers: ServerFactory, apply: Apply) -> None:
    server = servers.primary(start=False)
    elsewhere = server.write("etc/hba.conf", server.read("pg_hba.conf"))
    server.configure({"hba_file": str(elsewhere)})
    server.start()
    assert apply(server, [PEER])["error_name"] == "other_file"
    assert LINE not in server.read("pg_hba.conf")
    result = apply(server, [PEER], hba_file=elsewhere)
    assert result["proved"], result
    assert LINE in elsewhere.read_text()
    stat = elsewhere.stat()
    assert (stat.st_uid, stat.st_mode & 0o777) == (server.account_entry.uid, 0o600)


def test_nasty_names_are_written_so_that_the_server_reads_them(servers: ServerFactory, apply: Apply) -> None:
    server = servers.primary()
    name = 'it\'s "a" \\ b, #c nö'
    result = apply(server, [{"database": name, "user": name, "address": "::1"}])
    assert result["proved"], result
    assert ([name], [name]) in server.sql("SELECT database, user_name FROM pg_hba_file_rules")
