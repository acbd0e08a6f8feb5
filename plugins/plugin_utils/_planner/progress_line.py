# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The line that tells how far a clone or a rewind is. Pure."""

from __future__ import annotations

from ansible_collections.hotstandby.postgresql.plugins.module_utils._progress import Progress

UNITS = ("B", "kB", "MB", "GB", "TB")
STEP = 1024  # as PostgreSQL counts


def line_of(host: str, now: Progress, before: Progress | None) -> str | None:
    """Such as "db-3  clone  1.2 of 4.0 GB, 30 %, 85.0 MB/s, 33 s left"; None where nothing has been heard since.

    before: what the line before this one was made of. The rate is that since then, the time that is left is counted by
    the rate since the beginning.
    """
    begun = before if before is not None and before.kind == now.kind and before.seconds <= now.seconds else None
    if begun is not None and begun.seconds == now.seconds:
        return None
    done, total = now.done_bytes, now.total_bytes
    since = (done - begun.done_bytes, now.seconds - begun.seconds) if begun else (done, now.seconds)
    rate = max(0.0, since[0] / since[1])
    parts = [f"{_of(done, max(done, total))}", f"{_sized(rate)}/s"]
    if total:
        parts.insert(1, f"{min(100, 100 * done // total)} %")
    if done < total and rate > 0:
        parts.append(f"{duration((total - done) * now.seconds / done)} left")
    return f"{host}  {now.kind}  {', '.join(parts)}"


def _of(done: int, total: int) -> str:
    """1.2 of 4.0 GB, in the unit of the whole; 1.2 GB where that is all."""
    if done == total:
        return _sized(done)
    unit = _unit(total)
    return f"{_number(done, unit)} of {_number(total, unit)} {UNITS[unit]}"


def _sized(count: float) -> str:
    unit = _unit(count)
    return f"{_number(count, unit)} {UNITS[unit]}"


def _unit(count: float) -> int:
    unit = 0
    while count >= STEP and unit < len(UNITS) - 1:
        count /= STEP
        unit += 1
    return unit


def _number(count: float, unit: int) -> str:
    return f"{count / STEP**unit:.1f}" if unit else f"{count:.0f}"


def duration(seconds: float) -> str:
    """33 s, 12 min, or 3 h 5 min."""
    whole = int(seconds + 0.5)
    if whole < 100:
        return f"{whole} s"
    minutes = (whole + 30) // 60
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"
