#!/usr/bin/python
# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: replication_user
short_description: The role with which standbys stream, and pg_rewind connects
version_added: 1.0.0
author:
  - The hotstandby.postgresql authors (@hotstandby)
description:
  - Makes sure of a role with C(LOGIN), C(REPLICATION) and this password.
    Takes nothing away from a role that exists.
  - The password is turned into its verifier (C(scram-sha-256), below PostgreSQL 10 C(md5)) here.
    It never reaches the server or its log, and a verifier that matches it already is left alone.
  - On a standby nothing is done, because the role comes by replication.
  - Connects over the local socket as a superuser.
extends_documentation_fragment:
  - hotstandby.postgresql.attributes
  - hotstandby.postgresql.run
  - hotstandby.postgresql.instance
options:
  user:
    description: Name of the role.
    type: str
    required: true
  password:
    description: Its password. It must not be empty, and cannot hold a line break.
    type: str
    required: true
  connection_limit:
    description: How many connections it may have, V(-1) for any number. Left alone when it is not given.
    type: int
  rewind:
    description:
      - Whether to grant what C(pg_rewind) needs instead of a superuser (PostgreSQL 11 and later).
      - The grants are made in O(login_database), to which C(pg_rewind) then has to connect.
      - This includes the right to C(CHECKPOINT), by the role C(pg_checkpoint) (15 and later).
    type: bool
    default: true
requirements:
  - psycopg2
seealso:
  - module: hotstandby.postgresql.hba_rules
"""

EXAMPLES = r"""
- name: Make sure of the replication user
  hotstandby.postgresql.replication_user:
    user: replicator
    password: "{{ postgres_replication_password }}"
  become: true
  become_user: postgres
"""

RETURN = r"""
reason:
  description: What was done or would be done, or why nothing was.
  returned: success
  type: str
  sample: "the role replicator was created: LOGIN, REPLICATION, password"
changes:
  description: What was, or would be, changed.
  returned: success
  type: list
  elements: str
  sample: [LOGIN, REPLICATION, password]
error_name:
  description: Short stable name of what went wrong.
  returned: failure
  type: str
  sample: empty_password
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hotstandby.postgresql.plugins.module_utils._module.entry import run_module
from ansible_collections.hotstandby.postgresql.plugins.module_utils._module.replication_user import (
    ARGUMENTS,
    replication_user,
)


def main() -> None:
    module = AnsibleModule(
        argument_spec=ARGUMENTS,
        supports_check_mode=True,
    )
    run_module(module, replication_user)


if __name__ == "__main__":
    main()
