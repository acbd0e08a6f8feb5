"""Writes README.md's tables of variables from the roles' argument specs. With --check: only says if they differ."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
BEGIN = "<!-- variables: made by scripts/variables.py from the roles' argument specs -->\n"
MARKUP = re.compile(r"[CV]\(([^)]*)\)")
END = "<!-- end of variables -->\n"


def table(role: str) -> str:
    specs = yaml.safe_load((ROOT / "roles" / role / "meta/argument_specs.yml").read_text(encoding="utf-8"))
    rows = [f"Role `{role}`:", "", "| variable | default | what it is |", "|---|---|---|"]
    for name, option in specs["argument_specs"]["main"]["options"].items():
        default = f"`{option['default']!r}`" if "default" in option else ""
        text = " ".join(" ".join(option["description"]).split())
        rows.append(" | ".join((f"| `{name}`", default, MARKUP.sub(r"`\1`", text))) + " |")
    return "\n".join(rows) + "\n"


def main() -> int:
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    tables = "\n".join(table(role) for role in ("postgres", "master", "hot_standby"))
    made = f"{before}{BEGIN}\n{tables}\n{END}{after}"
    if "--check" in sys.argv:
        if made != text:
            print("README.md: the tables of variables are out of date; run scripts/variables.py")
        return int(made != text)
    readme.write_text(made, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
