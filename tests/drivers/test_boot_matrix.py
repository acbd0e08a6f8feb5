# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every order in which two or three hosts boot within a minute, after a failover or without one.

Only the primary that was promoted last takes writes; for each case the seconds that it took are printed. `make
boot-matrix` runs it, in half an hour; it is not a part of `make test`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import permutations

import pytest

from support import writer
from support.hosts import Fleet, boots
from support.hosts.controller import Controller
from support.hosts.faults import UNIT, boot
from support.hosts.host import Host
from support.hosts.states import in_recovery, serves, timeline
from support.waiting import wait_for

APART_SECONDS = 20.0
HBA = "/etc/postgresql/15/main/pg_hba.conf"


@pytest.fixture
def nodes(request: pytest.FixtureRequest, cluster: Fleet, controller: Controller) -> list[Host]:
    """A cluster of so many nodes, the primary comes first."""
    number: int = request.param
    names = [f"db-{i}" for i in range(1, number + 1)]
    if number == 2:
        cluster["db-3"].kill()
        controller.inventory(["db-1"], ["db-2"])
        controller.playbook("site", check=True)
    return [cluster[name] for name in names]


def orders(hosts: list[Host]) -> list[list[tuple[Host, float]]]:
    """All at once, and one after the other in every order."""
    apart = [[(first, 0.0), *((host, APART_SECONDS) for host in rest)] for first, *rest in permutations(hosts)]
    return [[(host, 0.0) for host in hosts], *apart]


def tell(number: int, case: str, order: list[tuple[Host, float]], seconds: float) -> None:
    booted = ", ".join(f"{host.name}+{pause:.0f}" for host, pause in order)
    print(f"{number} nodes, {case}: {booted}: writes {seconds:.1f} s after the last of them")


@pytest.mark.parametrize("nodes", [2, 3], indirect=True)
def test_without_a_failover_they_come_up_as_they_were(nodes: list[Host]) -> None:
    for order in orders(nodes):
        tell(len(nodes), "as they were", order, boots.power_cut(nodes, order, nodes[0], on_timeline=1))


@pytest.mark.parametrize("nodes", [2, 3], indirect=True)
def test_after_a_failover_the_promoted_one_takes_writes(nodes: list[Host], controller: Controller) -> None:
    old, new = nodes[:2]
    boots.fail_over(controller, old, new)
    for order in orders(nodes):
        boots.as_left(old)
        tell(len(nodes), "after a failover", order, boots.power_cut(nodes, order, new, on_timeline=2))


@contextmanager
def password_rotated(new: Host) -> Iterator[None]:
    new.sql("ALTER ROLE replicator PASSWORD 'another one'")
    yield


@contextmanager
def line_rejected(new: Host) -> Iterator[None]:
    new.run("sed", "-i", "1i host all,replication replicator all reject", HBA)
    new.run("systemctl", "reload", UNIT)
    yield
    new.run("sed", "-i", "1d", HBA)
    new.run("systemctl", "reload", UNIT)


@contextmanager
def no_connection_left(new: Host) -> Iterator[None]:
    """Every connection that an ordinary user may have is taken."""
    free = "SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int"
    number = int(new.sql(free)[0][0])
    login = f"PGPASSWORD='{writer.PASSWORD}' psql -Xh {new.address} -U {writer.USER} {writer.DATABASE}"
    new.run("sh", "-c", f"for i in $(seq {number}); do sleep infinity | {login} >/dev/null 2>&1 & done")
    taken = f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{writer.USER}'"
    wait_for(lambda: int(new.sql(taken)[0][0]) >= number - 5, "the connections to be taken", 60)
    yield
    new.run("pkill", "--full", "sleep infinity")


@pytest.mark.parametrize("nodes", [2, 3], indirect=True)
@pytest.mark.parametrize("refusal", [password_rotated, line_rejected, no_connection_left])
def test_an_old_primary_that_nobody_answers_well(
    nodes: list[Host], controller: Controller, refusal: Callable[[Host], AbstractContextManager[None]]
) -> None:
    """The new primary lives and rejects the question: the old one is not started writable."""
    old, new = nodes[:2]
    boots.fail_over(controller, old, new)
    with refusal(new):
        old.kill()
        boot(old)
        assert not serves(old) or in_recovery(old)
        assert boots.takes_writes(new)
        assert timeline(new) == 2
        print(len(nodes), "nodes,", refusal.__name__, "-", "standby" if serves(old) else "not started")
