# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps that swap a clone in, in an order in which no server can start on a half. Changes nothing."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from .layout import Place

# Kinds of step, see Step.
MAKE, OUT, LINK, IN, REMOVE = "make", "out", "link", "in", "remove"


@dataclass(frozen=True)
class Step:
    """One step of a swap. A step that was done can be told from one that was not, so a swap can be finished.

    make: create the directory destination. out: rename source, old content, to destination. link: make the
    symbolic link destination point to source. in: rename source, cloned content, to destination. remove:
    remove the empty directory source.
    """

    kind: str
    source: str
    destination: str


@dataclass(frozen=True)
class Piece:
    """A directory that takes part in a swap.

    old: entries of it that are moved aside. new: entries of its side directory that are moved in; none:
    nothing was cloned for it. old_link: by which link, relative to the data directory, the old cluster
    reaches it.
    """

    place: Place
    old: tuple[str, ...]
    new: tuple[str, ...] = ()
    old_link: str = ""


def swap_steps(data: Piece, linked: Sequence[Piece], stamp: str) -> tuple[Step, ...]:
    """The renames, in an order in which the data directory can never be started half-way.

    The old cluster stays whole: the links of the data directory that was moved aside lead to what was moved
    aside of its WAL and its tablespaces.
    """
    steps = _out(data, stamp)
    for piece in linked:
        if piece.old:
            link = os.path.join(data.place.aside(stamp), piece.old_link)
            steps += [Step(LINK, piece.place.aside(stamp), link), *_out(piece, stamp)]
    for piece in linked:
        steps += _in(piece)
    return (*steps, *_in(data))


def _out(piece: Piece, stamp: str) -> list[Step]:
    if not piece.old:
        return []
    place, aside = piece.place, piece.place.aside(stamp)
    if not place.inside:
        return [Step(OUT, place.directory, aside)]
    return [
        Step(MAKE, "", aside),
        *(
            Step(OUT, os.path.join(place.directory, name), os.path.join(aside, name))
            for name in sorted(piece.old, key=_start_last)
        ),
    ]


def _in(piece: Piece) -> list[Step]:
    if not piece.new:
        return []
    place = piece.place
    if not place.inside:
        return [Step(IN, place.side, place.directory)]
    return [
        *(
            Step(IN, os.path.join(place.side, name), os.path.join(place.directory, name))
            for name in sorted(piece.new, key=_start_last, reverse=True)
        ),
        Step(REMOVE, place.side, ""),
    ]


def _start_last(name: str) -> tuple[int, str]:
    """Sort key for taking a cluster apart: no server starts without global/pg_control. Reversed to build."""
    return {"global": 0, "PG_VERSION": 2}.get(name, 1), name


def pending(steps: Sequence[Step], done: Collection[int]) -> tuple[Step, ...]:
    """The steps that are left when those with these indexes are found done.

    They are carried out in order, so whatever comes before the last one that is done was done too, even if it
    does not look so any more (an aside directory that somebody has removed since).
    """
    return tuple(steps[max(done, default=-1) + 1 :])


def step_is_done(step: Step) -> bool:
    """Whether a step of a swap has been carried out."""
    if step.kind == MAKE:
        return os.path.isdir(step.destination)
    if step.kind == OUT:
        return os.path.lexists(step.destination)
    if step.kind == LINK:
        return os.path.islink(step.destination) and os.readlink(step.destination) == step.source
    return not os.path.lexists(step.source)
