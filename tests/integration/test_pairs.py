# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The watch of `make pairs` on real servers: two standbys that are both promoted are seen, a handover is not."""

from __future__ import annotations

from support.pairs.verdict import promotions
from support.pairs.watch import Watch, doubles
from support.servers import Server, ServerFactory
from support.waiting import wait_for


def place(server: Server) -> dict[str, str]:
    return {
        "host": "127.0.0.1",
        "port": str(server.port),
        "user": "watcher",
        "password": "watches",
        "dbname": "postgres",
    }


def wait_until_seen(watch: Watch, node: str, *, writable: bool) -> None:
    """Three answers in a row from now on."""

    def seen(begun: int = len(watch.samples)) -> bool:
        answers = [sample.writable for sample in watch.samples[begun:] if sample.node == node]
        return len(answers) > 2 and all(answer == writable for answer in answers[-3:])

    wait_for(seen, f"{node}, writable: {writable}")


def test_two_promoted_standbys_are_seen_and_a_handover_is_none(servers: ServerFactory) -> None:
    primary = servers.primary()
    primary.sql("CREATE ROLE watcher LOGIN PASSWORD 'watches'")
    standbys = {name: servers.standby(name, primary) for name in ("a", "b")}
    nodes = {"p": primary, **standbys}
    with Watch({name: place(server) for name, server in nodes.items()}) as watch:
        wait_until_seen(watch, "p", writable=True)
        wait_until_seen(watch, "a", writable=False)
        primary.stop()
        assert standbys["a"].sql("SELECT pg_promote()") == [(True,)]
        wait_until_seen(watch, "a", writable=True)
        assert doubles(watch.samples) == []
        assert promotions({name: server.log_text() for name, server in nodes.items()}) == {2: {"a"}}
        assert standbys["b"].sql("SELECT pg_promote()") == [(True,)]
        wait_until_seen(watch, "b", writable=True)
        wait_until_seen(watch, "a", writable=True)
    (double,) = doubles(watch.samples)
    assert double.nodes == ("a", "b")
    assert promotions({name: server.log_text() for name, server in nodes.items()}) == {2: {"a", "b"}}
