# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the benchmarks on hosts share: hosts of their own, a run with a stamp on each line, and a certain end."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from support.hosts import Fleet
from support.hosts.controller import Controller
from support.processes import kill_tree
from support.writer import NODES

# A second run beside the first one, by hand: HOTSTANDBY_FLEET=mine:121 (a name, and its first address).
NAME, FIRST_ADDRESS = os.environ.get("HOTSTANDBY_FLEET", "bench:201").split(":")


@dataclass
class Stamped:
    """A run of ansible-playbook, each line of its output with the time at which it came (seconds since the epoch)."""

    name: str
    begun: float
    ended: float = 0.0
    returncode: int = 0
    lines: list[tuple[float, str]] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        return self.ended - self.begun

    @property
    def output(self) -> str:
        return "\n".join(line for _at, line in self.lines)


def own_fleet(offset: int = 0, nodes: Sequence[str] = NODES) -> Fleet:
    """Hosts that no other run has; not booted yet."""
    first = int(FIRST_ADDRESS) + offset
    return Fleet(f"{NAME}-{first}", {node: f"198.51.100.{first + i}" for i, node in enumerate(nodes)})


def play(user: Controller, name: str, *arguments: str, check: bool = True) -> Stamped:
    """Run playbooks/`name`.yml; check: it must end with 0."""
    found = Stamped(name, time.time())
    process = user.start(name, *arguments)
    try:
        if process.stdout is None:
            raise RuntimeError("it was started without a pipe")
        for line in process.stdout:
            found.lines.append((time.time(), line.rstrip("\n")))
        found.returncode = process.wait()
    finally:
        if process.poll() is None:  # we are told to end
            kill_tree(process)
    found.ended = time.time()
    if check and found.returncode:
        raise SystemExit(f"{name}.yml {' '.join(arguments)} ended with {found.returncode}:\n{found.output}")
    return found


@contextlib.contextmanager
def ended_in_order() -> Iterator[None]:
    """Told to end, also in a shell's background, clean up as after Ctrl-C; one line instead of a traceback."""
    signal.signal(signal.SIGTERM, lambda *dummy: sys.exit(143))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        print("\ninterrupted; what was started has been removed", file=sys.stderr)
        sys.exit(130)


def tell(text: str) -> None:
    """What goes on, for who waits; the tables are on stdout."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)
