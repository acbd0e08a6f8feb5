# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the variables of a role are checked: before anything is replaced or removed that one of them could keep."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
CONVERGE = ROOT / "playbooks/parts/converge.yml"


def specs(role: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "roles" / role / "meta/argument_specs.yml").read_text())
    found: dict[str, Any] = loaded["argument_specs"]
    return found


def includes() -> list[dict[str, Any]]:
    plays: list[dict[str, Any]] = yaml.safe_load(CONVERGE.read_text())
    tasks = [task for play in plays for task in play["tasks"]]
    return [task["ansible.builtin.include_role"] for task in tasks if "ansible.builtin.include_role" in task]


@pytest.mark.parametrize("entry", ["prepare", "clean_up"])
def test_a_wrong_value_is_found_before_data_is_replaced_or_removed(entry: str) -> None:
    """hot_standby_keep_old_data=ture is false for Jinja."""
    of_role = specs("hot_standby")
    assert of_role[entry]["options"] == of_role["main"]["options"]
    [included] = [found for found in includes() if found.get("tasks_from") == entry]
    assert included.get("rolespec_validate", True) is True


def test_the_first_look_checks_all_variables_of_role_postgres() -> None:
    of_role = specs("postgres")
    assert of_role["observe"]["options"] == of_role["main"]["options"]
