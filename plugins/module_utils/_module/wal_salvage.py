# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of module wal_salvage: WAL that a dead primary never sent is read there, and taken over here."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.replaced_wal import REPLACED
from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.files import plain_errors
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.lsn import Lsn
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.wal_segments import (
    Segment,
    segments_between,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._salvage.dead_cluster import (
    DeadCluster,
    wait_until_dead,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._salvage.delivery import (
    Delivery,
    check_same,
    check_standby,
    check_still,
    replay,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._salvage.wal_place import check_room, put
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.standby import open_server
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.stream import Stream
from ansible_collections.hotstandby.postgresql.plugins.module_utils._waiting import SystemClock

from .entry import acting, commands_of, instance_of


def wal_salvage(module: AnsibleModule) -> dict[str, Any]:
    """List what the dead primary has, or install it on the candidate. Raises HotStandbyError."""
    if module.params["state"] == "listed":
        return _listed(module, _lsn(module.params["from_lsn"], "from_lsn"))
    return _installed(module, _lsn(module.params["end"], "end"))


def _lsn(text: str, parameter: str) -> Lsn:
    try:
        return Lsn.parse(text)
    except ValueError as error:
        raise HotStandbyError("bad_value", str(error), f"Correct {parameter}") from None


def _listed(module: AnsibleModule, start: Lsn) -> dict[str, Any]:
    """Tell which segments hold what comes after start. Raises HotStandbyError."""
    params = module.params
    waited = wait_until_dead(params["data_directory"], params["timeout"])
    dead = DeadCluster.at(params["data_directory"], commands_of(module), params["version"])
    dead.check(params["timeline"], params["system_identifier"])
    end = dead.end()
    wanted = segments_between(params["timeline"], start, end, dead.segment_size)
    flaws = {segment.name: dead.flaw(segment, params["timeline"]) for segment in wanted}
    there = [segment for segment in wanted if flaws[segment.name] is None]
    missing = [name for name, flaw in flaws.items() if flaw is not None]
    return {
        "changed": False,
        "needed": end > start,
        "salvageable": not missing,
        "end": str(end),
        "bytes": max(end - start, 0),
        "segments": [
            {"name": segment.name, "path": os.path.join(dead.wal_directory, segment.name), "bytes": segment.size}
            for segment in there
        ],
        "missing": missing,
        "reason": _told(start, end, there, missing, flaws),
        "waited_seconds": waited,
    }


def _told(start: Lsn, end: Lsn, there: list[Segment], missing: list[str], flaws: dict[str, str | None]) -> str:
    if end <= start:
        return f"nothing to salvage: the WAL on this host ends at {end}, and the candidate has it up to {start}"
    if missing:
        names = ", ".join(f"{name} ({flaws[name]})" for name in missing)
        return (
            f"of the {end - start} bytes of WAL from {start} to {end} not all are left on this host:"
            f" {len(missing)} of {len(there) + len(missing)} segments cannot be used: {names}"
        )
    return f"{end - start} bytes of WAL from {start} to {end} are in {len(there)} segments"


def _installed(module: AnsibleModule, end: Lsn) -> dict[str, Any]:
    """Take the segments over and wait until they are replayed up to end. Raises HotStandbyError."""
    params = module.params
    clock = SystemClock()
    started = clock.now()
    with open_server(instance_of(params), commands_of(module), params["version"]) as server:
        before = check_standby(server, params["timeline"])
        if before.replayed is not None and before.replayed >= end:
            return _result(before, before, end, (), (), "the candidate has replayed it already")
        check_still(server, before)
        position = before.position or Lsn(0)
        segments: Sequence[Segment] = ()
        replaced: tuple[str, ...] = ()
        if position < end:
            with plain_errors():
                delivery = Delivery.checked(
                    server, params["source_directory"], position, end, params["timeline"], params["system_identifier"]
                )
                delivery.compare()
                segments = delivery.to_install(end)
                check_room(server.wal_directory, sum(segment.size for segment in segments))
                if module.check_mode:
                    reason = f"{end - position} bytes of WAL would be taken over"
                    return _result(before, before, end, segments, (), reason)
                check_same(server, before)
                sources = [delivery.source(segment) for segment in segments]
                with acting(module):
                    replaced = put(sources, server.wal_directory)
        if module.check_mode:
            return _result(before, before, end, (), (), "it is here already, and would be replayed")
        after = replay(server, end, params["timeout"])
        reason = f"{max(end - position, 0)} bytes of WAL were salvaged: it is replayed up to {after.replayed}"
        result = _result(before, after, end, segments, replaced, reason)
        if replaced:
            result["replaced_directory"] = os.path.join(server.wal_directory, REPLACED)
        result["waited_seconds"] = round(clock.now() - started, 3)
        return result


def _result(
    before: Stream, after: Stream, end: Lsn, segments: Sequence[Segment], replaced: Sequence[str], reason: str
) -> dict[str, Any]:
    position = before.position or Lsn(0)
    names = [segment.name for segment in segments]
    return {
        "changed": bool(names),
        "installed": names,
        "replaced": list(replaced),
        "replaced_directory": None,
        "before": str(position),
        "replayed": str(after.replayed) if after.replayed else None,
        "salvaged_bytes": max(end - position, 0),
        "reason": reason,
        "waited_seconds": 0.0,
        "diff": {"before": f"WAL up to {position}\n", "after": f"WAL up to {max(position, end)}\n"},
    }
