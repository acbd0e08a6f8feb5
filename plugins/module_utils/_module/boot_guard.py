# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of module boot_guard: the files of the guard on a host, all of them or none."""

from __future__ import annotations

import json
import os
import pwd
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.commands import C_LOCALE, Outcome
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.files import plain_errors, text_of

from .entry import RUN_ARGUMENT

ARGUMENTS: dict[str, Any] = {
    **RUN_ARGUMENT,
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "directory": {"type": "path", "required": True},
    "program": {"type": "str", "required": True},
    "configuration": {"type": "dict", "required": True},
    "owner": {"type": "str"},
    "drop_in": {"type": "path"},
    "drop_in_text": {"type": "str"},
    "interpreter": {"type": "path"},
}

PROGRAM, CONFIGURATION = "boot_guard.py", "boot_guard.json"
# A restore command may have something in it that other users of the host must not know; the owner of the cluster reads
# it, who has it in his own files, and no one has to be root to see whether it is as declared.
CONFIGURATION_MODE, FILE_MODE, DIRECTORY_MODE = 0o600, 0o644, 0o755


def boot_guard(module: AnsibleModule) -> dict[str, Any]:
    """Make the files say exactly this, or remove them. Raises HotStandbyError "file_system" or "guard_interpreter"."""
    wanted = wanted_files(module.params)
    with plain_errors():
        before = {path: text_of(path) for path in wanted}
        owner = _owner(module)
        wrong = [path for path, text in wanted.items() if text != before[path] or not _is_guarded(path, text, owner)]
        if module.params["interpreter"] and module.params["state"] == "present":
            _try(module, module.params["interpreter"])
        if not module.check_mode:
            for path in wrong:
                _put(module, path, wanted[path], owner)
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


def _try(module: AnsibleModule, interpreter: str) -> None:
    """Let the program say that it runs with that Python, before systemd is told to run it so at each start."""
    if module.check_mode and not os.path.exists(interpreter):
        return  # what will be installed may bring it
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=module.tmpdir, suffix=".py") as scratch:
        scratch.write(module.params["program"])
        scratch.flush()
        trial = _run(module, interpreter, "-I", scratch.name, "self-test")
    if trial.code != 0:
        version = _run(module, interpreter, "--version")
        raise HotStandbyError(
            "guard_interpreter",
            f"the boot guard does not run with {interpreter} ({version.output.strip() or version.complaint}):"
            f" {trial.complaint}",
            "Set postgres_boot_guard_python to a Python 3.9 or later that is there when the host boots,"
            " or postgres_boot_guard to false",
        )


def _run(module: AnsibleModule, *command: str) -> Outcome:
    try:
        return Outcome(*module.run_command(list(command), environ_update=C_LOCALE, cwd="/", handle_exceptions=False))
    except OSError as error:
        return Outcome(1, "", error.strerror or str(error))


def mode_of(path: str) -> int:
    """The mode of one of the files. Pure."""
    return CONFIGURATION_MODE if os.path.basename(path) == CONFIGURATION else FILE_MODE


def _owner(module: AnsibleModule) -> pwd.struct_passwd | None:
    """Whose the configuration is. None in check mode where the account is not there yet.

    Raises HotStandbyError "no_account".
    """
    name = module.params["owner"]
    try:
        return pwd.getpwnam(name) if name else pwd.getpwuid(os.geteuid())
    except KeyError:
        if module.check_mode:
            return None
        raise HotStandbyError(
            "no_account", f"there is no user {name} on this host", "Correct postgres_owner, or install the server"
        ) from None


def _is_guarded(path: str, text: str | None, owner: pwd.struct_passwd | None) -> bool:
    """Whether the mode of a file is right, and the owner of the configuration."""
    if text is None:
        return True
    found = os.stat(path)
    whose = os.path.basename(path) != CONFIGURATION or (owner is not None and found.st_uid == owner.pw_uid)
    return found.st_mode & 0o777 == mode_of(path) and whose


def _put(module: AnsibleModule, path: str, text: str | None, owner: pwd.struct_passwd | None) -> None:
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
    os.chmod(scratch.name, mode_of(path))  # before it is in its place
    module.atomic_move(scratch.name, path)  # which also gives it the security label of its place
    os.chmod(path, mode_of(path))
    if owner and os.path.basename(path) == CONFIGURATION and os.stat(path).st_uid != owner.pw_uid:
        os.chown(path, owner.pw_uid, owner.pw_gid)


def _make_directory(directory: str) -> None:
    """Whatever the umask, the owner of the cluster has to get there."""
    missing = []
    while not os.path.isdir(directory):
        missing.append(directory)
        directory = os.path.dirname(directory)
    for path in reversed(missing):
        os.mkdir(path)
        os.chmod(path, DIRECTORY_MODE)
