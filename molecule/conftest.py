# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of a converged cluster ask of the inventory and of the hosts."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from testinfra.host import Host

Sql = Callable[[str], list[list[str]]]


@pytest.fixture(scope="session")
def inventory() -> dict[str, Any]:
    """The inventory as ansible-inventory prints it (ANSIBLE_INVENTORY says which)."""
    printed = subprocess.run(["ansible-inventory", "--list"], check=True, capture_output=True).stdout
    loaded: dict[str, Any] = json.loads(printed)
    return loaded


@pytest.fixture(scope="session")
def addresses(inventory: dict[str, Any]) -> dict[str, str]:
    """Every host's address by its name."""
    return {name: values["ansible_host"] for name, values in inventory["_meta"]["hostvars"].items()}


@pytest.fixture(scope="session")
def primary(inventory: dict[str, Any]) -> str:
    """The name of the primary."""
    return str(inventory["master"]["hosts"][0])


@pytest.fixture(scope="session")
def standbys(inventory: dict[str, Any]) -> list[str]:
    """The names of the hot standbys."""
    return sorted(inventory["hot_standby"]["hosts"])


@pytest.fixture(scope="session")
def password(inventory: dict[str, Any]) -> str:
    """The replication user's password; ansible-inventory marks a text that is no template."""
    for values in inventory["_meta"]["hostvars"].values():
        value = values["postgres_replication_password"]
        return str(value["__ansible_unsafe"] if isinstance(value, dict) else value)
    raise LookupError("the inventory has no host")


@pytest.fixture
def name(host: Host) -> str:
    """The inventory name of the host under test."""
    return str(host.ansible.get_variables()["inventory_hostname"])


@pytest.fixture
def sql(host: Host) -> Sql:
    """Rows of a query, as text, asked over the local socket as the owner of the server."""

    def ask(query: str) -> list[list[str]]:
        command = ["psql", "-XAtq", "-F", "\x1f", "-v", "ON_ERROR_STOP=1", "-d", "postgres", "-c", query]
        with host.sudo("postgres"):
            printed: str = host.check_output(shlex.join(command))
        return [line.split("\x1f") for line in printed.splitlines() if line]

    return ask
