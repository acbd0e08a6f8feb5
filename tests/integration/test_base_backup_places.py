# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""base_backup where the data directory is a mount point or its parent is closed, and under load."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.find import find_asides, find_wreck
from support.clones import (
    busy,
    clone_parameters,
    follow_parameters,
    leftovers,
    make_source,
    start_clone,
    wait_until_copying,
    wait_until_replayed,
    wait_until_streaming,
)
from support.modules import ModuleProcess
from support.servers import Server, ServerFactory

RunModule = Callable[..., dict[str, Any]]
StartModule = Callable[..., ModuleProcess]
MEGABYTE = 1024 * 1024
only_root_mounts = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")


@contextmanager
def mounted(server: Server, path: Path, megabytes: int) -> Iterator[Path]:
    """A file system of its own at the path, owned by the account."""
    path.mkdir(mode=0o700)
    entry = server.account_entry
    options = f"size={megabytes}m,mode=700,uid={entry.uid},gid={entry.gid}"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(path)], check=True)
    try:
        yield path
    finally:
        if server.running:
            server.stop("immediate")
        subprocess.run(["umount", str(path)], check=True)


@contextmanager
def closed_parent(server: Server) -> Iterator[Path]:
    """A data directory in a directory that its owner cannot write."""
    server.data_directory.mkdir(mode=0o700)
    server.account_entry.own(server.data_directory)
    (server.directory / "server.log").touch()
    (server.directory / "program.out").touch()
    server.account_entry.own(server.directory / "server.log")
    server.directory.chmod(0o555)
    try:
        yield server.data_directory
    finally:
        server.directory.chmod(0o755)


@pytest.mark.parametrize("kind", [pytest.param("mount", marks=only_root_mounts), "closed"])
def test_inside(servers: ServerFactory, run_module: RunModule, start_module: StartModule, kind: str) -> None:
    """Clone, cut off, clone again, replace, tidy: all within the directory."""
    source = make_source(servers)
    server = servers.empty("s1")
    params = clone_parameters(server, source)
    with mounted(server, server.data_directory, 400) if kind == "mount" else closed_parent(server) as directory:
        (directory / "lost+found").mkdir()
        module = start_module("base_backup", {**params, "max_rate": "1M"})
        wait_until_copying(server, directory / "pgsql_tmp.hotstandby-clone")
        assert busy(server, run_module) == "clone"
        module.kill(group=True)
        module.wait()
        assert busy(server, run_module) is None
        assert find_wreck(str(directory)) == "a clone was cut off while it was copied"
        first = run_module("base_backup", params)
        assert not first["failed"], first
        assert first["moved_aside"] == []
        assert (directory / "lost+found").is_dir()
        assert leftovers(directory) == []

        fixed = directory / "fixed"
        fixed.mkdir(mode=0)
        server.account_entry.own(fixed)
        refused = run_module("base_backup", {**params, "replace": True})
        assert refused["error_name"] == "not_writable", refused
        assert str(fixed) in refused["msg"]
        assert leftovers(directory) == []
        fixed.rmdir()

        second = run_module("base_backup", {**params, "replace": True})
        assert not second["failed"], second
        (aside,) = second["moved_aside"]
        assert Path(aside).parent == directory
        assert (Path(aside) / "global" / "pg_control").exists()
        assert find_asides(str(directory)) == [aside]
        assert find_wreck(str(directory)) is None
        follow(server, source, run_module)
        check_backups_pass_it_over(server, Path(aside))
        tidied = run_module("base_backup", {"state": "tidied", "data_directory": directory})
        assert tidied["removed"] == [aside]
        assert leftovers(directory) == []
        server.stop()


def follow(server: Server, source: Server, run_module: RunModule) -> None:
    followed = run_module("recovery_config", follow_parameters(server, source))
    assert not followed["failed"], followed
    start_clone(server)
    wait_until_streaming(server, source)


def check_backups_pass_it_over(server: Server, aside: Path) -> None:
    copy = server.socket_directory / "copy"
    server.run("pg_basebackup", "-h", server.socket_directory, "-p", str(server.port), "-D", copy, "-c", "fast")
    assert (copy / "PG_VERSION").exists()
    assert not (copy / aside.name).exists()


@only_root_mounts
def test_mounted_wal_directory(servers: ServerFactory, run_module: RunModule) -> None:
    source = make_source(servers)
    server = servers.empty("s1")
    with mounted(server, server.directory / "wal", 200) as wal:
        params = clone_parameters(server, source, wal_directory=wal)
        first = run_module("base_backup", params)
        assert not first["failed"], first
        second = run_module("base_backup", {**params, "replace": True})
        assert not second["failed"], second
        assert len(second["moved_aside"]) == 2
        follow(server, source, run_module)
        assert list(wal.glob("0000*"))
        tidied = run_module("base_backup", {"state": "tidied", "data_directory": server.data_directory})
        assert sorted(tidied["removed"]) == sorted(second["moved_aside"])
        server.stop()


@only_root_mounts
def test_too_little_space(servers: ServerFactory, run_module: RunModule) -> None:
    """Each file system is asked about what goes onto it."""
    source = make_source(servers)
    server = servers.empty("s1")
    with mounted(server, server.data_directory, 100) as directory:
        params = clone_parameters(server, source, expected_bytes=50 * MEGABYTE)
        result = run_module("base_backup", params)
        assert result["error_name"] == "disk_too_small", result
        needed = int(50 * MEGABYTE * 1.02) + 64 * MEGABYTE
        assert f"needs {needed:,} bytes on the file system of {directory}" in result["msg"]
        assert f"and {100 * MEGABYTE:,} are free" in result["msg"]
        assert os.listdir(directory) == []
        assert run_module("base_backup", params, check_mode=True)["error_name"] == "disk_too_small"
        fits = run_module("base_backup", {**params, "expected_bytes": 30 * MEGABYTE})
        assert not fits["failed"], fits


def test_a_mount_point_of_somebody_else(servers: ServerFactory, run_module: RunModule) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can make a directory of another user")
    source = make_source(servers)
    server = servers.empty("s1")
    server.data_directory.mkdir()
    result = run_module("base_backup", clone_parameters(server, source))
    assert result["error_name"] == "not_the_owner"
    server.data_directory.rmdir()
    os.chown(server.directory, 0, 0)
    result = run_module("base_backup", clone_parameters(server, source))
    assert result["error_name"] in ("not_writable", "file_system")
    assert not server.data_directory.exists()


def test_clone_under_load(servers: ServerFactory, run_module: RunModule) -> None:
    """WAL turns over several times while it is copied; the slot keeps what the clone needs."""
    source = make_source(servers, settings={"max_wal_size": "32MB", "min_wal_size": "32MB"})
    source.sql("CREATE TABLE t (i int, filler text)")
    server = servers.empty("s1")
    done = threading.Event()
    failures: list[Exception] = []

    connection = source.connect()

    def write() -> None:
        try:
            with connection.cursor() as cursor:
                while not done.is_set():
                    cursor.execute("INSERT INTO t SELECT i, repeat('x', 500) FROM generate_series(1, 1000) AS i")
                    cursor.execute("SELECT pg_switch_wal()")
                    cursor.execute("CHECKPOINT")
        except psycopg2.Error as error:
            failures.append(error)
        finally:
            connection.close()

    writer = threading.Thread(target=write)
    begin = wal_segment(source)
    writer.start()
    try:
        result = run_module("base_backup", clone_parameters(server, source, max_rate="4M"))
        assert not result["failed"], result
        assert wal_segment(source) - begin > 3
        assert not run_module("recovery_config", follow_parameters(server, source))["failed"]
        start_clone(server)
    finally:
        done.set()  # a standby cannot catch up with one who does nothing but switch to the next segment
        writer.join()
    assert failures == []
    wait_until_streaming(server, source)
    wait_until_replayed(server, source)
    assert server.sql("SELECT count(*) FROM t") == source.sql("SELECT count(*) FROM t")


def wal_segment(server: Server) -> int:
    """Number of the WAL segment that is being written."""
    lsn, segment = server.sql("SELECT pg_current_wal_lsn() - '0/0', current_setting('wal_segment_size')")[0]
    return int(lsn) // (int(str(segment).removesuffix("MB")) * MEGABYTE)
