# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets PostgreSQL itself judge a configuration before it is put in place."""

from __future__ import annotations

import os
import re
import tempfile

from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.conf_file import ConfFile
from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.commands import Commands

# What the file says of the log must not hide the answer from us.
_ANSWER_ON_STDERR = ("log_destination=stderr", "log_line_prefix=", "log_error_verbosity=default")


def check_candidate(
    commands: Commands, path: str, candidate: ConfFile, data_directory: str, scratch: str, check_mode: bool
) -> None:
    """Ask `postgres -C` to read a text as if it were the main file; nothing beside it is touched.

    path: the main file that it is to replace; scratch: a directory for temporary files.
    Raises HotStandbyError "rejected" with the server's own message. In check mode, where the server may not
    be installed yet, a missing program is no error.
    """
    if check_mode and not commands.has("postgres"):
        return
    text = candidate.with_absolute_includes(os.path.dirname(path)).text
    with tempfile.NamedTemporaryFile(dir=scratch, prefix="postgresql-", suffix=".conf") as file:
        file.write(text.encode("utf-8", errors="surrogateescape"))
        file.flush()
        directory = data_directory if os.path.isdir(data_directory) else os.path.dirname(path)
        options = [f"config_file={file.name}", *_ANSWER_ON_STDERR]
        outcome = commands.attempt(
            "postgres", "-C", "config_file", "-D", directory, *(word for o in options for word in ("-c", o))
        )
        if outcome.code != 0:
            answer = _complaint(outcome.complaint).replace(file.name, path)
            raise HotStandbyError(
                "rejected",
                f"PostgreSQL rejects the new {path}: {answer}",
                "Correct that setting (nothing was changed)",
            )


def _complaint(text: str) -> str:
    """Without the summary that closes it, when there is more than that."""
    parts = [part for part in text.split("; ") if part]
    details = [re.sub(r"^(LOG|FATAL|ERROR):\s*", "", part) for part in parts if not part.startswith("FATAL")]
    return "; ".join(details) or text
