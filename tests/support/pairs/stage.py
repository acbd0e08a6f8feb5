# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A demo that is built once and put back before each case, with a client's table in it."""

from __future__ import annotations

import compileall
import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2.extensions import make_dsn, parse_dsn

from hotstandby_demo.cluster import Cluster as DemoCluster
from hotstandby_demo.layout import NODES, Layout, State
from hotstandby_demo.stopping import alive, children, postmaster
from support.account import test_account
from support.demo_user import DemoUser, new_user
from support.emergencies import Cluster as Emergency
from support.modules import interpreter
from support.pairs.cases import BUILT, LEFT, Case, Command
from support.pairs.verdict import HUNG, Ran
from support.processes import descendants, kill_below, program_of
from support.servers import remove_shared_memory
from support.waiting import wait_for
from support.writer import TABLE

RUN_TIMEOUT_SECONDS = 600.0
# The history of each timeline that a data directory has, and what may lie beside it.
HISTORY_FILES = "data/pg_wal/*.history"
SHARED_MEMORY = re.compile(r" (/dev/shm/PostgreSQL\.\d+)$", re.MULTILINE)


@dataclass
class Running:
    """A playbook that runs; its output goes into a file."""

    command: Command
    process: subprocess.Popen[str]
    output: Path

    def wait(self) -> Ran:
        """What came of it; one that does not end is killed."""
        try:
            status = self.process.wait(RUN_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill("all")
            status = HUNG
        return Ran(self.command, status, self.output.read_text(encoding="utf-8", errors="replace"), time.monotonic())

    def kill(self, what: str) -> None:
        """SIGKILL a part of it, see cases.KILLED; never a server."""
        main = self.process.pid
        others = [pid for pid in descendants(main) if program_of(pid) != "postgres"]
        words = _words(main)
        if what == "controller":
            others = [pid for pid in others if _words(pid) == words]
        for pid in [main, *(others if what != "main" else [])]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


class Stage:
    """The cluster of all cases. Use `opened`."""

    def __init__(self, user: DemoUser) -> None:
        self._user = user
        self._layout = Layout(user.demo)
        self._saved = user.directory / "saved"
        self._count = 0
        self._shared: set[Path] = set()

    @classmethod
    @contextlib.contextmanager
    def opened(cls) -> Iterator[Stage]:
        """Build it; remove it at the end."""
        user = new_user(test_account())
        stage = cls(user)
        try:
            stage._build()
            yield stage
        finally:
            stage._end()
            user.close()

    def put_back(self, base: str) -> None:
        """The cluster as it was saved, running; the standbys stream."""
        self._end()
        for node in NODES:
            shutil.rmtree(self._layout.node(node))
            _run(["cp", "-a", str(self._saved / base / node), str(self._layout.node(node))])
        primary, standbys = ("n1", ["n2", "n3"]) if base == BUILT else ("n2", ["n3"])
        for node in (primary, *standbys):
            self._pg_ctl(node, "start", "-l", str(self._layout.node(node) / "server.log"))
        wait_for(lambda: self.streaming(primary) == len(standbys), f"{standbys} to stream from {primary}")

    def kill_server(self, node: str, *, with_rows_of_its_own: bool) -> None:
        """SIGKILL all of it. with_rows_of_its_own: a second of what it acknowledges meanwhile is sent to nobody."""
        pid = postmaster(self._layout.data_directory(node))
        assert pid is not None, node
        if with_rows_of_its_own:
            for (sender,) in self.ask(node, "SELECT pid FROM pg_catalog.pg_stat_replication"):
                os.kill(sender, signal.SIGSTOP)
            before = self._rows(node)
            wait_for(lambda: self._rows(node) > before + 5, "rows that only the primary has")
        server = [pid, *children(pid)]
        self._shared |= _shared_memory(server)
        for number in server:
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        wait_for(lambda: not alive(server), f"the end of {node}")

    def start(self, command: Command, *options: str) -> Running:
        """Begin a run, as somebody at the controller would."""
        self._count += 1
        output = self._user.directory / f"run-{self._count}.txt"
        words = ["-m", "ansible", "playbook", "-i", str(self._layout.inventory)]
        playbook = self._user.checkout / "playbooks" / f"{command.playbook}.yml"
        with output.open("w", encoding="utf-8") as sink:
            process = self._user.account.popen(
                [interpreter(), *words, str(playbook), *command.options, *options],
                environ=self._environment(),
                home=self._layout.directory,
                directory=self._user.checkout,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
            )
        return Running(command, process, output)

    def place(self, node: str) -> dict[str, str]:
        """libpq's words for the client of one node."""
        return {**self._client("any"), "host": "127.0.0.1", "port": str(self._state.ports[node])}

    def everywhere(self) -> dict[str, str]:
        """libpq's words for a client who looks for the primary."""
        return self._client("read-write")

    def ask(self, node: str, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows, as the client. Raises psycopg2.Error."""
        server = psycopg2.connect(make_dsn(**self.place(node)))
        try:
            server.autocommit = True
            with server.cursor() as cursor:
                cursor.execute(sql, values or None)
                return list(cursor.fetchall()) if cursor.description else []
        finally:
            server.close()

    def writable(self) -> list[str]:
        """The nodes that take writes."""
        found = []
        for node in NODES:
            with contextlib.suppress(psycopg2.OperationalError):
                if self.ask(node, "SELECT NOT pg_catalog.pg_is_in_recovery()") == [(True,)]:
                    found.append(node)
        return found

    def streaming(self, primary: str) -> int:
        """How many stream from it."""
        query = "SELECT count(*) FROM pg_catalog.pg_stat_replication WHERE state = 'streaming'"
        return int(self.ask(primary, query)[0][0])

    def written(self, node: str, writer: str) -> set[int]:
        return {row[0] for row in self.ask(node, "SELECT n FROM public.written WHERE writer = %s", writer)}

    def logs(self) -> dict[str, str]:
        """What the servers have logged, by node."""
        paths = {node: self._layout.node(node) / "server.log" for node in NODES}
        return {node: path.read_text(encoding="utf-8", errors="replace") for node, path in paths.items()}

    def histories(self) -> dict[str, dict[int, str]]:
        """The text of each history file, by node and timeline; data that was moved aside does not count."""
        return {
            node: {
                int(path.stem, 16): path.read_text(encoding="utf-8")
                for path in self._layout.node(node).glob(HISTORY_FILES)
            }
            for node in NODES
        }

    def _build(self) -> None:
        # A fresh checkout has no bytecode, and its user cannot write any: each run would compile all of it.
        compileall.compile_dir(self._user.checkout / "plugins", quiet=2)
        status, output = self._user.run("up")
        if status:
            raise RuntimeError(f"the demo cannot be built:\n{output}")
        # The client sees who streams; its table is the writer's.
        Emergency(self._user).query("n1", "GRANT pg_read_all_stats TO demo")
        self.ask("n1", TABLE)
        self._save(BUILT, ["n1", "n2", "n3"])

    def make_left(self) -> None:
        """Save the state LEFT too, unless it is there."""
        if (self._saved / LEFT).exists():
            return
        self.put_back(BUILT)
        for (sender,) in self.ask("n1", "SELECT pid FROM pg_catalog.pg_stat_replication"):
            os.kill(sender, signal.SIGSTOP)
        rows = "INSERT INTO public.written SELECT 'nobody', n FROM pg_catalog.generate_series(1, 100) n"
        self.ask("n1", rows)
        self.kill_server("n1", with_rows_of_its_own=False)
        done = self.start(Command("failover", "n2"), "-e", "failover_salvage=false").wait()
        if done.status:
            raise RuntimeError(f"the state {LEFT} cannot be made:\n{done.output}")
        self._save(LEFT, ["n2", "n3"])

    def _save(self, base: str, running: list[str]) -> None:
        """Stop them in good order and keep a copy of everything."""
        for node in running:
            self._pg_ctl(node, "stop", "-m", "fast")
        target = self._saved / base
        target.mkdir(parents=True)
        for node in NODES:
            _run(["cp", "-a", str(self._layout.node(node)), str(target / node)])

    def _end(self) -> None:
        """Kill what runs, and remove what killed servers leave outside of their directories."""
        for pid in filter(None, (postmaster(self._layout.data_directory(node)) for node in NODES)):
            self._shared |= _shared_memory([pid, *children(pid)])
        kill_below(self._layout.directory)
        for path in self._shared:
            path.unlink(missing_ok=True)
        self._shared.clear()
        for left in self._layout.directory.glob("n?/data*/postmaster.pid"):
            remove_shared_memory(left)

    def _pg_ctl(self, node: str, *words: str) -> None:
        program = Path(self._state.bin_directory) / "pg_ctl"
        command = [str(program), *words, "-w", "-s", "-D", str(self._layout.data_directory(node))]
        quiet: dict[str, Any] = {
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.DEVNULL,
            "stderr": subprocess.DEVNULL,
        }
        status = self._user.account.popen(command, home=self._layout.directory, **quiet).wait(120)
        if status:
            raise RuntimeError(f"{' '.join(command)} ended with {status}\n{self.logs()[node][-2000:]}")

    @property
    def _state(self) -> State:
        return self._layout.load()

    def _client(self, target: str) -> dict[str, str]:
        cluster = DemoCluster(self._layout, self._state, Path(interpreter()))
        return {name: str(value) for name, value in parse_dsn(cluster.client(target)).items()}

    def _rows(self, node: str) -> int:
        return int(self.ask(node, "SELECT count(*) FROM public.written")[0][0])

    def _environment(self) -> dict[str, str]:
        directory = self._layout.directory
        return {
            "ANSIBLE_CONFIG": str(self._user.checkout / "ansible.cfg"),
            "ANSIBLE_COLLECTIONS_PATH": str(directory / "collections"),
            "ANSIBLE_HOME": str(directory / "tmp" / "ansible"),
            "ANSIBLE_LOCAL_TEMP": str(directory / "tmp" / "ansible"),
            "NO_COLOR": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "TMPDIR": str(directory / "tmp"),
        }


def befall(stage: Stage, case: Case) -> None:
    """The trouble with which the case begins."""
    if case.trouble:
        primary = "n1" if case.base == BUILT else "n2"
        stage.kill_server(primary, with_rows_of_its_own="rows" in case.trouble)


def _shared_memory(pids: list[int]) -> set[Path]:
    """The files of dynamic shared memory that these processes use."""
    found = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            found |= set(SHARED_MEMORY.findall(Path(f"/proc/{pid}/maps").read_text(encoding="utf-8", errors="replace")))
    return {Path(name) for name in found}


def _words(pid: int) -> bytes:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True)
