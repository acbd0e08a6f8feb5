# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's start.conf, which says whether an instance starts at boot. It lies below a directory of the account's."""

from __future__ import annotations

import os
import re

from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.as_owner import (
    acting_as_owner_of,
    read_regular,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.files import replace_text, write_whole

KEYWORD = re.compile(r"^[ \t]*(auto|manual|disabled)\b", re.MULTILINE)
# Whoever lists the instances reads it.
MODE = 0o644


def start_keyword(config_directory: str) -> str:
    """What it says: auto, manual or disabled. A missing file says auto. Raises HotStandbyError "cannot_read"."""
    return _keyword_in(_read(_path(config_directory)))


def set_start_keyword(config_directory: str, keyword: str) -> None:
    """Let it say that; its comments, owner and mode stay.

    A reader sees the old text or the new one. Raises HotStandbyError "cannot_read" or "cannot_write".
    """
    path = _path(config_directory)
    text = _read(path)
    if _keyword_in(text) == keyword:
        return
    try:
        with acting_as_owner_of(path):
            if text is None:
                write_whole(path, f"{keyword}\n", MODE)
            else:
                replace_text(path, with_keyword(text, keyword))
    except OSError as error:
        raise HotStandbyError(
            "cannot_write",
            f"cannot write {path}: {error.strerror or error}",
            "Let it be a file that the owner of its directory may write, and see that its disk is not full",
        ) from None


def _keyword_in(text: str | None) -> str:
    found = KEYWORD.search(text or "")
    return found.group(1) if found else "auto"


def with_keyword(text: str, keyword: str) -> str:
    """The text with another keyword. Pure."""
    new, count = KEYWORD.subn(keyword, text)
    return new if count else f"{text}{keyword}\n"


def _path(config_directory: str) -> str:
    return os.path.join(config_directory, "start.conf")


def _read(path: str) -> str | None:
    try:
        return read_regular(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise HotStandbyError(
            "cannot_read",
            f"cannot read {path}: {error.strerror or error}",
            "Let it be a file that the owner of its directory may read",
        ) from None
