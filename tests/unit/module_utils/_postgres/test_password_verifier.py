# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Password verifiers: known vectors, and what a verifier does and does not match."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.password_verifier import (
    ScramVerifier,
    is_verifier_of,
    md5_verifier,
    new_verifier,
    prepare,
)

SALT = b"0123456789abcdef"
PASSWORDS = st.text(st.characters(exclude_characters="\0\r\n", exclude_categories=["Cs"]), min_size=1, max_size=30)


def test_the_example_of_rfc_7677() -> None:
    verifier = ScramVerifier.of("pencil", base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="), 4096)
    message = (
        b"n=user,r=rOprNGfwEbeRWgbNEkqO,"
        b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"
        b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    )
    server_signature = hmac.new(verifier.server_key, message, hashlib.sha256).digest()
    assert server_signature == base64.b64decode("6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
    client_signature = hmac.new(verifier.stored_key, message, hashlib.sha256).digest()
    proof = base64.b64decode("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
    client_key = bytes(left ^ right for left, right in zip(proof, client_signature))
    assert hashlib.sha256(client_key).digest() == verifier.stored_key


def test_md5_is_that_of_postgresql() -> None:
    # printf secretme | md5sum
    assert md5_verifier("secret", "me") == "md5ae557034da7821f8788e6ba4bd9926f3"


@pytest.mark.parametrize(
    ("password", "prepared"),
    [
        # RFC 4013, 3. Examples
        ("I\u00adX", "IX"),
        ("user", "user"),
        ("USER", "USER"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),
        # not allowed there: taken as they are
        ("\u0007", "\u0007"),
        ("\u0627\u0031", "\u0627\u0031"),
        # and what PostgreSQL makes of these
        ("a\u00a0b", "a b"),
        ("\u00ad", "\u00ad"),
        ("ä\u0007ﬁ", "ä\u0007ﬁ"),
        ("a\u0308", "ä"),
        ("\u0627\u0628", "\u0627\u0628"),
        ("\u0627a\u0628", "\u0627a\u0628"),
        ("\u0627\u00b2", "\u0627\u00b2"),
        ("\u00b2\u0627", "\u00b2\u0627"),
        ("\U0001f130", "\U0001f130"),  # compatible with A, but not assigned in Unicode 3.2
    ],
)
def test_prepare(password: str, prepared: str) -> None:
    assert prepare(password) == prepared.encode()


@settings(deadline=None, max_examples=25)
@given(PASSWORDS, PASSWORDS)
@example("ﬁ", "fi")
def test_matches_its_own_password_only(password: str, other: str) -> None:
    stored = new_verifier(password, "u", scram=True, salt=SALT)
    assert is_verifier_of(stored, password, "u", scram=True)
    assert is_verifier_of(stored, other, "u", scram=True) == (prepare(password) == prepare(other))


@given(st.integers(1, 999999999), *[st.binary(min_size=1, max_size=32)] * 3)
def test_written_and_read_again_it_is_the_same(iterations: int, salt: bytes, stored: bytes, server: bytes) -> None:
    verifier = ScramVerifier(iterations, salt, stored, server)
    assert ScramVerifier.parse(str(verifier)) == verifier


def test_iterations_and_salt_are_those_of_the_verifier() -> None:
    stored = str(ScramVerifier.of("pencil", b"other salt", 1000))
    assert is_verifier_of(stored, "pencil", "u", scram=True)
    assert not is_verifier_of(stored.replace("$1000:", "$1001:"), "pencil", "u", scram=True)


def test_both_keys_count() -> None:
    mixed = ScramVerifier.of("pencil", SALT)
    wrong = ScramVerifier(mixed.iterations, mixed.salt, mixed.stored_key, b"x" * 32)
    assert not wrong.matches("pencil")


@pytest.mark.parametrize(
    "stored",
    [
        None,
        "",
        "pencil",
        md5_verifier("pencil", "u"),
        "SCRAM-SHA-256$0:AAAA$AAAA:AAAA",
        "SCRAM-SHA-256$4096:*$AAAA:AAAA",
        "SCRAM-SHA-256$x:AAAA$AAAA:AAAA",
    ],
)
def test_what_is_no_scram_verifier_matches_nothing(stored: str | None) -> None:
    assert not is_verifier_of(stored, "pencil", "u", scram=True)


def test_below_version_10() -> None:
    stored = new_verifier("pencil", "u", scram=False, salt=SALT)
    assert stored == md5_verifier("pencil", "u")
    assert is_verifier_of(stored, "pencil", "u", scram=False)
    assert not is_verifier_of(stored, "pencil", "other", scram=False)


def test_an_error_does_not_repeat_the_text() -> None:
    with pytest.raises(ValueError, match="not a SCRAM-SHA-256 verifier") as caught:
        ScramVerifier.parse("SCRAM-SHA-256$4096:geheim")
    assert "geheim" not in str(caught.value)
