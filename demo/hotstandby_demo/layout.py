# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of the demo: one directory with all of it, and the state that makes a second run safe."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import random
import shutil
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from hotstandby_demo.console import DemoError

NODES = ("n1", "n2", "n3")
STATE_FILE = "demo.json"
# Below the ephemeral ports, of which any outgoing connection may take one.
FIRST_PORTS = range(15431, 19931, len(NODES))
# sizeof(sun_path) is 108 on Linux, with the terminating zero.
SOCKET_PATH_BYTES = 107


@dataclass
class State:
    """What `up` decided once and keeps, and what `down` has to remove beside the directory."""

    ports: dict[str, int] = field(default_factory=dict)
    bin_directory: str = ""
    version: str = ""
    socket_root: str = ""
    made_parents: list[str] = field(default_factory=list)
    life: str = ""


def default_directory() -> Path:
    """$XDG_STATE_HOME/hotstandby-demo, else ~/.local/state/hotstandby-demo."""
    base = os.environ.get("XDG_STATE_HOME", "")
    return Path(base if base.startswith("/") else Path.home() / ".local" / "state") / "hotstandby-demo"


@dataclass(frozen=True)
class Layout:
    """Paths below the demo's directory."""

    directory: Path

    def node(self, name: str) -> Path:
        return self.directory / name

    def data_directory(self, name: str) -> Path:
        return self.node(name) / "data"

    @property
    def state_file(self) -> Path:
        return self.directory / STATE_FILE

    @property
    def inventory(self) -> Path:
        return self.directory / "inventory.ini"

    @property
    def secrets(self) -> Path:
        return self.directory / "group_vars" / "all.yml"

    @property
    def client_passfile(self) -> Path:
        return self.directory / "demo.pgpass"

    def exists(self) -> bool:
        return self.state_file.exists()

    def load(self) -> State:
        try:
            return State(**json.loads(self.state_file.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise DemoError(f"{self.state_file} cannot be read ({error}); stop its servers and remove it") from None

    def save(self, state: State) -> None:
        write_private(self.state_file, json.dumps(asdict(state), indent=2) + "\n")

    def create(self) -> State:
        """Make the directory, or take it up again. Never one with files of somebody else."""
        if self.exists():
            return self.load()
        if self.directory.exists() and any(path.name != "lock" for path in self.directory.iterdir()):
            raise DemoError(f"{self.directory} is not empty and not a demo's; choose another with --directory")
        parents = [str(path) for path in self.directory.parents if not path.exists()]
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise DemoError(f"cannot make {self.directory}: {error.strerror}; choose one with --directory") from None
        state = State(made_parents=parents)
        self.save(state)
        return state

    def remove(self, state: State) -> None:
        """Everything that `create` and `make_node_directories` made."""
        if state.socket_root:
            shutil.rmtree(state.socket_root, ignore_errors=True)
        for path in self.directory.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        with contextlib.suppress(PermissionError):  # root made this one for us and removes it too
            self.directory.rmdir()
        for parent in state.made_parents:
            with contextlib.suppress(OSError):  # somebody else uses it by now
                Path(parent).rmdir()

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """One demo/run at a time works on a directory."""
        descriptor = os.open(self.directory, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            raise DemoError(f"another demo/run works on {self.directory}; wait until it has ended") from None
        finally:
            os.close(descriptor)

    def make_node_directories(self, state: State) -> None:
        """Sockets lie beside the data, unless that path is too long for a socket."""
        longest = os.fsencode(self.node(NODES[0]) / "socket" / ".s.PGSQL.65535.lock")
        if not state.socket_root and len(longest) > SOCKET_PATH_BYTES:
            state.socket_root = tempfile.mkdtemp(prefix="hotstandby-demo-", dir="/tmp")
        for name in NODES:
            self.node(name).mkdir(mode=0o700, exist_ok=True)
            self.socket_directory(state, name).mkdir(mode=0o700, parents=True, exist_ok=True)

    def socket_directory(self, state: State, name: str) -> Path:
        return Path(state.socket_root) / name if state.socket_root else self.node(name) / "socket"


def write_private(path: Path, text: str) -> None:
    """A file that only its owner reads, replaced as a whole."""
    temporary = path.with_name(path.name + ".new")
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    temporary.replace(path)


def port_is_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1 at this port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def choose_ports(state: State, first: int | None) -> None:
    """Three ports in a row: those of the last run, those asked for, or free ones.

    Chosen by chance: two demos that are begun at the same time would find the same first ones free.
    """
    if state.ports:
        if first not in (None, state.ports[NODES[0]]):
            raise DemoError(f"this demo has port {state.ports[NODES[0]]}; run demo/run down before it takes {first}")
        return
    if first is not None:
        taken = [port for port in range(first, first + len(NODES)) if not port_is_free(port)]
        if taken or not 1024 <= first <= 65533:
            what = f"port {taken[0]} is already taken" if taken else f"port {first} is not between 1024 and 65533"
            raise DemoError(f"{what} on 127.0.0.1; choose another with --port, or none for free ones")
    else:
        candidates = random.sample(FIRST_PORTS, len(FIRST_PORTS))
        free = (port for port in candidates if all(port_is_free(port + step) for step in range(len(NODES))))
        first = next(free, None)
        if first is None:
            raise DemoError(f"no three free ports in a row from {FIRST_PORTS[0]} on 127.0.0.1; choose with --port")
    state.ports = {name: first + step for step, name in enumerate(NODES)}
