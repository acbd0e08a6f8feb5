# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Glue between a module's main() and its work."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.as_owner import ROOT, controller_of
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.claim import Claim
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.commands import Commands
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.instance import Instance

from .interpreter import use_one_with_psycopg2

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

# The run on whose behalf a module acts; documented in the doc fragment hotstandby.postgresql.run.
RUN_ARGUMENT: dict[str, dict[str, Any]] = {
    "run": {
        "type": "dict",
        "options": {
            "id": {"type": "str", "required": True},
            "file": {"type": "path", "required": True},
            "release": {"type": "bool", "default": False},
        },
    }
}


# Parameters that name what a cluster's account may control.
PLACES = ("data_directory", "config_directory", "hba_file", "path")


def instance_arguments(*names: str, required: Sequence[str] = ()) -> dict[str, dict[str, Any]]:
    """Return the argument specs of those common parameters that a module takes (all without names).

    required: those that it cannot do without, beside or among the names.
    """
    taken = {name: dict(INSTANCE_ARGUMENTS[name]) for name in names or INSTANCE_ARGUMENTS}
    return {**taken, **{name: {**INSTANCE_ARGUMENTS[name], "required": True} for name in required}}


def instance_of(params: Mapping[str, Any]) -> Instance:
    """The instance that a module's parameters name. The configuration lies in the data directory unless they say so."""
    data_directory = params.get("data_directory") or ""
    return Instance(
        data_directory=data_directory,
        config_directory=params.get("config_directory") or data_directory,
        bin_directory=params.get("bin_directory") or "",
        port=params.get("port", INSTANCE_ARGUMENTS["port"]["default"]),
        socket_directory=params.get("socket_directory", INSTANCE_ARGUMENTS["socket_directory"]["default"]),
        login_user=params.get("login_user"),
        login_database=params.get("login_database", INSTANCE_ARGUMENTS["login_database"]["default"]),
        log_file=params.get("log_file"),
    )


def commands_of(module: AnsibleModule) -> Commands:
    """The programs of the instance that the module's parameters name."""
    return Commands(module.run_command, module.params.get("bin_directory") or "")


def forget_libpq_environment() -> None:
    """What somebody set for psql decides nothing here, neither for our own sessions nor for the programs we run."""
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]


def acting(module: AnsibleModule) -> AbstractContextManager[None]:
    """Hold the node's lock for one act, and see that the node still bears the run's claim; see _host/claim.

    Without the parameter run, and in check mode, there is nothing to hold. Raises HotStandbyError "overtaken".
    """
    run = module.params.get("run")
    return Claim(run["file"]).acting(run["id"]) if run and not module.check_mode else nullcontext()


def kept(module: AnsibleModule) -> AbstractContextManager[None]:
    """As acting at its beginning, but only keeps the run's claim alive after that: for work of minutes or hours."""
    run = module.params.get("run")
    return Claim(run["file"]).kept(run["id"]) if run and not module.check_mode else nullcontext()


def release(module: AnsibleModule) -> None:
    """Say that the run has ended, where it was said that this is its last act on the node."""
    run = module.params.get("run") or {}
    if run.get("release") and not module.check_mode:
        Claim(run["file"]).release(run["id"])


def looking(module: AnsibleModule) -> AbstractContextManager[None]:
    """For work that changes nothing: it looks at the claim, or makes it, by itself."""
    return nullcontext()


def refuse_root(params: Mapping[str, Any]) -> None:
    """Let root not work by name where another account controls what the names lead to.

    Raises HotStandbyError "runs_as_root".
    """
    if os.geteuid() != ROOT:
        return
    for path in filter(None, map(params.get, PLACES)):
        try:
            account = controller_of(path) if os.path.lexists(path) else None
        except OSError as error:
            raise HotStandbyError("cannot_read", f"{path}: {error.strerror or error}", "Correct its name") from None
        if account is not None and account.exists:  # nobody acts as one that the host does not have
            raise HotStandbyError(
                "runs_as_root",
                f"this was run as root, and the user with id {account.uid} can change what {path} leads to",
                "Run it as the operating system user that owns the cluster (become_user)",
            )


def run_module(
    module: AnsibleModule,
    work: Callable[[AnsibleModule], dict[str, Any]],
    claim: Callable[[AnsibleModule], AbstractContextManager[None]] = acting,
    *,
    for_root: bool = False,
    look: Callable[[AnsibleModule], dict[str, Any]] | None = None,
) -> None:
    """Do the work and leave: with its result, or with the one line of what went wrong.

    claim: whether the node's lock is held all the time, or the work itself holds it for the acts that it is made of.
    for_root: whether the work knows how root may do it, see _host/as_owner. look: what the module adds to its answer
    once nothing is held any more.
    """
    forget_libpq_environment()
    use_one_with_psycopg2(module)
    try:
        if not for_root:
            refuse_root(module.params)
        with claim(module):
            result = work(module)
        if look is not None:
            result = {**result, **look(module)}
        release(module)
    except HotStandbyError as error:
        module.fail_json(msg=str(error), error_name=error.name, **error.facts)
    else:
        module.exit_json(**result)
