#!/usr/bin/python
# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host_info
short_description: Learn the distribution of a host, and whether it has an account
version_added: 1.1.0
author:
  - The hotstandby.postgresql authors (@hotstandby)
description:
  - Every playbook begins with it. It runs one command of the host's shell, and needs no Python there.
extends_documentation_fragment:
  - hotstandby.postgresql.attributes
options:
  account:
    description: The operating system account that owns the cluster.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Learn what this host is
  hotstandby.postgresql.host_info:
    account: postgres
"""

RETURN = r"""
ansible_facts:
  description: What was found.
  returned: always
  type: dict
  contains:
    hotstandby_host:
      description:
        - C(family) (V(Debian), V(RedHat) or V(other)), C(release) (name and major version, as V(Debian 12)) and
          C(has_account).
      returned: always
      type: dict
"""
