# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an instance is found on its host."""

from __future__ import annotations


class ModuleDocFragment:
    """The parameters of module_utils/_module/entry.py INSTANCE_ARGUMENTS."""

    DOCUMENTATION = r"""
options:
  bin_directory:
    description: Directory of the server's programs (C(pg_controldata), C(pg_basebackup), ...).
    type: path
  data_directory:
    description: The data directory.
    type: path
  config_directory:
    description: Directory of C(postgresql.conf) and C(pg_hba.conf). The data directory when it is not given.
    type: path
  port:
    description: Port on which the server listens.
    type: int
    default: 5432
  socket_directory:
    description: Directory of the server's Unix socket, over which SQL goes.
    type: path
    default: /var/run/postgresql
  login_user:
    description: Superuser to connect as. The operating system user that runs the module when it is not given.
    type: str
  login_database:
    description: Database to connect to.
    type: str
    default: postgres
"""
