# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings a data directory back onto the history of its source."""

from __future__ import annotations

from typing import Any

from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.slot_files import without
from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.commands import Outcome
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.deadline import Deadline
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.processes import stop_strays
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.control_file import Control
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.connection_errors import (
    REFUSALS,
    explain_refusal,
)

from . import rules
from .programs import Programs
from .request import RewindDone, RewindRequest, cannot, result_of
from .rules import Impossible, RewindOutput, read_output
from .source import checkpoint, inspect_source


def rewind(request: RewindRequest, deadline: Deadline) -> dict[str, Any]:
    """Rewind it, or say why that cannot be. Raises HotStandbyError and OSError."""
    target = request.target
    target.show_signals()
    control = request.check_target()  # again: another run may have been at work until now
    source = inspect_source(request.place, request.dialect, control.system_identifier)
    obstacle = request.obstacle(control, source)
    done = RewindDone([])
    if obstacle:
        return cannot(request, obstacle, done)
    if source.timeline == control.newest_timeline:
        return _not_needed(request, f"{request.place} is on the same timeline {source.timeline}", done)
    programs = Programs(request.commands, request.dialect, target, request.config_file, deadline, request.progress)
    stop_strays(target.directory, "pg_rewind")
    checkpoint(source, request.dialect, deadline.left)
    done.archived += programs.archive()
    if not control.clean:
        problem = _recover_crash(request, programs)
        done.recovered = True
        if problem:
            return cannot(request, problem, done)
        done.archived += programs.archive()
    return _try(request, programs, done)


def _recover_crash(request: RewindRequest, programs: Programs) -> Impossible | None:
    with programs.target.signals_hidden():
        outcome = programs.recover_crash()
    control = Control.parse(request.commands.control_data(request.data_directory))
    if outcome.code == 0 and control.clean:
        return None
    told = f"crash recovery of {request.data_directory} left it {control.state}: {outcome.complaint}"
    return Impossible(rules.CRASH_RECOVERY_FAILED, told)


def _try(request: RewindRequest, programs: Programs, done: RewindDone) -> dict[str, Any]:
    """See whether pg_rewind can, which touches nothing; then do it."""
    restore_command = request.restore_command
    with programs.target.restore_command_shown(restore_command):
        outcome = programs.try_rewind(request.place, restore_command)
    words = read_output(outcome.output + outcome.errors)
    fork = {"fork_lsn": str(words.fork_lsn) if words.fork_lsn else None, "fork_timeline": words.fork_timeline}
    if outcome.code != 0:
        name = rules.why_impossible(outcome.output + outcome.errors)
        if name is None:
            raise _explain(request, outcome)
        return cannot(request, Impossible(name, outcome.complaint), done, **fork)
    if words.not_needed:
        return {**_not_needed(request, "pg_rewind says so", done), **fork}
    slots = request.target.slots()
    kept = _really(request, programs, words)
    reason = f"rewound to the history of {request.place}: what it had of its own since {words.fork_lsn}"
    reason += f" on timeline {words.fork_timeline} is gone{without(slots)}"
    more = {"kept": list(kept), "bytes": words.size, "slots_dropped": list(map(str, slots)), **fork}
    return result_of(request, "rewound", reason, changed=True, done=done, **more)


def _not_needed(request: RewindRequest, why: str, done: RewindDone) -> dict[str, Any]:
    created = request.target.ensure_standby()
    reason = f"no rewind is needed: {why}"
    return result_of(request, "not_needed", reason, changed=created or bool(done), done=done)


def _really(request: RewindRequest, programs: Programs, tried: RewindOutput) -> tuple[str, ...]:
    """Rewind, with the target's own files out of the way; return their names.

    Whatever goes wrong, the directory can come up as nothing but a standby; once pg_rewind has changed anything, not
    at all.
    """
    target, restore_command = programs.target, request.restore_command
    shelter = target.make_shelter()
    with request.acting():
        target.guard(str(request.place), shelter)  # from here on no server starts there, whoever else acts
    touched, failure = False, None
    try:
        target.set_own_aside(shelter)
        with target.restore_command_shown(restore_command):
            touched = True
            outcome = programs.rewind_watched(request.place, restore_command, tried.size or 0)
        if outcome.code != 0:
            touched = read_output(outcome.output + outcome.errors).copying
            failure = outcome
    finally:
        try:
            kept = target.put_own_back(shelter)
        finally:
            target.ensure_standby()
        if not touched:
            target.release()
    if failure and not touched:
        raise _explain(request, failure)
    if failure:
        raise HotStandbyError(
            "rewind_failed",
            f"pg_rewind of {request.data_directory} to {request.place} failed half-way, at fork point"
            f" {tried.fork_lsn}: {failure.complaint}",
            "What is there can no more be started: run this again to have it cloned (it is moved aside then)",
        )
    target.drop_slots()
    target.release()
    return kept


def _explain(request: RewindRequest, outcome: Outcome) -> HotStandbyError:
    if any(row[0] in outcome.errors for row in REFUSALS):
        return explain_refusal(request.place, outcome.complaint)
    return HotStandbyError(
        "rewind_failed",
        f"pg_rewind of {request.data_directory} to {request.place} failed before it changed anything:"
        f" {outcome.complaint}",
        "Put that right and run this again, or have the node cloned",
    )
