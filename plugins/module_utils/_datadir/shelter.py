# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a rewind keeps the node's own files when nothing can be made beside the data directory.

It lies among everybody's temporary files. Its name tells whose it is, so that what a rewind that was killed has left is
found. Anybody may make such a name there; a directory of ours nobody else can take away or replace.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
from contextlib import suppress

PREFIX = "hotstandby-rewind-"


def make_shelter(data_directory: str) -> str:
    """Make it; only this user gets into it. Raises OSError."""
    return tempfile.mkdtemp(prefix=_prefix(data_directory))


def find_shelters(data_directory: str) -> list[str]:
    """Those of this user for this data directory. One is in use while somebody holds the directory's lock."""
    prefix = _prefix(data_directory)
    with suppress(OSError), os.scandir(tempfile.gettempdir()) as entries:
        return sorted(entry.path for entry in entries if entry.name.startswith(prefix) and _is_ours(entry.path))
    return []


def is_shelter(path: str) -> bool:
    """Whether a path is named as one. Pure."""
    return os.path.basename(path).startswith(PREFIX)


def remove_shelter(path: str) -> bool:
    """Remove it with what is in it; False when it is not there, or not ours. Raises OSError."""
    if not is_shelter(path) or not _is_ours(path):
        return False
    shutil.rmtree(path)
    return True


def _prefix(data_directory: str) -> str:
    digest = hashlib.sha256(os.fsencode(os.path.realpath(data_directory))).hexdigest()[:12]
    return f"{PREFIX}{digest}-"


def _is_ours(path: str) -> bool:
    with suppress(OSError):
        status = os.lstat(path)
        return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()
    return False
