# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an instance is on this host."""

from __future__ import annotations


def debian_log(version: str, instance: str) -> str:
    """Where Debian's tools send the output of an instance."""
    return f"/var/log/postgresql/postgresql-{version}-{instance}.log"
