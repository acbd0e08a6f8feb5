# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter hand_over_outcome."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable

from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner import hand_over_outcome as planner
from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.hand_over_outcome import HandOver

DOCUMENTATION = r"""
name: hand_over_outcome
short_description: What came of a hand-over, and whether the old primary may start again
version_added: 1.1.0
author:
  - The hotstandby.postgresql authors (@hotstandby)
description:
  - Decides from what the candidate said, from what was seen of its server, and from whether the old primary was told to
    stop.
options:
  _input:
    description: What P(hotstandby.postgresql.promote#module) returned on the candidate, empty when it said nothing.
    type: dict
    required: true
  primary:
    description: The old primary.
    type: str
    required: true
  candidate:
    description: The node that was to be promoted.
    type: str
    required: true
  timeout:
    description: Seconds that the candidate waits for the stop.
    type: int
    required: true
  stop_ordered:
    description: Whether the old primary was told to stop.
    type: bool
    required: true
  stop_error:
    description: The C(error_name) of its stop, empty when nothing went wrong.
    type: str
    default: ''
  stop_message:
    description: What went wrong then.
    type: str
    default: ''
  watched:
    description:
      - What P(hotstandby.postgresql.replication_wait#module) returned, which watched the candidate. Nothing before
        that.
    type: dict
"""

EXAMPLES = r"""
- name: Show what came of it
  ansible.builtin.debug:
    msg: >-
      {{ hostvars['db-2'].promotion | hotstandby.postgresql.hand_over_outcome(
           primary='db-1', candidate='db-2', timeout=60, stop_ordered=true) }}
"""

RETURN = r"""
_value:
  description:
    - C(name) is V(overtaken), V(not_stopped), V(handed_over), V(promotion_pending), V(roll_back) (the old primary may
      start again), or V(watch) when the candidate has to be watched for C(watch_seconds) before that can be told.
    - C(message) is what an operator is told, empty where all is well.
  type: dict
"""


def hand_over_outcome(
    said: Mapping[str, Any],
    *,
    primary: str,
    candidate: str,
    timeout: int,
    stop_ordered: bool,
    stop_error: str = "",
    stop_message: str = "",
    watched: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the outcome as plain data."""
    seen = watched if watched and "promoted" in watched else None
    known = HandOver(
        primary=primary,
        candidate=candidate,
        said=said,
        watched=seen,
        stop_ordered=stop_ordered,
        stop_error=stop_error,
        stop_message=stop_message,
        timeout=int(timeout),
    )
    return planner.hand_over_outcome(known).to_plain()


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"hand_over_outcome": hand_over_outcome}
