# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asks every node ten times a second whether it takes writes, and proves from the answers that two did at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from types import TracebackType

import psycopg2
from psycopg2.extensions import connection, make_dsn

POLL_SECONDS = 0.1
EXIT_TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True)
class Sample:
    """An answer. The node was so at some moment between `sent` and `received` (seconds of one monotonic clock).

    session: the connection; while it lasts, the server has not been another one meanwhile.
    """

    node: str
    sent: float
    received: float
    session: int
    writable: bool


@dataclass(frozen=True)
class Double:
    """Two nodes that took writes at once; the seconds for which that is proved."""

    nodes: tuple[str, str]
    seconds: float

    def __str__(self) -> str:
        return f"{' and '.join(self.nodes)} took writes at once, for at least {self.seconds:.1f} s"


def doubles(samples: Iterable[Sample]) -> list[Double]:
    """Every two nodes that took writes at once. One that had ended before the other began is none."""
    taken = [sample for sample in samples if sample.writable]
    proofs: dict[tuple[str, str], list[Sample]] = {}
    for node, start, end in _spans(taken):
        for sample in taken:
            if sample.node != node and start <= sample.sent and sample.received <= end:
                nodes = (min(node, sample.node), max(node, sample.node))
                proofs.setdefault(nodes, []).append(sample)
    return [
        Double(nodes, max(proof.received for proof in found) - min(proof.sent for proof in found))
        for nodes, found in sorted(proofs.items())
    ]


def _spans(taken: list[Sample]) -> Iterator[tuple[str, float, float]]:
    """When a node took writes for certain: from the first such answer of a session to the last question of it."""
    ordered = sorted(taken, key=lambda sample: (sample.node, sample.session, sample.sent))
    for place, group in groupby(ordered, key=lambda sample: (sample.node, sample.session)):
        members = list(group)
        yield place[0], members[0].received, members[-1].sent


class Watch:
    """Polls the nodes, each by a thread of its own; use it as a context manager. places: libpq's words, by node."""

    def __init__(self, places: Mapping[str, Mapping[str, str]]) -> None:
        self._samples: list[Sample] = []  # only ever appended to
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._poll, args=(node, dict(place)), name=f"watch {node}", daemon=True)
            for node, place in places.items()
        ]

    def __enter__(self) -> Watch:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(EXIT_TIMEOUT_SECONDS)

    @property
    def samples(self) -> list[Sample]:
        return list(self._samples)

    def _poll(self, node: str, place: dict[str, str]) -> None:
        session = 0
        while not self._over.is_set():
            session += 1
            try:
                server = psycopg2.connect(make_dsn(**place, application_name="watch"))
            except psycopg2.Error:
                self._over.wait(POLL_SECONDS)
                continue
            try:
                self._ask(node, server, session)
            except psycopg2.Error:
                self._over.wait(POLL_SECONDS)
            finally:
                server.close()

    def _ask(self, node: str, server: connection, session: int) -> None:
        server.autocommit = True
        with server.cursor() as cursor:
            while not self._over.is_set():
                sent = time.monotonic()
                cursor.execute("SELECT NOT pg_catalog.pg_is_in_recovery()")
                row = cursor.fetchone()
                self._samples.append(Sample(node, sent, time.monotonic(), session, bool(row and row[0])))
                self._over.wait(POLL_SECONDS)
