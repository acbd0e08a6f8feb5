# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options that nobody knows, and whether the list of those that are known is true."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.options import (
    FACTS,
    OPTIONS,
    PASSED,
    PREFIXES,
    unknown_options,
)

ROOT = Path(__file__).resolve().parents[4]
TASK_FILES = sorted([*(ROOT / "playbooks").rglob("*.yml"), *ROOT.glob("roles/*/tasks/*.yml")])


def role_variables() -> set[str]:
    names: set[str] = set()
    for path in ROOT.glob("roles/*/meta/argument_specs.yml"):
        for entry in yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"].values():
            names.update(entry["options"])
    return names


VARIABLES = role_variables()


def told(*typed: str, **kept: list[str]) -> list[str]:
    return [str(refusal) for refusal in unknown_options(typed, kept or {"db-1": []}, VARIABLES)]


def test_an_inventory_without_hosts_is_refused_before_anything_else() -> None:
    refusals = [str(refusal) for refusal in unknown_options(["switchover_too"], {}, VARIABLES)]
    assert [text.split("]")[0] for text in refusals] == ["[no_hosts"]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("switchover_too", "switchover_to"),
        ("swithover_to", "switchover_to"),
        ("failover_maximum_los", "failover_maximum_loss"),
        ("restart_primry_by", "restart_primary_by"),
        ("postgres_setings", "postgres_settings"),
        ("hotstandby_never_promote", "hot_standby_never_promote"),
    ],
)
def test_a_mistyped_option_is_refused_with_the_one_that_was_meant(typed: str, meant: str) -> None:
    (refusal,) = told(typed)
    assert refusal.startswith(f"[unknown_option] -e: {typed} ")
    assert f"Did you mean {meant}?" in refusal


def test_an_option_that_resembles_none_of_ours_is_refused_when_it_begins_as_ours_do() -> None:
    (refusal,) = told("failover_quickly_xyz")
    assert "failover_quickly_xyz" in refusal


def test_every_known_name_and_names_of_others_pass() -> None:
    assert told(*OPTIONS, *VARIABLES, "ansible_user", "app_version", "take_over") == []
    assert told(db1=[*OPTIONS, *VARIABLES, *FACTS, "ansible_host", "k8s_master", "groups"]) == []


def test_a_mistake_in_the_inventory_is_refused_and_names_its_hosts() -> None:
    (refusal,) = told(db1=["postgres_replication_pasword"], db2=["postgres_replication_pasword"])
    assert refusal.startswith("[unknown_option] db1, db2: postgres_replication_pasword ")


def test_what_another_role_calls_its_own_in_the_inventory_is_no_mistake() -> None:
    others = ["postgres_exporter_port", "master_ip", "status_page_url", "postgresql_version", "postgres_databases"]
    assert told(db1=others) == []


@pytest.mark.parametrize("name", sorted(PASSED))
def test_what_the_playbooks_tell_the_roles_is_nobodys_to_set(name: str) -> None:
    assert "set by the playbooks themselves" in told(name)[0]
    assert "set by the playbooks themselves" in told(db1=[name])[0]


def test_what_the_roles_publish_is_not_typed_either() -> None:
    assert "set by the playbooks themselves" in told("postgres_plan")[0]


def test_what_was_typed_is_told_once() -> None:
    assert len(told("postgres_setings", db1=["postgres_setings"])) == 1


def test_the_options_are_those_that_the_playbooks_read() -> None:
    """Whatever has a default in a task or a play, and is neither a role's variable nor made by the run."""
    files = [*TASK_FILES, *ROOT.glob("roles/*/vars/*.yml")]
    read = re.compile(rf"\b((?:{'|'.join(PREFIXES)})\w+) \| default")
    names = {name for path in files for name in read.findall(path.read_text(encoding="utf-8"))}
    assert names - VARIABLES - FACTS - PASSED == set(OPTIONS)


def test_the_readme_and_the_guide_know_the_options_and_no_others() -> None:
    papers = [ROOT / "README.md", *ROOT.glob("docs/*.md")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in papers)
    assert {name for name in OPTIONS if f"`{name}`" not in text and f"`-e {name}=" not in text} == set()
    of_playbooks = "|".join(prefix for prefix in PREFIXES[:5])
    assert set(re.findall(rf"-e ((?:{of_playbooks})\w+)=", text)) <= set(OPTIONS)


def test_the_lists_of_what_is_published_and_passed_are_true() -> None:
    published: set[str] = set()
    passed: set[str] = set()
    for path in TASK_FILES:
        for name, how in _names_set(yaml.safe_load(path.read_text(encoding="utf-8"))):
            if name.startswith(PREFIXES):
                (passed if how == "vars" else published).add(name)
    assert published == FACTS
    assert passed - VARIABLES == PASSED


def _names_set(part: Any) -> list[tuple[str, str]]:
    """(name, by what) of each variable that tasks and plays set."""
    found: list[tuple[str, str]] = []
    if isinstance(part, list):
        for item in part:
            found += _names_set(item)
    if isinstance(part, dict):
        found += [(name, "vars") for name in part.get("vars", {})]
        found += [(name, "set_fact") for name in part.get("ansible.builtin.set_fact", {})]
        if "register" in part:
            found.append((part["register"], "register"))
        for key in ("tasks", "block", "rescue", "always", "pre_tasks", "post_tasks"):
            found += _names_set(part.get(key))
    return found
