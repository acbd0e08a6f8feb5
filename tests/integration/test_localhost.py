# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An inventory that names this machine: beside the cluster, or as the only node of it."""

from __future__ import annotations

import sys
from pathlib import Path

from support.playbooks import Controller

# Without data, programs and a server.
NODE = (
    f"ansible_connection=local ansible_python_interpreter={sys.executable} postgres_version=15 postgres_become=false"
    " postgres_layout=plain postgres_service=pg_ctl postgres_install_packages=false"
    " postgres_replication_password=secret postgres_bin_directory=/nowhere/bin postgres_data_directory=/nowhere/data"
    " postgres_config_directory=/nowhere/data postgres_socket_directory=/nowhere"
)
HERE = f"localhost ansible_connection=local ansible_python_interpreter={sys.executable}\n"


def test_localhost_in_no_group_is_the_controller_and_no_stray(tmp_path: Path) -> None:
    inventory = f"{HERE}[master]\ndb-1 {NODE} postgres_address=127.0.0.1 postgres_port=15999\n"
    done = Controller(tmp_path, inventory).run("site", "--check")
    assert "listed_nowhere" not in done.stdout
    assert "db-1  primary  create" in done.stdout, done.stdout


def test_another_host_in_no_group_is_refused_and_told_where_to_go(tmp_path: Path) -> None:
    inventory = f"bastion\n[master]\ndb-1 {NODE} postgres_address=127.0.0.1 postgres_port=15999\n"
    done = Controller(tmp_path, inventory).run("site", "--check")
    assert "[listed_nowhere] bastion: " in done.stdout, done.stdout
    assert "into any other group" in " ".join(done.stdout.split())


def test_localhost_may_be_the_only_node(tmp_path: Path) -> None:
    done = Controller(tmp_path, f"[master]\nlocalhost {NODE} postgres_port=15999\n").run("site", "--check")
    assert "localhost  primary  create" in done.stdout, done.stdout
