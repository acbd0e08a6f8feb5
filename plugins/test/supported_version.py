# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Test supported_version."""

from __future__ import annotations

from typing import Callable

from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.dialect import Dialect

DOCUMENTATION = r"""
name: supported_version
short_description: Whether the collection supports a version of PostgreSQL
version_added: 1.1.0
author:
  - The hotstandby.postgresql authors (@hotstandby)
description:
  - Tells whether the collection knows the major version.
options:
  _input:
    description: A version, such as V(15) or V(15.18).
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Refuse a version that is not supported
  ansible.builtin.assert:
    that: postgres_version is hotstandby.postgresql.supported_version
"""

RETURN = r"""
_value:
  description: Whether it is supported.
  type: bool
"""


def supported_version(version: object) -> bool:
    """Whether the collection supports it."""
    try:
        Dialect.for_version(str(version))
    except ValueError:
        return False
    return True


class TestModule:
    def tests(self) -> dict[str, Callable[..., bool]]:
        return {"supported_version": supported_version}
