# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Refuses an inventory without hosts, and variables that look like ours and are not.

It sees the names of all variables, and no value.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.vars import load_extra_vars

from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.options import unknown_options

ROLES = Path(__file__).resolve().parents[2] / "roles"


class ActionModule(ActionBase):
    """Runs on the controller; the host is not contacted."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        spec = {"hosts": {"type": "list", "elements": "str", "required": True}}
        params = self.validate_argument_spec(argument_spec=spec)[1]
        variables = task_vars or {}
        hostvars = variables["hostvars"]
        # what this host has beyond its own variables comes from a play: vars of an imported playbook
        of_play = set(variables) - set(hostvars[variables["inventory_hostname"]])
        refusals = unknown_options(
            {*load_extra_vars(self._loader), *of_play},
            {name: list(hostvars[name]) for name in params["hosts"]},
            set(self._role_variables()),
        )
        if refusals:
            return {**result, "failed": True, "msg": "\n".join(map(str, refusals))}
        return {**result, "changed": False}

    def _role_variables(self) -> Iterator[str]:
        for path in sorted(ROLES.glob("*/meta/argument_specs.yml")):
            for entry in self._loader.load_from_file(str(path))["argument_specs"].values():
                yield from entry.get("options", {})
