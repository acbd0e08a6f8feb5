# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mistyped option stops every playbook in its first play, wherever it was typed."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.modules import CHECKOUT
from support.playbooks import NOBODY, Controller

INVENTORY = f"""\
[master]
db-1 {NOBODY}
[hot_standby]
db-2 {NOBODY} postgres_exporter_port=9187
[all:vars]
postgres_replication_password=secret
"""
# The others are parts of these.
PLAYBOOKS = ("site", "status", "verify", "switchover", "failover", "rejoin", "restart")
IMPORT = """\
- name: With a mistake
  ansible.builtin.import_playbook: {path}/playbooks/switchover.yml
  vars:
    switchover_too: db-2
"""


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_every_playbook_refuses_a_mistyped_option_before_it_looks_at_a_host(playbook: str, tmp_path: Path) -> None:
    done = Controller(tmp_path, INVENTORY).run(playbook, "-e", "switchover_too=db-2")
    assert done.returncode == 2, done.stdout
    assert "[unknown_option] -e: switchover_too" in done.stdout
    assert "Did you mean switchover_to?" in done.stdout
    assert "UNREACHABLE" not in done.stdout


def test_options_from_a_file_and_of_an_imported_playbook_are_refused_too(tmp_path: Path) -> None:
    controller = Controller(tmp_path, INVENTORY)
    (tmp_path / "options.yml").write_text("{failover_maximum_los: 1}")
    assert "[unknown_option] -e: failover_maximum_los" in controller.run("failover", "-e", "@options.yml").stdout
    done = controller.run_text(IMPORT.format(path=CHECKOUT))
    assert "[unknown_option] -e: switchover_too" in done.stdout, done.stdout


def test_a_mistake_in_group_vars_is_refused(tmp_path: Path) -> None:
    controller = Controller(tmp_path, INVENTORY)
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars/hot_standby.yml").write_text("hot_standby_never_promot: true\n")
    done = controller.run("failover")
    assert "[unknown_option] db-2: hot_standby_never_promot " in done.stdout, done.stdout


def test_right_options_and_names_of_others_go_through(tmp_path: Path) -> None:
    done = Controller(tmp_path, INVENTORY).run("switchover", "-e", "switchover_to=db-2", "-e", "postgres_timeout=5")
    assert "unknown_option" not in done.stdout
    assert "unreachable=1" in done.stdout or "UNREACHABLE" in done.stdout, done.stdout
