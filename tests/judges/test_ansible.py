# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Judges of the Ansible community: ansible-lint, antsibull-docs, antsibull-changelog."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from judges.judging import Judge


def test_ansible_lint_production_profile(judge: Judge, tree: Path, collections_path: Path) -> None:
    output = judge("ansible-lint", cwd=tree, env={"ANSIBLE_COLLECTIONS_PATH": str(collections_path)})
    assert "Profile 'production' was required, and it passed" in output, output


def test_antsibull_docs(judge: Judge, tree: Path, collections_path: Path) -> None:
    judge(
        "antsibull-docs",
        "lint-collection-docs",
        "--plugin-docs",
        "--validate-collection-refs=self",
        "--disallow-unknown-collection-refs",
        ".",
        cwd=tree,
        env={"ANSIBLE_COLLECTIONS_PATH": str(collections_path)},
    )


def test_antsibull_changelog(judge: Judge, tree: Path) -> None:
    judge("antsibull-changelog", "lint", cwd=tree)
    judge("antsibull-changelog", "lint-changelog-yaml", "--strict", "changelogs/changelog.yaml", cwd=tree)


def test_changelog_names_the_modules_of_each_release(tree: Path) -> None:
    releases = yaml.safe_load((tree / "changelogs" / "changelog.yaml").read_text())["releases"]
    named = {(version, module["name"]) for version in releases for module in releases[version].get("modules", [])}
    documented = {
        (found.group(1), path.stem)
        for path in tree.glob("plugins/modules/*.py")
        if (found := re.search(r"^version_added: [\"']?([0-9.]+)", path.read_text(), re.MULTILINE))
    }
    assert named == {(version, name) for version, name in documented if version in releases}
