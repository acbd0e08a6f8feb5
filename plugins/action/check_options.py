# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Refuses an inventory without hosts, and variables that look like ours and are not.

It sees the names of all variables, and the values of those that the roles master and hot_standby take: they are
included where they are needed, when it is too late to find a wrong one. The first look checks those of role postgres.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase
from ansible.utils.vars import load_extra_vars

from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.options import bad_value, unknown_options
from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.plan import Refusal

INCLUDED = ("master", "hot_standby")
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
            {name for _role, options in self._specs() for name in options},
        )
        refusals += [refusal for name in params["hosts"] for refusal in self._bad_values(name, hostvars[name])]
        if refusals:
            return {**result, "failed": True, "msg": "\n".join(map(str, refusals))}
        return {**result, "changed": False}

    def _bad_values(self, host: str, variables: Mapping[str, Any]) -> Iterator[Refusal]:
        for role, options in self._specs():
            if role in INCLUDED:
                given = {name: variables[name] for name in options if name in variables}
                for message in ArgumentSpecValidator(options).validate(given).error_messages:
                    yield bad_value(host, message)

    def _specs(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """The options of each entry point of each role."""
        for path in sorted(ROLES.glob("*/meta/argument_specs.yml")):
            for entry in self._loader.load_from_file(str(path))["argument_specs"].values():
                yield path.parents[1].name, entry.get("options", {})
