#!/usr/bin/python
# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: replication_slots
short_description: Declare the physical replication slots that the collection owns
version_added: 1.0.0
author:
  - The hotstandby.postgresql authors (@hotstandby)
description:
  - Creates the wanted slots, with WAL reserved at once (PostgreSQL 9.6 and later).
  - Drops the owned slots that are not wanted and not in use.
    A forgotten slot keeps WAL until the disk is full.
  - Makes a wanted slot anew that has lost WAL or never kept any, while nobody uses it.
  - A slot is owned when its name begins with O(prefix) and it is physical. No other slot is ever touched.
  - Works on a primary and on a standby.
extends_documentation_fragment:
  - hotstandby.postgresql.attributes
  - hotstandby.postgresql.run
  - hotstandby.postgresql.instance
options:
  slots:
    description: Names of the wanted slots, each beginning with O(prefix).
    type: list
    elements: str
    required: true
  prefix:
    description: What the names of the owned slots begin with.
    type: str
    default: hotstandby_
requirements:
  - psycopg2
seealso:
  - plugin: hotstandby.postgresql.slot_name
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Declare one slot per standby
  hotstandby.postgresql.replication_slots:
    slots:
      - hotstandby_db2
      - hotstandby_db3
  become: true
  become_user: postgres

- name: Drop whatever nobody uses any more
  hotstandby.postgresql.replication_slots:
    slots: []
  become: true
  become_user: postgres
"""

RETURN = r"""
reason:
  description: What was done or would be done, or why nothing was.
  returned: success
  type: str
  sample: "dropped: hotstandby_old; created: hotstandby_db2"
created:
  description: Slots that were, or would be, created.
  returned: success
  type: list
  elements: str
  sample: [hotstandby_db2]
dropped:
  description: Slots that were, or would be, dropped.
  returned: success
  type: list
  elements: str
  sample: [hotstandby_old]
recreated:
  description: Slots that were, or would be, made anew.
  returned: success
  type: list
  elements: str
  sample: []
kept_active:
  description: Owned slots that are not wanted, but in use.
  returned: success
  type: list
  elements: str
  sample: []
error_name:
  description: Short stable name of what went wrong.
  returned: failure
  type: str
  sample: too_few_slots
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hotstandby.postgresql.plugins.module_utils._module.entry import run_module
from ansible_collections.hotstandby.postgresql.plugins.module_utils._module.replication_slots import (
    ARGUMENTS,
    replication_slots,
)


def main() -> None:
    module = AnsibleModule(
        argument_spec=ARGUMENTS,
        supports_check_mode=True,
    )
    run_module(module, replication_slots)


if __name__ == "__main__":
    main()
