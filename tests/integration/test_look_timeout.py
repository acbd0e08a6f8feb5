# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that answers and hangs: it counts as one that does not answer, and nobody waits for it for ever."""

from __future__ import annotations

import sys
from pathlib import Path

from support.playbooks import Controller

NODE = (
    "ansible_connection=local postgres_version=15 postgres_become=false postgres_layout=plain postgres_service=pg_ctl"
    " postgres_install_packages=false postgres_replication_password=secret postgres_bin_directory=/nowhere/bin"
    " postgres_data_directory=/nowhere/data postgres_config_directory=/nowhere/data postgres_socket_directory=/nowhere"
    " postgres_address=127.0.0.1"
)


def cluster(directory: Path) -> Controller:
    """db-1 hangs: with whatever is run by its Python."""
    hanging = directory / "python"
    hanging.write_text("#!/bin/sh\nexec sleep 60\n")
    hanging.chmod(0o755)
    return Controller(
        directory,
        f"[master]\ndb-1 {NODE} postgres_port=15991 ansible_python_interpreter={hanging} postgres_look_timeout=3\n"
        f"[hot_standby]\ndb-2 {NODE} postgres_port=15992 ansible_python_interpreter={sys.executable}\n",
    )


def test_failover_goes_on_without_a_host_that_hangs(tmp_path: Path) -> None:
    done = cluster(tmp_path).run("failover")
    assert "[look_timed_out]" not in done.stdout, done.stdout
    assert "[primary_unreachable] db-1: " in done.stdout, done.stdout


def test_site_ends_failed_and_names_the_host_that_hangs(tmp_path: Path) -> None:
    done = cluster(tmp_path).run("site")
    assert done.returncode != 0
    assert "[look_timed_out] db-1: " in done.stdout, done.stdout


def test_a_host_that_is_said_to_be_dead_is_not_waited_for(tmp_path: Path) -> None:
    done = cluster(tmp_path).run("failover", "-e", "failover_primary_is_dead=db-1")
    assert "[no_candidate]" in done.stdout, done.stdout
    assert "timedout" not in done.stdout
