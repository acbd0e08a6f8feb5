# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The user at the controller: writes an inventory and runs ansible-playbook from the checkout."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from support.archives import kept_archives
from support.hosts.engine import HostsError
from support.hosts.fleet import Fleet

CHECKOUT = Path(__file__).resolve().parents[3]
PLAYBOOK_TIMEOUT_SECONDS = 900.0

# Everything in it means something to somebody: libpq, the passfile, SQL, the shell, Jinja, YAML.
NASTY_PASSWORD = "it's \"quoted\" \\back:slash 100% #hash {{ braces }} $HOME `id` Grüße"

_RECAP = re.compile(r"^(\S+)\s+: (ok=.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Run:
    """What a run of ansible-playbook left."""

    command: tuple[str, ...]
    returncode: int
    stdout: str
    stderr: str

    @property
    def output(self) -> str:
        """All that the user sees."""
        return self.stdout + self.stderr

    @property
    def recap(self) -> dict[str, dict[str, int]]:
        """The play recap: host to its counts (ok, changed, unreachable, failed, skipped ...)."""
        return {
            host: {key: int(value) for key, value in (pair.split("=") for pair in counts.split())}
            for host, counts in _RECAP.findall(self.stdout)
        }

    @property
    def changed(self) -> dict[str, int]:
        """How many tasks changed something, by host."""
        return {host: counts["changed"] for host, counts in self.recap.items()}


class Controller:
    """Runs playbooks on a fleet. What the user keeps (inventory, variables) lies in `directory`.

    variables: what every inventory of it says. keep_archives: whether its runs share the archives of modules, which
    saves a tenth of their CPU.
    """

    def __init__(
        self,
        fleet: Fleet,
        directory: Path,
        checkout: Path = CHECKOUT,
        *,
        variables: Mapping[str, object] = MappingProxyType({}),
        keep_archives: bool = False,
    ) -> None:
        self.fleet = fleet
        self._variables = variables
        self._keeps_archives = keep_archives
        self.directory = directory
        self.checkout = checkout
        self.path = directory / "inventory.ini"
        link_checkout(checkout)

    def inventory(
        self,
        master: Sequence[str],
        hot_standby: Sequence[str],
        variables: Mapping[str, object] | None = None,
        host_variables: Mapping[str, Mapping[str, object]] | None = None,
    ) -> Path:
        """Write inventory.ini with the two groups, and group_vars/all.yml with the variables.

        Variables are those of every inventory and these; of what both have as a mapping, both are taken. Without a
        word on it the replication password is NASTY_PASSWORD. Texts are never templates.
        """
        lines = []
        for group, names in (("master", master), ("hot_standby", hot_standby)):
            lines.append(f"[{group}]")
            lines += [f"{name} ansible_host={self.fleet[name].address}" for name in names]
            lines.append("")
        lines.append("[all:vars]")
        lines += [f"{key}={_ini(text)}" for key, text in self.fleet.access_variables().items()]
        self.path.write_text("\n".join(lines) + "\n")
        general = {"postgres_replication_password": NASTY_PASSWORD, **_merged(self._variables, variables or {})}
        self._write_variables("group_vars", "all", general)
        for name in self.fleet.hosts:
            self._write_variables("host_vars", name, (host_variables or {}).get(name, {}))
        return self.path

    def command(self, name: str, *arguments: str) -> list[str]:
        """The command line for playbooks/`name`.yml."""
        return ["ansible-playbook", "-i", str(self.path), f"playbooks/{name}.yml", *arguments]

    def playbook(
        self, name: str, *arguments: str, check: bool = False, timeout: float = PLAYBOOK_TIMEOUT_SECONDS
    ) -> Run:
        """Run playbooks/`name`.yml from the checkout.

        :raises HostsError: `check` is true and it did not end with 0; the message has its output.
        """
        return self.run(self.command(name, *arguments), check=check, timeout=timeout)

    def run(self, command: Sequence[str], *, check: bool = False, timeout: float = PLAYBOOK_TIMEOUT_SECONDS) -> Run:
        """Run a command line of Ansible's in the checkout. Raises HostsError as `playbook` does."""
        done = subprocess.run(
            command,
            cwd=self.checkout,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        run = Run(tuple(command), done.returncode, done.stdout, done.stderr)
        if check and run.returncode:
            raise HostsError(f"{' '.join(command)} ended with {run.returncode}:\n{run.output}")
        return run

    def start(self, name: str, *arguments: str) -> subprocess.Popen[str]:
        """Start playbooks/`name`.yml in a process group of its own, for a test that kills it (os.killpg)."""
        return subprocess.Popen(
            self.command(name, *arguments),
            cwd=self.checkout,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def _environment(self) -> dict[str, str]:
        return {**environment(), **(kept_archives(self.checkout) if self._keeps_archives else {})}

    def _write_variables(self, kind: str, name: str, variables: Mapping[str, object]) -> None:
        path = self.directory / kind / f"{name}.yml"
        path.parent.mkdir(exist_ok=True)
        lines = [f"{key}: {_yaml(value)}\n" for key, value in variables.items()]
        path.write_text("---\n" + "".join(lines))


def _merged(shared: Mapping[str, object], given: Mapping[str, object]) -> dict[str, object]:
    merged = {**shared, **given}
    for name, value in given.items():
        before = shared.get(name)
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            merged[name] = {**before, **value}
    return merged


def environment() -> dict[str, str]:
    """The environment of a user who has the venv active: only the checkout speaks to Ansible."""
    ours = ("ANSIBLE_", "MOLECULE_", "PYTEST_", "PYTHONPATH")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
    kept["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", os.defpath)])
    return kept


def link_checkout(checkout: Path = CHECKOUT) -> None:
    """Make the link by which Ansible finds the checkout as hotstandby.postgresql, as `make link` does."""
    link = checkout / ".collections" / "ansible_collections" / "hotstandby" / "postgresql"
    if not link.is_symlink():
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to("../../..")


def _ini(text: str) -> str:
    return "'" + text.replace("'", "\\'") + "'"


def _yaml(value: object) -> str:
    return ("!unsafe " if isinstance(value, str) else "") + json.dumps(value)
