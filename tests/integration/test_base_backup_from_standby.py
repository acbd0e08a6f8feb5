# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""base_backup copies a standby; the slot, and what the copy follows, is the primary's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.clones import (
    ADDRESS,
    PASSWORD,
    USER,
    clone_parameters,
    follow_parameters,
    leftovers,
    make_source,
    make_tablespace,
    slot_of,
    slots,
    start_clone,
    wait_until_copying,
    wait_until_replayed,
    wait_until_streaming,
)
from support.modules import ModuleProcess
from support.servers import Server, ServerFactory
from support.waiting import wait_for

RunModule = Callable[..., dict[str, Any]]
StartModule = Callable[..., ModuleProcess]
# WAL that no slot keeps is gone at the next checkpoint.
SHORT_MEMORY: dict[str, str | int | bool] = {"wal_keep_size": 0, "min_wal_size": "32MB", "max_wal_size": "32MB"}
RESTART = "SELECT restart_lsn IS NOT NULL FROM pg_replication_slots WHERE slot_name = %s"


@pytest.fixture
def primary(servers: ServerFactory) -> Server:
    return make_source(servers, SHORT_MEMORY)


@pytest.fixture
def standby(servers: ServerFactory, primary: Server, run_module: RunModule) -> Server:
    """It has the primary's access rules, since these lie in its data directory."""
    server = servers.empty("s1")
    for module, params in (
        ("base_backup", clone_parameters(server, primary)),
        ("recovery_config", follow_parameters(server, primary)),
    ):
        result = run_module(module, params)
        assert not result["failed"], result
    start_clone(server)
    wait_until_streaming(server, primary)
    return server


def parameters(server: Server, primary: Server, standby: Server, **more: Any) -> dict[str, Any]:
    """A clone of the standby, with a passfile for both."""
    params = clone_parameters(server, primary, source_host=ADDRESS, source_port=standby.port, **more)
    return {**params, "passfile": passfile(server, primary, standby)}


def passfile(server: Server, *sources: Server) -> Path:
    escaped = PASSWORD.replace("\\", "\\\\").replace(":", "\\:")
    path = server.directory / "both"
    path.write_text("".join(f"{ADDRESS}:{source.port}:*:{USER}:{escaped}\n" for source in sources), encoding="utf-8")
    path.chmod(0o600)
    server.account_entry.own(path)
    return path


def turn_over(primary: Server) -> None:
    primary.sql("SELECT pg_switch_wal()")
    primary.sql("CHECKPOINT")


def test_a_copy_of_a_standby_follows_the_primary(
    servers: ServerFactory, primary: Server, standby: Server, start_module: StartModule, run_module: RunModule
) -> None:
    primary.sql("CREATE TABLE t AS SELECT generate_series(1, 1000) AS i")
    wait_until_replayed(standby, primary)
    server = servers.empty("s2")
    process = start_module("base_backup", parameters(server, primary, standby, max_rate="4M"))
    wait_until_copying(server, server.directory / "data.hotstandby-clone")
    # the slot is there before the copy begins, keeps WAL that nobody uses, and is the primary's alone
    assert primary.sql(RESTART, (slot_of(server),)) == [(True,)]
    assert slots(primary) == {slot_of(standby): True, slot_of(server): False}
    while process.running:
        primary.sql("INSERT INTO t SELECT generate_series(1, 1000)")
        turn_over(primary)
    result = process.wait()
    assert not result["failed"], result
    assert (result["slot_created"], result["verified"]) == (True, True)
    assert f"cloned from {ADDRESS} port {standby.port}" in result["reason"]
    assert slots(standby) == {}
    for _turn in range(5):
        turn_over(primary)
    followed = run_module("recovery_config", follow_parameters(server, primary))
    assert not followed["failed"], followed
    start_clone(server)
    wait_until_streaming(server, primary)
    wait_until_replayed(server, primary)
    assert server.sql("SELECT count(*) FROM t") == primary.sql("SELECT count(*) FROM t")
    assert slots(primary) == {slot_of(standby): True, slot_of(server): True}


def test_a_slot_that_keeps_nothing_is_made_anew(
    servers: ServerFactory, primary: Server, standby: Server, run_module: RunModule
) -> None:
    server = servers.empty("s2")
    primary.sql("SELECT pg_create_physical_replication_slot(%s)", (slot_of(server),))
    assert primary.sql(RESTART, (slot_of(server),)) == [(False,)]
    result = run_module("base_backup", parameters(server, primary, standby))
    assert not result["failed"], result
    assert primary.sql(RESTART, (slot_of(server),)) == [(True,)]


def test_tablespaces_go_where_the_primary_has_them_or_the_mapping_says(
    servers: ServerFactory, primary: Server, run_module: RunModule
) -> None:
    """The standby that is copied has its own at other places."""
    location = make_tablespace(primary, "space")
    standby, server = servers.empty("s1"), servers.empty("s2")
    mapping = {str(location): str(standby.directory / "there")}
    result = run_module("base_backup", clone_parameters(standby, primary, tablespace_mapping=mapping))
    assert not result["failed"], result
    assert not run_module("recovery_config", follow_parameters(standby, primary))["failed"]
    start_clone(standby)
    wait_until_streaming(standby, primary)
    mapping = {str(location): str(server.directory / "here")}
    result = run_module("base_backup", parameters(server, primary, standby, tablespace_mapping=mapping))
    assert not result["failed"], result
    links = [path.readlink() for path in (server.data_directory / "pg_tblspc").iterdir()]
    assert links == [server.directory / "here"]
    assert any((server.directory / "here").iterdir())


def test_who_is_no_standby_of_the_primary_is_not_copied(
    servers: ServerFactory, primary: Server, standby: Server, run_module: RunModule
) -> None:
    server = servers.empty("s2")

    def refused(**more: Any) -> dict[str, Any]:
        result = run_module("base_backup", {**parameters(server, primary, standby), **more})
        assert result["failed"], result
        assert leftovers(server.directory) == []
        assert list(slots(primary)) == [slot_of(standby)]
        return result

    swapped = refused(primary_port=standby.port, source_port=primary.port)
    assert swapped["error_name"] == "source_unfit"
    assert "it accepts writes" in swapped["msg"]
    primary.configure({"full_page_writes": False})
    primary.reload()
    wait_for(lambda: primary.sql("SHOW full_page_writes") == [("off",)], "the setting")
    assert "full_page_writes is off" in refused()["msg"]
    primary.configure({"full_page_writes": True})
    primary.reload()
    standby.sql("SELECT pg_promote()")
    assert "it accepts writes" in refused()["msg"]


def test_a_standby_that_is_promoted_meanwhile_is_no_source(
    servers: ServerFactory, primary: Server, standby: Server, start_module: StartModule
) -> None:
    server = servers.empty("s2")
    process = start_module("base_backup", parameters(server, primary, standby, max_rate="4M"))
    wait_until_copying(server, server.directory / "data.hotstandby-clone")
    standby.sql("SELECT pg_promote()")
    result = process.wait()
    assert (result["failed"], result.get("error_name")) == (True, "clone_failed"), result
    assert leftovers(server.directory) == []
    assert not server.data_directory.exists()
    assert slot_of(server) not in slots(primary)


def test_wal_that_the_primary_has_dropped_meanwhile_is_noticed_before_the_swap(
    servers: ServerFactory, primary: Server, standby: Server, start_module: StartModule
) -> None:
    """Nobody moves the slot on while a standby is copied, and its room is bounded."""
    primary.sql("ALTER SYSTEM SET max_slot_wal_keep_size = '16MB'")
    primary.sql("SELECT pg_reload_conf()")
    server = servers.empty("s2")
    process = start_module("base_backup", parameters(server, primary, standby, max_rate="4M"))
    wait_until_copying(server, server.directory / "data.hotstandby-clone")
    lost = "SELECT wal_status FROM pg_replication_slots WHERE slot_name = %s"

    def dropped() -> bool:
        turn_over(primary)
        return primary.sql(lost, (slot_of(server),)) == [("lost",)]

    wait_for(dropped, "the slot to lose its WAL")
    assert process.running
    result = process.wait()
    assert (result["failed"], result.get("error_name")) == (True, "source_behind"), result
    assert "postgres_max_slot_wal_keep" in result["msg"]
    assert leftovers(server.directory) == []
    assert not server.data_directory.exists()
