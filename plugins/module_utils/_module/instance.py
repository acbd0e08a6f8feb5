# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of module instance."""

from __future__ import annotations

import locale
import os
from contextlib import suppress
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.commands import Commands
from ansible_collections.hotstandby.postgresql.plugins.module_utils._instance.look import (
    WantedInstance,
    creation_was_cut_off,
    look_at,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._instance.maker import InstanceMaker
from ansible_collections.hotstandby.postgresql.plugins.module_utils._instance.plan import InstanceWork, plan_instance
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.dialect import dialect_for

from .entry import commands_of

DEBIAN_CONFIG = "/etc/postgresql"
DEFAULT_LOCALES = ("C.UTF-8", "C.utf8", "C")


def instance(module: AnsibleModule) -> dict[str, Any]:
    """Make sure that the instance exists. Raises HotStandbyError."""
    params = module.params
    commands = commands_of(module)
    version = params["version"] or _version_of_programs(commands, module.check_mode)
    if version is None:
        return _result(True, "the instance would be made", InstanceWork(make_data=True), params["data_directory"])
    wanted = _wanted(params, version)
    dialect = dialect_for(version)
    work = plan_instance(wanted, look_at(wanted))
    if not work.needed:
        reason = "the instance is there already"
        if not wanted.debian and not wanted.initialised:
            reason = "nothing to do: the configuration files come with the clone"
        return _result(False, reason, work, wanted.data_directory)
    if module.check_mode:
        return _result(True, _told(wanted, work, "would be"), work, wanted.data_directory)
    maker = InstanceMaker(module.run_command, commands, wanted, dialect)
    maker.check()
    try:
        if creation_was_cut_off(wanted.data_directory):
            maker.wait_for_others()
            work = plan_instance(wanted, look_at(wanted))
            if not work.needed:
                return _result(False, "another run has made the instance", work, wanted.data_directory)
        maker.carry_out(work)
    except OSError as error:
        raise HotStandbyError(
            "cannot_write",
            f"cannot make the instance: {error.filename or wanted.data_directory}: {error.strerror}",
            "See that the owner may write there, and run this again",
        ) from None
    return _result(True, _told(wanted, work, "was"), work, wanted.data_directory)


def _wanted(params: dict[str, Any], version: str) -> WantedInstance:
    debian = params["layout"] == "debian"
    conf = os.path.join(DEBIAN_CONFIG, version, params["instance"]) if debian else params["data_directory"]
    given = params["config_directory"]
    if given and os.path.normpath(given) != os.path.normpath(conf):
        raise HotStandbyError(
            "other_config_directory",
            f"the configuration of this instance is in {conf}, not in {given}",
            "Correct postgres_config_directory, or the layout, version or name of the instance",
        )
    return WantedInstance(
        debian=debian,
        initialised=params["contents"] == "initialised",
        version=version,
        instance=params["instance"],
        data_directory=os.path.normpath(params["data_directory"]),
        config_directory=conf,
        wal_directory=params["wal_directory"],
        port=params["port"],
        socket_directory=params["socket_directory"],
        owner=params["owner"],
        data_checksums=params["data_checksums"],
        encoding=params["encoding"],
        locale=params["locale"] or default_locale(),
        extra_initdb=tuple(params["extra_initdb"]),
    )


def default_locale() -> str:
    """C.UTF-8 where the host has it: sorts like C, and knows letters beyond ASCII."""
    before = locale.setlocale(locale.LC_CTYPE)
    try:
        for name in DEFAULT_LOCALES:
            with suppress(locale.Error):
                locale.setlocale(locale.LC_CTYPE, name)
                return name
    finally:
        locale.setlocale(locale.LC_CTYPE, before)
    return DEFAULT_LOCALES[-1]


def _version_of_programs(commands: Commands, check_mode: bool) -> str | None:
    if check_mode and not commands.has("postgres"):
        return None
    return commands.version()


def _told(wanted: WantedInstance, work: InstanceWork, verb: str) -> str:
    parts = []
    if work.discard or not (work.make_data or work.make_conf):
        parts.append(f"what a run that was cut off had left {verb} put in order")
    if work.make_data:
        parts.append(f"an empty cluster {verb} made in {wanted.data_directory}")
    if work.make_conf:
        parts.append(f"its configuration {verb} made in {wanted.config_directory}")
    return "; ".join(parts)


def _result(changed: bool, reason: str, work: InstanceWork, data_directory: str) -> dict[str, Any]:
    made = [name for name, done in (("data", work.make_data), ("configuration", work.make_conf)) if done]
    before = dict.fromkeys(made, "absent")
    return {
        "changed": changed,
        "reason": reason,
        "made": made,
        "data_directory": data_directory,
        "diff": {"before": before, "after": dict.fromkeys(made, "present")},
    }
