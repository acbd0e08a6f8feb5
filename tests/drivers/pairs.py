# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs two playbooks against each other on a demo, and kills the controller of others, again and again.

One line for each case: its label, the runs, how far apart they began, exit statuses with the names of refusals, who
is primary, rows, the run after them, seconds, and whether every rule held. A case is repeated by its seed and number.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections import Counter
from pathlib import Path

from support.pairs.cases import Case, kills, pairs
from support.pairs.play import Play, play
from support.pairs.stage import Stage
from support.pairs.verdict import broken_rules, names_in

REFUSALS = Path(__file__).resolve().parents[2] / "docs" / "refusals.md"


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make pairs", description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seed", type=int, default=1, help="the chance that decides the details (default: 1)")
    parser.add_argument("--pairs", type=int, default=0, metavar="N", help="so many pairs of runs")
    parser.add_argument("--kills", type=int, default=0, metavar="N", help="so many runs whose controller is killed")
    parser.add_argument("--first", type=int, default=0, metavar="N", help="number of the first case (default: 0)")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no case after so many minutes")
    parser.add_argument(
        "--keep", type=Path, default=Path("pairs-broken"), help="where the outputs of broken cases are kept"
    )
    parser.add_argument("--verbose", action="store_true", help="tell of each case what happened when, too")
    return parser.parse_args()


def line(case: Case, done: Play, known: list[str], broken: list[str]) -> str:
    """What is told of a case."""
    found = done.found
    when = f"killed ({case.killed}) after {done.killed_after:.1f} s" if case.killed else f"{case.apart_seconds:g} s"
    parts = [
        f"{case.label:<7} {case}",
        when,
        " / ".join(run.told(known) for run in found.runs),
        f"primary {', '.join(found.writable) or 'none'}",
        f"{found.acknowledged} rows, {len(found.lost)} lost",
    ]
    for what, run in (("then", found.again), ("at last", found.brought_back)):
        if run is not None:
            parts.append(f"{what} {run.command}: {run.told(known)}, changed={run.changed}")
    parts.append(f"{done.seconds:.0f} s")
    return " | ".join([*parts, "; ".join(f"BROKEN {rule}" for rule in broken) or "ok"])


def outcome(done: Play, known: list[str]) -> str:
    """How many of the two went on."""
    winners = sum(run.went_on(known) for run in done.found.runs)
    return ("neither went on", "one went on", "both went on")[winners]


def main() -> int:
    """1 when a rule was broken, else 0."""
    options = parse_arguments()
    # Told to end, it removes its cluster as after ctrl-C, which a shell's background does not hear.
    signal.signal(signal.SIGTERM, lambda *dummy: sys.exit(143))
    known = names_in(REFUSALS.read_text(encoding="utf-8"))
    numbers = range(options.first, options.first + max(options.pairs, options.kills))
    cases = [*pairs(options.seed, numbers[: options.pairs]), *kills(options.seed, numbers[: options.kills])]
    begun = time.monotonic()
    counts: Counter[str] = Counter()
    bad: list[str] = []
    with Stage.opened() as stage:
        for case in cases:
            if time.monotonic() - begun > options.minutes * 60:
                break
            done = play(stage, case, known)
            broken = broken_rules(done.found, known)
            print(line(case, done, known, broken), flush=True)
            if options.verbose:
                print("\n".join(f"        {entry}" for entry in done.log), flush=True)
            counts[f"{case.kind}: {outcome(done, known)}"] += 1
            if broken:
                bad.append(case.label)
                options.keep.mkdir(parents=True, exist_ok=True)
                text = "\n".join([line(case, done, known, broken), *done.texts(stage)])
                (options.keep / f"{case.label}.txt").write_text(text, encoding="utf-8")
    for what, count in sorted(counts.items()):
        print(f"{count:4} {what}")
    print(f"{sum(counts.values())} cases, {len(bad)} broken{': ' if bad else ''}{' '.join(bad)}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
