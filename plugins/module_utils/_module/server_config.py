# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of module server_config: settings in postgresql.conf, and whether they are live."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.conf_file import ConfFile
from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.conf_value import same_value, setting_text
from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.report import (
    Changes,
    passwords_in,
    tell_changes,
    tell_difference,
    tell_reason,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.setting_effect import (
    Effect,
    LiveSetting,
    effect,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.commands import Commands
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.files import read_text, replace_text
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.dialect import dialect_for
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.conf_check import check_candidate
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.endpoint import Endpoint
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.live_server import (
    check_file,
    find_server,
    open_session,
    reload_configuration,
    unreadable_settings,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.overrides import (
    Live,
    overrides,
    settings_of,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.session import connect

from .entry import RUN_ARGUMENT, commands_of, instance_arguments, instance_of

ARGUMENTS: dict[str, Any] = {
    **RUN_ARGUMENT,
    **instance_arguments(required=("bin_directory",)),
    "settings": {"type": "dict", "required": True},
    "reload": {"type": "bool", "default": False},
    "timeout": {"type": "int", "default": 60},
}


@dataclass(frozen=True)
class ConfigJob:
    """What is wanted, and where."""

    path: str
    wanted: Mapping[str, str | None]
    data_directory: str
    commands: Commands
    check_mode: bool
    scratch: str
    reload: bool
    timeout_seconds: int


def server_config(module: AnsibleModule) -> dict[str, Any]:
    """Bring postgresql.conf to the wanted settings. Raises HotStandbyError; then nothing was changed."""
    job = _job(module)
    target = find_server(instance_of(module.params))
    before = read_text(job.path)
    if before is None and not job.check_mode:
        raise HotStandbyError("no_config_file", f"{job.path} does not exist on this host", "Create the instance before")
    session = open_session(target, check_mode=job.check_mode)
    live: Live = {}
    if session:
        with session:
            check_file(session, "config_file", job.path)
            live = settings_of(session.target)
    after, changes = _edit(job, before or "", live)
    if before is not None:
        for beaten in overrides(job.path, after, job.data_directory, job.wanted, live):
            raise beaten
        if changes:
            check_candidate(job.commands, job.path, after, job.data_directory, job.scratch, job.check_mode)
    if changes and not job.check_mode:
        replace_text(job.path, after.text)
        if target:
            _prove(job, target, before or "", live)
    contexts = _contexts(job, changes, live)
    waiting = effect(job.wanted, frozenset(changes), live) if live else Effect()
    # the server notes that a setting waits for its restart only when it reads the file, and others ask the server
    unnoted = [name for name in waiting.restart if not live[name].pending_restart]
    takes_effect = job.reload and bool(waiting.reload)
    reloaded, waited = job.reload and bool(waiting.reload or unnoted), 0.0
    if target and reloaded and not job.check_mode:
        waited = reload_configuration(target, job.timeout_seconds)
        live = settings_of(target)
        waiting = _require_live(job, live)
    pending = {name for name, setting in live.items() if setting.pending_restart}
    return {
        "changed": bool(changes) or takes_effect,
        "changes": tell_changes(changes, contexts),
        "diff": tell_difference(job.path, before or "", after.text),
        "reload_required": bool(waiting.reload) and not reloaded,
        "restart_required": bool(waiting.restart),
        "pending_restart": sorted(pending | set(waiting.restart)),
        "reloaded": reloaded,
        "waited_seconds": waited,
        "reason": tell_reason(
            job.path,
            changes,
            waiting,
            running=target is not None,
            reloaded=reloaded,
            check_mode=job.check_mode,
        ),
    }


def _job(module: AnsibleModule) -> ConfigJob:
    parameters = module.params
    directory = parameters["config_directory"] or parameters["data_directory"]
    if not directory:
        raise HotStandbyError("no_directory", "neither config_directory nor data_directory is given")
    try:
        wanted = {name.lower(): setting_text(value) for name, value in parameters["settings"].items()}
    except ValueError as error:
        raise HotStandbyError("bad_setting", f"a setting cannot be written: {error}", "Correct it") from error
    for name, password in passwords_in(wanted):
        module.no_log_values.add(password)  # or the result would show it among the module's parameters
        raise HotStandbyError(
            "password_in_setting", f"{name} holds a password", "Give it a passfile of mode 0600 instead"
        )
    return ConfigJob(
        path=os.path.join(directory, "postgresql.conf"),
        wanted=wanted,
        data_directory=parameters["data_directory"] or directory,
        commands=commands_of(module),
        check_mode=module.check_mode,
        scratch=module.tmpdir,
        reload=parameters["reload"],
        timeout_seconds=parameters["timeout"],
    )


def _edit(job: ConfigJob, text: str, live: Live) -> tuple[ConfFile, Changes]:
    """The new file, and what changes in it: name to value before and after."""
    file = ConfFile.parse(text)
    changes = {
        name: (file.get(name), value)
        for name, value in job.wanted.items()
        if not _says(file.get(name), value, live.get(name))
    }
    try:
        return file.with_settings({name: after for name, (dummy, after) in changes.items()}), changes
    except ValueError as error:
        raise HotStandbyError("bad_setting", f"a setting cannot be written: {error}", "Correct it") from error


def _says(present: str | None, wanted: str | None, live: LiveSetting | None) -> bool:
    if present is None or wanted is None:
        return present is wanted
    return same_value(present, wanted, *((live.vartype, live.unit) if live else (None, None)))


def _prove(job: ConfigJob, target: Endpoint, before: str, live: Live) -> None:
    """Let the server judge the new file; put the old one back when it objects."""
    try:
        with connect(target) as session:
            for problem in unreadable_settings(session):
                raise HotStandbyError(
                    "rejected",
                    f"the server rejects {problem['file']} line {problem['line']}"
                    f" ({problem['name'] or 'no setting'}): {problem['error']}",
                    "Correct that setting (the file is as it was before)",
                )
            rows = session.rows(
                "SELECT pg_catalog.lower(name) AS name, setting, sourcefile AS file, sourceline AS line"
                " FROM pg_catalog.pg_file_settings WHERE name IS NOT NULL ORDER BY seqno"
            )
        last = {row["name"]: row for row in rows}
        for name, value in job.wanted.items():
            found = last.get(name, {"setting": None})
            if not _says(found["setting"], value, live.get(name)):
                raise HotStandbyError(
                    "overridden",
                    f"{name} in {job.path} would have no effect: the server takes"
                    f" {found.get('file')} line {found.get('line')}",
                    f"Remove that line, or leave {name} out of the settings (the file is as it was before)",
                )
    except HotStandbyError:
        replace_text(job.path, before)
        raise


def _require_live(job: ConfigJob, live: Live) -> Effect:
    """After a reload: what still waits. Raises HotStandbyError "not_live" for what should not."""
    outcome = effect(job.wanted, frozenset(), live)
    for name in outcome.reload:
        if live[name].vartype != "string":  # a text may be shown in another form than it was written
            raise HotStandbyError(
                "not_live",
                f"the server has read {job.path} again, but {name} is still {live[name].setting!r}",
                "See the server's log",
            )
    return outcome


def _contexts(job: ConfigJob, changes: Changes, live: Live) -> dict[str, str]:
    """pg_settings.context of each; without a server what the table of this version says, else unknown."""
    dialect = None
    if not live and job.commands.has("postgres"):
        dialect = dialect_for(job.commands.version())
    words = {True: "postmaster", False: "sighup", None: "unknown"}
    return {
        name: live[name].context if name in live else words[dialect.needs_restart(name) if dialect else None]
        for name in changes
    }
