#!/usr/bin/python
# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: passfile
short_description: Keep the replication user's password for libpq
version_added: 1.0.0
author:
  - The hotstandby.postgresql authors (@hotstandby)
description:
  - Writes a passfile, mode 0600, that belongs to the user who runs the module, so that the password stands in no
    connection string and in no argument.
  - The file is the collection's own. One that it did not write is refused, not overwritten.
  - A directory in which everybody may replace files is refused.
extends_documentation_fragment:
  - hotstandby.postgresql.attributes
  - hotstandby.postgresql.run
options:
  path:
    description: The file. Its directory has to exist.
    type: path
    required: true
  entries:
    description: For which connections the password is; V(*) matches anything.
    type: list
    elements: dict
    required: true
    suboptions:
      host:
        description: Host as the connection string names it.
        type: str
        default: '*'
      port:
        description: Port.
        type: str
        default: '*'
      database:
        description: Database; V(replication) for replication connections.
        type: str
        default: '*'
      user:
        description: User.
        type: str
        required: true
  password:
    description: The password.
    type: str
    required: true
seealso:
  - module: hotstandby.postgresql.base_backup
  - module: hotstandby.postgresql.recovery_config
"""

EXAMPLES = r"""
- name: Keep the replication user's password
  hotstandby.postgresql.passfile:
    path: /var/lib/postgresql/.hotstandby.pgpass
    entries:
      - host: 198.51.100.31
        port: 5432
        user: replicator
    password: "{{ postgres_replication_password }}"
  become: true
  become_user: postgres
"""

RETURN = r"""
reason:
  description: Why the file was or would be written, or why not, in one sentence.
  returned: success
  type: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hotstandby.postgresql.plugins.module_utils._module.entry import run_module
from ansible_collections.hotstandby.postgresql.plugins.module_utils._module.passfile import ARGUMENTS, passfile


def main() -> None:
    module = AnsibleModule(
        argument_spec=ARGUMENTS,
        supports_check_mode=True,
    )
    run_module(module, passfile)


if __name__ == "__main__":
    main()
