# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action group `instance`: what module_defaults give to it, each of its modules takes."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from support.modules import CHECKOUT
from support.playbooks import Controller

GROUP = yaml.safe_load((CHECKOUT / "meta/runtime.yml").read_text())["action_groups"]["instance"]
SHARED = {
    "bin_directory": "/nowhere/bin",
    "data_directory": "/nowhere/data",
    "config_directory": "/nowhere/etc",
    "port": 15999,
    "socket_directory": "/nowhere/run",
}
# What each of them cannot do without beside; none of it does anything, where there is no server.
NEEDS: dict[str, dict[str, Any]] = {
    "hba_rules": {"rules": []},
    "instance": {"layout": "plain", "version": "15"},
    "promote": {"version": "15", "timeout": 1},
    "recovery_config": {
        "version": "15", "primary_host": "192.0.2.1", "user": "replicator", "application_name": "here",
    },
    "replication_probe": {"action": "write", "timeout": 1},
    "replication_slots": {"slots": [], "prefix": "hotstandby_"},
    "replication_user": {"user": "replicator", "password": "secret"},
    "replication_wait": {"action": "streaming", "timeout": 1},
    "server": {"state": "stopped", "service": "pg_ctl", "version": "15"},
    "server_config": {"settings": {}},
    "wal_receiver": {"state": "detached", "timeout": 1},
    "wal_salvage": {"state": "listed", "version": "15", "timeline": 1, "system_identifier": "1", "from_lsn": "0/0"},
}


def modules_with(parameters: set[str]) -> list[str]:
    """Names of the modules, the documentation of which has all of them, from itself or the fragment."""
    import ansible_collections.hotstandby.postgresql.plugins.doc_fragments.instance as fragment

    shared = yaml.safe_load(fragment.ModuleDocFragment.DOCUMENTATION)["options"]
    found = []
    for path in sorted((CHECKOUT / "plugins/modules").glob("*.py")):
        documented = yaml.safe_load(path.read_text().split('DOCUMENTATION = r"""')[1].split('"""')[0])
        names = set(documented.get("options", {}))
        if "hotstandby.postgresql.instance" in documented["extends_documentation_fragment"]:
            names |= set(shared)
        if parameters <= names:
            found.append(path.stem)
    return found


def test_the_group_has_every_module_that_takes_what_its_modules_share() -> None:
    assert modules_with(set(SHARED)) == GROUP


def what_they_say(directory: Path, defaults: Mapping[str, Any]) -> dict[str, str]:
    """By module of the group, the message with which it ends when these are the group's defaults."""
    controller = Controller(directory, f"here ansible_connection=local ansible_python_interpreter={sys.executable}\n")
    tasks: list[dict[str, Any]] = [
        {
            "name": f"Run {module}",
            f"hotstandby.postgresql.{module}": NEEDS.get(module, {}),
            "register": f"of_{module}",
            "ignore_errors": True,
        }
        for module in GROUP
    ]
    said = {module: f"{{{{ of_{module}.msg | default('') }}}}" for module in GROUP}
    keep = {"content": "{{ said | to_json }}", "dest": f"{directory}/said.json", "mode": "0600"}
    tasks.append({"name": "Keep", "ansible.builtin.copy": keep, "check_mode": False, "vars": {"said": said}})
    play = {
        "name": "All of the group",
        "hosts": "here",
        "gather_facts": False,
        "module_defaults": {"group/hotstandby.postgresql.instance": dict(defaults)},
        "tasks": tasks,
    }
    done = controller.run_text(yaml.safe_dump([play], sort_keys=False), "--check")
    assert done.returncode == 0, done.stdout
    found: dict[str, str] = json.loads((directory / "said.json").read_text())
    assert sorted(found) == GROUP
    return found


def test_every_module_of_the_group_takes_all_its_defaults(tmp_path: Path) -> None:
    said = what_they_say(tmp_path, SHARED)
    assert {module: text for module, text in said.items() if "nsupported parameter" in text} == {}


def test_the_defaults_of_the_group_reach_every_module_of_it(tmp_path: Path) -> None:
    said = what_they_say(tmp_path, {**SHARED, "port": "no number"})
    assert {module: text for module, text in said.items() if "no number" not in text} == {}
