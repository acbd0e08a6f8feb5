# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of module boot_guard: the files of the guard on a host, all of them or none."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hotstandby.postgresql.plugins.module_utils._atomic_file import plain_errors, read_text

PROGRAM, CONFIGURATION = "boot_guard.py", "boot_guard.json"
# Both servers' owners and root read them; there is no secret in them.
FILE_MODE, DIRECTORY_MODE = 0o644, 0o755


def boot_guard(module: AnsibleModule) -> dict[str, Any]:
    """Make the files say exactly this, or remove them. Raises HotStandbyError "file_system"."""
    wanted = wanted_files(module.params)
    with plain_errors():
        before = {path: read_text(path) for path in wanted}
        wrong = [path for path, text in wanted.items() if text != before[path] or not _is_open(path, text)]
        if not module.check_mode:
            for path in wrong:
                _put(module, path, wanted[path])
    return {
        "changed": bool(wrong),
        "reason": _reason(wrong, module.params["state"]),
        "units_changed": module.params["drop_in"] in wrong,
        "diff": [
            {
                "before_header": path,
                "after_header": path,
                "before": before[path] or "",
                "after": wanted[path] or "",
            }
            for path in wrong
        ],
    }


def wanted_files(params: Mapping[str, Any]) -> dict[str, str | None]:
    """By path the text that a file has to have, None for one that has to go. Pure.

    systemd's drop-in is written last and removed first, so that it never names a program that is not there.
    """
    present = params["state"] == "present"
    program, configuration = (os.path.join(params["directory"], name) for name in (PROGRAM, CONFIGURATION))
    files = {
        configuration: json.dumps(params["configuration"], indent=4, sort_keys=True) + "\n" if present else None,
        program: params["program"] if present else None,
    }
    drop_in = {params["drop_in"]: params["drop_in_text"] if present else None} if params["drop_in"] else {}
    return {**files, **drop_in} if present else {**drop_in, **files}


def _reason(wrong: Sequence[str], state: str) -> str:
    if not wrong:
        return "the boot guard is as it should be" if state == "present" else "there is no boot guard"
    return f"{', '.join(wrong)}: {'not as it should be' if state == 'present' else 'it has to go'}"


def _is_open(path: str, text: str | None) -> bool:
    """Whether the owner of the cluster can read it, where there is anything to read."""
    return text is None or os.stat(path).st_mode & 0o777 == FILE_MODE


def _put(module: AnsibleModule, path: str, text: str | None) -> None:
    directory = os.path.dirname(path)
    if text is None:
        with suppress(FileNotFoundError):
            os.unlink(path)
        with suppress(OSError):  # there may be others' files in it
            os.rmdir(directory)
        return
    _make_directory(directory)
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=module.tmpdir, delete=False) as scratch:
        scratch.write(text)
    module.atomic_move(scratch.name, path)  # which also gives it the security label of its place
    os.chmod(path, FILE_MODE)


def _make_directory(directory: str) -> None:
    """Whatever the umask, the owner of the cluster has to get there."""
    missing = []
    while not os.path.isdir(directory):
        missing.append(directory)
        directory = os.path.dirname(directory)
    for path in reversed(missing):
        os.mkdir(path)
        os.chmod(path, DIRECTORY_MODE)
