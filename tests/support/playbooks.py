# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A controller with an inventory of its own, below a directory of its own. Its hosts are this machine, or none."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from support.modules import CHECKOUT

# An address of documentation: nobody answers there.
NOBODY = "ansible_host=198.51.100.11 ansible_timeout=1 ansible_ssh_common_args='-o ConnectTimeout=1'"


class Controller:
    """Runs playbooks with no settings but the checkout's."""

    def __init__(self, directory: Path, inventory: str) -> None:
        self.directory = directory
        self.inventory = directory / "inventory.ini"
        self.inventory.write_text(inventory, encoding="utf-8")
        link = directory / "collections" / "ansible_collections" / "hotstandby" / "postgresql"
        link.parent.mkdir(parents=True)
        link.symlink_to(CHECKOUT, target_is_directory=True)

    def run(
        self, playbook: str, *arguments: str, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run one of the collection's playbooks."""
        return self._run(str(CHECKOUT / "playbooks" / f"{playbook}.yml"), *arguments, environment=environment)

    def run_text(
        self, text: str, *arguments: str, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a playbook of the test's own."""
        path = self.directory / "playbook.yml"
        path.write_text(text, encoding="utf-8")
        return self._run(str(path), *arguments, environment=environment)

    def _run(self, *arguments: str, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
        return subprocess.run(
            [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(self.inventory), *arguments],
            cwd=self.directory,
            env={
                **kept,
                "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
                "ANSIBLE_COLLECTIONS_PATH": str(self.directory / "collections"),
                "ANSIBLE_HOME": str(self.directory / "ansible"),
                "ANSIBLE_LOCALHOST_WARNING": "false",
                "NO_COLOR": "1",
                **(environment or {}),
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
