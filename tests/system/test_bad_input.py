# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What bad input gets: one line with a name, exit not 0, and nothing changed anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from support.hosts import Fleet, snapshot
from support.hosts.controller import CHECKOUT, Controller, Run
from support.hosts.host import Host

NODES = ("db-1", "db-2", "db-3")
UNIT = "postgresql@15-main"
DATA = "/var/lib/postgresql/15/main"


@dataclass(frozen=True)
class Inventory:
    master: tuple[str, ...] = ("db-1",)
    hot_standby: tuple[str, ...] = ("db-2", "db-3")
    variables: Mapping[str, object] = field(default_factory=dict)
    of_db_2: Mapping[str, object] = field(default_factory=dict)
    before: str = ""


# A wrong inventory for virgin hosts; the name of the refusal, and what else its line has to say.
WRONG: dict[str, tuple[Inventory, str, str]] = {
    "no master": (Inventory(master=(), hot_standby=NODES), "no_master", "exactly one host"),
    "two masters": (Inventory(master=("db-1", "db-2"), hot_standby=("db-3",)), "several_masters", "db-1, db-2"),
    "listed twice": (Inventory(hot_standby=("db-1", "db-2", "db-3")), "listed_twice", "db-1"),
    "listed nowhere": (Inventory(before="db-4 ansible_host=198.51.100.9"), "listed_nowhere", "db-4"),
    "no groups": (Inventory(master=(), hot_standby=()), "no_hosts", "inventory.example.ini"),
    "no password": (Inventory(variables={"postgres_replication_password": ""}), "empty_password", "Set it"),
    "other major version": (Inventory(of_db_2={"postgres_version": "14"}), "version_mismatch", "db-2 14"),
    "unsupported version": (Inventory(variables={"postgres_version": "9.4"}), "version_unsupported", "9.5, 9.6"),
    "loopback": (Inventory(of_db_2={"postgres_address": "127.0.0.1"}), "address_unmatched", "db-2"),
    "unknown name": (Inventory(of_db_2={"postgres_address": "no.such.host.invalid"}), "address_unmatched", "resolve"),
    "same address": (Inventory(of_db_2={"postgres_address": "198.51.100.7"}), "address_shared", "db-2, db-3"),
    "port taken": (Inventory(of_db_2={"postgres_port": 22}), "port_taken", "db-2"),
    "disk too small": (
        Inventory(of_db_2={"postgres_data_directory": "/run/systemd/pg/data"}),
        "disk_too_small",
        "db-2",
    ),
}


@pytest.fixture(scope="module")
def before(fleet: Fleet) -> dict[str, dict[str, str]]:
    """Virgin hosts, and what is on them."""
    fleet.recreate()
    # a small file system, as a full disk would be
    fleet["db-2"].run("mount", "-o", "remount,size=100m", "/run")
    return {name: snapshot.take(fleet[name]) for name in NODES}


def refused(run: Run, name: str) -> str:
    """The one line of the refusal of that name."""
    assert run.returncode != 0
    assert not any(run.changed.values()), run.recap
    lines = [line for line in run.output.splitlines() if f"[{name}]" in line and line.startswith("[ERROR]")]
    assert lines, run.output
    return lines[0]


@pytest.mark.parametrize("case", WRONG)
@pytest.mark.usefixtures("before")
def test_a_wrong_inventory(case: str, controller: Controller) -> None:
    wrong, name, said = WRONG[case]
    shared = {"db-3": {"postgres_address": "198.51.100.7"}} if case == "same address" else {}
    controller.inventory(wrong.master, wrong.hot_standby, wrong.variables, {"db-2": wrong.of_db_2, **shared})
    controller.path.write_text(f"{wrong.before}\n{controller.path.read_text()}")
    assert said in refused(controller.playbook("site"), name)


@pytest.mark.usefixtures("before")
def test_limit_is_refused(controller: Controller) -> None:
    assert "db-1, db-3" in refused(controller.playbook("site", "--limit", "db-2"), "left_out")


def test_none_of_it_changed_anything(fleet: Fleet, before: dict[str, dict[str, str]]) -> None:
    """Looked at once, after all of the above: every file of every host."""
    for node in NODES:
        assert snapshot.differences(before[node], snapshot.take(fleet[node])) == []


def states(fleet: Fleet) -> list[list[str]]:
    return sorted(fleet["db-1"].sql("SELECT application_name, state FROM pg_stat_replication"))


def test_data_of_another_cluster(cluster: Fleet, controller: Controller) -> None:
    """Refused while it is there, refused for good while it runs, moved aside when the variable says so."""
    db3 = cluster["db-3"]
    db3.run("systemctl", "stop", UNIT)
    db3.run("rm", "-rf", DATA, user="postgres")
    db3.run("/usr/lib/postgresql/15/bin/initdb", "-D", DATA, user="postgres")
    assert "system identifier" in refused(controller.playbook("site"), "foreign_data")

    give_away = {"db-3": {"hot_standby_replace_data": True, "hot_standby_keep_old_data": True}}
    controller.inventory(["db-1"], ["db-2", "db-3"], host_variables=give_away)
    db3.run("systemctl", "start", UNIT)
    assert "never replaced" in refused(controller.playbook("site"), "foreign_server")

    db3.run("systemctl", "stop", UNIT)
    controller.playbook("site", check=True)
    assert states(cluster) == [["db-2", "streaming"], ["db-3", "streaming"]]
    kept = db3.run("sh", "-c", f"ls -d {DATA}.hotstandby-old-*/PG_VERSION").stdout.split()
    assert len(kept) == 1


def test_an_address_that_the_primary_cannot_match(cluster: Fleet, newcomer: Host, controller: Controller) -> None:
    """db-4 comes from another address than the one that the access rules name: the server's own words are shown."""
    controller.inventory(
        ["db-1"], ["db-2", "db-3", "db-4"], host_variables={"db-4": {"postgres_address": "198.51.100.250"}}
    )
    run = controller.playbook("site")
    assert run.returncode != 0
    assert run.recap["db-4"]["failed"] == 1
    assert 'no pg_hba.conf entry for replication connection from host "198.51.100.' in run.output
    assert "postgres_address" in run.output
    assert states(cluster) == [["db-2", "streaming"], ["db-3", "streaming"]]
    assert newcomer.run("sh", "-c", f"ls -d {DATA}* || true").stdout == "", "nothing half-made is left"


def test_a_standby_that_does_not_answer(cluster: Fleet, newcomer: Host, controller: Controller) -> None:
    """The others are still built; the play ends failed and says who is missing."""
    cluster["db-3"].kill()
    controller.inventory(["db-1"], ["db-2", "db-3", "db-4"])
    run = controller.playbook("site")
    assert run.returncode != 0
    assert "PROBLEM: db-3: does not answer" in run.output
    assert states(cluster) == [["db-2", "streaming"], ["db-4", "streaming"]]

    cluster["db-3"].start()
    controller.playbook("site", check=True)
    assert states(cluster) == [["db-2", "streaming"], ["db-3", "streaming"], ["db-4", "streaming"]]


def test_a_setting_that_the_server_rejects(cluster: Fleet, controller: Controller) -> None:
    """It is met on the primary, and then no standby is touched either."""
    controller.inventory(["db-1"], ["db-2", "db-3"], variables={"postgres_settings": {"shared_buffers": "banana"}})
    run = controller.playbook("site")
    assert run.returncode != 0
    assert 'invalid value for parameter "shared_buffers": "banana"' in run.output
    assert not any(run.changed.values())
    play = "Converge the standbys"
    assert f"- name: {play}\n" in (CHECKOUT / "playbooks" / "parts" / "converge.yml").read_text()
    assert play not in run.output
    for name in NODES:
        assert "banana" not in cluster[name].read("/etc/postgresql/15/main/postgresql.conf").decode()
