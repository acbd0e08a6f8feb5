# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of module hba_rules: a managed block in pg_hba.conf, proved to be live."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.hba_file import (
    CONNECTION_TYPES,
    HbaEntry,
    HbaFile,
    HbaRule,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.hba_match import is_line_of, shadowing
from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.hba_wanted import wanted_rules
from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.files import read_text, replace_text
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.network import resolve
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.endpoint import Endpoint
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.live_server import (
    check_file,
    dialect_of,
    find_server,
    load_time,
    open_session,
    reload_configuration,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.session import Session, connect

from .entry import RUN_ARGUMENT, instance_arguments, instance_of

RULE = {
    "type": {"type": "str", "choices": list(CONNECTION_TYPES), "default": "host"},
    "database": {"type": "str", "required": True},
    "user": {"type": "str", "required": True},
    "address": {"type": "str"},
    "method": {"type": "str", "default": "scram-sha-256"},
    "options": {"type": "dict"},
}

ARGUMENTS: dict[str, Any] = {
    **RUN_ARGUMENT,
    **instance_arguments(),
    "name": {"type": "str", "default": "peers"},
    "rules": {"type": "list", "elements": "dict", "required": True, "options": RULE},
    "hba_file": {"type": "path"},
    "reload": {"type": "bool", "default": True},
    "prove": {"type": "bool", "default": True},
    "timeout": {"type": "int", "default": 60},
}


@dataclass(frozen=True)
class HbaJob:
    """What is wanted, and where."""

    path: str
    name: str
    rules: Sequence[HbaRule]
    check_mode: bool
    reload: bool
    prove: bool
    timeout_seconds: int


@dataclass(frozen=True)
class ServerView:
    """pg_hba.conf as the server reads it: its rules in their order, and the lines that it cannot read."""

    entries: Sequence[HbaEntry]
    problems: Sequence[tuple[str | None, int, str]]


def hba_rules(module: AnsibleModule) -> dict[str, Any]:
    """Bring the managed block to the wanted rules. Raises HotStandbyError; then nothing was changed."""
    job = _job(module)
    target = find_server(instance_of(module.params))
    text = read_text(job.path)
    if text is None and not job.check_mode:
        raise HotStandbyError("no_hba_file", f"{job.path} does not exist on this host", "Create the instance before")
    before = HbaFile.parse(text or "")
    after = _edited(job, before)
    _refuse_shadows(job, after)
    changed = after != before
    proved, stale = False, changed
    session = open_session(target, check_mode=job.check_mode)
    if session:
        with session:
            check_file(session, "hba_file", job.path)
            _refuse_broken_lines(job, session, before)
            stale = changed or os.stat(job.path).st_mtime > load_time(session)
    if changed and not job.check_mode:
        replace_text(job.path, after.text)
    if target and job.prove and not job.check_mode:
        proved = _prove(job, target, before, after)
    reloaded, waited = bool(target and stale and job.reload), 0.0
    if target and reloaded and not job.check_mode:
        waited = reload_configuration(target, job.timeout_seconds)
    return {
        "changed": changed or reloaded,
        "lines": [rule.line() for rule in job.rules],
        "proved": proved,
        "reloaded": reloaded,
        "reload_required": bool(target and stale and not job.reload),
        "waited_seconds": waited,
        "diff": {
            "before_header": job.path,
            "after_header": job.path,
            "before": before.text,
            "after": after.text,
        },
        "reason": _reason(job, changed, reloaded, running=target is not None),
    }


def _job(module: AnsibleModule) -> HbaJob:
    parameters = module.params
    directory = parameters["config_directory"] or parameters["data_directory"]
    path = parameters["hba_file"] or (os.path.join(directory, "pg_hba.conf") if directory else None)
    if not path:
        raise HotStandbyError(
            "no_directory", "none of hba_file, config_directory and data_directory is given", "Give one of them"
        )
    if not re.fullmatch(r"[A-Za-z0-9_.-]+", parameters["name"]):
        raise HotStandbyError(
            "bad_name", f"{parameters['name']!r} cannot name a block", "Use letters, digits, and any of _.-"
        )
    return HbaJob(
        path=path,
        name=parameters["name"],
        rules=wanted_rules(parameters["rules"], resolve),
        check_mode=module.check_mode,
        reload=parameters["reload"],
        prove=parameters["prove"],
        timeout_seconds=parameters["timeout"],
    )


def _edited(job: HbaJob, file: HbaFile) -> HbaFile:
    try:
        return file.with_block(job.rules, job.name)
    except ValueError as error:
        raise HotStandbyError(
            "broken_block", f"{job.path}: {error}", "Remove those marker lines and what we wrote between them"
        ) from error


def _refuse_shadows(job: HbaJob, after: HbaFile) -> None:
    block = after.block(job.name)
    if block:
        _refuse_shadows_among(job, [entry for entry in after.entries() if entry.line_number < block[0]])


def _refuse_shadows_among(job: HbaJob, earlier: Sequence[HbaEntry]) -> None:
    for rule in job.rules:
        entry = shadowing(earlier, rule)
        if entry:
            raise HotStandbyError(
                "shadowed",
                f"{entry.file_name or job.path} line {entry.line_number} ({entry.type} ... {entry.method})"
                f" decides before our line {rule.line()!r}",
                "Move that line below our block, or remove it (nothing was changed)",
            )


def _refuse_broken_lines(job: HbaJob, session: Session, before: HbaFile) -> None:
    """Broken lines that are not ours: a reload would take none of the rules."""
    block = before.block(job.name) or (0, 0)
    for file, line, message in _view(session).problems:
        if not (_is_ours(file, job) and block[0] <= line <= block[1]):
            raise HotStandbyError(
                "broken_access_rule",
                f"{file or job.path} line {line}: {message}",
                "Correct that line: until then the server takes no change of its access rules (nothing was changed)",
            )


def _is_ours(file: str | None, job: HbaJob) -> bool:
    return file is None or os.path.realpath(file) == os.path.realpath(job.path)


def _view(session: Session) -> ServerView:
    """What the server makes of the file as it is now; empty before version 10, which cannot tell."""
    dialect = dialect_of(session)
    if not dialect.has_hba_file_rules:
        return ServerView((), ())
    file, order = ("file_name", "rule_number NULLS LAST,") if dialect.has_hba_file_names else ("NULL::text", "")
    rows = session.rows(
        "SELECT line_number, type, database, user_name, address, netmask, auth_method, options, error,"
        f" {file} AS file_name FROM pg_catalog.pg_hba_file_rules ORDER BY {order} line_number"
    )
    entries = [
        HbaEntry(
            line_number=row["line_number"],
            type=row["type"],
            databases=tuple(row["database"]),
            users=tuple(row["user_name"]),
            address=row["address"],
            netmask=row["netmask"],
            method=row["auth_method"],
            options=tuple(row["options"] or ()),
            file_name=row["file_name"],
        )
        for row in rows
        if row["error"] is None
    ]
    problems = [(row["file_name"], row["line_number"], row["error"]) for row in rows if row["error"]]
    return ServerView(entries, problems)


def _prove(job: HbaJob, target: Endpoint, before: HbaFile, after: HbaFile) -> bool:
    """Ask the server whether it reads our lines, and reads them first; put the old file back when not.

    False when this version cannot tell.
    """
    try:
        with connect(target) as session:
            if not dialect_of(session).has_hba_file_rules:
                return False
            view = _view(session)
        for file, line, message in view.problems:
            raise HotStandbyError(
                "broken_access_rule",
                f"the server cannot read {file or job.path} line {line}: {message}",
                "Correct that rule (the file is as it was before)",
            )
        first, last = after.block(job.name) or (0, 0)
        ours = [entry for entry in view.entries if _in_block(entry, job, first, last)]
        _refuse_shadows_among(job, view.entries[: view.entries.index(ours[0])] if ours else [])
        for rule in job.rules:
            if not any(is_line_of(entry, rule) for entry in ours):
                raise HotStandbyError(
                    "not_live",
                    f"the server does not see our line {rule.line()!r} in {job.path}",
                    "See the server's log (the file is as it was before)",
                )
    except HotStandbyError:
        if after != before:
            replace_text(job.path, before.text)
        raise
    return True


def _in_block(entry: HbaEntry, job: HbaJob, first: int, last: int) -> bool:
    return _is_ours(entry.file_name, job) and first < entry.line_number < last


def _reason(job: HbaJob, changed: bool, reloaded: bool, *, running: bool) -> str:
    count = f"{len(job.rules)} access rule{'' if len(job.rules) == 1 else 's'}"
    if changed:
        parts = [f"{count} {'would be' if job.check_mode else 'were'} put into {job.path}"]
    else:
        parts = [f"{job.path} has our {count}"]
    if reloaded:
        parts.append("the server would be reloaded" if job.check_mode else "the server was reloaded")
    elif changed and not running:
        parts.append("the server does not run and will read it at its start")
    return "; ".join(parts)
