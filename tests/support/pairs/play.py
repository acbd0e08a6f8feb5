# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plays a case: the trouble, the two runs, one run more, and what there is to see in the end."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field

import psycopg2

from hotstandby_demo.layout import NODES
from support.pairs.cases import LEFT, Case, Command
from support.pairs.stage import Running, Stage, befall
from support.pairs.verdict import Found, Ran, next_run, promotions
from support.pairs.watch import Watch, doubles
from support.waiting import wait_for
from support.writer import Writer

WRITER_PAUSE_SECONDS = 0.02
SETTLE_SECONDS = 10.0

# How long a playbook takes when nothing is in its way; measured when it is needed.
usual_seconds: dict[str, float] = {}


@dataclass
class Play:
    """A case that was played. log: what happened when, in seconds since its beginning."""

    found: Found
    seconds: float = 0.0
    killed_after: float = 0.0
    log: list[str] = field(default_factory=list)

    def texts(self, stage: Stage) -> list[str]:
        """All that helps to see why."""
        runs = [*self.found.runs, *(run for run in (self.found.again, self.found.brought_back) if run is not None)]
        texts = ["", *self.log, ""]
        texts += [f"==== {run.command}: {run.status}\n{run.output}" for run in runs]
        return [*texts, *(f"==== log of {node}\n{text}" for node, text in stage.logs().items())]


def play(stage: Stage, case: Case, known: Sequence[str]) -> Play:
    """Play it on a cluster that was put back for it. known: the names of refusals."""
    if case.base == LEFT:
        stage.make_left()
    if case.killed and case.first.playbook not in usual_seconds:
        usual_seconds[case.first.playbook] = _measure(stage, case)
    begun = time.monotonic()
    stage.put_back(case.base)
    done = Play(Found())

    def note(what: str) -> None:
        done.log.append(f"{time.monotonic() - begun:6.2f} {what}")

    with Watch({node: stage.place(node) for node in NODES}) as watch:
        with Writer(stage.everywhere(), pause_seconds=WRITER_PAUSE_SECONDS) as writer:
            befall(stage, case)
            note(case.trouble or "no trouble")
            _meet(stage, case, done, note)
            _one_more(stage, done.found, note, known)
            if case.is_healed and len(stage.writable()) == 1 and not _whole(stage):
                done.found.brought_back = stage.start(Command("rejoin")).wait()
                note(f"rejoin ended with {done.found.brought_back.status}")
        _see(stage, done.found, writer, is_healed=case.is_healed)
        note(f"{', '.join(done.found.writable) or 'nobody'} takes writes")
    done.found.doubles = [str(double) for double in doubles(watch.samples)]
    done.seconds = time.monotonic() - begun
    return done


def _meet(stage: Stage, case: Case, done: Play, note: Callable[[str], None]) -> None:
    """The two runs. Both have ended after it, or were killed."""
    first = stage.start(case.first)
    note(f"{case.first} began")
    if case.killed:
        done.killed_after = case.moment * usual_seconds[case.first.playbook]
        time.sleep(done.killed_after)
        first.kill(case.killed)
        note(f"{case.first} was killed: {case.killed}")
    else:
        time.sleep(case.apart_seconds)
    second = stage.start(case.second)
    note(f"{case.second} began")
    done.found.runs = _ended([first, second], note)


def _ended(running: list[Running], note: Callable[[str], None]) -> list[Ran]:
    """Wait for each by a thread of its own: who ended last is known then."""
    with ThreadPoolExecutor(len(running)) as threads:
        waiting = {threads.submit(one.wait): one for one in running}
        for future in as_completed(waiting):
            note(f"{future.result().command} ended with {future.result().status}")
        return [future.result() for future in waiting]


def _one_more(stage: Stage, found: Found, note: Callable[[str], None], known: Sequence[str]) -> None:
    """One run more, unless there are two primaries: those are left as they are."""
    writable = stage.writable()
    if len(writable) > 1:
        return
    command, found.settled = next_run(found.runs, writable[0] if writable else None, known)
    note(f"then {command}")
    found.again = stage.start(command).wait()
    note(f"it ended with {found.again.status}")


def _see(stage: Stage, found: Found, writer: Writer, *, is_healed: bool) -> None:
    found.whole = is_healed and _whole(stage)
    found.writable = stage.writable()
    found.promoted = promotions(stage.logs())
    found.histories = stage.histories()
    found.acknowledged = len(writer.acknowledged)
    if len(found.writable) == 1:
        found.lost = sorted(set(writer.acknowledged) - stage.written(found.writable[0], writer.name))


def _whole(stage: Stage) -> bool:
    """Whether there is one primary, and all others stream from it, be it in a moment."""

    def streams() -> bool:
        writable = stage.writable()
        return len(writable) == 1 and stage.streaming(writable[0]) == len(NODES) - 1

    with contextlib.suppress(AssertionError, psycopg2.Error):
        return wait_for(streams, "all to stream", SETTLE_SECONDS)
    return False


def _measure(stage: Stage, case: Case) -> float:
    """How long the run takes that is to be killed."""
    stage.put_back(case.base)
    if case.trouble:
        stage.kill_server("n1", with_rows_of_its_own=False)
    begun = time.monotonic()
    done = stage.start(case.first).wait()
    if done.status:
        raise RuntimeError(f"{case.first} does not even run alone:\n{done.output}")
    return time.monotonic() - begun
