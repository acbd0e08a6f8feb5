#!/usr/bin/python
# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host_info
short_description: Tell a host's distribution, and whether the server's account is there
version_added: 1.1.0
author:
  - The hotstandby.postgresql authors (@hotstandby)
description:
  - Tells what has to be known of a host before it can be told where its instance is. It asks for no more than that,
    and so is much faster than the module setup.
extends_documentation_fragment:
  - hotstandby.postgresql.attributes
options:
  account:
    description: Name of the operating system user that owns the cluster.
    type: str
    required: true
seealso:
  - module: hotstandby.postgresql.node_info
"""

EXAMPLES = r"""
- name: Learn what the host is
  hotstandby.postgresql.host_info:
    account: postgres

- name: Show it
  ansible.builtin.debug:
    msg: "{{ ansible_facts['hotstandby_host'].release }}"
"""

RETURN = r"""
ansible_facts:
  description: The facts.
  returned: success
  type: dict
  contains:
    hotstandby_host:
      description:
        - C(family) is V(Debian), V(RedHat) or V(other). C(release) is the name and the major version, such as
          V(Debian 12); only the name where the distribution has no version.
        - C(has_account) tells whether the account is there.
      type: dict
      returned: success
      sample: {family: Debian, release: Ubuntu 24, has_account: true}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hotstandby.postgresql.plugins.module_utils._module.host_info import host_info


def main() -> None:
    module = AnsibleModule(argument_spec={"account": {"type": "str", "required": True}}, supports_check_mode=True)
    module.exit_json(changed=False, ansible_facts={"hotstandby_host": host_info(module.params["account"])})


if __name__ == "__main__":
    main()
