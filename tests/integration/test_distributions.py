# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What role postgres takes for granted on each distribution."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from support.playbooks import Controller

ASKED = (
    "version",
    "layout",
    "unit",
    "bin_directory",
    "data_directory",
    "config_directory",
    "log_file",
    "passfile",
    "packages",
)


def host(family: str, release: str, **variables: Any) -> dict[str, Any]:
    return {"facts": {"hotstandby_host": {"family": family, "release": release, "has_account": True}}, **variables}


HOSTS = {
    "bookworm": host("Debian", "Debian 12"),
    "trixie": host("Debian", "Debian 13", postgres_version=16, postgres_instance="books"),
    "forky": host("Debian", "Debian 14"),
    "noble": host("Debian", "Ubuntu 24"),
    "resolute": host("Debian", "Ubuntu 26"),
    "rocky": host("RedHat", "Rocky 9", postgres_data_directory="/data/pg"),
    "other": host("other", "Arch", postgres_version="18", postgres_data_directory="/srv/pg/data"),
    "unseen": {"facts": {}},
}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """By host, the values of the variables."""
    directory = tmp_path_factory.mktemp("distributions")
    controller = Controller(directory, "")
    hosts = {name: {"ansible_connection": "local", **variables} for name, variables in HOSTS.items()}
    controller.inventory = directory / "hosts.yml"
    controller.inventory.write_text(yaml.safe_dump({"all": {"hosts": hosts}}))
    values = {name: f"{{{{ postgres_{name} }}}}" for name in ASKED}
    keep = {"content": "{{ values | to_json }}", "dest": f"{directory}/{{{{ inventory_hostname }}}}.json"}
    know = {"name": "hotstandby.postgresql.postgres", "tasks_from": "variables"}
    tasks = [
        {"name": "Know the variables", "ansible.builtin.import_role": know},
        {
            "name": "Keep them",
            "ansible.builtin.copy": {**keep, "mode": "0600"},
            "vars": {"values": values, "ansible_facts": "{{ facts }}"},
            "delegate_to": "localhost",
        },
    ]
    play = {"name": "Variables", "hosts": "all", "gather_facts": False, "tasks": tasks}
    done = controller.run_text(yaml.safe_dump([play], sort_keys=False))
    assert done.returncode == 0, done.stdout
    return {name: json.loads((directory / f"{name}.json").read_text()) for name in HOSTS}


@pytest.mark.parametrize(
    ("name", "version"),
    [("bookworm", "15"), ("forky", "18"), ("noble", "16"), ("resolute", "18"), ("rocky", "17"), ("unseen", "")],
)
def test_the_version_is_the_distributions(name: str, version: str, found: dict[str, dict[str, Any]]) -> None:
    assert found[name]["version"] == version


def test_debian_and_ubuntu_have_debians_layout(found: dict[str, dict[str, Any]]) -> None:
    assert found["bookworm"] == {
        "version": "15",
        "layout": "debian",
        "unit": "postgresql@15-main.service",
        "bin_directory": "/usr/lib/postgresql/15/bin",
        "data_directory": "/var/lib/postgresql/15/main",
        "config_directory": "/etc/postgresql/15/main",
        "log_file": "/var/log/postgresql/postgresql-15-main.log",
        "passfile": "/var/lib/postgresql/hotstandby-15-main.pgpass",
        "packages": ["postgresql-15", "python3-psycopg2"],
    }
    assert found["resolute"]["packages"] == ["postgresql-18", "python3-psycopg2"]


def test_another_version_and_instance_change_every_path(found: dict[str, dict[str, Any]]) -> None:
    assert found["trixie"]["unit"] == "postgresql@16-books.service"
    assert found["trixie"]["data_directory"] == "/var/lib/postgresql/16/books"
    assert found["trixie"]["passfile"] == "/var/lib/postgresql/hotstandby-16-books.pgpass"
    assert found["trixie"]["packages"] == ["postgresql-16", "python3-psycopg2"]


def test_red_hats_family_has_pgdgs_layout(found: dict[str, dict[str, Any]]) -> None:
    assert found["rocky"]["config_directory"] == found["rocky"]["data_directory"] == "/data/pg"
    assert found["rocky"]["bin_directory"] == "/usr/pgsql-17/bin"
    assert found["rocky"]["unit"] == "postgresql-17.service"
    assert found["rocky"]["packages"] == ["postgresql17-server", "postgresql17-contrib", "python3-psycopg2"]
    assert found["rocky"]["passfile"] == "/var/lib/pgsql/hotstandby-17-main.pgpass"


def test_elsewhere_things_lie_beside_the_data_directory(found: dict[str, dict[str, Any]]) -> None:
    assert found["other"]["config_directory"] == "/srv/pg/data"
    assert found["other"]["log_file"] == "/srv/pg/postgresql.log"
    assert found["other"]["passfile"] == "/srv/pg/hotstandby-18-main.pgpass"
    assert found["other"]["packages"] == []
