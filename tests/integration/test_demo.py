# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The demo as its users run it: an ordinary user, and root."""

from __future__ import annotations

import functools
import json
import os
import pwd
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from hotstandby_demo.as_root import ACCOUNT
from hotstandby_demo.layout import NODES
from support.account import make_directory, remove_directory
from support.account import test_account as account_of_tests
from support.demo_user import DemoUser, new_user
from support.ports import PortReservation
from support.processes import kill_below, processes_below
from support.waiting import wait_for

DEMO = Path(__file__).resolve().parents[2] / "demo" / "run.py"


@pytest.fixture
def user() -> Iterator[DemoUser]:
    """An ordinary user with a fresh copy of the checkout."""
    person = new_user(account_of_tests())
    try:
        yield person
    finally:
        person.close()


def connection_strings(output: str) -> tuple[str, str]:
    """What the demo printed for writing and for reading."""
    found = re.findall(r'/psql "(.+)"', output)
    assert len(found) == 2, output
    for conninfo in found:
        assert {"connect_timeout", "tcp_user_timeout", "keepalives"} <= set(re.findall(r"(\w+)=", conninfo))
    return found[0], found[1]


def query(conninfo: str, *statements: str) -> Any:
    """First value of the last statement's answer, if it has one."""
    connection = psycopg2.connect(conninfo)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            row = cursor.fetchone() if cursor.description else None
            return row[0] if row else None
    finally:
        connection.close()


def nodes_of(conninfo: str) -> dict[str, str]:
    """A connection string for each single node."""
    ports = psycopg2.extensions.parse_dsn(conninfo)["port"].split(",")
    parts = psycopg2.extensions.parse_dsn(conninfo)
    del parts["target_session_attrs"]
    return {
        name: psycopg2.extensions.make_dsn(**{**parts, "host": "127.0.0.1", "port": port})
        for name, port in zip(NODES, ports)
    }


def assert_replicates(output: str) -> dict[str, str]:
    """A row written through the printed string arrives on both standbys, which refuse writes."""
    write, read = connection_strings(output)
    assert query(write, "SELECT pg_is_in_recovery()") is False
    assert query(read, "SELECT pg_is_in_recovery()") is True
    query(write, "DROP TABLE IF EXISTS seen", "CREATE TABLE seen AS SELECT 42 AS answer")
    lsn = query(write, "SELECT pg_current_wal_lsn()")
    nodes = nodes_of(write)
    standbys = [node for node in nodes.values() if query(node, "SELECT pg_is_in_recovery()")]
    assert len(standbys) == len(NODES) - 1
    for node in standbys:
        wait_for(functools.partial(query, node, f"SELECT pg_last_wal_replay_lsn() >= '{lsn}'"), "replay")
        assert query(node, "SELECT answer FROM seen") == 42
        with pytest.raises(psycopg2.errors.ReadOnlySqlTransaction):
            query(node, "DROP TABLE seen")
    return nodes


def start_times(nodes: dict[str, str]) -> dict[str, Any]:
    return {name: query(node, "SELECT pg_postmaster_start_time()") for name, node in nodes.items()}


def timeline(node: str) -> int:
    return int(query(node, "SELECT timeline_id FROM pg_control_checkpoint()"))


def assert_lived(output: str, nodes: dict[str, str]) -> None:
    """A switchover and a failover, and the old primary came back by a rewind; all have the same rows."""
    assert [re.findall(r"^== Its life, (\d)", output, re.MULTILINE)] == [["1", "2", "3", "4"]]
    assert re.search(r"^n1 +standby +hand_over ", output, re.MULTILINE)
    found = re.search(r"1000 of 1000 rows: the connection string found the new primary, (n[23]), by itself", output)
    assert found, output
    second = found[1]  # whoever had the most
    assert re.search(rf"^{second} +primary +stopped .*\n(.*\n)*PROBLEM: no primary is running", output, re.MULTILINE)
    assert re.search(rf"^loss: \d+ bytes of WAL, from \S+ to \S+, that only {second} has$", output, re.MULTILINE)
    assert re.findall(r"^(n\d) +path: (\w+)", output, re.MULTILINE) == [(second, "rewound")]
    assert re.search(r"^Rows: n1 1000, n2 1000, n3 1000\.", output, re.MULTILINE)
    primaries = [name for name, node in nodes.items() if not query(node, "SELECT pg_is_in_recovery()")]
    assert primaries != [second]
    assert timeline(nodes[primaries[0]]) == 3
    contents = "SELECT md5(string_agg(number::text, ',' ORDER BY number)) FROM life"
    assert len({query(node, contents) for node in nodes.values()}) == 1


def test_up_twice_and_down_as_an_ordinary_user(user: DemoUser) -> None:
    before = user.files()
    status, output = user.run("up", "--life")
    assert status == 0, output
    nodes = assert_replicates(output)
    assert_lived(output, nodes)
    started = start_times(nodes)
    private = [user.demo / "group_vars/all.yml", user.demo / "demo.pgpass", user.demo]
    assert [path.stat().st_mode & 0o077 for path in private] == [0, 0, 0]
    secret = (user.demo / "group_vars/all.yml").read_text().split()[-1]
    assert len(secret) >= 24
    assert secret not in output

    status, output = user.run("up", "--life")
    assert status == 0, output
    assert set(re.findall(r"changed=(\d+)", output)) == {"0"}, output
    assert "Its life" not in output
    assert [json.loads(path.read_text())["ended"] for path in user.demo.glob("n*/hotstandby-*.run")] == [True] * 3
    assert start_times(assert_replicates(output)) == started

    for other in (("--port", "20000"), ("--wheel",)):
        status, output = user.run("up", *other)
        assert (status, output.count("\n")) == (1, 1), output
        assert "run demo/run down before it takes" in output
    assert start_times(nodes) == started

    status, output = user.run("play", "status")
    assert status == 0, output
    status, output = user.run("down")
    assert status == 0, output
    assert "Stopped 3 servers." in output
    assert user.leftovers() == []
    assert user.files() == before
    status, output = user.run("down")
    assert (status, output.count("\n")) == (0, 1), output


def cut_off(user: DemoUser, sign: str) -> None:
    """Start `up` and SIGKILL all of it, but not the servers, when a file of the demo that looks so appears."""
    process = user.start("up", "--life")
    wait_for(lambda: any(user.demo.glob(sign)) or process.poll() is not None, sign, 900)
    assert process.poll() is None, process.communicate()[0]
    user.kill(process)


def test_up_cut_off_after_the_first_server_is_removed(user: DemoUser) -> None:
    before = user.files()
    cut_off(user, "n1/data/postmaster.pid")
    status, output = user.run("down")
    assert status == 0, output
    assert user.leftovers() == []
    assert user.files() == before


def test_up_cut_off_after_a_clone_and_in_its_life_is_finished(user: DemoUser) -> None:
    cut_off(user, "n2/data/PG_VERSION")
    cut_off(user, "n?/data/pg_wal/00000003.history")  # the failover of its life has promoted one
    status, output = user.run("up")
    assert status == 0, output
    assert "cut off in the middle of its life" in output
    nodes = assert_replicates(output)
    assert [timeline(node) for node in nodes.values() if not query(node, "SELECT pg_is_in_recovery()")] == [3]


def test_postgresql_from_pypi(user: DemoUser) -> None:
    """In a directory whose path is too long for a socket, too."""
    before = user.files()
    directory = user.home / "a-directory-with-a-name-that-is-too-long-for-a-socket-in-it" / "and one with spaces"
    status, output = user.run("--directory", str(directory), "up", "--wheel")
    assert status == 0, output
    assert f"from {directory}/wheel/" in output
    assert_replicates(output)
    sockets = Path(json.loads((directory / "demo.json").read_text())["socket_root"])
    assert sockets.is_dir()
    status, output = user.run("--directory", str(directory), "down")
    assert status == 0, output
    assert user.files() == before
    assert not sockets.exists()


def take_port(user: DemoUser, cleanup: list[Callable[[], None]]) -> list[str]:
    ports = PortReservation()
    listener = socket.create_server(("127.0.0.1", ports.reserve()))
    cleanup.extend((listener.close, ports.release))
    return ["up", "--port", str(listener.getsockname()[1])]


def fill_directory(user: DemoUser, cleanup: list[Callable[[], None]]) -> list[str]:
    return ["--directory", str(user.checkout), "up"]


def name_no_programs(user: DemoUser, cleanup: list[Callable[[], None]]) -> list[str]:
    return ["up", "--bin-directory", "/nowhere"]


def name_no_demo(user: DemoUser, cleanup: list[Callable[[], None]]) -> list[str]:
    return ["play", "status"]


@pytest.mark.parametrize(
    ("cause", "says"),
    [
        (take_port, "is already taken on 127.0.0.1; choose another with --port"),
        (fill_directory, "is not empty and not a demo's; choose another with --directory"),
        (name_no_programs, "/nowhere does not hold a PostgreSQL server"),
        (name_no_demo, "start one with demo/run up"),
    ],
)
def test_refusals_are_one_line(
    user: DemoUser, cause: Callable[[DemoUser, list[Callable[[], None]]], list[str]], says: str
) -> None:
    cleanup: list[Callable[[], None]] = []
    before = user.files()
    try:
        status, output = user.run(*cause(user, cleanup))
    finally:
        for step in cleanup:
            step()
    last = output.strip().splitlines()[-1]
    assert status == 1
    assert last.startswith("demo: ")
    assert says in last
    assert user.files() == before


def owner_of(pid: int) -> int | None:
    try:
        return Path(f"/proc/{pid}").stat().st_uid
    except FileNotFoundError:
        return None


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it is the path that root takes")
def test_up_and_down_as_root() -> None:
    parent = make_directory("hs-root-", account_of_tests())
    base = parent / "demo"
    accounts = {entry.pw_name for entry in pwd.getpwall()}

    def run(*arguments: str, status: int = 0) -> str:
        command = [sys.executable, "-B", str(DEMO), "--directory", str(base), *arguments]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        assert done.returncode == status, done.stdout
        return done.stdout

    def assert_nothing_left() -> None:
        assert processes_below(base) == []
        assert list(parent.iterdir()) == []
        assert {entry.pw_name for entry in pwd.getpwall()} == accounts

    try:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            assert "is already taken" in run("up", "--port", str(listener.getsockname()[1]), status=1)
        assert_nothing_left()
        output = run("up")
        assert output.startswith("PostgreSQL refuses to run as root")
        started = start_times(assert_replicates(output))
        owner = pwd.getpwnam(ACCOUNT).pw_uid
        owners = {owner_of(pid) for pid in processes_below(base / "state")}
        assert owners - {None} == {owner}  # None: a session that has ended meanwhile
        assert start_times(assert_replicates(run("up"))) == started
        assert "Stopped 3 servers." in run("down")
        assert_nothing_left()
    finally:
        if base.exists():
            subprocess.run([sys.executable, "-B", str(DEMO), "--directory", str(base), "down"], check=False)
        kill_below(parent)
        remove_directory(parent)
