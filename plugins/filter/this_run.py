# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter this_run."""

from __future__ import annotations

import getpass
import hashlib
import os
import socket
import time
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any, Callable

DOCUMENTATION = r"""
name: this_run
short_description: Name the execution of a playbook that is under way
version_added: 1.1.0
author:
  - The hotstandby.postgresql authors (@hotstandby)
description:
  - Says who runs which playbook from where since when, under an id that is the same for all hosts and all plays of the
    execution and that no other execution has.
  - The collection's playbooks claim the nodes with it, so that only one run acts on a cluster.
options:
  _input:
    description: The playbook's name.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show the run
  ansible.builtin.debug:
    msg: "{{ 'site.yml' | hotstandby.postgresql.this_run }}"
"""

RETURN = r"""
_value:
  description:
    - The run's C(id), C(who), C(host), C(playbook) and C(since) (ISO 8601, UTC).
    - C(controller) names the space in which the number of the C(process) is unique, C(neighbours) are the other Ansible
      processes that live in it, V(null) where that cannot be seen.
  type: dict
"""


def this_run(playbook: str) -> dict[str, Any]:
    """Read from /proc what is the same in each worker of the execution. Without /proc the age of its acts has to do."""
    main = _main_process()
    process = f"{main} {_started_ticks(main) or ''}".strip()
    controller = _controller()
    return {
        "id": hashlib.sha256(f"{controller} {socket.gethostname()} {process}".encode()).hexdigest()[:20],
        "who": os.environ.get("SUDO_USER") or _user(),
        "host": socket.gethostname(),
        "playbook": playbook,
        "since": _since(main),
        "controller": controller,
        "process": process,
        "neighbours": _neighbours(),
    }


def _main_process() -> int:
    """The process whose workers evaluate lookups: the oldest ancestor that was started by the same command."""
    pid = os.getpid()
    command = _command(pid)
    if not command:
        return os.getppid()
    while (parent := _parent(pid)) > 1 and _command(parent) == command:
        pid = parent
    return pid


def _controller() -> str:
    """The boot of this machine and the space of its process numbers; a container has one of its own."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return f"{file.read().strip()} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""


def _neighbours() -> list[str] | None:
    """Every process here whose command names Ansible, as "PID START"."""
    try:
        pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return None
    found = [pid for pid in pids if b"ansible" in _command(pid)]
    return sorted(f"{pid} {ticks}" for pid in found if (ticks := _started_ticks(pid)))


def _command(pid: int) -> bytes:
    with suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as file:
        return file.read()
    return b""


def _fields(pid: int) -> list[str]:
    """What stands in /proc/PID/stat after the name: the state, the parent, ..."""
    with suppress(OSError), open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        return file.read().rsplit(")", 1)[-1].split()
    return []


def _parent(pid: int) -> int:
    fields = _fields(pid)
    return int(fields[1]) if len(fields) > 1 else 0


def _started_ticks(pid: int) -> str:
    """When the process began, in clock ticks since the boot; with its number that names it once and for all."""
    fields = _fields(pid)
    return fields[19] if len(fields) > 19 else ""


def _since(pid: int) -> str:
    ticks = _started_ticks(pid)
    seconds = time.time()
    with suppress(OSError, ValueError, IndexError), open("/proc/uptime", encoding="ascii") as file:
        seconds += int(ticks) / os.sysconf("SC_CLK_TCK") - float(file.read().split()[0])
    return datetime.fromtimestamp(round(seconds), timezone.utc).isoformat()


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"this_run": this_run}
