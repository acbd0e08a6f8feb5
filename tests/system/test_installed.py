# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The collection as a user installs it: the built tarball, an empty directory, no ansible.cfg of ours."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from support.hosts import Fleet
from support.hosts.controller import CHECKOUT, Controller, environment
from support.hosts.host import Host


def command(*words: str, cwd: Path) -> str:
    """Run a command that has to succeed; return its output."""
    done = subprocess.run(
        words, cwd=cwd, env=environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout}{done.stderr}"
    return done.stdout


def test_built_installed_and_called_by_name(
    cluster: Fleet, newcomer: Host, controller: Controller, tmp_path: Path
) -> None:
    command("ansible-galaxy", "collection", "build", "--output-path", str(tmp_path), cwd=CHECKOUT)
    tarball = next(tmp_path.glob("hotstandby-postgresql-*.tar.gz"))
    home = tmp_path / "elsewhere"
    home.mkdir()
    (home / "ansible.cfg").write_text("[defaults]\ncollections_path = collections\n")
    command("ansible-galaxy", "collection", "install", "--offline", str(tarball), "-p", "collections", cwd=home)
    inventory = ("-i", str(controller.path))

    built = command("ansible-playbook", *inventory, "hotstandby.postgresql.site", cwd=home)
    assert re.search(r"^db-2 +standby +none +streams from db-1$", built, re.MULTILINE), built
    assert built.count("changed=0") == 4, built
    assert "healthy" in command("ansible-playbook", *inventory, "hotstandby.postgresql.status", cwd=home)
    command("ansible-playbook", *inventory, "hotstandby.postgresql.verify", cwd=home)

    controller.inventory(["db-1"], ["db-2", "db-3", "db-4"])
    command("ansible-playbook", *inventory, "hotstandby.postgresql.site", cwd=home)
    assert max(cluster["db-1"].sql("SELECT application_name, state FROM pg_stat_replication")) == [
        "db-4",
        "streaming",
    ]
