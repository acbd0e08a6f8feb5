# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""pg_hba.conf: lines, entries and the managed block."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.hba_file import HbaEntry, HbaFile, HbaRule

FILE = """\
# TYPE  DATABASE        USER            ADDRESS                 METHOD
local   all             all                                     peer
host    all             all             127.0.0.1/32            scram-sha-256 # a comment
host    "a,b",c , d     "x ""y"" #z",+g 10.0.0.0  255.255.255.0 md5
hostssl all             all             .example.com            ldap ldapserver=x "ldapprefix=a b"
host    all \\
        all ::1 ffff:: \\
        reject
nonsense here
host all all
"""

texts = st.text(st.characters(exclude_characters="\0"))
words = st.text(st.characters(exclude_characters="\0\r\n", codec="utf-8"), min_size=1)
rules = st.builds(
    HbaRule,
    st.just("host"),
    words,
    words,
    st.ip_addresses().map(lambda address: f"{address}/{address.max_prefixlen}"),
    st.just("scram-sha-256"),
)
RULE = HbaRule("host", "replication", "standby", "198.51.100.11/32", "scram-sha-256")
LINE = "host replication standby 198.51.100.11/32 scram-sha-256"


@given(texts)
def test_parsed_and_printed_it_is_the_same(text: str) -> None:
    assert HbaFile.parse(text).text == text
    assert HbaFile.parse(text).with_block([], "peers").text == text


@given(rules)
@example(HbaRule("host", 'a "b" #c', "x,\\y", "::1/128", "scram-sha-256"))
def test_a_line_that_is_written_is_read(rule: HbaRule) -> None:
    # a backslash at the end of a line would continue it, but a line of ours ends with its method
    entry = HbaFile.parse(rule.line()).entries()[0]
    assert (entry.type, entry.databases, entry.users) == (rule.type, (rule.database,), (rule.user,))
    assert (entry.address, entry.method) == (rule.address, rule.method)


@given(texts, st.lists(rules, min_size=1, max_size=3), st.lists(rules, min_size=1, max_size=3))
@example("", [RULE], [RULE])
@example("\n\n", [RULE], [RULE])
def test_a_block_comes_and_goes_without_a_trace(text: str, first: list[HbaRule], second: list[HbaRule]) -> None:
    file = HbaFile.parse(text)
    once = file.with_block(first, "peers")
    assert once.text.endswith(text)
    assert once.with_block(first, "peers") == once
    assert once.with_block(second, "peers") == file.with_block(second, "peers")
    assert once.with_block([], "peers") == file


def test_entries() -> None:
    assert HbaFile.parse(FILE).entries() == (
        HbaEntry(2, "local", ("all",), ("all",), None, None, "peer"),
        HbaEntry(3, "host", ("all",), ("all",), "127.0.0.1/32", None, "scram-sha-256"),
        HbaEntry(4, "host", ("a,b", "c", "d"), ('x "y" #z', "+g"), "10.0.0.0", "255.255.255.0", "md5"),
        HbaEntry(5, "hostssl", ("all",), ("all",), ".example.com", None, "ldap", ("ldapserver=x", "ldapprefix=a b")),
        HbaEntry(6, "host", ("all",), ("all",), "::1", "ffff::", "reject"),
    )


def test_the_block_goes_to_the_top() -> None:
    text = HbaFile.parse(FILE).with_block([RULE], "peers").text
    assert text == (f"# BEGIN hotstandby.postgresql peers\n{LINE}\n# END hotstandby.postgresql peers\n\n{FILE}")


def test_a_block_that_exists_stays_where_it_is() -> None:
    above = "host all all 192.0.2.1/32 reject\n"
    text = above + HbaFile.parse(FILE).with_block([RULE], "peers").text
    assert HbaFile.parse(text).with_block([RULE], "peers").text == text
    assert HbaFile.parse(text).with_block([RULE, RULE], "peers").text.startswith(above)
    assert HbaFile.parse(text).with_block([], "peers").text == above + FILE


def test_blocks_of_several_names_live_side_by_side() -> None:
    both = HbaFile.parse(FILE).with_block([RULE], "peers").with_block([RULE], "proxies")
    assert both.block("proxies") == (1, 3)
    assert both.block("peers") == (5, 7)
    assert both.with_block([], "peers").with_block([], "proxies").text == FILE


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        (["# BEGIN hotstandby.postgresql peers"], r"do not pair up \(line 1\)"),
        (["", "# END hotstandby.postgresql peers"], r"do not pair up \(line 2\)"),
        (["# END hotstandby.postgresql peers", "# BEGIN hotstandby.postgresql peers"], r"\(line 1, 2\)"),
        (["# BEGIN hotstandby.postgresql peers", "# END hotstandby.postgresql peers"] * 2, "1, 2, 3, 4"),
    ],
)
def test_a_broken_block_is_refused(lines: list[str], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        HbaFile.parse("\n".join(lines)).with_block([RULE], "peers")


@pytest.mark.parametrize(
    ("rule", "line"),
    [
        (RULE, LINE),
        (HbaRule("local", "all", "all", None, "peer"), "local all all peer"),
        (HbaRule("host", "my db", "Standby", "all", "md5"), 'host "my db" Standby all md5'),
        (
            HbaRule("hostssl", "all", "all", "::1/128", "cert", (("map", "a b"),)),
            'hostssl all all ::1/128 cert "map=a b"',
        ),
    ],
)
def test_lines(rule: HbaRule, line: str) -> None:
    assert rule.line() == line


@pytest.mark.parametrize(
    ("rule", "complaint"),
    [
        (HbaRule("hst", "all", "all", "all", "md5"), "'hst' is not one of local"),
        (HbaRule("local", "all", "all", "all", "md5"), "takes no address"),
        (HbaRule("host", "all", "all", None, "md5"), "takes an address"),
        (HbaRule("host", "all", "a\nhost all all all trust", "all", "md5"), "cannot stand in an access rule"),
        (HbaRule("host", "", "all", "all", "md5"), "cannot stand in an access rule"),
    ],
)
def test_what_no_line_can_hold_is_refused(rule: HbaRule, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        rule.line()
