#!/usr/bin/python
# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: hba_rules
short_description: Keep access rules in pg_hba.conf and prove that they are live
version_added: 1.0.0
author:
  - The hotstandby.postgresql authors (@hotstandby)
description:
  - Keeps a block of rules in C(pg_hba.conf), one line per address. Everything outside of the block stays as it is.
  - A new block goes to the top, because the first line that matches a connection decides. A block that exists
    stays where it is; when a line above it would decide about one of its connections with another method, the
    module fails and names that line.
  - Reloads the server, waits until it has read the file, and proves with C(pg_hba_file_rules) (version 10 and
    later) that every line is there and that none before it decides. When a rule cannot be read the file is put
    back as it was.
  - A line of others that the server cannot read is named, and nothing is changed, because the server takes no
    change of its rules as long as there is one.
extends_documentation_fragment:
  - hotstandby.postgresql.attributes
  - hotstandby.postgresql.run
  - hotstandby.postgresql.instance
options:
  name:
    description: Name of the block. Each name has a block of its own.
    type: str
    default: peers
  rules:
    description: The rules of the block in their order. An empty list removes the block.
    type: list
    elements: dict
    required: true
    suboptions:
      type:
        description: Kind of connection.
        type: str
        choices: [local, host, hostssl, hostnossl, hostgssenc, hostnogssenc]
        default: host
      database:
        description: A database, or a keyword such as V(all) or V(replication).
        type: str
        required: true
      user:
        description: A database user, or a keyword such as V(all).
        type: str
        required: true
      address:
        description:
          - An IP address, a network (V(198.51.100.0/24)), V(all), V(samehost), V(samenet), or the name of a host.
          - A name is resolved on the node where the module runs, and every address of it gets a line.
          - To be left out for O(rules[].type=local).
        type: str
      method:
        description: Method of authentication. V(trust) is refused.
        type: str
        default: scram-sha-256
      options:
        description: Options of the method.
        type: dict
  hba_file:
    description: The file. C(pg_hba.conf) in O(config_directory) when it is not given.
    type: path
  reload:
    description: Whether to reload a running server that has not read the file as it is now, and to wait for it.
    type: bool
    default: true
  prove:
    description: Whether to let a running server confirm the rules.
    type: bool
    default: true
  timeout:
    description: How many seconds to wait until the server has reloaded.
    type: int
    default: 60
requirements:
  - psycopg2 (when the server runs)
seealso:
  - module: hotstandby.postgresql.server_config
"""

EXAMPLES = r"""
- name: Let the other nodes replicate from this one
  hotstandby.postgresql.hba_rules:
    config_directory: /etc/postgresql/15/main
    data_directory: /var/lib/postgresql/15/main
    rules:
      - {database: replication, user: replicator, address: 198.51.100.12}
      - {database: replication, user: replicator, address: node3.example.com}
      - {database: postgres, user: replicator, address: 198.51.100.12, type: hostssl}
  become: true
  become_user: postgres
"""

RETURN = r"""
lines:
  description: The lines of the block.
  returned: success
  type: list
  elements: str
  sample:
    - host replication replicator 198.51.100.12/32 scram-sha-256
proved:
  description: Whether the server confirmed that it reads each line, and that no line before it decides.
  returned: success
  type: bool
reloaded:
  description: Whether the server was reloaded (in check mode, whether it would be).
  returned: success
  type: bool
reload_required:
  description: Whether the running server has not yet read the file as it is now, because of O(reload=false).
  returned: success
  type: bool
waited_seconds:
  description: How long the server took to reload, in seconds.
  returned: success
  type: float
reason:
  description: What was done, in one sentence.
  returned: success
  type: str
  sample: 2 access rules were put into /etc/postgresql/15/main/pg_hba.conf; the server was reloaded
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hotstandby.postgresql.plugins.module_utils._module.entry import run_module
from ansible_collections.hotstandby.postgresql.plugins.module_utils._module.hba_rules import ARGUMENTS, hba_rules


def main() -> None:
    module = AnsibleModule(
        argument_spec=ARGUMENTS,
        required_one_of=[("hba_file", "config_directory", "data_directory")],
        supports_check_mode=True,
    )
    run_module(module, hba_rules)


if __name__ == "__main__":
    main()
