# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which parts of a node are not as the inventory declares them, and why.

Each part is judged in check mode by the very function of the module that brings it there, so that a look and a run
cannot differ. Nothing is changed.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterable, Mapping
from typing import Any, Callable

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._node import Node

from . import (
    boot_guard,
    hba_rules,
    passfile,
    recovery_config,
    replication_slots,
    replication_user,
    server,
    server_config,
)
from .entry import INSTANCE_ARGUMENTS

Work = Callable[[Any], dict[str, Any]]

# By part of a node: the argument spec of the module that brings it there, and its work.
MODULES: dict[str, tuple[dict[str, Any], Work]] = {
    "passfile": (passfile.ARGUMENTS, passfile.passfile),
    "settings": (server_config.ARGUMENTS, server_config.server_config),
    "service": (server.ARGUMENTS, server.server),
    "guard": (boot_guard.ARGUMENTS, boot_guard.boot_guard),
    "access": (hba_rules.ARGUMENTS, hba_rules.hba_rules),
    "user": (replication_user.ARGUMENTS, replication_user.replication_user),
    "slots": (replication_slots.ARGUMENTS, replication_slots.replication_slots),
}
# What only a primary has, so that nothing of it can be told of any other node.
OF_A_PRIMARY = ("user", "slots")
SECRETS = {"passfile": "password", "user": "password"}
FOLLOW: Work = recovery_config.recovery_config
CANNOT_TELL = (HotStandbyError, OSError, ValueError, LookupError)


class LookOnly:
    """What the work of a module needs of AnsibleModule while it only looks."""

    check_mode = True

    def __init__(self, module: AnsibleModule, params: Mapping[str, Any]) -> None:
        self.params = dict(params)
        self.run_command = module.run_command
        self.tmpdir = module.tmpdir
        self.no_log_values = module.no_log_values

    def warn(self, text: str) -> None:
        """Whoever only looks warns nobody: the run will."""


def due_parts(module: AnsibleModule, declared: Mapping[str, Any], node: Node) -> list[dict[str, str]]:
    """Those of the declared parts that a run would change, or of which that cannot be told: part and reason.

    declared: by part the parameters of its module, without those that say where the instance is.
    """
    hidden = OF_A_PRIMARY if node.server is None or node.server.in_recovery else ()
    reasons = {
        part: "is compared once the server runs" if part in hidden else _difference(module, part, params or {})
        for part, params in declared.items()
    }
    return [{"part": part, "reason": reason} for part, reason in reasons.items() if reason is not None]


def _difference(module: AnsibleModule, part: str, params: Mapping[str, Any]) -> str | None:
    """What a run would change, None for nothing."""
    arguments, work = MODULES[part]
    try:
        result = work(LookOnly(module, _validated(module, arguments, {**_secret(module, part), **params})))
    except CANNOT_TELL as error:
        return f"cannot be compared: {error}"
    # a server that has to read its files again, be it to note what waits for a restart
    if not (result["changed"] or result.get("reloaded")) and result.get("managed", True) is True:
        return None
    return _changes_told(result) or str(result["reason"])


def _changes_told(result: Mapping[str, Any]) -> str:
    """The settings that change, each with what it is and what it becomes."""
    changes = [change for change in result.get("changes") or () if isinstance(change, Mapping)]
    waiting = result.get("pending_restart") or ()
    told = [
        f"{change['name']} {_value(change['before'])} -> {_value(change['after'])}"
        + (" (after a restart)" if change["name"] in waiting else "")
        for change in changes
    ]
    return ", ".join(told)


def _value(value: str | None) -> str:
    return "not set" if value is None else value or "''"


def followed_endpoint(module: AnsibleModule, connection: Mapping[str, Any], endpoints: Iterable[str]) -> str | None:
    """Which of the endpoints (each ADDRESS PORT) the standby follows exactly as declared; None for none of them."""
    files = None
    for endpoint in endpoints:
        address, port = endpoint.rpartition(" ")[::2]
        try:
            params = {**connection, "primary_host": address, "primary_port": int(port)}
            looking = LookOnly(module, _validated(module, recovery_config.ARGUMENTS, params))
            if files is None:
                files = recovery_config.files_of(looking.params)
            if recovery_config.differs(looking.params, files):
                continue
            result = FOLLOW(looking)
        except CANNOT_TELL:
            continue
        if not (result["changed"] or result["reload_required"] or result["restart_required"]):
            return endpoint
    return None


def _secret(module: AnsibleModule, part: str) -> dict[str, Any]:
    encoded = module.params["encoded_password"]
    return {SECRETS[part]: b64decode(encoded or "").decode()} if part in SECRETS else {}


def _validated(module: AnsibleModule, arguments: dict[str, Any], params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters as the module would get them, with those that say where the instance is."""
    where = {name: module.params[name] for name in arguments if name in INSTANCE_ARGUMENTS}
    checked = ArgumentSpecValidator(arguments).validate({**where, **params})
    if checked.error_messages:
        raise ValueError("; ".join(checked.error_messages))
    return dict(checked.validated_parameters)
