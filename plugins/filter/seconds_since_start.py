# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter seconds_since_start."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Callable

DOCUMENTATION = r"""
name: seconds_since_start
short_description: Seconds since a run of ansible-playbook began
version_added: 1.1.0
author:
  - The hotstandby.postgresql authors (@hotstandby)
description:
  - By the clock of the controller.
options:
  _input:
    description: What P(hotstandby.postgresql.this_run#filter) returned.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show how long it took
  ansible.builtin.debug:
    msg: "{{ postgres_run | hotstandby.postgresql.seconds_since_start }} s"
"""

RETURN = r"""
_value:
  description: Whole seconds, since the start is known no more exactly.
  type: int
"""


def seconds_since_start(run: Mapping[str, Any]) -> int:
    """Return the seconds."""
    return max(0, round(time.time() - datetime.fromisoformat(str(run["since"])).timestamp()))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"seconds_since_start": seconds_since_start}
