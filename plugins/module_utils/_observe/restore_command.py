# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a standby can get WAL from an archive, by its files: it need not run for that. Changes nothing."""

from __future__ import annotations

import os

from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.conf_file import ConfFile
from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.conf_tree import AUTO_CONF, Files, read_tree
from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.files import names_in, read_text
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.contents import RECOVERY_CONF

SETTING = "restore_command"


def restores_from_archive(data_directory: str, config_directory: str) -> bool:
    """Whether a restore_command is set: what is read last counts. Below 12 recovery.conf has it, and nothing else."""
    try:
        recovery_conf = read_text(os.path.join(data_directory, RECOVERY_CONF))
        if recovery_conf is not None:
            return bool(ConfFile(recovery_conf).get(SETTING))
    except (HotStandbyError, ValueError):
        return False
    found = ""
    for path in (os.path.join(config_directory, "postgresql.conf"), os.path.join(data_directory, AUTO_CONF)):
        found = _last_in(path, found)
    return bool(found.strip())


def _last_in(path: str, before: str) -> str:
    """The setting's value once this file is read too; a file that cannot be read changes nothing."""
    try:
        lines = read_tree(path, read_text(path) or "", Files(read_text, names_in))
    except (HotStandbyError, OSError, ValueError):
        return before
    return next((line.value for line in reversed(lines) if line.name == SETTING), before)
