# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Module node_info against real servers, running, stopped, killed and promoted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.hotstandby.postgresql.plugins.module_utils._node import Node
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.lsn import Lsn
from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.topology import lies_on
from support.clones import wait_until_replayed, wait_until_streaming
from support.promotions import leave_half_a_record
from support.servers import Server, ServerFactory
from support.waiting import wait_for

RunModule = Callable[..., dict[str, Any]]
NodeInfo = Callable[..., Node]


@pytest.fixture
def node_info(run_module: RunModule) -> NodeInfo:
    def ask(server: Server, **more: Any) -> Node:
        result = run_module(
            "node_info",
            {
                "bin_directory": str(server.bin_directory),
                "data_directory": str(server.data_directory),
                "port": server.port,
                "socket_directory": str(server.socket_directory),
                "peers": ["127.0.0.1", "no-such-host.invalid"],
                "version": server.version,
                **more,
            },
        )
        assert not result.get("failed"), result
        assert result["changed"] is False
        assert result["wanted_version"] == server.version
        return Node.from_plain(result["node"])

    return ask


def test_an_empty_place(servers: ServerFactory, node_info: NodeInfo) -> None:
    node = node_info(servers.empty("e"))
    assert node.directory == "absent"
    assert node.control is None
    assert node.server is None
    assert node.version is not None
    assert node.free_bytes
    assert not node.port_taken
    assert node.unresolved_addresses == ("no-such-host.invalid",)


def test_a_primary_and_its_standby(servers: ServerFactory, node_info: NodeInfo) -> None:
    primary = servers.primary("p")
    standby = servers.standby("s", primary)
    seen = node_info(primary)
    follower = node_info(standby)
    assert seen.writable
    assert seen.server is not None
    assert seen.timeline == 1
    assert seen.data_major == primary.version
    assert [sender.state for sender in seen.server.senders] == ["streaming"]
    assert (seen.server.size_bytes, seen.server.tablespace_bytes) == (None, {}), "nobody is cloned"
    weighed = node_info(primary, measure=True).server
    assert weighed is not None
    assert weighed.size_bytes
    assert weighed.size_bytes > 10_000_000
    copied = node_info(standby, measure=True).server
    assert copied is not None
    assert copied.size_bytes is not None, "it may be the source of a clone"
    assert copied.size_bytes > 10_000_000
    assert follower.standby
    assert follower.server is not None
    assert follower.system_identifier == seen.system_identifier
    assert follower.server.receiver is not None
    assert follower.server.receiver.status == "streaming"
    assert follower.server.upstream_port == primary.port
    assert lies_on(follower, node_info(primary)) is True


def test_half_a_record_is_not_what_a_standby_has(servers: ServerFactory, node_info: NodeInfo) -> None:
    """It reaches past the point where another one is promoted, and PostgreSQL follows that one all the same."""
    primary = servers.primary("p")
    new, left = (servers.standby(name, primary, {"wal_retrieve_retry_interval": "200ms"}) for name in ("s1", "s2"))
    leave_half_a_record(primary, new, left)
    received = left.sql("SELECT pg_last_wal_receive_lsn()::text")[0][0]
    seen = node_info(left)
    assert seen.server is not None
    assert seen.end is not None
    assert (seen.end < Lsn.parse(received), seen.end == seen.server.replayed) == (True, True)
    assert new.sql("SELECT pg_promote()") == [(True,)]
    assert lies_on(node_info(left), node_info(new)) is True
    upstream = f"host={new.socket_directory} port={new.port} user={new.account} application_name={left.name}"
    left.sql(f"ALTER SYSTEM SET primary_conninfo = '{upstream}'")
    left.reload()
    new.sql("CREATE TABLE t AS SELECT 1")
    wait_until_streaming(left, new)
    wait_until_replayed(left, new)
    assert left.sql("SELECT count(*) FROM t") == [(1,)]


def test_the_end_of_wal_of_a_cleanly_stopped_server_is_past_its_checkpoint(
    servers: ServerFactory, node_info: NodeInfo
) -> None:
    """The standby received the shutdown checkpoint in full: the end of it, not its start, is what both have."""
    primary = servers.primary("p")
    standby = servers.standby("s", primary)
    primary.sql("CREATE TABLE t AS SELECT generate_series(1, 1000) AS n")
    primary.stop()
    stopped = node_info(primary)
    assert stopped.control is not None
    assert stopped.control.clean
    assert stopped.wal_end is not None
    assert stopped.wal_end > stopped.control.checkpoint
    received = Lsn.parse(standby.sql("SELECT pg_last_wal_receive_lsn()::text")[0][0])
    assert stopped.wal_end == received


def test_a_killed_server_ends_where_its_last_record_ends(servers: ServerFactory, node_info: NodeInfo) -> None:
    primary = servers.primary("p")
    primary.sql("CREATE TABLE t AS SELECT generate_series(1, 100000) AS n")
    written = Lsn.parse(primary.sql("SELECT pg_current_wal_flush_lsn()::text")[0][0])
    primary.kill()
    node = node_info(primary)
    assert node.server is None
    assert node.control is not None
    assert not node.control.clean
    assert node.wal_end is not None
    assert node.wal_end >= written
    primary.start()
    assert node_info(primary).running


def test_after_a_promotion_the_fork_tells_who_may_follow(servers: ServerFactory, node_info: NodeInfo) -> None:
    primary = servers.primary("p")
    standby = servers.standby("s", primary)
    primary.stop()
    standby.sql("SELECT pg_promote()")
    promoted = node_info(standby)
    assert promoted.timeline == 2
    assert promoted.history is not None
    assert promoted.history.knows(1)
    assert lies_on(node_info(primary), promoted) is True, "stopped cleanly, everything was received"

    primary.start()
    primary.sql("CREATE TABLE alone AS SELECT 1 AS n")
    primary.stop()
    assert lies_on(node_info(primary), promoted) is False, "it wrote after the fork"


def test_a_stopped_standby_reaches_as_far_as_it_received(servers: ServerFactory, node_info: NodeInfo) -> None:
    """Also what it received and did not replay counts: it would be replayed at the next start."""
    primary = servers.primary("p")
    standby = servers.standby("s", primary)
    standby.sql("SELECT pg_wal_replay_pause()")
    primary.sql("CREATE TABLE t AS SELECT generate_series(1, 10000) AS n")
    written = Lsn.parse(primary.sql("SELECT pg_current_wal_flush_lsn()::text")[0][0])
    wait_for(
        lambda: Lsn.parse(standby.sql("SELECT pg_last_wal_receive_lsn()::text")[0][0]) >= written,
        "the standby to have received all",
    )
    replayed = Lsn.parse(standby.sql("SELECT pg_last_wal_replay_lsn()::text")[0][0])
    assert replayed < written
    standby.stop()
    node = node_info(standby)
    assert node.recovery_signal
    assert node.wal_end is not None
    assert node.wal_end >= written


def test_a_clone_that_was_never_started_ends_where_its_backup_ended(
    servers: ServerFactory, node_info: NodeInfo
) -> None:
    """A base backup ends with a switch of segments: there is no record after it, and no file either."""
    primary = servers.primary("p")
    clone = servers.empty("c")
    source = ("-h", str(primary.socket_directory), "-p", str(primary.port))
    primary.run("pg_basebackup", *source, "-D", str(clone.data_directory), "-X", "stream", "-c", "fast", "-R")
    node = node_info(clone)
    assert node.server is None
    assert node.wal_end is not None
    assert node.wal_end.value % (16 * 1024 * 1024) == 0
    assert lies_on(node, node_info(primary)) is True


def test_a_wreck_a_stranger_and_a_taken_port(servers: ServerFactory, node_info: NodeInfo) -> None:
    running = servers.primary("p")
    wreck = servers.empty("w")
    wreck.write("PG_VERSION", f"{wreck.version}\n")
    assert node_info(wreck).directory == "wreck"
    stranger = servers.empty("x")
    stranger.write("holiday.jpg", "")
    assert node_info(stranger).directory == "other"
    wreck = replace(wreck, port=running.port)
    assert node_info(wreck).port_taken
    assert not node_info(running).port_taken, "its own server listens there"


def test_a_server_that_cannot_be_asked_is_not_taken_for_stopped(servers: ServerFactory, node_info: NodeInfo) -> None:
    primary = servers.primary("p")
    primary.write("pg_hba.conf", "local all all reject\n")
    primary.run("pg_ctl", "reload", "-D", str(primary.data_directory))
    wait_for(lambda: node_info(primary).unreadable is not None, "the access rules to be live")
    node = node_info(primary)
    assert node.server is None
    assert "reject" in str(node.unreadable)


def test_the_slots_of_a_server_are_known_when_it_is_stopped(servers: ServerFactory, node_info: NodeInfo) -> None:
    primary = servers.primary("p", settings={"wal_level": "logical"})
    primary.sql("SELECT pg_create_physical_replication_slot('nightly')")
    primary.sql("SELECT pg_create_logical_replication_slot('cdc', 'test_decoding')")
    primary.write("pg_replslot/unknown/state", "not a slot")
    expected = ["cdc (logical)", "nightly (physical)", "unknown"]
    assert list(map(str, node_info(primary).kept_slots)) == expected
    primary.stop()
    assert list(map(str, node_info(primary).kept_slots)) == expected


def test_wherever_the_restore_command_stands(servers: ServerFactory, node_info: NodeInfo) -> None:
    """The last line counts; a standby that gets its WAL there is not cloned for what the primary has removed."""
    primary = servers.primary("p")
    standby = servers.standby("s", primary)
    assert not node_info(standby).restores_from_archive
    standby.write("more.conf", "restore_command = 'cp /nowhere/%f %p'\n")
    standby.write("postgresql.conf", standby.read("postgresql.conf") + "include 'more.conf'\n")
    assert node_info(standby).restores_from_archive
    standby.stop()
    assert node_info(standby).restores_from_archive
    standby.write("postgresql.auto.conf", standby.read("postgresql.auto.conf") + "restore_command = ''\n")
    assert not node_info(standby).restores_from_archive
    standby.write("postgresql.conf", standby.read("postgresql.conf") + "include 'missing.conf'\n")
    assert not node_info(standby).restores_from_archive


def test_what_beats_a_declared_setting(servers: ServerFactory, node_info: NodeInfo) -> None:
    primary = servers.primary("p")
    primary.write("later.conf", "work_mem = '5MB'\nwal_keep_size = '1GB'\n")
    primary.write("postgresql.conf", primary.read("postgresql.conf") + "work_mem = '4MB'\ninclude 'later.conf'\n")
    primary.sql("ALTER SYSTEM SET maintenance_work_mem = '33MB'")
    primary.reload()
    declared = {"work_mem": "4MB", "wal_keep_size": "1024MB", "maintenance_work_mem": 34000, "log_connections": True}
    assert node_info(primary).overridden == ()
    told = node_info(primary, settings=declared).overridden
    assert [text.split(" in ")[0] for text in told] == ["work_mem", "maintenance_work_mem"], told
    assert "later.conf line 1 sets it too" in told[0]
    primary.stop()
    assert {text.split(" in ")[0] for text in node_info(primary, settings=declared).overridden} >= {"work_mem"}
