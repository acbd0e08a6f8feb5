# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Learns what a host is by one command of its shell: a module would cost each run its building and its start."""

from __future__ import annotations

import shlex
from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.host_info import (
    command_for,
    host_info_from,
)


class ActionModule(ActionBase):
    """Needs no Python on the host."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        params = self.validate_argument_spec(argument_spec={"account": {"type": "str", "required": True}})[1]
        printed = self._low_level_execute_command(command_for(shlex.quote(params["account"])), sudoable=False)
        found = host_info_from(str(printed.get("stdout", "")))
        return {**result, "changed": False, "ansible_facts": {"hotstandby_host": vars(found)}}
