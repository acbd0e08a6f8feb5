# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The support itself: servers are real and leave nothing behind, modules run as the account."""

from __future__ import annotations

import os
from pathlib import Path

import psycopg2
import pytest

from support import modules
from support.account import test_account as account_of_tests
from support.processes import processes_below
from support.servers import ServerFactory


def test_primary_and_standby_replicate(servers: ServerFactory) -> None:
    primary = servers.primary(settings={"wal_log_hints": True, "cluster_name": "it's"})
    assert primary.sql("SHOW cluster_name") == [("it's",)]
    standby = servers.standby("s", primary)
    assert primary.running
    assert standby.running
    assert primary.port != standby.port
    assert standby.sql("SELECT pg_is_in_recovery()") == [(True,)]
    assert standby.sql("SHOW port") == [(str(standby.port),)]
    assert standby.read("postgresql.conf").count("\nport = ") == 1
    assert primary.postmaster_start_time() != standby.postmaster_start_time()
    assert primary.run("psql", "--version", check=False).stdout.startswith("psql")


def test_hba_lines_decide_who_may_connect(servers: ServerFactory) -> None:
    primary = servers.primary(hba=["host all stranger 127.0.0.2/32 scram-sha-256"])
    assert "stranger" in primary.read("pg_hba.conf")
    with pytest.raises(psycopg2.OperationalError, match="password"):
        primary.connect(host="127.0.0.1", passfile="/dev/null")


def test_stop_kill_and_crash_recovery(servers: ServerFactory) -> None:
    primary = servers.primary()
    primary.stop()
    assert not primary.running
    primary.start()
    primary.kill()
    assert not primary.running
    assert not processes_below(primary.data_directory)
    primary.start()
    assert "not properly shut down" in primary.log_text()


def test_files_belong_to_the_account(servers: ServerFactory) -> None:
    primary = servers.primary(start=False)
    path = primary.write("conf.d/x.conf", "a\n")
    assert {path.stat().st_uid, path.parent.stat().st_uid} == {account_of_tests().uid}
    assert path.stat().st_mode & 0o777 == 0o600


def test_empty_is_paths_only(servers: ServerFactory) -> None:
    server = servers.empty("e")
    assert not server.data_directory.exists()
    assert not server.running
    assert len(os.fsencode(server.socket_directory / f".s.PGSQL.{server.port}")) <= 107


def test_close_leaves_nothing() -> None:
    factory = ServerFactory()
    primary = factory.primary()
    moved = primary.directory / "moved"
    primary.data_directory.rename(moved)
    assert processes_below(factory.directory)
    factory.close()
    assert not processes_below(factory.directory)
    assert not factory.directory.exists()


def test_module_runs_as_the_account_and_failure_is_a_result(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Driven with a module of this test, so that the collection's modules may change freely."""
    source = (
        modules.readable_tree() / "ansible_collections/hotstandby/postgresql/plugins/modules/support_probe.py"
    )
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_text(PROBE, encoding="utf-8")
    try:
        result = modules.run_module(
            "support_probe", {"text": "é'\"", "path": tmp_path}, check_mode=True, diff=True
        )
        assert (result["uid"], result["check_mode"], result["diff_mode"]) == (
            account_of_tests().uid,
            True,
            True,
        )
        assert (result["text"], result["path"], result["failed"]) == ("é'\"", str(tmp_path), False)
        failed = modules.run_module("support_probe", {"text": "fail"})
        assert failed["failed"]
        assert failed["msg"] == "as asked"
        with pytest.raises(modules.ModuleCrashError, match="ZeroDivisionError"):
            modules.run_module("support_probe", {"text": "crash"})
        handle = modules.start_module("support_probe", {"text": "hang"})
        assert handle.running
        assert handle.pid > 0
        handle.kill()
        assert handle.wait()["rc"] == -9
    finally:
        source.unlink()


PROBE = """\
from __future__ import annotations
import os, signal
import psycopg2
from ansible.module_utils.basic import AnsibleModule
module = AnsibleModule({"text": {"type": "str"}, "path": {"type": "path"}}, supports_check_mode=True)
if module.params["text"] == "fail":
    module.fail_json("as asked")
if module.params["text"] == "crash":
    1 / 0
if module.params["text"] == "hang":
    signal.pause()
module.exit_json(uid=os.geteuid(), check_mode=module.check_mode, diff_mode=module._diff, **module.params)
"""
