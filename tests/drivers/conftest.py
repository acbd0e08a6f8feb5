# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts for the drivers."""

from __future__ import annotations

from support.hosts.fixtures import cluster, controller, fleet, hosts, newcomer, virgins

__all__ = ["cluster", "controller", "fleet", "hosts", "newcomer", "virgins"]
