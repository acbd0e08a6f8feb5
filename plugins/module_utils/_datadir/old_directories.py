# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adapter: whether a directory that was moved aside may go. Changes nothing."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.directories import entries_of
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.data_files import shown

from . import old_content as content
from .layout import STAMP_PATTERN
from .shelter import is_shelter


def sort_out(paths: Iterable[str]) -> tuple[list[str], dict[str, str]]:
    """Those that can be removed, and why each of the others is kept.

    What was moved aside at one time belongs together: a cluster, its WAL and its tablespaces.
    """
    reasons = {path: why_kept(path) for path in paths}
    whole = {_stamp(path): f"{path}: {why}" for path, why in reasons.items() if why}
    kept = {path: why or whole[_stamp(path)] for path, why in reasons.items() if why or _stamp(path) in whole}
    return [path for path in reasons if path not in kept], kept


def _stamp(path: str) -> str:
    found = re.findall(STAMP_PATTERN, os.path.basename(path))
    return found[-1] if found else path


def why_kept(directory: str) -> str | None:
    """What keeps it from being removed: something in it that is not PostgreSQL's, or that cannot be removed."""
    try:
        kind = content.DATA if is_shelter(directory) else content.kind_of(entries_of(directory))
        waiting = [""]
        while waiting:
            here = waiting.pop()
            if not os.access(os.path.join(directory, here), os.R_OK | os.W_OK | os.X_OK):
                return f"{shown(here) or 'it'} cannot be read or removed by the server's account"
            with os.scandir(os.path.join(directory, here)) as entries:
                for entry in entries:
                    path = os.path.join(here, entry.name)
                    what = _what(entry)
                    if not content.is_servers(kind, path, what):
                        return f"{shown(path)} is not PostgreSQL's"
                    if what == content.DIRECTORY:
                        waiting.append(path)
    except OSError as error:
        return f"{error.filename} cannot be read: {error.strerror}"
    return None


def _what(entry: os.DirEntry[str]) -> str:
    if entry.is_symlink():
        return content.LINK
    if entry.is_file():
        return content.FILE
    return content.DIRECTORY if entry.is_dir() else content.OTHER
