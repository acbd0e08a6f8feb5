# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints a text as it is, so that a tree looks like a tree and JSON can be read by a program."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

display = Display()


class ActionModule(ActionBase):
    """Runs on the controller; the host is not contacted."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        spec = {"text": {"type": "str", "required": True}, "failure": {"type": "str", "default": ""}}
        params = self.validate_argument_spec(argument_spec=spec)[1]
        display.display(params["text"])
        if params["failure"]:
            return {**result, "failed": True, "msg": params["failure"]}
        return {**result, "changed": False}
