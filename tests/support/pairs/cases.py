# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which runs meet, and when: a seed and a number name a case, always the same one. Pure."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

GAPS_SECONDS = (0.0, 0.2, 1.0, 3.0, 10.0)
# What is killed: Ansible's main process alone (its workers end their task), all of its processes (what it started on
# the nodes goes on, as it would over ssh), or these too.
KILLED = ("main", "controller", "all")

HEALED_EVERY = 4

# How a cluster can be when a case begins: all well with the primary n1, or n2 promoted, and n1 with rows of its own
# that waits to be rewound.
BUILT, LEFT = "built", "left"
# What befalls it then: the primary dies, with every row sent or with some that nobody else has.
NOTHING, DEAD, DEAD_WITH_ROWS = "", "primary dead", "primary dead with rows of its own"


@dataclass(frozen=True)
class Command:
    """A playbook, and the candidate that is named to it."""

    playbook: str
    to: str = ""

    @property
    def options(self) -> tuple[str, ...]:
        return ("-e", f"{self.playbook}_to={self.to}") if self.to else ()

    def __str__(self) -> str:
        return f"{self.playbook} {self.to}".strip()


@dataclass(frozen=True)
class Case:
    """A case of its own.

    apart_seconds: between the beginnings of the two. killed: what of the first one's controller is killed, at the
    `moment` of its usual length (0 to 1); the second one follows at once then. is_healed: rejoin.yml makes all well
    in the end, which is seen in some of the cases, since it takes time.
    """

    label: str
    base: str
    trouble: str
    first: Command
    second: Command
    apart_seconds: float = 0.0
    killed: str = ""
    moment: float = 0.0
    is_healed: bool = False

    @property
    def kind(self) -> str:
        names = f"{self.first.playbook} + {self.second.playbook}"
        return f"{self.first.playbook} killed" if self.killed else names

    def __str__(self) -> str:
        state = ", ".join(part for part in ("" if self.base == BUILT else self.base, self.trouble) if part)
        return f"{self.first} + {self.second}" + (f" ({state})" if state else "")


@dataclass(frozen=True)
class Kind:
    """Two playbooks that meet. to: their candidates. may_swap: who begins is left to chance."""

    first: str
    second: str
    trouble: tuple[str, ...] = (NOTHING,)
    bases: tuple[str, ...] = (BUILT,)
    may_swap: bool = True


DEATHS = (DEAD, DEAD_WITH_ROWS)
KINDS = (
    Kind("failover", "failover", DEATHS),
    Kind("switchover", "switchover"),
    Kind("switchover", "failover"),
    Kind("failover", "rejoin", DEATHS, (BUILT, BUILT, LEFT)),
    Kind("failover", "site", DEATHS, may_swap=False),
    Kind("switchover", "site", may_swap=False),
    Kind("rejoin", "site", bases=(LEFT,), may_swap=False),
)
NAMES_ITS_CANDIDATE = ("failover", "switchover")


def pairs(seed: int, numbers: Sequence[int]) -> list[Case]:
    """The cases of these numbers. Any 35 in a row are every kind with every gap."""
    return [_pair(seed, number) for number in numbers]


def kills(seed: int, numbers: Sequence[int]) -> list[Case]:
    """The cases of these numbers: failover.yml and switchover.yml by turns, killed at a moment left to chance."""
    return [_kill(seed, number) for number in numbers]


def _pair(seed: int, number: int) -> Case:
    chance = random.Random(f"pair {seed} {number}")
    kind = KINDS[number % len(KINDS)]
    gap = GAPS_SECONDS[(number + number // len(KINDS)) % len(GAPS_SECONDS)]
    base = chance.choice(kind.bases)
    trouble = chance.choice(kind.trouble)
    names = [kind.first, kind.second]
    if kind.may_swap and chance.random() < 0.5:
        names.reverse()
    candidates = ["n1", "n3"] if base == LEFT and not trouble else ["n2", "n3"] if base == BUILT else ["n3", "n3"]
    chance.shuffle(candidates)
    first, second = (Command(name, candidates.pop() if name in NAMES_ITS_CANDIDATE else "") for name in names)
    apart = round(gap * chance.uniform(0.8, 1.2), 2)
    return Case(f"{seed}.{number}", base, trouble, first, second, apart, is_healed=number % HEALED_EVERY == 0)


def _kill(seed: int, number: int) -> Case:
    chance = random.Random(f"kill {seed} {number}")
    playbook = NAMES_ITS_CANDIDATE[number % 2]
    trouble = chance.choice(DEATHS) if playbook == "failover" else NOTHING
    candidates = ["n2", "n3"]
    chance.shuffle(candidates)
    return Case(
        f"{seed}.k{number}",
        BUILT,
        trouble,
        Command(playbook, candidates[0]),
        Command(playbook, candidates[1]),
        killed=chance.choice(KILLED),
        moment=chance.random(),
        is_healed=number % HEALED_EVERY == 0,
    )
