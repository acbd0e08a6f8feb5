# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The access rules and the passfile that every node gets."""

from __future__ import annotations

from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.access import (
    access_rules,
    passfile_entries,
)
from support.clusters import declared

NODES = [declared("db-1"), declared("db-2"), declared("db-3", address="192.0.2.1", port=5433)]


def test_one_rule_per_address_and_database_never_trust() -> None:
    rules = access_rules(NODES, "replicator", "15")
    assert [(rule["address"], rule["database"]) for rule in rules] == [
        ("192.0.2.1", "replication"),
        ("192.0.2.1", "postgres"),
        ("192.0.2.2", "replication"),
        ("192.0.2.2", "postgres"),
    ]
    assert {rule["method"] for rule in rules} == {"scram-sha-256"}
    assert {rule["method"] for rule in access_rules(NODES, "replicator", "9.6")} == {"md5"}


def test_every_node_has_the_same_passfile_without_the_password() -> None:
    assert passfile_entries(reversed(NODES), "replicator") == passfile_entries(NODES, "replicator")
    assert [(entry["host"], entry["port"]) for entry in passfile_entries(NODES, "replicator")] == [
        ("192.0.2.1", 5432),
        ("192.0.2.1", 5433),
        ("192.0.2.2", 5432),
    ]
