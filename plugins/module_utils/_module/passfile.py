# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of module passfile."""

from __future__ import annotations

import os
import stat
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.passfile import (
    PassfileEntry,
    render_passfile,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.files import (
    plain_errors,
    text_of,
    write_private,
)

from .entry import RUN_ARGUMENT

ARGUMENTS: dict[str, Any] = {
    **RUN_ARGUMENT,
    "path": {"type": "path", "required": True},
    "entries": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "host": {"type": "str", "default": "*"},
            "port": {"type": "str", "default": "*"},
            "database": {"type": "str", "default": "*"},
            "user": {"type": "str", "required": True},
        },
    },
    "password": {"type": "str", "required": True, "no_log": True},
}

HEADING = "# Written by hotstandby.postgresql, which overwrites every change made here.\n"
PRIVATE = 0o600


def passfile(module: AnsibleModule) -> dict[str, Any]:
    """Make the file say exactly this. Raises HotStandbyError."""
    params = module.params
    path = params["path"]
    if not params["password"]:
        raise HotStandbyError(
            "empty_password", "the password is empty", "Set postgres_replication_password, best in a vaulted file"
        )
    try:
        wanted = HEADING + render_passfile(
            PassfileEntry(entry["host"], str(entry["port"]), entry["database"], entry["user"], params["password"])
            for entry in params["entries"]
        )
    except ValueError as error:
        raise HotStandbyError("bad_value", f"{path} cannot be written: {error}") from error
    with plain_errors():
        _check_directory(os.path.dirname(path), check_mode=module.check_mode)
        before = _present_text(path)
        closed = before is not None and is_private(os.lstat(path))
        changed = before != wanted or not closed
        if changed and not module.check_mode:
            write_private(path, wanted)
    return {
        "changed": changed,
        "reason": _reason(before, wanted, closed=closed),
        "diff": {"before": shown(before), "after": shown(wanted) + ("# password: changed\n" if changed else "")},
    }


def is_private(status: os.stat_result) -> bool:
    """Whether it is our own regular file that nobody else can read; libpq ignores others."""
    own = status.st_uid == os.geteuid()
    return own and stat.S_ISREG(status.st_mode) and stat.S_IMODE(status.st_mode) == PRIVATE


def _check_directory(directory: str, *, check_mode: bool) -> None:
    """Raise HotStandbyError when another user could replace what lies in the directory."""
    try:
        mode = os.stat(directory).st_mode
    except FileNotFoundError as error:
        if check_mode:
            return
        raise HotStandbyError(
            "no_directory", f"the directory {directory} of the passfile does not exist", "Create it"
        ) from error
    if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        raise HotStandbyError(
            "unsafe_directory",
            f"everybody may replace files in {directory}, so no passfile is written there",
            "Choose a directory that belongs to the owner of the cluster",
        )


def _present_text(path: str) -> str | None:
    """The text of the file, None when there is none. Raises HotStandbyError for a file that is not ours."""
    if os.path.isdir(path):
        raise HotStandbyError("not_a_file", f"{path} is a directory, not a passfile", "Correct postgres_passfile")
    text = text_of(path)
    if text and not text.startswith(HEADING):
        raise HotStandbyError(
            "foreign_passfile",
            f"{path} was not written by this collection, which would overwrite it",
            "Set postgres_passfile to a file of its own, or move that one away",
        )
    return text


def _reason(before: str | None, wanted: str, *, closed: bool) -> str:
    if before is None:
        return "there is no passfile"
    if before != wanted:
        return "the passfile says something else"
    return "the passfile is as it should be" if closed else "others may read the passfile, or it is not a file of ours"


def shown(text: str | None) -> str:
    """The lines without their passwords."""
    lines = (text or "").splitlines()
    return "".join(f"{_without_password(line)}\n" for line in lines if not line.startswith("#"))


def _without_password(line: str) -> str:
    """All before the fourth colon that no backslash escapes."""
    fields, escaped = [""], False
    for character in line:
        if character == ":" and not escaped:
            fields.append("")
        else:
            fields[-1] += character
        escaped = character == "\\" and not escaped
    return ":".join([*fields[:4], "********"])
