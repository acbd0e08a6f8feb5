# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of module recovery_config."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.conf_tree import Files, read_tree
from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.conf_value import setting_text
from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.recovery_edits import (
    Edits,
    RecoveryFiles,
    plan_edits,
    settings_file,
    shown,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.recovery_settings import (
    OPTIONAL,
    primary_conninfo,
    wanted_settings,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.find import find_wreck
from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.files import (
    names_in,
    plain_errors,
    read_text,
    remove_file,
    replace_text,
    write_private,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.network import is_local
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.postmaster import running_postmaster
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.contents import (
    RECOVERY_CONF,
    RECOVERY_SIGNAL_FILE,
    SIGNAL_FILE,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.dialect import Dialect, dialect_for
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.live_server import find_server
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.recovery_live import Standby
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.session import HAS_PSYCOPG2

from .entry import RUN_ARGUMENT, instance_arguments, instance_of

ARGUMENTS: dict[str, Any] = {
    **RUN_ARGUMENT,
    **instance_arguments(
        "bin_directory", "config_directory", "port", "socket_directory", "login_user", "login_database",
        required=("data_directory",),
    ),
    "version": {"type": "str", "required": True},
    "primary_host": {"type": "str", "required": True},
    "primary_port": {"type": "int", "default": 5432},
    "user": {"type": "str", "required": True},
    "passfile": {"type": "path", "no_log": False},
    "application_name": {"type": "str", "required": True},
    "slot": {"type": "str"},
    "restore_command": {"type": "str"},
    "settings": {"type": "dict", "default": {}},
    "reload": {"type": "bool", "default": False},
    "timeout": {"type": "int", "default": 60},
}


@dataclass(frozen=True)
class Paths:
    """The two files, and the data directory."""

    data_directory: str
    settings: str
    main: str

    def found(self) -> RecoveryFiles:
        """Read what is there. Raises HotStandbyError."""
        names = (SIGNAL_FILE, RECOVERY_SIGNAL_FILE, RECOVERY_CONF)
        present = {name for name in names if os.path.lexists(os.path.join(self.data_directory, name))}
        main = read_text(self.main)
        lines = read_tree(self.main, main or "", Files(read_text, names_in))
        included = tuple(line for line in lines if line.file != self.main)
        return RecoveryFiles(read_text(self.settings), main, frozenset(present), included)

    def apply(self, edits: Edits) -> None:
        """Change the files, the signal file first: whatever happens next, it does not come up writable."""
        for name in edits.create:
            write_private(os.path.join(self.data_directory, name), "")
        self.write(edits.settings, edits.main)
        for name in edits.remove:
            remove_file(os.path.join(self.data_directory, name))

    def write(self, settings: str | None, main: str | None) -> None:
        """Write the texts that are not None."""
        if settings is not None and os.path.exists(self.settings):
            replace_text(self.settings, settings)
        elif settings is not None:
            write_private(self.settings, settings)
        if main is not None:
            replace_text(self.main, main)


def recovery_config(module: AnsibleModule) -> dict[str, Any]:
    """Make the data directory that of a standby of the given primary. Raises HotStandbyError."""
    params = module.params
    dialect = dialect_for(params["version"])
    _refuse_self(params)
    wanted = _wanted(params, dialect)
    directory = params["data_directory"]
    paths = _paths(params, dialect)
    with plain_errors():
        if not os.path.exists(os.path.join(directory, "global", "pg_control")):
            _check_missing(directory, check_mode=module.check_mode)
            found = RecoveryFiles(None, None, frozenset())
            return _result(paths, wanted, found, plan_edits(dialect, wanted, found), {"reason": "would be configured"})
        wreck = find_wreck(directory)
        if wreck:
            raise HotStandbyError("wreck", f"{directory}: {wreck}", "Clone it first")
        standby = _running_standby(params, dialect, check_mode=module.check_mode)
        if standby and module.check_mode and standby.is_primary():
            standby = None  # the run would have stopped it before: this module refuses a running primary
        if standby:
            standby.check(wanted)
        found = paths.found()
        edits = plan_edits(dialect, wanted, found)
        if module.check_mode:
            return _forecast(paths, wanted, found, edits, standby)
        _check_owner(directory)
        if edits:
            paths.apply(edits)
        applied = _apply_to_server(params, wanted, edits, standby, paths, found)
        return _result(paths, wanted, found, edits, applied)


def files_of(params: dict[str, Any]) -> RecoveryFiles:
    """The files as they are, whichever primary is wanted. Raises HotStandbyError or OSError."""
    return _paths(params, dialect_for(params["version"])).found()


def differs(params: dict[str, Any], found: RecoveryFiles) -> bool:
    """Whether the files that were found say something else than the parameters. Asks no server.

    Raises HotStandbyError.
    """
    dialect = dialect_for(params["version"])
    return bool(plan_edits(dialect, _wanted(params, dialect), found))


def _paths(params: dict[str, Any], dialect: Dialect) -> Paths:
    directory = params["data_directory"]
    main = os.path.join(params["config_directory"] or directory, "postgresql.conf")
    return Paths(directory, os.path.join(directory, settings_file(dialect)), main)


def _refuse_self(params: dict[str, Any]) -> None:
    if params["primary_port"] == params["port"] and is_local(params["primary_host"]):
        raise HotStandbyError(
            "self_following",
            f"{params['primary_host']} port {params['primary_port']} is this very node: it cannot follow itself",
            "Correct postgres_address and postgres_port of the primary and of this host",
        )


def _wanted(params: dict[str, Any], dialect: Dialect) -> dict[str, str | None]:
    extra = {}
    for name, value in params["settings"].items():
        if name not in OPTIONAL:
            raise HotStandbyError(
                "not_a_recovery_setting", f"{name} is none of {', '.join(OPTIONAL)}", "Set it with server_config"
            )
        text = setting_text(value)
        if text is not None:
            extra[name] = text
    try:
        conninfo = primary_conninfo(
            params["primary_host"],
            params["primary_port"],
            params["user"],
            params["passfile"],
            params["application_name"],
            dialect,
        )
    except ValueError as error:
        raise HotStandbyError("bad_value", f"primary_conninfo cannot be written: {error}") from error
    return wanted_settings(dialect, conninfo, params["slot"], params["restore_command"], extra)


def _check_missing(directory: str, *, check_mode: bool) -> None:
    if not check_mode:
        raise HotStandbyError(
            "no_data_directory", f"{directory} holds no PostgreSQL cluster", "Clone the primary first"
        )


def _check_owner(directory: str) -> None:
    if os.stat(directory).st_uid != os.geteuid():
        raise HotStandbyError(
            "not_the_owner",
            f"{directory} does not belong to the user who runs this (uid {os.geteuid()})",
            "Run it as the operating system user that owns the cluster (become_user)",
        )


def _running_standby(params: dict[str, Any], dialect: Dialect, *, check_mode: bool) -> Standby | None:
    postmaster = running_postmaster(params["data_directory"])
    target = find_server(instance_of(params))
    if postmaster is None or target is None or (check_mode and not HAS_PSYCOPG2):
        return None
    return Standby(target, dialect, params["data_directory"], postmaster.started)


def _needs(standby: Standby, wanted: dict[str, str | None], edits: Edits) -> dict[str, bool]:
    """Whether the running standby needs a reload and a restart."""
    names = standby.pending(wanted) | standby.unseen(wanted, edits.names)
    restart = names - standby.reloadable(names)
    return {
        "reload_required": bool(names - restart),
        # without the file it was started as something else than a standby
        "restart_required": bool(restart) or SIGNAL_FILE in edits.create or RECOVERY_SIGNAL_FILE in edits.remove,
    }


def _forecast(
    paths: Paths, wanted: dict[str, str | None], found: RecoveryFiles, edits: Edits, standby: Standby | None
) -> dict[str, Any]:
    needs = {}
    if standby:
        needs = _needs(standby, wanted, edits)
    return _result(paths, wanted, found, edits, {"reason": "would be changed" if edits else "nothing to do", **needs})


def _apply_to_server(
    params: dict[str, Any],
    wanted: dict[str, str | None],
    edits: Edits,
    standby: Standby | None,
    paths: Paths,
    found: RecoveryFiles,
) -> dict[str, Any]:
    reason = f"follows {params['primary_host']} port {params['primary_port']}"
    reason = reason if edits else f"{reason} already"
    if standby is None:
        return {"reason": f"{reason}; its server does not run"}
    needs = _needs(standby, wanted, edits)
    reloaded, waited = False, 0.0
    if needs["reload_required"] and params["reload"]:
        try:
            waited = standby.reload(wanted, params["timeout"])
        except HotStandbyError as error:
            if error.name == "unreadable_settings":
                paths.write(
                    found.settings if edits.settings is not None else None,
                    found.main if edits.main is not None else None,
                )
            raise
        reloaded = True
        needs["reload_required"] = False
    if needs["restart_required"]:
        reason += "; its server has to be restarted for that"
    elif needs["reload_required"]:
        reason += "; its server has to be reloaded for that"
    return {"reason": reason, "reloaded": reloaded, "waited_seconds": waited, **needs}


def _result(
    paths: Paths, wanted: dict[str, str | None], found: RecoveryFiles, edits: Edits, more: dict[str, Any]
) -> dict[str, Any]:
    before, after = (
        shown(found.settings, wanted),
        shown(edits.settings if edits.settings is not None else found.settings, wanted),
    )
    gone = [f"{name}\n" for name in edits.remove]
    lines = (
        [f"{paths.main}: {line}" for line in shown(found.main, wanted).splitlines(keepends=True)]
        if edits.main is not None
        else []
    )
    return {
        "changed": bool(edits) or bool(more.get("reloaded")),
        "settings_changed": list(edits.names),
        "reload_required": False,
        "restart_required": False,
        "reloaded": False,
        "waited_seconds": 0.0,
        "diff": {
            "before": before + "".join(gone) + "".join(lines),
            "after": after + "".join(f"{name}\n" for name in edits.create),
        },
        **more,
    }
