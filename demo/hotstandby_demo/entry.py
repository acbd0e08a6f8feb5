# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The verbs of demo/run."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from hotstandby_demo import as_root, life
from hotstandby_demo.cluster import Cluster
from hotstandby_demo.console import DemoError, say
from hotstandby_demo.layout import NODES, Layout, choose_ports, default_directory
from hotstandby_demo.runtime import find_python, settle_programs
from hotstandby_demo.stopping import stop_all

# In this order; each must succeed before the next one runs.
PLAYBOOKS = (
    ("site", "build a primary and two hot standbys, or bring them back to their roles"),
    ("status", "look at the cluster"),
    ("verify", "write a row on the primary, read it on every standby"),
)


def is_root() -> bool:
    if sys.platform != "linux":
        raise DemoError("it reads /proc to find its own servers and so runs on Linux only; use a Linux machine")
    return os.geteuid() == 0


def layout_of(directory: Path | None) -> Layout:
    path = (directory or default_directory()).absolute()
    if set(str(path)) & set("'\"\\{}\n"):
        raise DemoError(f"{path} has a quote, brace or backslash in its name; choose another with --directory")
    return Layout(path)


def up(
    directory: Path | None, port: int | None, bin_directory: Path | None, *, wheel: bool, with_life: bool = False
) -> int:
    """Build the cluster, or bring it back, and show it; 0, or the exit status of the playbook that failed.

    with_life: take it through its life too, if it has not been through it yet.
    """
    if is_root():
        base = (directory or as_root.DEFAULT_BASE).absolute()
        return as_root.up(base, port, bin_directory, wheel=wheel, with_life=with_life)
    layout = layout_of(directory)
    is_new = not layout.exists()
    state = layout.create()
    with layout.locked():
        try:
            choose_ports(state, port)
            layout.make_node_directories(state)
            layout.save(state)
            python = find_python(layout.directory / "venv")
            wheel_directory = layout.directory / "wheel"
            programs = settle_programs(python, wheel_directory, bin_directory, wheel=wheel, settled=state.bin_directory)
            state.bin_directory, state.version = str(programs.bin_directory), programs.version
            layout.save(state)
        except DemoError:
            if is_new:  # a refusal leaves nothing behind
                layout.remove(state)
            raise
        cluster = Cluster(layout, state, python)
        cluster.write_inventory()
        ports = ", ".join(f"{name} {state.ports[name]}" for name in NODES)
        say(f"Demo in {layout.directory}, PostgreSQL {state.version}, ports: {ports}")
        status = life.resume(cluster) if state.life == life.BEGUN else 0
        status = status or build(cluster)
        if status == 0 and with_life and state.life != life.DONE:
            status = life.live(cluster)
        if status != 0:
            return status
        cluster.report(cluster.primary())
        if state.life == life.DONE:
            say("\nOnce more a switchover, a kill -9, failover and rejoin:  demo/run life")
        say("\nAnother playbook on it:  demo/run play status")
        say("Stop and remove it:      make demo-down")
    return 0


def build(cluster: Cluster) -> int:
    """The cluster as it shall be, looked at and proved; 0, or the exit status of the playbook that failed."""
    for playbook, purpose in PLAYBOOKS:
        say(f"\n== playbooks/{playbook}.yml: {purpose}")
        status = cluster.play(playbook)
        if status != 0:
            logs = cluster.layout.directory / "n*" / "server.log"
            say(f"demo: {playbook}.yml failed (see above; servers' logs: {logs}); left as it is")
            return status
        if playbook == PLAYBOOKS[0][0]:
            cluster.ensure_client(cluster.primary())
    return 0


def play(directory: Path | None, playbook: str, options: list[str]) -> int:
    """Run one playbook of the collection on the demo; its exit status."""
    if is_root():
        base = (directory or as_root.DEFAULT_BASE).absolute()
        return as_root.hand_on(base, ["play", playbook, *options])
    with running(directory) as cluster:
        return cluster.play(playbook, tuple(options))


def live(directory: Path | None) -> int:
    """Take the demo through its life, also if it has been through it before."""
    if is_root():
        return as_root.hand_on((directory or as_root.DEFAULT_BASE).absolute(), ["life"])
    with running(directory) as cluster:
        return life.live(cluster)


@contextlib.contextmanager
def running(directory: Path | None) -> Iterator[Cluster]:
    """The demo in this directory, while nobody else works on it."""
    layout = layout_of(directory)
    if not layout.exists():
        raise DemoError(f"there is no demo in {layout.directory}; start one with demo/run up")
    with layout.locked():
        yield Cluster(layout, layout.load(), find_python(layout.directory / "venv"))


def down(directory: Path | None) -> int:
    """Stop everything and remove every trace; 0 also when there is nothing."""
    if is_root():
        return as_root.down((directory or as_root.DEFAULT_BASE).absolute())
    layout = layout_of(directory)
    if not layout.exists():
        say(f"There is no demo in {layout.directory}: nothing to remove.")
        return 0
    with layout.locked():
        state = layout.load()
        sockets = [Path(state.socket_root)] if state.socket_root else []
        say(f"Stopped {stop_all([layout.directory, *sockets])} servers.")
        layout.remove(state)
        say(f"Removed {layout.directory}.")
    return 0
