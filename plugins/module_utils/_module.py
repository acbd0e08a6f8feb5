# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Glue between a module's main() and its work."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError

# Where an instance is found; documented in the doc fragment hotstandby.postgresql.instance.
INSTANCE_ARGUMENTS: dict[str, dict[str, Any]] = {
    "bin_directory": {"type": "path"},
    "data_directory": {"type": "path"},
    "config_directory": {"type": "path"},
    "port": {"type": "int", "default": 5432},
    "socket_directory": {"type": "path", "default": "/var/run/postgresql"},
    "login_user": {"type": "str"},
    "login_database": {"type": "str", "default": "postgres"},
}


def instance_arguments(*names: str, required: Sequence[str] = ()) -> dict[str, dict[str, Any]]:
    """Return the argument specs of those common parameters that a module takes (all without names).

    required: those that it cannot do without, beside or among the names.
    """
    taken = {name: dict(INSTANCE_ARGUMENTS[name]) for name in names or INSTANCE_ARGUMENTS}
    return {**taken, **{name: {**INSTANCE_ARGUMENTS[name], "required": True} for name in required}}


def forget_libpq_environment() -> None:
    """What somebody set for psql decides nothing here, neither for our own sessions nor for the programs we run."""
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]


def run_module(module: AnsibleModule, work: Callable[[AnsibleModule], dict[str, Any]]) -> None:
    """Do the work and leave: with its result, or with the one line of what went wrong."""
    forget_libpq_environment()
    try:
        result = work(module)
    except HotStandbyError as error:
        module.fail_json(msg=str(error), error_name=error.name)
    else:
        module.exit_json(**result)
