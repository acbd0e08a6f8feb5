# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module, and shows how far it is."""

from __future__ import annotations

from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._watch import WatchedModule


class ActionModule(WatchedModule):
    """See plugin_utils/_watch."""
