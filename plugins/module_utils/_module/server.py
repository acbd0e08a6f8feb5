# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of module server."""

from __future__ import annotations

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.instance import Instance
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.postmaster import Postmaster
from ansible_collections.hotstandby.postgresql.plugins.module_utils._service.boot_guard import ask_guard
from ansible_collections.hotstandby.postgresql.plugins.module_utils._service.control import (
    RELOAD,
    START,
    STOP,
    ServerControl,
    actions,
    started_at,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._service.services import (
    PgCtl,
    PgCtlCluster,
    Service,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._service.systemd import Systemd

from .entry import RUN_ARGUMENT, acting, instance_arguments, instance_of, kept

ARGUMENTS: dict[str, Any] = {
    **RUN_ARGUMENT,
    **instance_arguments(
        "bin_directory", "config_directory", "port", "socket_directory",
        required=("data_directory",),
    ),
    "state": {
        "type": "str",
        "choices": ["started", "stopped", "restarted", "reloaded"],
        "default": "started",
    },
    "service": {
        "type": "str",
        "choices": ["systemd", "pg_ctlcluster", "pg_ctl"],
        "default": "systemd",
    },
    "unit": {"type": "str"},
    "version": {"type": "str"},
    "instance": {"type": "str", "default": "main"},
    "log_file": {"type": "path"},
    "enabled": {"type": "bool"},
    "boot_guard": {"type": "list", "elements": "str"},
    "stop_mode": {"type": "str", "choices": ["fast", "immediate"], "default": "fast"},
    "timeout": {"type": "int", "default": 60},
}

DONE = {
    (): "nothing to do",
    (START,): "the server was started",
    (STOP,): "the server was stopped",
    (STOP, START): "the server was restarted",
    (RELOAD,): "the server was told to read its configuration",
}
FORECAST = {
    (): "nothing to do",
    (START,): "the server would be started",
    (STOP,): "the server would be stopped",
    (STOP, START): "the server would be restarted",
    (RELOAD,): "the server would be told to read its configuration",
}

ORPHANS = "processes of a server whose postmaster had ended"


def server(module: AnsibleModule) -> dict[str, Any]:
    """Bring the server into the wanted state. Raises HotStandbyError.

    The end of a stop that was ordered before may take any time: the node's lock is not held meanwhile.
    """
    params = module.params
    instance = instance_of(params)
    service = _service(module, instance)
    control = ServerControl(module.run_command, instance, service, params["timeout"])
    if module.check_mode:
        return _forecast(params, control, service)

    service.check(params["state"])
    before, waited = control.running(), 0.0
    if params["state"] == "started" and before is not None and before.stopping:
        with kept(module):
            waited = control.wait_stopped("it was told to stop before", before)
        before = None
    with acting(module):
        return _act(module, control, service, instance, before, waited)


def _act(
    module: AnsibleModule,
    control: ServerControl,
    service: Service,
    instance: Instance,
    before: Postmaster | None,
    waited: float,
) -> dict[str, Any]:
    params, guard_said = module.params, ""
    unmanaged = before is not None and not service.manages(before)
    busy = service.is_busy()
    orphans = control.orphans()
    todo = actions(params["state"], before is not None, busy, orphans > 0)
    stop_began = time.time() if STOP in todo else None
    if STOP in todo:
        waited += control.stop(params["stop_mode"])
        orphans = max(orphans, control.end_orphans())
    if START in todo:
        if params["boot_guard"] and not service.asks_guard():
            guard_said = ask_guard(module.run_command, params["boot_guard"])
        waited += control.start()
    if RELOAD in todo:
        control.reload()
    if params["state"] == "started" and not todo:
        waited += control.wait_ready()
    enabled = _set_enabled(service, instance, params["enabled"], params["state"])

    after = control.running()
    result = _result(params["state"], todo, before, after, enabled)
    ended = f"{orphans} {ORPHANS} were ended" if orphans and STOP in todo else ""
    done = _told(DONE, todo, ended, before is not None or busy)
    result.update(
        reason="; ".join(filter(None, [_reason(done, params["state"], todo, enabled), guard_said])),
        waited_seconds=round(waited, 3),
        stop_began=stop_began,
        managed=service.manages(after) if after else None,
    )
    if unmanaged and not todo and before:
        module.warn(
            f"the server in {instance.data_directory} (pid {before.pid}) runs outside of {service.name}:"
            " restart it with this module to bring it under its control"
        )
    return result


def _forecast(params: dict[str, Any], control: ServerControl, service: Service) -> dict[str, Any]:
    """What would be done; on a host without PostgreSQL, without its unit or its programs too."""
    before, orphans = control.running(), control.orphans()
    todo = actions(params["state"], before is not None, False, orphans > 0)
    after = before if todo in ((), (RELOAD,)) else None
    result = _result(params["state"], todo, before, after, None)
    fate = "would be ended" if STOP in todo else "would have to end first"
    left = f"{orphans} {ORPHANS} {fate}" if orphans and todo else ""
    result.update(
        reason=_told(FORECAST, todo, left, before is not None),
        waited_seconds=0.0,
        stop_began=None,
        managed=_managed(service, after),
    )
    if params["enabled"] is not None and isinstance(service, Systemd):
        try:
            differs = _enabling_differs(service, params["config_directory"] or "", params["enabled"], params["state"])
        except HotStandbyError:
            differs = True
        if differs:
            result["reason"] += "; whether it starts at boot would be changed"
            result["changed"] = True
    result["running"] = {"started": True, "stopped": False, "restarted": True}.get(params["state"], before is not None)
    return result


def _managed(service: Service, running: Postmaster | None) -> bool | None:
    """Whether the service started what runs; None when nothing does, or when the service cannot be asked."""
    try:
        return service.manages(running) if running else None
    except HotStandbyError:
        return None


def _told(words: dict[tuple[str, ...], str], todo: tuple[str, ...], orphans: str, stopped: bool) -> str:
    """What was or would be done; orphans: what becomes of processes that had outlived their postmaster."""
    shown = todo if stopped or not orphans else tuple(action for action in todo if action != STOP)
    return "; ".join(filter(None, [orphans, words[shown] if shown or not orphans else ""]))


def _service(module: AnsibleModule, instance: Instance) -> Service:
    params = module.params
    if params["enabled"] is not None and params["service"] != "systemd":
        raise HotStandbyError(
            "enabled_needs_systemd",
            f"the parameter enabled cannot be used with the service {params['service']}",
            "Leave it out",
        )
    if params["service"] == "systemd":
        return Systemd(module.run_command, params["unit"])
    if params["service"] == "pg_ctlcluster":
        return PgCtlCluster(module.run_command, params["version"], params["instance"])
    return PgCtl(module.run_command, instance)


def _enabling_differs(service: Systemd, config_directory: str, wanted: bool, state: str) -> bool:
    """Whether enabling has to be changed; a stopped server's unit that is masked or gone cannot be enabled."""
    if wanted and state == "stopped" and not service.is_usable():
        return False
    return service.is_enabled(config_directory) != wanted


def _set_enabled(service: Service, instance: Instance, wanted: bool | None, state: str) -> bool | None:
    """Return the new value if it had to be changed."""
    if wanted is None or not isinstance(service, Systemd):
        return None
    if not _enabling_differs(service, instance.config_directory, wanted, state):
        return None
    service.enable(instance.config_directory, wanted)
    return wanted


def _result(
    state: str,
    todo: tuple[str, ...],
    before: Postmaster | None,
    after: Postmaster | None,
    enabled: bool | None,
) -> dict[str, Any]:
    shown = {"before": {"running": before is not None}, "after": {"running": before is not None}}
    if todo:
        shown["after"]["running"] = state != "stopped" if todo != (RELOAD,) else True
    if enabled is not None:
        shown["before"]["enabled"] = not enabled
        shown["after"]["enabled"] = enabled
    return {
        "changed": bool(todo) or enabled is not None,
        "running": after is not None,
        "postmaster_start": started_at(after),
        "diff": shown,
    }


def _reason(done: str, state: str, todo: tuple[str, ...], enabled: bool | None) -> str:
    parts = [done]
    if not todo:
        parts = [
            {
                "started": "the server runs already",
                "stopped": "the server does not run",
                "reloaded": "the server does not run; it reads its configuration when it starts",
            }[state]
        ]
    if enabled is not None:
        parts.append(f"it {'starts' if enabled else 'no longer starts'} when the host boots")
    return "; ".join(parts)
