# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter write_gap."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, Callable

DOCUMENTATION = r"""
name: write_gap
short_description: How long nobody could write during a switchover
version_added: 1.1.0
author:
  - The hotstandby.postgresql authors (@hotstandby)
description:
  - From the order to stop the old primary, by the clock of its host, to the proof of the promotion, by the clock of the
    candidate's host.
positional: stopped, old_primary, candidate
options:
  _input:
    description: What P(hotstandby.postgresql.promote#module) returned on the candidate.
    type: dict
    required: true
  stopped:
    description: What P(hotstandby.postgresql.server#module) returned on the old primary.
    type: dict
    required: true
  old_primary:
    description: The old primary.
    type: str
    required: true
  candidate:
    description: The new primary.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Say how long nobody could write
  ansible.builtin.debug:
    msg: "{{ promotion | hotstandby.postgresql.write_gap(stop, 'db-1', 'db-2') }}"
"""

RETURN = r"""
_value:
  description: One sentence.
  type: str
"""


def write_gap(promoted: Mapping[str, Any], stopped: Mapping[str, Any], old_primary: str, candidate: str) -> str:
    """Return the sentence."""
    begin, end = stopped.get("stop_began"), promoted.get("promoted_at")
    if begin is None or end is None:
        return "how long nobody could write cannot be told: one of the two hosts did not say when it acted"
    told, wrote = f"{old_primary} was told to stop at {_time(begin)}", f"{candidate} took writes at {_time(end)}"
    clocks = f"{told}, {wrote}, each by its own clock"
    if end < begin:
        return f"how long nobody could write cannot be told, since the hosts' clocks differ: {clocks}"
    return f"nobody could write for {end - begin:.2f} s, if the hosts' clocks agree: {clocks}"


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%H:%M:%S.%f")[:-3] + " UTC"


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"write_gap": write_gap}
