# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a diff shows of a file with passwords."""

from __future__ import annotations

from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.recovery_edits import shown
from ansible_collections.hotstandby.postgresql.plugins.module_utils._module.passfile import shown as passfile_shown


def test_passwords_are_not_shown() -> None:
    text = "primary_conninfo = 'host=p password=secret'\nprimary_slot_name = s\nssl_key = 'private'\n"
    assert shown(text, ("primary_conninfo", "primary_slot_name")) == (
        "primary_conninfo = host=p password=********\nprimary_slot_name = s\n"
    )
    assert passfile_shown("# x\na\\:b:1:*:u\\\\:se:cret\\:\nodd\n") == "a\\:b:1:*:u\\\\:********\nodd:********\n"
