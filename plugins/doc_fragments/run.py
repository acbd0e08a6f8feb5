# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""On whose behalf a module acts."""

from __future__ import annotations


class ModuleDocFragment:
    """The parameter of module_utils/_module/entry.py RUN_ARGUMENT."""

    DOCUMENTATION = r"""
options:
  run:
    description:
      - The run of a playbook on whose behalf this is done. It is only done while the node bears the claim of that run,
        and fails with C(overtaken) when another run has claimed the node since.
      - Without it, as in check mode, no claim is looked at.
    type: dict
    suboptions:
      id:
        description: The run's id, see P(hotstandby.postgresql.this_run#filter).
        type: str
        required: true
      file:
        description: The file on the node that names the run which may act there.
        type: path
        required: true
      release:
        description: Whether this is the run's last act on the node, so that it has ended there after that.
        type: bool
        default: false
        version_added: 1.1.0
"""
