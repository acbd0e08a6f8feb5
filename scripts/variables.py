"""Writes README.md's tables of variables, and each role's README.md, from the roles' argument specs.

With --check: only says if they differ.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
BEGIN = "<!-- variables: made by scripts/variables.py from the roles' argument specs -->\n"
MARKUP = re.compile(r"[CV]\(([^)]*)\)")
END = "<!-- end of variables -->\n"
ROLES = ("postgres", "master", "hot_standby")
README = """\
<!-- made by scripts/variables.py from meta/argument_specs.yml -->

# {role}

{short}. {description}

The role is a part of the collection hotstandby.postgresql. Run its playbooks (`hotstandby.postgresql.site` and the
others): they look at every node, decide which role each one has, and call this one. By itself it does not know that.

## Variables

{table}
## Licence

GPL-3.0-or-later
"""


def main_spec(role: str) -> Mapping[str, Any]:
    text = (ROOT / "roles" / role / "meta/argument_specs.yml").read_text(encoding="utf-8")
    spec: Mapping[str, Any] = yaml.safe_load(text)["argument_specs"]["main"]
    return spec


def plain(*sentences: str) -> str:
    return MARKUP.sub(r"`\1`", " ".join(" ".join(sentences).split()))


def table(role: str) -> str:
    rows = ["| variable | default | what it is |", "|---|---|---|"]
    for name, option in main_spec(role)["options"].items():
        default = f"`{option['default']!r}`" if "default" in option else ""
        rows.append(" | ".join((f"| `{name}`", default, plain(*option["description"]))) + " |")
    return "\n".join(rows) + "\n"


def made() -> Iterator[tuple[Path, str]]:
    """Each file with the text that it ought to have."""
    readme = ROOT / "README.md"
    before, rest = readme.read_text(encoding="utf-8").split(BEGIN)
    after = rest.split(END)[1]
    tables = "\n".join(f"Role `{role}`:\n\n{table(role)}" for role in ROLES)
    yield readme, f"{before}{BEGIN}\n{tables}\n{END}{after}"
    for role in ROLES:
        spec = main_spec(role)
        text = README.format(
            role=role, short=spec["short_description"], description=plain(*spec["description"]), table=table(role)
        )
        yield ROOT / "roles" / role / "README.md", text


def main() -> int:
    out_of_date = [(path, text) for path, text in made() if not path.exists() or path.read_text("utf-8") != text]
    if "--check" in sys.argv:
        for path, _text in out_of_date:
            print(f"{path.relative_to(ROOT)}: its tables of variables are out of date; run scripts/variables.py")
        return int(bool(out_of_date))
    for path, text in out_of_date:
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
