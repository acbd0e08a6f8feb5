# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an instance is on this host."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Instance:
    """The directories of an instance, and where and as whom its server is asked on this host.

    A directory that is not known is empty. log_file: where its output goes, None for elsewhere.
    """

    data_directory: str
    config_directory: str
    bin_directory: str
    port: int
    socket_directory: str
    login_user: str | None = None
    login_database: str = "postgres"
    log_file: str | None = None


def debian_log(version: str, instance: str) -> str:
    """Where Debian's tools send the output of an instance."""
    return f"/var/log/postgresql/postgresql-{version}-{instance}.log"
