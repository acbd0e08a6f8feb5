# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Module server_config against real servers."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Callable

import pytest

from support.servers import Server, ServerFactory

Configure = Callable[..., dict[str, Any]]
SECRET = 'it\'s "a" \\ b:c d %20 # {{ nö }}'


@pytest.fixture
def configure(run_module: Callable[..., dict[str, Any]]) -> Configure:
    """Run the module on a server with these settings."""

    def run(server: Server, settings: dict[str, Any], **options: Any) -> dict[str, Any]:
        modes = {name: options.pop(name) for name in ("check_mode", "diff") if name in options}
        parameters = {
            "bin_directory": server.bin_directory,
            "data_directory": server.data_directory,
            "port": server.port,
            "socket_directory": server.socket_directory,
            "settings": settings,
            **options,
        }
        return run_module("server_config", parameters, **modes)

    return run


def everything(directory: Path) -> dict[str, tuple[int, int, bytes]]:
    """Every configuration file with its inode, mode and text."""
    return {
        path.name: (path.stat().st_ino, path.stat().st_mode, path.read_bytes())
        for path in sorted(directory.glob("*.conf"))
    } | {"": (0, len(os.listdir(directory)), b"")}


def show(server: Server, name: str) -> str:
    return str(server.sql("SELECT current_setting(%s)", (name,))[0][0])


def test_settings_are_written_and_become_live_by_a_reload(servers: ServerFactory, configure: Configure) -> None:
    server = servers.primary()
    old = server.read("postgresql.conf")
    started = server.postmaster_start_time()
    result = configure(server, {"work_mem": "8MB", "log_connections": True, "wal_keep_size": 512}, reload=True)
    assert not result["failed"], result
    assert result["changed"]
    assert result["reloaded"]
    assert not result["reload_required"]
    assert not result["restart_required"]
    assert {(change["name"], change["after"], change["context"]) for change in result["changes"]} == {
        ("work_mem", "8MB", "user"),
        ("log_connections", "on", "superuser-backend"),
        ("wal_keep_size", "512", "sighup"),
    }
    assert (show(server, "work_mem"), show(server, "wal_keep_size")) == ("8MB", "512MB")
    assert server.postmaster_start_time() == started
    assert server.read("postgresql.conf").startswith(old)
    stat = (server.data_directory / "postgresql.conf").stat()
    assert (stat.st_uid, stat.st_mode & 0o777) == (server.account_entry.uid, 0o600)


def test_a_second_run_changes_nothing_whatever_the_spelling(servers: ServerFactory, configure: Configure) -> None:
    server = servers.primary()
    settings = {"shared_buffers": "16MB", "log_checkpoints": True, "checkpoint_timeout": "10min"}
    configure(server, settings)
    server.restart()
    before = everything(server.data_directory)
    for spelling in (
        settings,
        {"Shared_Buffers": "16384kB", "log_checkpoints": "yes", "checkpoint_timeout": "600s"},
        {"shared_buffers": 2048, "log_checkpoints": 1, "checkpoint_timeout": 600},
    ):
        result = configure(server, spelling, reload=True)
        assert not result["failed"], result
        assert not result["changed"], result
        assert result["changes"] == []
        assert not result["restart_required"]
        assert not result["reload_required"]
    assert everything(server.data_directory) == before


def test_a_restart_is_asked_for_until_it_has_happened(servers: ServerFactory, configure: Configure) -> None:
    server = servers.primary()
    result = configure(server, {"max_connections": 123, "work_mem": "7MB"})
    assert result["restart_required"]
    assert result["reload_required"]
    assert result["pending_restart"] == ["max_connections"]
    assert "max_connections the server has to be restarted" in result["reason"]
    again = configure(server, {"max_connections": 123, "work_mem": "7MB"})
    assert not again["changed"]
    assert again["restart_required"]
    assert again["reload_required"]
    reloaded = configure(server, {"max_connections": 123, "work_mem": "7MB"}, reload=True)
    assert reloaded["changed"]  # the server works with another value now
    assert reloaded["reloaded"]
    assert reloaded["restart_required"]
    assert not reloaded["reload_required"]
    assert reloaded["pending_restart"] == ["max_connections"]
    server.restart()
    last = configure(server, {"max_connections": 123, "work_mem": "7MB"}, reload=True)
    assert not last["changed"]
    assert not last["restart_required"]
    assert last["pending_restart"] == []


def test_the_server_is_told_of_what_waits_for_its_restart_alone(servers: ServerFactory, configure: Configure) -> None:
    server = servers.primary()
    noted = "SELECT name FROM pg_settings WHERE pending_restart"
    assert configure(server, {"max_connections": 123})["changed"]
    assert server.sql(noted) == []
    result = configure(server, {"max_connections": 123}, reload=True)
    assert (result["changed"], result["reloaded"]) == (False, True), "it works as before"
    assert server.sql(noted) == [("max_connections",)]
    assert not configure(server, {"max_connections": 123}, reload=True)["reloaded"]


def test_null_goes_back_to_the_default(servers: ServerFactory, configure: Configure) -> None:
    server = servers.primary(settings={"work_mem": "9MB", "max_wal_senders": 7})
    result = configure(server, {"work_mem": None, "max_wal_senders": None}, reload=True)
    assert not result["failed"], result
    assert show(server, "work_mem") == "4MB"
    assert result["restart_required"]
    assert result["pending_restart"] == ["max_wal_senders"]
    assert not configure(server, {"work_mem": None})["changed"]


def test_a_stopped_server_reads_it_at_its_start(servers: ServerFactory, configure: Configure) -> None:
    server = servers.primary(start=False)
    result = configure(server, {"wal_keep_size": "1GB", "wal_level": "logical", "seq_page_cost": 2}, reload=True)
    assert not result["failed"], result
    assert {change["name"]: change["context"] for change in result["changes"]} == {
        "wal_keep_size": "sighup",
        "wal_level": "postmaster",
        "seq_page_cost": "unknown",
    }
    assert not result["restart_required"]
    assert not result["reloaded"]
    server.start()
    assert show(server, "wal_level") == "logical"
    assert not configure(server, {"wal_keep_size": "1GB", "wal_level": "logical"})["changed"]


@pytest.mark.parametrize("start", [True, False])
@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"work_mem": "banana"}, 'invalid value for parameter "work_mem": "banana"'),
        ({"max_connections": -1}, "-1 is outside the valid range for parameter"),
        ({"wal_level": "most"}, 'invalid value for parameter "wal_level": "most"'),
        ({"no_such_setting": 1}, 'unrecognized configuration parameter "no_such_setting"'),
    ],
)
def test_what_the_server_rejects_changes_nothing(
    servers: ServerFactory, configure: Configure, start: bool, settings: dict[str, Any], complaint: str
) -> None:
    server = servers.primary(start=start)
    before = everything(server.data_directory)
    for check_mode in (True, False):
        result = configure(server, {"seq_page_cost": 3, **settings}, reload=True, check_mode=check_mode)
        assert result["failed"]
        assert result["error_name"] == "rejected"
        assert complaint in result["msg"]
        assert "nothing was changed" in result["msg"]
        assert "/data/postgresql.conf" in result["msg"]
        assert "\n" not in result["msg"]
    assert everything(server.data_directory) == before


@pytest.mark.parametrize("settings", [{"work_mem": "banana"}, {"no_such_setting": 1}])
def test_the_old_file_comes_back_when_the_running_server_objects(
    servers: ServerFactory, configure: Configure, settings: dict[str, Any]
) -> None:
    server = servers.primary()
    server.write("fake/postgres", "#!/bin/sh\nexit 0\n", mode=0o700)  # a check beforehand that sees nothing
    before = server.read("postgresql.conf")
    result = configure(server, settings, bin_directory=server.data_directory / "fake", reload=True)
    assert result["error_name"] == "rejected"
    assert "the server rejects" in result["msg"]
    assert f"{server.data_directory}/postgresql.conf line" in result["msg"]
    assert server.read("postgresql.conf") == before


def test_a_broken_line_of_the_user_is_named(servers: ServerFactory, configure: Configure) -> None:
    server = servers.primary()
    server.write("postgresql.conf", "this is no setting\n" + server.read("postgresql.conf"))
    before = everything(server.data_directory)
    result = configure(server, {"work_mem": "8MB"})
    assert result["error_name"] == "rejected"
    assert "syntax error" in result["msg"]
    assert "line 1" in result["msg"]
    assert everything(server.data_directory) == before


@pytest.mark.parametrize("start", [True, False])
def test_alter_system_beats_the_file(servers: ServerFactory, configure: Configure, start: bool) -> None:
    server = servers.primary()
    server.sql("ALTER SYSTEM SET work_mem = '5MB'")
    if not start:
        server.stop()
    before = everything(server.data_directory)
    for check_mode in (True, False):
        for value in ("8MB", None):
            result = configure(server, {"work_mem": value}, check_mode=check_mode)
            assert result["error_name"] == "overridden", result
            assert f"{server.data_directory}/postgresql.auto.conf line 3" in result["msg"]
            assert "ALTER SYSTEM RESET work_mem" in result["msg"]
    assert everything(server.data_directory) == before
    # the same value is no conflict
    assert configure(server, {"work_mem": "5120kB"})["changed"]


@pytest.mark.parametrize("start", [True, False])
@pytest.mark.parametrize(
    ("directive", "file", "decoy"),
    [
        ("include 'extra/x.conf'", "extra/x.conf", None),
        ("include_if_exists = 'extra/x.conf'", "extra/x.conf", None),
        ("include_dir 'extra'", "extra/20.conf", "extra/10.conf"),
    ],
)
def test_an_include_that_is_read_later_beats_the_file(
    servers: ServerFactory,
    configure: Configure,
    start: bool,
    directive: str,
    file: str,
    decoy: str | None,
) -> None:
    server = servers.primary(settings={"work_mem": "6MB"}, start=False)
    server.write(file, "# mine\nwork_mem = 5MB\n")
    if decoy:
        server.write(decoy, "work_mem = 3MB\n")
    server.write("postgresql.conf", server.read("postgresql.conf") + directive + "\n")
    if start:
        server.start()
    before = everything(server.data_directory)
    result = configure(server, {"work_mem": "8MB"})
    assert result["error_name"] == "overridden", result
    assert f"{server.data_directory}/{file} line 2" in result["msg"]
    assert everything(server.data_directory) == before
    # what the file does not set yet is appended behind the include, and therefore counts
    server.write(file, "wal_keep_size = 5MB\n")
    if decoy:
        server.write(decoy, "wal_keep_size = 3MB\n")
    result = configure(server, {"wal_keep_size": "8MB", "work_mem": "8MB"}, reload=True)
    assert not result["failed"], result
    if not start:
        server.start()
    assert (show(server, "wal_keep_size"), show(server, "work_mem")) == ("8MB", "8MB")


def test_the_command_line_beats_the_file(servers: ServerFactory, configure: Configure) -> None:
    server = servers.primary(start=False)
    server.run("pg_ctl", "start", "-w", "-D", server.data_directory, "-l", server.log_file, "-o", "-c work_mem=5MB")
    before = everything(server.data_directory)
    result = configure(server, {"work_mem": "8MB"})
    assert result["error_name"] == "overridden"
    assert "'5120' by command line" in result["msg"]
    assert everything(server.data_directory) == before
    assert not configure(server, {"work_mem": "5MB"})["failed"]


@pytest.mark.parametrize("start", [True, False])
def test_check_mode_tells_and_changes_nothing(servers: ServerFactory, configure: Configure, start: bool) -> None:
    server = servers.primary(start=start)
    before = everything(server.data_directory)
    result = configure(server, {"work_mem": "8MB", "max_connections": 50}, reload=True, check_mode=True, diff=True)
    assert not result["failed"], result
    assert result["changed"]
    assert result["reloaded"] is start
    assert result["restart_required"] is start
    assert "would be changed" in result["reason"]
    assert result["diff"]["before"] == server.read("postgresql.conf")
    assert "\nwork_mem = 8MB\n" in result["diff"]["after"]
    assert everything(server.data_directory) == before
    if start:
        assert show(server, "work_mem") == "4MB"


def test_check_mode_on_a_virgin_host_is_a_forecast(servers: ServerFactory, configure: Configure) -> None:
    server = servers.empty("virgin")
    nowhere = {"bin_directory": "/nonexistent/bin", "reload": True}
    result = configure(server, {"work_mem": "8MB"}, check_mode=True, diff=True, **nowhere)
    assert not result["failed"], result
    assert result["changed"]
    assert result["diff"]["before"] == ""
    assert "work_mem = 8MB" in result["diff"]["after"]
    assert not server.data_directory.exists()
    result = configure(server, {"work_mem": "8MB"})
    assert result["error_name"] == "no_config_file"


def test_comments_links_and_strange_bytes_survive(servers: ServerFactory, configure: Configure) -> None:
    server = servers.primary()
    real = server.data_directory / "real.conf"
    text = server.read("postgresql.conf") + "work_mem = 4MB  # mine\n"
    link = server.write("postgresql.conf", text)
    link.rename(real)
    real.write_bytes(b"# caf\xe9\r\n" + real.read_bytes())
    link.symlink_to("real.conf")
    result = configure(server, {"work_mem": "8MB"}, reload=True)
    assert not result["failed"], result
    assert link.is_symlink()
    assert real.read_bytes().startswith(b"# caf\xe9\r\n")
    assert b"\nwork_mem = 8MB  # mine\n" in real.read_bytes()
    assert show(server, "work_mem") == "8MB"


def test_a_nasty_text_reaches_the_server(servers: ServerFactory, configure: Configure) -> None:
    server = servers.primary()
    result = configure(server, {"log_line_prefix": SECRET, "my.own": "a\tb\nc"}, reload=True)
    assert not result["failed"], result
    assert show(server, "log_line_prefix") == SECRET
    assert show(server, "my.own") == "a\tb\nc"
    assert not configure(server, {"log_line_prefix": SECRET}, reload=True)["changed"]


def test_a_password_in_a_connection_string_is_not_shown(servers: ServerFactory, configure: Configure) -> None:
    server = servers.primary()
    refused = configure(server, {"primary_conninfo": "host=a password=Geheim1"}, diff=True)
    assert refused["error_name"] == "password_in_setting"
    assert "Geheim" not in str(refused)
    server.configure({"primary_conninfo": "host=a password=Geheim2"})
    for value in ("host=b passfile=/x", None):
        result = configure(server, {"primary_conninfo": value, "work_mem": "8MB"}, diff=True)
        assert result["changed"], result
        assert "Geheim" not in str(result)
        assert "#primary_conninfo = 'host=" in result["diff"]["after"] or value
        server.configure({"primary_conninfo": "host=a password=Geheim3"})


def test_the_server_of_another_directory_is_not_taken_for_ours(servers: ServerFactory, configure: Configure) -> None:
    one, other = servers.primary("one"), servers.primary("other")
    before = everything(other.data_directory)
    result = configure(
        other,
        {"work_mem": "8MB"},
        config_directory=other.data_directory,
        data_directory=None,
        port=one.port,
        socket_directory=one.socket_directory,
    )
    assert result["error_name"] == "other_file"
    assert everything(other.data_directory) == before


def test_a_new_port_is_waited_for_at_the_old_one(servers: ServerFactory, configure: Configure) -> None:
    server = servers.primary()
    result = configure(server, {"port": server.port + 1}, port=server.port + 1)
    assert result["restart_required"], result
    again = configure(server, {"port": server.port + 1}, port=server.port + 1)
    assert again["restart_required"], again


@pytest.mark.parametrize(
    ("settings", "name"),
    [({"work_mem": [1]}, "bad_setting"), ({"a b": 1}, "bad_setting"), ({"include": "x"}, "bad_setting")],
)
def test_bad_parameters(servers: ServerFactory, configure: Configure, settings: dict[str, Any], name: str) -> None:
    assert configure(servers.primary(start=False), settings)["error_name"] == name


def test_a_configuration_directory_of_its_own(servers: ServerFactory, configure: Configure) -> None:
    """The layout of Debian: the file lies elsewhere, names the data directory and includes conf.d last."""
    server = servers.primary(start=False)
    etc = server.data_directory.parent / "etc"
    text = f"data_directory = '{server.data_directory}'\n{server.read('postgresql.conf')}include_dir 'conf.d'\n"
    server.write("../etc/postgresql.conf", text, mode=0o644)
    server.write("../etc/conf.d/site.conf", "wal_keep_size = 32MB\n")
    (server.data_directory / "postgresql.conf").unlink()
    stopped = configure(server, {"work_mem": "6MB"}, config_directory=etc)
    assert stopped["changed"], stopped
    server.run(
        *("pg_ctl", "start", "-w", "-l", server.log_file, "-D", server.data_directory),
        *("-o", f"-c config_file={etc}/postgresql.conf"),
    )
    result = configure(server, {"work_mem": "8MB"}, config_directory=etc, reload=True)
    assert not result["failed"], result
    assert show(server, "work_mem") == "8MB"
    assert (etc / "postgresql.conf").stat().st_mode & 0o777 == 0o644
    conflict = configure(server, {"wal_keep_size": None}, config_directory=etc)
    assert conflict["error_name"] == "overridden"
    assert f"{etc}/conf.d/site.conf line 1" in conflict["msg"]
    rejected = configure(server, {"work_mem": "much"}, config_directory=etc)
    assert rejected["error_name"] == "rejected"
    assert f"{etc}/postgresql.conf" in rejected["msg"]
