# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of module base_backup."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hotstandby.postgresql.plugins.module_utils._clone.clone import clone, find_source
from ansible_collections.hotstandby.postgresql.plugins.module_utils._clone.request import (
    CloneRequest,
    refuse_content,
    refuse_running,
    result_of,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._clone.target import (
    check_space,
    look_at,
    needed_bytes,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.asides import remove, sorted_out
from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.find import (
    find_asides,
    find_marker,
    find_wreck,
    place_of,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.marker import COPYING
from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.moves import (
    clear,
    forget_marker,
    locked,
    refuse_used,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.slot_files import slots_in, without
from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.files import plain_errors
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.processes import stop_strays
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.progress import ProgressFile
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres import contents
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.dialect import dialect_for
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.connection_errors import NOT_YET
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.endpoint import Endpoint
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.live_server import dialect_of, find_server
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.replication import (
    is_in_recovery,
    is_streaming,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.session import connect
from ansible_collections.hotstandby.postgresql.plugins.module_utils._waiting import wait_until

from .entry import acting, commands_of, instance_of

# How long to wait for the standby to stream when the caller sets no time.
STREAMING_SECONDS = 60
KEEP_VARIABLE = "hot_standby_keep_old_data"


def base_backup(module: AnsibleModule) -> dict[str, Any]:
    """Bring the data directory into the wanted state. Raises HotStandbyError."""
    return tidy(module) if module.params["state"] == "tidied" else _cloned(module)


def _cloned(module: AnsibleModule) -> dict[str, Any]:
    """Make the data directory a copy of the source, ready to be a standby. Raises HotStandbyError."""
    request = _request(module)
    with plain_errors():
        refuse_running(request.data_directory)
        if module.check_mode:
            return _forecast(module, request)
        if os.geteuid() == 0:
            raise HotStandbyError(
                "runs_as_root",
                "base_backup was run as root: the files would belong to root",
                "Run it as the operating system user that owns the cluster (become_user)",
            )
        request.commands.output("pg_basebackup", "--version")
        return clone(request)


def _request(module: AnsibleModule) -> CloneRequest:
    params = module.params
    primary = Endpoint(params["primary_host"], params["primary_port"], "postgres", params["user"], params["passfile"])
    return CloneRequest(
        commands=commands_of(module),
        dialect=dialect_for(params["version"]),
        place=replace(primary, host=params["source_host"], port=params["source_port"])
        if params["source_host"]
        else primary,
        primary=primary,
        data_directory=params["data_directory"],
        application_name=params["application_name"] or "hotstandby",
        slot=params["slot"],
        wal_directory=params["wal_directory"],
        system_identifier=params["system_identifier"],
        tablespace_mapping=params["tablespace_mapping"],
        expected_bytes=params["expected_bytes"] or 0,
        tablespace_bytes=params["tablespace_bytes"],
        wal_bytes=params["wal_bytes"],
        max_rate=params["max_rate"],
        timeout_seconds=params["timeout"],
        progress=ProgressFile(None if module.check_mode else params["progress"]),
        verify=params["verify"],
        replace=params["replace"],
        claimed=bool(params["run"]),
        acting=lambda: acting(module),
    )


def _forecast(module: AnsibleModule, request: CloneRequest) -> dict[str, Any]:
    """All checks that can be made, and what would be done."""
    target = look_at(request.data_directory, request.wal_directory, request.dialect.major)
    refuse_content(request, target)
    reason = f"would be cloned from {request.place}"
    try:
        source = find_source(request)
        slot = request.source_slot
        if slot:
            slot.check()
        target = target.with_tablespaces(source, request.tablespace_mapping, request.dialect.major)
    except HotStandbyError as error:
        if error.name not in NOT_YET:
            raise
        module.warn(f"the source was not checked: {error}")
    check_space(needed_bytes(target, request.expected_bytes, request.tablespace_bytes))
    wreck = find_wreck(request.data_directory)
    if wreck:
        reason += f" ({wreck})"
    elif target.content != contents.ABSENT:
        reason += "; the present data directory would be moved aside"
    slots = slots_in(request.data_directory)
    reason += without(slots)
    return result_of(request, reason, changed=True, before=target.content, slots_dropped=list(map(str, slots)))


def tidy(module: AnsibleModule) -> dict[str, Any]:
    """Remove the directories that were moved aside. Raises HotStandbyError, and then removes nothing."""
    params = module.params
    directory = params["data_directory"]
    with plain_errors():
        place = place_of(directory)
        marker = find_marker(directory)
        halves = [*(marker.sides if marker and marker.phase == COPYING else ()), place.side]
        asides, kept = ([], {}) if params["keep_old"] else sorted_out(directory)
        for path, why in kept.items():
            module.warn(_told(path, why))
        result: dict[str, Any] = {
            "changed": False,
            "path": "none",
            "removed": [],
            "kept": sorted(kept),
            "waited_seconds": 0.0,
        }
        if not asides and marker is None:
            return {**result, "reason": _nothing(params, directory, kept)}
        if module.check_mode:
            told = ", ".join(asides) or "what a cut-off clone left"
            return {**result, "changed": True, "removed": asides, "reason": f"would remove {told}", **_diff(asides)}
        waited = _wait_until_streaming(params)
        with locked(place):
            for side in halves:
                stop_strays(side)
            removed = clear(marker, halves)
            forget_marker(place)
            if not params["keep_old"]:  # somebody may have put something there meanwhile
                asides, kept = sorted_out(directory)
            for path in asides:
                refuse_used(path)
            for path in asides:
                try:
                    removed += [path] if remove(path) else []
                except OSError as error:
                    kept[path] = f"{error.filename} could not be removed: {error.strerror}"
                    module.warn(_told(path, kept[path]))
    reason = "the standby streams, so the old directories were removed"
    if kept:
        reason += f"; {', '.join(sorted(kept))} was kept"
    return {
        **result,
        "changed": bool(removed) or marker is not None,
        "removed": removed,
        "kept": sorted(kept),
        "waited_seconds": waited,
        "reason": reason,
        **_diff(removed),
    }


def _told(path: str, why: str) -> str:
    return f"{path}, an old data directory, was kept: {why}. Save what is wanted of it, and remove it by hand."


def _nothing(params: dict[str, Any], directory: str, kept: Mapping[str, str]) -> str:
    if params["keep_old"]:
        return f"{len(find_asides(directory))} old directories are kept"
    return f"kept: {'; '.join(f'{path}: {why}' for path, why in kept.items())}" if kept else "nothing was moved aside"


def _diff(paths: list[str]) -> dict[str, Any]:
    return {"diff": {"before": "".join(f"{path}\n" for path in paths), "after": ""}}


def _wait_until_streaming(params: dict[str, Any]) -> float:
    """Wait until the server in the data directory streams as a standby; return the seconds that it took."""
    directory = params["data_directory"]
    target = find_server(instance_of(params))
    if target is None:
        raise HotStandbyError(
            "not_running",
            f"no server runs in {directory}, so what was moved aside is kept",
            "Start the standby and run this again",
        )
    with connect(target) as session:
        if not is_in_recovery(session):
            raise HotStandbyError(
                "not_a_standby",
                f"the server in {directory} is a primary, so what was moved aside is kept",
                f"Remove it by hand if it is not wanted any more, or set {KEEP_VARIABLE}=true",
            )
        return wait_until(
            lambda: is_streaming(session, dialect_of(session)),
            params["timeout"] or STREAMING_SECONDS,
            f"the standby in {directory} streams (what was moved aside is kept until then)",
            "See its server's log",
        )
