# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A version that somebody named or a server reported: its dialect, or one line of what is wrong. Pure."""

from __future__ import annotations

from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError

from .dialect import Dialect


def dialect_for(version: str | int) -> Dialect:
    """The dialect of a version in any notation. Raises HotStandbyError "version_unsupported"."""
    try:
        return Dialect.for_version(version)
    except ValueError as error:
        raise HotStandbyError("version_unsupported", str(error), "Set postgres_version to a supported one") from error


def same_major(version: str, dialect: Dialect) -> bool:
    """Whether a version in any notation is that of the dialect."""
    try:
        return Dialect.for_version(version).major == dialect.major
    except ValueError:
        return False
