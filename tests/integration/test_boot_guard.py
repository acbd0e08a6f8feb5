# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The boot guard with real servers: an old primary does not come up writable beside a new one."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.clones import ADDRESS, PASSWORD, USER, make_source, wait_until_streaming
from support.guards import following, install_guard
from support.modules import interpreter
from support.servers import Server, ServerFactory

NOBODY = 65534
RunModule = Callable[..., dict[str, Any]]


@pytest.fixture
def old(servers: ServerFactory) -> Server:
    """A primary with a replication user, of which a base backup was taken."""
    return make_source(servers)


@pytest.fixture
def new(servers: ServerFactory, old: Server) -> Server:
    """Its standby, which becomes primary; it has a slot for the old one."""
    return servers.standby("s", old)


def promote(server: Server) -> None:
    assert server.sql("SELECT pg_promote()") == [(True,)]
    server.sql("SELECT pg_create_physical_replication_slot('hotstandby_p')")


def start(run_module: RunModule, server: Server, guard: list[str], state: str = "started") -> dict[str, Any]:
    return run_module(
        "server",
        {
            "state": state,
            "service": "pg_ctl",
            "bin_directory": server.bin_directory,
            "data_directory": server.data_directory,
            "log_file": server.log_file,
            "port": server.port,
            "socket_directory": server.socket_directory,
            "boot_guard": guard,
        },
    )


def by_hand(server: Server, guard: list[str], *, as_root: bool = False) -> subprocess.CompletedProcess[str]:
    """Run the guard as ExecStartPre does, as the owner or as root."""
    command = [interpreter(), "-I", *guard]
    if as_root:
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    process = server.account_entry.popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    output, errors = process.communicate(timeout=60)
    return subprocess.CompletedProcess(command, process.returncode, output, errors)


def files(server: Server) -> dict[str, str]:
    """What the guard could change."""
    names = ("standby.signal", "postgresql.auto.conf")
    return {name: server.read(name) for name in names if (server.data_directory / name).exists()}


def in_recovery(server: Server) -> bool:
    return bool(server.sql("SELECT pg_is_in_recovery()")[0][0])


def test_old_primary_starts_as_a_standby_of_the_new_one(old: Server, new: Server, run_module: RunModule) -> None:
    old.stop()
    promote(new)
    guard = install_guard(old, {"s": new.port}, "start")
    result = start(run_module, old, guard)
    assert not result["failed"], result
    assert result["reason"] == (
        "the server was started; boot guard: started as a standby of s: s is primary on timeline 2, newer than 1 here"
    )
    assert in_recovery(old)
    wait_until_streaming(old, new)
    for name in ("standby.signal", "postgresql.auto.conf"):
        found = (old.data_directory / name).stat()
        assert (stat.S_IMODE(found.st_mode), found.st_uid) == (0o600, old.account_entry.uid)
    assert PASSWORD not in str(result) + old.read("postgresql.auto.conf")
    again = run_module("recovery_config", following(old, new))
    assert (again["failed"], again["changed"], again["restart_required"]) == (False, False, False), again
    before = files(old)
    # a standby now: nothing is asked, nothing is touched
    result = start(run_module, old, guard, "restarted")
    assert result["reason"] == "the server was restarted"
    assert files(old) == before


def test_killed_primary_with_rows_of_its_own_is_never_writable(old: Server, new: Server, run_module: RunModule) -> None:
    promote(new)
    old.sql("CREATE TABLE alone AS SELECT generate_series(1, 1000) AS i")  # past the fork
    old.kill()
    result = start(run_module, old, install_guard(old, {"s": new.port}, "start"))
    assert not result["failed"], result
    assert in_recovery(old)
    assert old.sql("SELECT count(*) FROM alone") == [(1000,)]  # nothing is destroyed
    assert new.sql("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'") == [(0,)]


def test_old_primary_follows_a_standby_of_the_new_one_when_that_is_gone(
    servers: ServerFactory, old: Server, new: Server, run_module: RunModule
) -> None:
    """Nobody takes writes at the moment, but this node is not the newest."""
    old.stop()
    promote(new)
    third = servers.standby("t", new)
    new.sql("CHECKPOINT")
    new.kill()
    result = start(run_module, old, install_guard(old, {"s": new.port, "t": third.port}, "start"))
    assert "started as a standby of t: t follows a primary on timeline 2" in result["reason"]
    assert in_recovery(old)


def test_the_newest_primary_starts(old: Server, new: Server, run_module: RunModule) -> None:
    promote(new)
    new.kill()  # no checkpoint on the new timeline yet
    result = start(run_module, new, install_guard(new, {"p": old.port}, "refuse"))
    assert "boot guard: started: no newer primary than this node on timeline 2 (p seen)" in result["reason"]
    assert not in_recovery(new)


def test_a_majority_of_standbys_lets_it_start(old: Server, new: Server, run_module: RunModule) -> None:
    guard = install_guard(old, {"s": new.port}, "refuse")
    old.kill()
    result = start(run_module, old, guard)
    assert "no newer primary than this node on timeline 1 (s seen)" in result["reason"]
    assert not in_recovery(old)


@pytest.mark.parametrize("policy", ["start", "refuse"])
def test_writable_on_the_same_timeline(old: Server, new: Server, run_module: RunModule, policy: str) -> None:
    old.stop()
    new.stop()
    (new.data_directory / "standby.signal").unlink()  # a split brain without a promotion
    new.start()
    before = files(old)
    result = start(run_module, old, install_guard(old, {"s": new.port}, policy))
    assert (result["failed"], result["error_name"]) == (True, "boot_guard_refused")
    assert "s takes writes on the same timeline 1" in result["msg"]
    assert not old.running
    assert files(old) == before


@pytest.mark.parametrize("policy", ["start", "refuse"])
def test_nobody_else_is_up(old: Server, new: Server, run_module: RunModule, policy: str) -> None:
    old.stop()
    new.stop()
    result = start(run_module, old, install_guard(old, {"s": new.port}, policy))
    if policy == "start":
        assert "boot guard: started: cannot tell whether another node is primary" in result["reason"]
        assert not in_recovery(old)
    else:
        assert result["error_name"] == "boot_guard_refused"
        assert "Connection refused" in result["msg"]
        assert not old.running


@pytest.mark.parametrize("policy", ["start", "refuse"])
def test_wrong_password(old: Server, new: Server, run_module: RunModule, policy: str) -> None:
    old.stop()
    promote(new)
    result = start(run_module, old, install_guard(old, {"s": new.port}, policy, password="wr0ng secret"))
    assert (result["error_name"], old.running) == ("boot_guard_refused", False)
    assert "s lives and does not say whether it is a newer primary" in result["msg"]
    assert "password authentication failed" in str(result)
    assert "wr0ng" not in str(result)


def test_a_hanging_peer_holds_nobody_up(old: Server, new: Server, run_module: RunModule) -> None:
    """One that listens and never answers, one that takes no more connections; the third says who is primary."""
    old.stop()
    promote(new)
    with socket.create_server(("127.0.0.1", 0)) as mute, socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        ports = {"mute": mute.getsockname()[1], "full": full.getsockname()[1]}
        with socket.create_connection(("127.0.0.1", ports["full"])):
            guard = install_guard(old, {**ports, "s": new.port}, "refuse", connect_timeout=2)
            result = by_hand(old, guard)
            assert (result.returncode, "standby of s" in result.stderr) == (0, True), result
            (old.data_directory / "standby.signal").unlink()
            # the bound itself: with nobody else to ask, it gives up by itself and says whom it waited for
            result = by_hand(old, install_guard(old, ports, "refuse", connect_timeout=2))
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert "mute lives" in result.stderr


def test_a_frozen_primary_answers_nothing(old: Server, new: Server) -> None:
    """SIGSTOP after the connection is taken: the operating system still accepts, PostgreSQL does not answer."""
    old.stop()
    promote(new)
    pid = new.postmaster_pid
    assert pid
    os.kill(pid, signal.SIGSTOP)
    try:
        result = by_hand(old, install_guard(old, {"s": new.port}, "refuse", connect_timeout=2))
    finally:
        os.kill(pid, signal.SIGCONT)
    assert (result.returncode, "s lives" in result.stderr) == (1, True), result


def test_a_cluster_that_never_had_a_standby_starts(servers: ServerFactory, run_module: RunModule) -> None:
    """The first run of site.yml, where nobody else is there yet; the policy is not asked."""
    fresh = servers.primary(start=False)
    result = start(run_module, fresh, install_guard(fresh, {"s": 1}, "refuse"))
    assert "never had a standby" in result["reason"]
    fresh.sql("CREATE TABLE t AS SELECT generate_series(1, 1000) AS i")
    assert (
        "never had a standby"
        in start(run_module, fresh, install_guard(fresh, {"s": 1}, "refuse"), "restarted")["reason"]
    )


def test_not_a_cluster_and_a_standby_are_left_alone(servers: ServerFactory, old: Server, new: Server) -> None:
    nothing = servers.empty("n")
    result = by_hand(nothing, install_guard(nothing, {"s": 1}, "refuse"))
    assert (result.returncode, result.stderr) == (0, "")
    before = files(new)
    new.stop()
    result = by_hand(new, install_guard(new, {"p": old.port}, "refuse"))
    assert (result.returncode, result.stderr, files(new)) == (0, "", before)


@pytest.mark.parametrize("policy", ["start", "refuse"])
def test_trouble_of_its_own_goes_by_the_policy(old: Server, new: Server, policy: str) -> None:
    old.stop()
    promote(new)
    guard = install_guard(old, {"s": new.port}, policy)
    code = 0 if policy == "start" else 1

    def said() -> str:
        result = by_hand(old, guard)
        assert (result.returncode, result.stderr.count("\n")) == (code, 1), result
        assert "Traceback" not in result.stderr
        return result.stderr

    install_guard(old, {"s": new.port}, policy, bin_directory="/nonexistent")
    assert "No such file" in said()
    install_guard(old, {"s": new.port}, policy)
    configuration = Path(guard[1])
    whole = json.loads(configuration.read_text(encoding="utf-8"))
    configuration.write_text(json.dumps({**whole, "peers": [{"nonsense": 1}]}), encoding="utf-8")
    assert "cannot look around: KeyError" in said()
    for broken in ("{", "[]", '{"data_directory": 7}', "null"):
        configuration.write_text(broken, encoding="utf-8")
        assert "cannot look around" in said()
    configuration.unlink()
    assert "FileNotFoundError" in said()
    assert not (old.data_directory / "standby.signal").exists()


def test_newer_primary_but_the_files_cannot_be_written(old: Server, new: Server, run_module: RunModule) -> None:
    """It is known that it must not be writable, so the policy has no say."""
    old.stop()
    promote(new)
    guard = install_guard(old, {"s": new.port}, "start")
    (old.data_directory / "postgresql.auto.conf.new").mkdir()
    result = start(run_module, old, guard)
    assert (result["error_name"], old.running) == ("boot_guard_refused", False)
    assert "cannot be made its standby" in result["msg"]


def test_root_lets_go_of_its_rights(old: Server, new: Server) -> None:
    """Debian's unit runs it as root; what it writes belongs to the owner."""
    old.stop()
    promote(new)
    result = by_hand(old, install_guard(old, {"s": new.port}, "refuse"), as_root=os.geteuid() == 0)
    assert (result.returncode, "standby of s" in result.stderr) == (0, True), result
    for name in ("standby.signal", "postgresql.auto.conf"):
        found = (old.data_directory / name).stat()
        assert (stat.S_IMODE(found.st_mode), found.st_uid) == (0o600, old.account_entry.uid)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root could become somebody else")
def test_root_becomes_nobody_but_the_owner_that_was_configured(old: Server, new: Server) -> None:
    """The owner of the data directory may put a link to somebody else's files in its place."""
    old.stop()
    promote(new)
    guard = install_guard(old, {"s": new.port}, "refuse")
    for place in (old.data_directory, *old.data_directory.rglob("*")):
        os.chown(place, NOBODY, NOBODY, follow_symlinks=False)
    for place in old.data_directory.parents:  # everybody may pass
        place.chmod(place.stat().st_mode | 0o011)
    os.chown(old.directory / "passfile", NOBODY, NOBODY)
    before = {place: place.stat().st_mtime_ns for place in old.data_directory.rglob("*")}
    result = by_hand(old, guard, as_root=True)
    for place in (old.data_directory, *old.data_directory.rglob("*")):
        os.chown(place, old.account_entry.uid, old.account_entry.gid, follow_symlinks=False)
    assert result.returncode != 0 or "boot guard" not in result.stderr, result
    assert before == {place: place.stat().st_mtime_ns for place in old.data_directory.rglob("*")}


def test_no_guard_is_run_in_check_mode_or_where_none_is_there(old: Server, new: Server, run_module: RunModule) -> None:
    old.stop()
    promote(new)
    result = start(run_module, old, ["/nonexistent/boot_guard.py", "/nonexistent/boot_guard.json", "start"])
    assert (result["error_name"], old.running) == ("boot_guard_missing", False)
    guard = install_guard(old, {"s": new.port}, "start")
    parameters = {
        "service": "pg_ctl",
        "bin_directory": old.bin_directory,
        "data_directory": old.data_directory,
        "log_file": old.log_file,
        "boot_guard": guard,
    }
    result = run_module("server", parameters, check_mode=True)
    assert (result["changed"], (old.data_directory / "standby.signal").exists()) == (True, False)


def test_the_guard_is_asked_before_a_start_only(old: Server, run_module: RunModule) -> None:
    guard = ["/nonexistent/boot_guard.py", "/nonexistent/boot_guard.json", "start"]
    assert start(run_module, old, guard)["reason"] == "the server runs already"
    assert start(run_module, old, guard, "stopped")["reason"] == "the server was stopped"


def rule(server: Server, text: str) -> None:
    """Let these access rules be the only ones; the account gets in as ever."""
    server.write("pg_hba.conf", f"local all all peer\n{text}\n")
    server.sql("SELECT pg_reload_conf()")


@pytest.mark.parametrize("policy", ["start", "refuse"])
def test_a_newer_primary_without_an_access_rule_lives(old: Server, new: Server, policy: str) -> None:
    old.stop()
    promote(new)
    rule(new, "")
    result = by_hand(old, install_guard(old, {"s": new.port}, policy))
    assert result.returncode == 1, result
    assert "s lives and does not say whether it is a newer primary" in result.stderr
    assert "no pg_hba.conf entry" in result.stderr


@pytest.mark.parametrize("refused", ["postgres", "replication"])
def test_one_of_the_two_questions_is_enough_to_know_the_newer_one(old: Server, new: Server, refused: str) -> None:
    """SQL and IDENTIFY_SYSTEM are asked each by itself: with no connection left there is often a walsender left."""
    old.stop()
    promote(new)
    rule(
        new,
        f"host {refused} {USER} {ADDRESS}/32 reject\nhost all {USER} {ADDRESS}/32 scram-sha-256\n"
        f"host replication {USER} {ADDRESS}/32 scram-sha-256",
    )
    result = by_hand(old, install_guard(old, {"s": new.port}, "start"))
    if refused == "postgres":
        assert (result.returncode, "standby of s: s is primary on timeline 2" in result.stderr) == (0, True), result
    else:
        assert (result.returncode, "s takes writes and does not say" in result.stderr) == (1, True), result


def test_a_standby_without_a_connection_left_lets_its_primary_start(old: Server, new: Server) -> None:
    """Its walsender says on which timeline it is, and that it is a standby."""
    rule(new, f"host postgres {USER} {ADDRESS}/32 reject\nhost replication {USER} {ADDRESS}/32 scram-sha-256")
    old.stop()
    result = by_hand(old, install_guard(old, {"s": new.port}, "refuse"))
    assert (result.returncode, "(s seen)" in result.stderr) == (0, True), result


def guarding(server: Server, guard: list[str]) -> subprocess.Popen[str]:
    """A guard that is not waited for."""
    return server.account_entry.popen([interpreter(), "-I", *guard], stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.mark.parametrize("policy", ["start", "refuse"])
@pytest.mark.parametrize("first", ["old", "new"])
def test_two_that_boot_together_find_out_who_is_newer(old: Server, new: Server, policy: str, first: str) -> None:
    """Neither server is up: their guards ask each other, and never wait for each other for ever."""
    promote(new)
    old.kill()
    new.kill()
    patient: dict[str, Any] = {"server_seconds": 100, "boot_seconds": 10**9}
    guards = {
        "old": (old, install_guard(old, {"s": new.port}, policy, **patient)),
        "new": (new, install_guard(new, {"p": old.port}, policy, **patient)),
    }
    one = guarding(*guards[first])
    other = guarding(*guards[{"old": "new", "new": "old"}[first]])
    running = {first: one, {"old": "new", "new": "old"}[first]: other}
    said = running["new"].communicate(timeout=100)[1]
    assert (running["new"].returncode, "on timeline 2 (p seen)" in said) == (0, True), said
    assert running["old"].poll() is None, "the old one waits for the server of the new one"
    new.start()
    said = running["old"].communicate(timeout=100)[1]
    assert (running["old"].returncode, "started as a standby of s: s is" in said) == (0, True), said


def test_a_server_that_comes_up_later_is_waited_for(old: Server, new: Server) -> None:
    old.kill()
    promote(new)
    new.stop()
    waiting = guarding(old, install_guard(old, {"s": new.port}, "start", server_seconds=100))
    with pytest.raises(subprocess.TimeoutExpired):
        waiting.wait(timeout=2)
    new.start()
    assert "started as a standby of s: s is primary on timeline 2" in waiting.communicate(timeout=100)[1]


def test_a_restart_waits_for_nobody(old: Server, new: Server) -> None:
    """It was shut down a moment ago, and its host has run ever since."""
    new.stop()
    old.stop()
    guard = install_guard(old, {"s": new.port}, "start", server_seconds=10**9)
    assert "no majority answered" in by_hand(old, guard).stderr


@pytest.mark.parametrize("policy", ["start", "refuse"])
def test_a_rewind_that_was_cut_off_had_hidden_the_signal_file(old: Server, new: Server, policy: str) -> None:
    new.stop()
    signal_file = new.data_directory / "standby.signal"
    signal_file.rename(new.data_directory / "standby.signal.hotstandby-hidden")
    result = by_hand(new, install_guard(new, {"p": 1}, policy))
    assert (result.returncode, "as a standby: a rewind was cut off" in result.stderr) == (0, True), result
    assert signal_file.exists()
    assert not (new.data_directory / "standby.signal.hotstandby-hidden").exists()


def test_the_newer_one_says_loudly_that_there_is_an_older_primary(old: Server, new: Server) -> None:
    promote(new)
    new.kill()
    result = by_hand(new, install_guard(new, {"p": old.port}, "start"))
    assert (result.returncode, "WARNING: TWO PRIMARIES: p takes writes" in result.stderr) == (0, True), result
