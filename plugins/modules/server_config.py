#!/usr/bin/python
# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: server_config
short_description: Set parameters in postgresql.conf and tell whether they are live
version_added: 1.0.0
author:
  - The hotstandby.postgresql authors (@hotstandby)
description:
  - Edits C(postgresql.conf) in place and keeps the comments and the order of its lines. A parameter that
    no line sets is appended below one heading.
  - Lets PostgreSQL judge the new file before it is put in place; when it rejects a value, nothing is
    changed and its own message is shown.
  - Fails, and changes nothing, when something that counts more sets one of the parameters otherwise,
    that is C(postgresql.auto.conf) (C(ALTER SYSTEM)), a file that is included later, or the command line
    of the running server. The message names the file and the line.
  - Compares values as the server does, so C(1GB) is C(1024MB) and C(on) is C(true).
  - Never restarts the server, and reloads it with O(reload=true) only.
extends_documentation_fragment:
  - hotstandby.postgresql.attributes
  - hotstandby.postgresql.run
  - hotstandby.postgresql.instance
options:
  settings:
    description:
      - Parameters and their values. A null value takes a parameter out of the file, so that its default
        counts.
      - Truth values are written as C(on) and C(off).
    type: dict
    required: true
  bin_directory:
    description: Directory of the server's programs; C(postgres) checks the new file before it is put in place.
    required: true
  data_directory:
    description:
      - The data directory. Where it is given, its C(postmaster.pid) tells whether the server runs and
        where it answers; else O(socket_directory) and O(port) do.
  reload:
    description: Whether to reload a running server that does not use the settings yet, and wait for it.
    type: bool
    default: false
  timeout:
    description: How many seconds to wait until the server has reloaded.
    type: int
    default: 60
requirements:
  - psycopg2 (when the server runs)
seealso:
  - module: hotstandby.postgresql.server
  - module: hotstandby.postgresql.hba_rules
"""

EXAMPLES = r"""
- name: Set what replication needs
  hotstandby.postgresql.server_config:
    bin_directory: /usr/lib/postgresql/15/bin
    config_directory: /etc/postgresql/15/main
    data_directory: /var/lib/postgresql/15/main
    settings:
      wal_level: replica
      max_wal_senders: 10
      wal_log_hints: true
      wal_keep_size: 1GB
    reload: true
  register: configured
  become: true
  become_user: postgres

- name: Go back to the default of a parameter
  hotstandby.postgresql.server_config:
    bin_directory: /usr/lib/postgresql/15/bin
    data_directory: /var/lib/postgresql/data
    settings:
      wal_keep_size: null
  become: true
  become_user: postgres
"""

RETURN = r"""
changes:
  description: What changed in the file.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The parameter.
      type: str
      returned: always
    before:
      description: Its value in the file before, null when there was none.
      type: str
      returned: always
    after:
      description: Its value now, null when it was taken out.
      type: str
      returned: always
    context:
      description: >-
        When a change applies, as in C(pg_settings.context): V(postmaster) with a restart, V(sighup) and others
        with a reload. V(unknown) when no server runs and the parameter is not one that the collection knows.
      type: str
      returned: always
  sample:
    - {name: wal_keep_size, before: null, after: 1GB, context: sighup}
reload_required:
  description: Whether the running server has to reload before it works with all of the settings.
  returned: success
  type: bool
restart_required:
  description: Whether the running server has to be restarted before it works with all of the settings.
  returned: success
  type: bool
pending_restart:
  description: Parameters that wait for a restart, those that were changed by others among them.
  returned: success
  type: list
  elements: str
reloaded:
  description: Whether the server was reloaded (in check mode, whether it would be).
  returned: success
  type: bool
waited_seconds:
  description: How long the server took to reload, in seconds.
  returned: success
  type: float
reason:
  description: What was done or is still to be done, in one sentence.
  returned: success
  type: str
  sample: wal_keep_size changed in /etc/postgresql/15/main/postgresql.conf; the configuration was reloaded
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hotstandby.postgresql.plugins.module_utils._module.entry import run_module
from ansible_collections.hotstandby.postgresql.plugins.module_utils._module.server_config import (
    ARGUMENTS,
    server_config,
)


def main() -> None:
    module = AnsibleModule(
        argument_spec=ARGUMENTS,
        required_one_of=[("config_directory", "data_directory")],
        supports_check_mode=True,
    )
    run_module(module, server_config)


if __name__ == "__main__":
    main()
