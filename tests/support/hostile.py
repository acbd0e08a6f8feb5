# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests with hostile settings and hostile users share: every module that asks a server, on a cluster."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from support.clones import ADDRESS, PASSWORD, USER, clone_parameters, follow_parameters, make_passfile, slot_of
from support.servers import Server

RunModule = Callable[..., dict[str, Any]]

# Settings that a session of ours must not depend on, with the worst value of each.
WORST = {
    "default_transaction_isolation": "serializable",
    "default_transaction_read_only": "on",
    "default_transaction_deferrable": "on",
    "search_path": "elsewhere",
    "row_security": "off",
    "statement_timeout": "1",
    "lock_timeout": "1",
    "idle_in_transaction_session_timeout": "1",
    # so that the connections of walreceivers and pg_basebackup live, which nobody can tell anything
    "idle_session_timeout": "2000",
    "synchronous_commit": "remote_apply",
    "DateStyle": "SQL, DMY",
    "IntervalStyle": "iso_8601",
    "TimeZone": "Asia/Kathmandu",
    "standard_conforming_strings": "off",
    "bytea_output": "escape",
    "extra_float_digits": "-15",
    "quote_all_identifiers": "on",
    "array_nulls": "off",
    "transform_null_equals": "on",
    "exit_on_error": "on",
    "client_encoding": "LATIN1",
    "default_table_access_method": "heap",
    "jit_above_cost": "0",
}


def place(server: Server, **more: Any) -> dict[str, Any]:
    """Where the server is, as every module takes it."""
    return {
        "bin_directory": server.bin_directory,
        "data_directory": server.data_directory,
        "port": server.port,
        "socket_directory": server.socket_directory,
        **more,
    }


class Life:
    """A primary and its standby, on which every module that asks a server is run and has to succeed."""

    def __init__(self, run: RunModule, primary: Server, standby: Server, environ: Mapping[str, str]) -> None:
        self._run, self._primary, self._standby, self._environ = run, primary, standby, environ

    def run(self, name: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        result = self._run(name, parameters, environ=self._environ)
        assert not result["failed"], (name, result)
        return result

    def observe(self) -> list[dict[str, Any]]:
        """What node_info says of both, without what moves by itself."""
        found = []
        for server in (self._primary, self._standby):
            node = self.run("node_info", place(server, peers=[], version=server.version))["node"]
            assert node["unreadable"] is None, node
            seen = node["server"]
            kept: tuple[str, ...] = (
                "in_recovery",
                "timeline",
                "started",
                "version",
                "upstream_host",
                "upstream_port",
                "upstream_slot",
            )
            kept += ("restart_pending", "parameters", "max_wal_senders", "tablespace_bytes", "replay_paused")
            senders = [(sender["application_name"], sender["state"]) for sender in seen["senders"]]
            slots = [(slot["name"], slot["active"]) for slot in seen["slots"]]
            found.append({**{name: seen[name] for name in kept}, "senders": senders, "slots": slots})
        return found

    def go_through(self) -> None:
        """Everything that leaves primary and standby what they are."""
        primary, standby = self._primary, self._standby
        self.run("server_config", place(primary, settings={"work_mem": "5MB"}))
        rules = [{"type": "host", "database": "replication", "user": USER, "address": "127.0.0.9"}]
        self.run("hba_rules", place(primary, rules=rules))
        self.run("replication_user", place(primary, user=USER, password=PASSWORD))
        self.run("replication_slots", place(primary, slots=[slot_of(standby)]))
        follow = follow_parameters(standby, primary, socket_directory=standby.socket_directory, reload=True)
        self.run("recovery_config", follow)
        self._wait_for_streaming()
        at = {name: place(server) for name, server in (("primary", primary), ("standby", standby))}
        probe = {
            name: {key: value for key, value in found.items() if key in ("port", "socket_directory")}
            for name, found in at.items()
        }
        written = self.run("replication_probe", {**probe["primary"], "action": "write"})
        told = {"token": written["token"], "lsn": written["lsn"], "timeout": 60}
        self.run("replication_probe", {**probe["standby"], "action": "read", **told})
        self.run("replication_wait", {**probe["standby"], "action": "reached", "lsn": written["lsn"], "timeout": 60})
        host = {"host": ADDRESS, "host_port": primary.port, "user": USER, "passfile": make_passfile(standby, primary)}
        self.run("replication_wait", {"action": "connects", **host})
        self.run("prepare_shutdown", place(primary, keep=standby.name))
        self.run("wal_receiver", place(standby))
        self.run("recovery_config", follow)
        self._wait_for_streaming()

    def clone(self, third: Server) -> None:
        parameters = clone_parameters(third, self._primary)
        self.run("base_backup", parameters)

    def promote(self) -> None:
        """The standby detached and promoted."""
        self.run("wal_receiver", place(self._standby))
        result = self.run("promote", place(self._standby))
        assert result["promoted"], result

    def rewind(self) -> None:
        """The primary that was, stopped by now, to the standby that was promoted."""
        known = ("bin_directory", "data_directory", "version", "primary_host", "primary_port", "user", "passfile")
        parameters = clone_parameters(self._primary, self._standby)
        result = self.run("rewind", {name: parameters[name] for name in known})
        assert result["path"] == "rewound", result

    def _wait_for_streaming(self) -> None:
        standby = self._standby
        parameters = {"action": "streaming", "timeout": 60}
        where = {"port": standby.port, "socket_directory": standby.socket_directory}
        self.run("replication_wait", {**where, **parameters})
