# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a module's parameters to the instance that they name."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.instance import Instance
from ansible_collections.hotstandby.postgresql.plugins.module_utils._module.entry import INSTANCE_ARGUMENTS, instance_of

NOT_GIVEN = {name: spec.get("default") for name, spec in INSTANCE_ARGUMENTS.items()}


@pytest.mark.parametrize(
    ("params", "instance"),
    [
        ({}, Instance("", "", "", 5432, "/var/run/postgresql")),
        (NOT_GIVEN, Instance("", "", "", 5432, "/var/run/postgresql")),
        ({"data_directory": "/d"}, Instance("/d", "/d", "", 5432, "/var/run/postgresql")),
        (
            {
                "data_directory": "/d",
                "config_directory": "/c",
                "bin_directory": "/b",
                "port": 5433,
                "socket_directory": "/s",
                "login_user": "u",
                "login_database": "l",
                "log_file": "/l",
                "timeout": 7,
            },
            Instance("/d", "/c", "/b", 5433, "/s", "u", "l", "/l"),
        ),
    ],
)
def test_the_instance(params: dict[str, Any], instance: Instance) -> None:
    assert instance_of(params) == instance


def test_every_argument_is_a_part_of_it() -> None:
    assert INSTANCE_ARGUMENTS.keys() <= Instance.__dataclass_fields__.keys()
