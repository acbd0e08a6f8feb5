# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of all scenarios ask of the inventory, the hosts and the servers."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import testinfra
from testinfra.host import Host

Sql = Callable[[str], list[list[str]]]
# What molecule/shared/files/server.sql says of a server, as JSON.
Server = dict[str, Any]

SERVER_SQL = Path(__file__).parent / "shared" / "files" / "server.sql"


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


@pytest.fixture(scope="session")
def hosts(addresses: dict[str, str]) -> dict[str, Host]:
    """All hosts by name, for tests that look at more than one."""
    return {name: testinfra.get_host(f"ansible://{name}") for name in sorted(addresses)}


@pytest.fixture(scope="session")
def servers(hosts: dict[str, Host]) -> dict[str, Server]:
    """What each server says of itself now, by host; those that are stopped say nothing and are missing."""
    found = {}
    for name, host in hosts.items():
        with host.sudo("postgres"):
            asked = host.run(shlex.join(["psql", "-XAtq", "-d", "postgres", "-c", SERVER_SQL.read_text()]))
        assert asked.rc in (0, 2), asked.stderr  # 2: no server answers
        if asked.rc == 0:
            found[name] = json.loads(asked.stdout)
    return found


@pytest.fixture(scope="session")
def primary(servers: dict[str, Server]) -> str:
    """The name of the only server that accepts writes."""
    [name] = [name for name, server in servers.items() if server["primary"]]
    return name


@pytest.fixture(scope="session")
def before() -> dict[str, Server]:
    """What each server said of itself when molecule/shared/servers_noted.yml asked, by host."""
    noted: dict[str, Server] = json.loads(
        (Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "servers.json").read_text()
    )
    return noted


@pytest.fixture(scope="session")
def old_primary(before: dict[str, Server]) -> str:
    """The name of the server that accepted writes then."""
    [name] = [name for name, server in before.items() if server["primary"]]
    return name
