#!/usr/bin/python
# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: recovery_config
short_description: Tell a standby whom to follow
version_added: 1.0.0
author:
  - The hotstandby.postgresql authors (@hotstandby)
description:
  - From PostgreSQL 12 on writes C(standby.signal) and the recovery settings into C(postgresql.auto.conf), below 12
    writes C(recovery.conf).
  - After it ran, exactly one place defines each recovery setting, whatever was there before. Such settings are
    removed from C(postgresql.conf); one in an included file is named in a failure. No recovery target, which would
    end the recovery of a standby, is left.
  - Where C(restore_command), C(recovery_min_apply_delay), C(archive_cleanup_command) and C(recovery_end_command) are
    not given, they are removed from C(postgresql.auto.conf) only, since a clone brings those of its source there.
  - Says whether a running standby needs a reload or a restart for the change, and does the reload when asked to.
  - A running primary is refused. In check mode it counts as one that is stopped before, as the playbooks do.
extends_documentation_fragment:
  - hotstandby.postgresql.attributes
  - hotstandby.postgresql.run
  - hotstandby.postgresql.look
options:
  data_directory:
    description: The data directory.
    type: path
    required: true
  bin_directory:
    description: Directory of the server's programs, for O(look).
    type: path
    version_added: 1.1.0
  config_directory:
    description: Directory of C(postgresql.conf). The data directory when it is not given.
    type: path
  version:
    description: Major version of the server, for example V(15).
    type: str
    required: true
  primary_host:
    description: Address or name of the server to follow.
    type: str
    required: true
  primary_port:
    description: Its port.
    type: int
    default: 5432
  user:
    description: The replication user.
    type: str
    required: true
  passfile:
    description: File with the user's password, see M(hotstandby.postgresql.passfile). Below version 10 C(~/.pgpass).
    type: path
  application_name:
    description: Name under which this node appears at the server that it follows. The inventory's name of the host.
    type: str
    required: true
  slot:
    description: Its physical replication slot there.
    type: str
  restore_command:
    description: Command that fetches a WAL file from an archive.
    type: str
  settings:
    description:
      - Values of C(recovery_min_apply_delay), C(archive_cleanup_command) and C(recovery_end_command), by name.
    type: dict
    default: {}
  reload:
    description: Whether a running standby is told to read its files, where a reload is enough, and waited for.
    type: bool
    default: false
  timeout:
    description: Seconds to wait until the new settings are in force.
    type: int
    default: 60
  port:
    description: The standby's own port. With it and O(primary_host) a node that would follow itself is refused.
    type: int
    default: 5432
  socket_directory:
    description: Directory of the server's Unix socket, where its own files do not tell.
    type: path
    default: /var/run/postgresql
  login_user:
    description: Superuser to connect as. The operating system user that runs the module when it is not given.
    type: str
  login_database:
    description: Database to connect to.
    type: str
    default: postgres
requirements:
  - psycopg2 (when the server runs)
seealso:
  - module: hotstandby.postgresql.base_backup
  - module: hotstandby.postgresql.passfile
"""

EXAMPLES = r"""
- name: Follow the primary
  hotstandby.postgresql.recovery_config:
    data_directory: /var/lib/postgresql/15/main
    config_directory: /etc/postgresql/15/main
    version: "15"
    primary_host: 198.51.100.31
    user: replicator
    passfile: /var/lib/postgresql/.hotstandby.pgpass
    application_name: "{{ inventory_hostname | hotstandby.postgresql.application_name }}"
    slot: hotstandby_db_2
    reload: true
  become: true
  become_user: postgres
"""

RETURN = r"""
settings_changed:
  description: Names of the recovery settings that were or would be changed in the files.
  returned: success
  type: list
  elements: str
  sample: [primary_conninfo]
reload_required:
  description: Whether the running standby has to be reloaded for its new settings.
  returned: success
  type: bool
restart_required:
  description: Whether the running standby has to be restarted for its new settings.
  returned: success
  type: bool
reloaded:
  description: Whether the running standby was reloaded.
  returned: success
  type: bool
reason:
  description: What was or would be done, in one sentence.
  returned: success
  type: str
waited_seconds:
  description: Seconds until the new settings were in force.
  returned: success
  type: float
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hotstandby.postgresql.plugins.module_utils._module.entry import run_module
from ansible_collections.hotstandby.postgresql.plugins.module_utils._module.look import LOOK_ARGUMENT, look_again
from ansible_collections.hotstandby.postgresql.plugins.module_utils._module.recovery_config import (
    ARGUMENTS,
    recovery_config,
)


def main() -> None:
    module = AnsibleModule(
        argument_spec={**ARGUMENTS, **LOOK_ARGUMENT},
        supports_check_mode=True,
    )
    run_module(module, recovery_config, look=look_again)


if __name__ == "__main__":
    main()
