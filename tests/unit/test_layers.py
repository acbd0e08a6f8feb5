# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may import whom: each file of plugins/ lies in a package, and each package uses only those below it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"
COLLECTION = "ansible_collections.hotstandby.postgresql.plugins"

GROUND = {"_errors", "_waiting", "_postgres"}
# Each package, and the packages that it may import besides itself; "*" is all of module_utils.
MAY_IMPORT: dict[str, set[str]] = {
    "module_utils/_errors": set(),
    "module_utils/_waiting": {"_errors"},
    "module_utils/_run": set(),
    "module_utils/_progress": set(),
    "module_utils/_postgres": {"_errors"},
    "module_utils/_config": {"_errors", "_postgres"},
    "module_utils/_node": {"_postgres"},
    "module_utils/_host": GROUND | {"_run", "_progress"},
    "module_utils/_server": GROUND | {"_config", "_host"},
    "module_utils/_service": GROUND | {"_host"},
    "module_utils/_datadir": GROUND | {"_host"},
    "module_utils/_instance": GROUND | {"_config", "_host"},
    "module_utils/_clone": GROUND | {"_config", "_datadir", "_host", "_progress", "_server"},
    "module_utils/_rewind": GROUND | {"_config", "_datadir", "_host", "_progress", "_server"},
    "module_utils/_salvage": GROUND | {"_datadir", "_host", "_server"},
    "module_utils/_handover": GROUND | {"_config", "_host", "_server"},
    "module_utils/_observe": GROUND | {"_config", "_datadir", "_host", "_instance", "_node", "_server"},
    "module_utils/_module": {"*"},
    "plugin_utils/_planner": {"_config", "_errors", "_node", "_postgres", "_progress", "_run"},
    "plugin_utils/_watch": {"_planner", "_progress"},
    "modules": {"_module"},
    "filter": {"_planner", "_postgres"},
    "test": {"_planner", "_postgres"},
    "action": {"_planner", "_watch"},
    "doc_fragments": set(),
}
MAY_KNOW = {
    "ansible": {"module_utils/_module", "modules", "action", "plugin_utils/_watch"},
    "psycopg2": {"module_utils/_server/session"},
}

# These only compute.
PURE = {"_errors", "_run", "_progress", "_postgres", "_config", "_node", "_planner"}
IMPURE_MODULES = {
    "fcntl",
    "pwd",
    "select",
    "shutil",
    "signal",
    "socket",
    "subprocess",
    "tempfile",
    "threading",
    "time",
}
# Of os and of os.path.
PURE_NAMES = {"path", "fsencode", "basename", "commonpath", "dirname", "isabs", "join", "normpath"}


def files() -> dict[str, ast.Module]:
    """Each file of plugins/ by its path without .py."""
    return {
        path.relative_to(PLUGINS).with_suffix("").as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted(PLUGINS.rglob("*.py"))
    }


FILES = files()


def shelf_of(file: str) -> str:
    """The line of the table that a file lies under, "" for none."""
    return next((shelf for shelf in MAY_IMPORT if f"{file}/".startswith(f"{shelf}/")), "")


def imports_of(file: str, tree: ast.AST) -> Iterator[str]:
    """The full name of each module that a file imports, and of each name that it imports from one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{module_of(file, node)}.{alias.name}" for alias in node.names)


def module_of(file: str, node: ast.ImportFrom) -> str:
    """The full name of what stands between from and import."""
    package = [COLLECTION, *file.split("/")[:-1]]
    above = package[: len(package) + 1 - node.level] if node.level else []
    return ".".join([*above, *([node.module] if node.module else [])])


def package_of(name: str) -> str:
    """The package of the collection that a full name lies in, "" for a name of somebody else."""
    if not name.startswith(f"{COLLECTION}."):
        return ""
    parts = name[len(COLLECTION) + 1 :].split(".")
    return parts[1] if parts[0] in ("module_utils", "plugin_utils") else parts[0]


def is_allowed(shelf: str, name: str) -> bool:
    package = package_of(name)
    own = shelf.rpartition("/")[2]
    if not package or package == own or package in MAY_IMPORT[shelf]:
        return True
    return "*" in MAY_IMPORT[shelf] and name.startswith(f"{COLLECTION}.module_utils.")


def is_known(file: str, name: str) -> bool:
    places = MAY_KNOW.get(name.partition(".")[0])
    return places is None or any(f"{file}/".startswith(f"{place}/") for place in places)


def breaks_of(file: str, tree: ast.AST) -> Iterator[tuple[str, str]]:
    """What a file imports and may not: the package of ours, or the library."""
    for name in imports_of(file, tree):
        if not is_allowed(shelf_of(file), name):
            yield file, package_of(name)
        if not is_known(file, name):
            yield file, name.partition(".")[0]


def impurities_of(tree: ast.AST) -> Iterator[str]:
    """What a file uses to touch the outside."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == "open":
            yield node.id
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("os", "os.path"):
            yield from {node.attr} - PURE_NAMES
    for name in imports_of("", tree):
        module, rest = name.partition(".")[::2]
        if module in IMPURE_MODULES or (module == "os" and rest and not set(rest.split(".")) <= PURE_NAMES):
            yield name


def test_every_file_lies_in_a_package() -> None:
    assert [file for file in FILES if not shelf_of(file)] == []
    assert set(MAY_IMPORT) == {shelf_of(file) for file in FILES}, "a line of the table has no file"


def test_imports_go_down() -> None:
    assert {wrong for file, tree in FILES.items() for wrong in breaks_of(file, tree)} == set()


def test_the_form_of_an_import_tells_whether_it_leaves_the_package() -> None:
    """A sibling is imported relatively, everything else by its full name."""
    for file, tree in FILES.items():
        package = file.rpartition("/")[0] if shelf_of(file) != file else "none"
        siblings = f"{COLLECTION}.{package.replace('/', '.')}."
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                assert node.level == (1 if f"{module_of(file, node)}.".startswith(siblings) else 0), file


def test_parameters_end_in_module() -> None:
    """Below it there are types."""
    below = {
        file
        for file, tree in FILES.items()
        if file.startswith("module_utils/") and shelf_of(file) != "module_utils/_module"
        for node in ast.walk(tree)
        if getattr(node, "id", getattr(node, "attr", getattr(node, "arg", ""))) == "params"
    }
    assert below == set()


@pytest.mark.parametrize("file", [file for file in FILES if shelf_of(file).rpartition("/")[2] in PURE])
def test_what_only_computes_touches_nothing(file: str) -> None:
    assert list(impurities_of(FILES[file])) == []


@pytest.mark.parametrize(
    "text",
    [
        "import time",
        "from time import sleep",
        "import os.path\nos.path.exists('/')",
        "import os\nos.stat('/')",
        "from os.path import exists",
        "from os import environ",
        "open('/etc/passwd')",
    ],
)
def test_what_touches_the_outside_is_seen(text: str) -> None:
    assert list(impurities_of(ast.parse(text)))
