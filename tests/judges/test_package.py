# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The collection as others get it: built, installed, and reduced to what Ansible loads."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest

from judges.judging import Judge, copy_tree, files_of_checkout

NAME = "hotstandby.postgresql"
ESSENTIAL = {"meta", "playbooks", "plugins", "roles"}  # with these alone it is to work
PAPERS = {"CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md", "changelogs", "docs", "inventory.example.ini"}
MADE_BY_GALAXY = {"FILES.json", "MANIFEST.json"}

INVENTORY = """\
[master]
db-1 ansible_host=198.51.100.11

[hot_standby]
db-2 ansible_host=198.51.100.12
"""


@pytest.fixture(scope="module")
def tarball(judge: Judge, tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("tarball")
    judge("ansible-galaxy", "collection", "build", "--output-path", str(target), cwd=tree)
    (built,) = target.glob("*.tar.gz")
    return built


def test_tarball_carries_the_collection_and_its_papers_only(tarball: Path) -> None:
    with tarfile.open(tarball) as archive:
        carried = {name.split("/", 1)[0] for name in archive.getnames()}
    assert carried >= ESSENTIAL
    assert carried - ESSENTIAL - PAPERS - MADE_BY_GALAXY == set(), "name it in build_ignore"


def test_installed_tarball_works(judge: Judge, tarball: Path, tree: Path, tmp_path: Path) -> None:
    collections = tmp_path / "collections"
    judge(
        "ansible-galaxy",
        "collection",
        "install",
        "--offline",
        "-p",
        str(collections),
        str(tarball),
        cwd=tmp_path,
    )
    must_work(judge, collections, tree)


def test_works_with_everything_else_deleted(judge: Judge, tree: Path, tmp_path: Path) -> None:
    reduced = tmp_path / "reduced"
    copy_tree([name for name in files_of_checkout() if name.split("/", 1)[0] in ESSENTIAL], reduced)
    must_work(judge, reduced, tree)


def test_galaxy_imports_the_tarball(judge: Judge, tarball: Path, tmp_path: Path) -> None:
    """What Galaxy does with an upload, without the network; ansible-lint and ansible-test have judges of their own."""
    settings = {
        "GALAXY_IMPORTER_CHECK_REQUIRED_TAGS": "true",
        "GALAXY_IMPORTER_OFFLINE_ANSIBLE_LINT": "true",
        "GALAXY_IMPORTER_REQUIRE_V1_OR_GREATER": "true",
        "GALAXY_IMPORTER_RUN_ANSIBLE_LINT": "false",
        "GALAXY_IMPORTER_RUN_ANSIBLE_TEST": "false",
    }
    output = judge("python", "-m", "galaxy_importer.main", str(tarball), cwd=tmp_path, env=settings)
    complaints = [line for line in output.splitlines() if line.startswith(("ERROR", "WARNING", "CRITICAL"))]
    assert not complaints, output
    assert "Importer processing completed successfully" in output, output


def test_readmes_have_the_variables_of_the_roles(judge: Judge, tree: Path) -> None:
    judge("python", "scripts/variables.py", "--check", cwd=tree)


def names_below(directory: Path, pattern: str) -> list[str]:
    names = sorted(path.stem for path in directory.glob(pattern))
    assert names, f"nothing matches {pattern} in {directory}"
    return names


def must_work(judge: Judge, collections: Path, tree: Path) -> None:
    """Every playbook of the tree is found by name and parses with its roles; every module has its page."""
    env = {"ANSIBLE_COLLECTIONS_PATH": str(collections)}
    elsewhere = collections.parent
    inventory = elsewhere / "inventory.ini"
    inventory.write_text(INVENTORY)
    for playbook in names_below(tree / "playbooks", "*.yml"):
        command = ["ansible-playbook", "--syntax-check", "-i", str(inventory), f"{NAME}.{playbook}"]
        judge(*command, cwd=elsewhere, env=env)
    modules = [f"{NAME}.{module}" for module in names_below(tree / "plugins/modules", "*.py")]
    listing = judge("ansible-doc", "--json", *modules, cwd=elsewhere, env=env)
    assert sorted(json.loads(listing[listing.index("{") :])) == modules
