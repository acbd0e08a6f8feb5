# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every module of the collection promises, and the parameters that they share."""

from __future__ import annotations


class ModuleDocFragment:
    """attributes: check mode, diff and idempotence."""

    DOCUMENTATION = r"""
attributes:
  check_mode:
    description: Forecasts what would be done, and changes nothing.
    support: full
  diff_mode:
    description: Shows what is, or would be, different.
    support: full
  idempotent:
    description: Changes nothing when run again in the same circumstances.
    support: full
"""
