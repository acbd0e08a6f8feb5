# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The judges are not talked out of anything: no ignore file, no comment that switches a rule off."""

from __future__ import annotations

import re

import tomllib
import yaml

from judges.judging import CHECKOUT, files_of_checkout, lines_of_checkout, none_of

EXCEPTION = re.compile(
    r"#\s*noqa|#\s*type:\s*ignore|pylint:\s*disable|shellcheck\s+disable|yamllint\s+disable|skip_ansible[_]lint"
)


def test_no_ignore_file() -> None:
    ignoring = [
        name for name in files_of_checkout() if re.search(r"(^|/)(\.ansible-lint-ignore|ignore-[0-9.]+\.txt)$", name)
    ]
    assert not ignoring


def test_no_line_switches_a_rule_off() -> None:
    switched_off = [f"{where}: {line.strip()}" for where, line in lines_of_checkout() if EXCEPTION.search(line)]
    none_of(switched_off, "switching a rule off")


def test_ruff_exempts_only_what_ansible_test_wants_otherwise() -> None:
    settings = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["tool"]["ruff"]["lint"]
    assert {"ignore", "extend-ignore"}.isdisjoint(settings)
    assert settings["per-file-ignores"] == {"plugins/modules/*.py": ["E402", "EXE001"]}


def test_ansible_lint_skips_nothing() -> None:
    settings = yaml.safe_load((CHECKOUT / ".ansible-lint").read_text())
    assert settings["profile"] == "production"
    assert {"skip_list", "warn_list", "mock_modules", "mock_roles", "mock_filters"}.isdisjoint(settings)
    assert {"name[prefix]", "no-log-password", "role-argument-spec"} <= set(settings["enable_list"])
