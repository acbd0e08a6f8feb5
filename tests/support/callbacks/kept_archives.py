# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keeps the archives that Ansible builds of modules from one run to the next; see support/archives.py."""

from __future__ import annotations

import os
from pathlib import Path

from ansible import constants
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
name: kept_archives
type: aggregate
short_description: Keep the archives of modules
description:
  - Has Ansible look for the archives of modules in the directory that HOTSTANDBY_ARCHIVES names.
"""

# where ansible.executor.module_common keeps them for the time of one run
PLACE = "ansiballz_cache"


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "kept_archives"
    CALLBACK_NEEDS_ENABLED = True

    def v2_playbook_on_start(self, playbook: object) -> None:
        """Before the first module is built."""
        (Path(vars(constants)["DEFAULT_LOCAL_TMP"]) / PLACE).symlink_to(os.environ["HOTSTANDBY_ARCHIVES"])
