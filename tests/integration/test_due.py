# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A look says which parts of a node are not as declared: exactly those that their modules would change."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from ansible_collections.hotstandby.postgresql.plugins.module_utils._module import due
from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner import plan
from support.clones import ADDRESS, PASSWORD, USER, follow_parameters, make_source, slot_of, wait_until_streaming
from support.modules import CHECKOUT
from support.servers import Server, ServerFactory

RunModule = Callable[..., dict[str, Any]]
Drift = Callable[[Server], object]
PARTS = {
    "passfile": "passfile", "settings": "server_config", "service": "server", "guard": "boot_guard",
    "access": "hba_rules", "user": "replication_user", "slots": "replication_slots",
}  # fmt: skip


def where(server: Server, *names: str) -> dict[str, Any]:
    places = {
        "bin_directory": server.bin_directory, "data_directory": server.data_directory, "port": server.port,
        "socket_directory": server.socket_directory,
    }  # fmt: skip
    return {name: place for name, place in places.items() if not names or name in names}


def declared(server: Server) -> dict[str, dict[str, Any]]:
    entries = [{"host": ADDRESS, "port": server.port, "database": "*", "user": USER}]
    rule = {"type": "host", "database": "replication", "user": USER, "address": "127.0.0.2", "method": "scram-sha-256"}
    return {
        "passfile": {"path": str(server.directory / "due.pgpass"), "entries": entries},
        "settings": {"settings": {"work_mem": "5MB", "cluster_name": "db-1"}, "reload": True},
        "service": {"service": "pg_ctl", "log_file": str(server.log_file)},
        "guard": {"directory": str(server.directory / "guard"), "program": "pass\n", "configuration": {"peers": []}},
        "access": {"rules": [rule]},
        "user": {"user": USER, "rewind": True},
        "slots": {"slots": ["hotstandby_a"], "prefix": "hotstandby_"},
    }


def look(run_module: RunModule, server: Server, **more: Any) -> dict[str, Any]:
    params = {**where(server), "declared": declared(server), "encoded_password": encoded(PASSWORD), **more}
    result = run_module("node_info", params)
    assert PASSWORD not in str(result)
    return {**result, "due": result["due"] and [row["part"] for row in result["due"]],
            "reasons": {row["part"]: row["reason"] for row in result["due"] or ()}}  # fmt: skip


def encoded(password: str) -> str:
    return b64encode(password.encode()).decode()


def converge(run_module: RunModule, server: Server) -> None:
    for part, params in declared(server).items():
        password = {"password": PASSWORD} if part in ("passfile", "user") else {}
        place = {} if part in ("passfile", "guard") else where(server)
        result = run_module(PARTS[part], {**params, **password, **place})
        assert not result.get("failed"), result


@pytest.fixture
def server(servers: ServerFactory, run_module: RunModule) -> Server:
    server = servers.primary()
    converge(run_module, server)
    return server


DRIFTS: dict[str, tuple[str, Drift]] = {
    "passfile": ("passfile", lambda server: (server.directory / "due.pgpass").write_text("mine\n", encoding="utf-8")),
    "password": ("user", lambda server: server.sql(f"ALTER ROLE {USER} PASSWORD 'another'")),
    "right": ("user", lambda server: server.sql(f"ALTER ROLE {USER} NOREPLICATION")),
    "setting": ("settings", lambda server: server.configure({"work_mem": "6MB"})),
    "override": ("settings", lambda server: server.sql("ALTER SYSTEM SET work_mem = '7MB'")),
    "rule": ("access", lambda server: server.write("pg_hba.conf", "local all all trust\n")),
    "guard": ("guard", lambda server: (server.directory / "guard" / "boot_guard.json").chmod(0o644)),
    "slot": ("slots", lambda server: server.sql("SELECT pg_drop_replication_slot('hotstandby_a')")),
    "foreign slot": (
        "slots", lambda server: server.sql("SELECT pg_create_physical_replication_slot('hotstandby_gone')")
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", DRIFTS)
def test_a_drift_is_due_and_nothing_else(name: str, server: Server, run_module: RunModule) -> None:
    assert look(run_module, server)["due"] == []
    part, drift = DRIFTS[name]
    drift(server)
    assert look(run_module, server)["due"] == [part]
    if name not in ("passfile", "override"):  # those two are refused: nobody's words are overwritten
        converge(run_module, server)
        assert look(run_module, server)["due"] == []


def test_where_no_server_runs_its_files_are_compared(server: Server, run_module: RunModule) -> None:
    server.stop()
    assert look(run_module, server)["due"] == ["service", "user", "slots"]
    server.write("pg_hba.conf", "local all all trust\n")
    (server.directory / "due.pgpass").unlink()
    assert look(run_module, server)["due"] == ["passfile", "service", "access", "user", "slots"]


def test_on_an_empty_host_everything_is_due(servers: ServerFactory, run_module: RunModule) -> None:
    assert look(run_module, servers.empty("e"))["due"] == list(PARTS)


def test_what_waits_for_a_restart_and_was_not_noted_by_the_server_is_due(
    server: Server, run_module: RunModule
) -> None:
    file = server.config_directory / "postgresql.conf"
    file.write_text(f"{file.read_text(encoding='utf-8')}\nmax_connections = 60\n", encoding="utf-8")
    parts = {"settings": {"settings": {"max_connections": 60}, "reload": True}}
    assert look(run_module, server, declared=parts)["due"] == ["settings"]
    server.reload()
    assert look(run_module, server, declared=parts)["due"] == []


def test_the_role_the_module_and_the_planner_know_the_same_parts() -> None:
    variables = yaml.safe_load((CHECKOUT / "roles/postgres/vars/main.yml").read_text(encoding="utf-8"))
    assert list(variables["__postgres_declared_parts"]) == list(due.MODULES) == list(PARTS) == list(plan.PARTS)


def test_a_password_that_is_an_ordinary_word_hides_nothing(server: Server, run_module: RunModule) -> None:
    result = look(run_module, server, encoded_password=encoded("cluster"))
    assert result["node"]["directory"] == "cluster"
    assert "user" in result["due"]


def test_nothing_is_compared_unasked(server: Server, run_module: RunModule) -> None:
    result = run_module("node_info", where(server))
    assert (result["due"], result["follows"]) == (None, None)


def test_parameters_that_a_module_does_not_take_are_due(server: Server, run_module: RunModule) -> None:
    parts = {"access": {"rules": [{"type": "nonsense", "database": "x", "user": "y"}]}, "settings": {}}
    assert look(run_module, server, declared=parts)["due"] == ["access", "settings"]


def test_whom_a_standby_follows_as_declared(servers: ServerFactory, run_module: RunModule) -> None:
    source = make_source(servers)
    standby = servers.standby("s1", source)
    source.sql("SELECT pg_create_physical_replication_slot(%s)", (slot_of(standby),))
    params = follow_parameters(standby, source)
    result = run_module("recovery_config", {**params, "reload": True})
    assert not result.get("failed"), result
    wait_until_streaming(standby, source)
    place = f"{params['primary_host']} {params['primary_port']}"
    connection = {name: params[name] for name in ("version", "user", "passfile", "application_name", "slot")}
    peers = [f"{ADDRESS} 1", place, f"{ADDRESS} {standby.port}"]

    def follows(**changes: Any) -> Any:
        asked = {**where(standby), "peers": peers, "connection": {**connection, **changes}}
        return run_module("node_info", asked)["follows"]

    assert follows() == place
    assert follows(slot="hotstandby_other") is None
    assert follows(restore_command="false") is None
    found = look(run_module, standby)["due"]
    assert {"user", "slots"} <= set(found), "a standby cannot say what it will have as a primary"
    assert run_module("node_info", {**where(source), "peers": peers, "connection": connection})["follows"] is None
