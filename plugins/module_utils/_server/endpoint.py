# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where and as whom a server is asked. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Endpoint:
    """Where and as whom to connect. host is a socket directory or an address; passfile keeps the password
    out of every connection string."""

    host: str
    port: int
    database: str = "postgres"
    user: str | None = None
    passfile: str | None = None
    connect_timeout_seconds: int = 10
    statement_timeout_seconds: int = 30

    def __str__(self) -> str:
        return f"{self.host} port {self.port}"

    def parameters(self) -> dict[str, Any]:
        """libpq's connection parameters."""
        wanted = {
            "host": self.host,
            "port": self.port,
            "dbname": self.database,
            "user": self.user,
            "passfile": self.passfile,
            "connect_timeout": self.connect_timeout_seconds,
            "application_name": "hotstandby",
            "client_encoding": "UTF8",
            "keepalives_idle": 5,
        }
        return {name: value for name, value in wanted.items() if value is not None}
