"""What anybody may send over the broker does no harm."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeclassify.tools.foreign import harmless, harmless_json, parse


@pytest.mark.parametrize("payload", [b"", b"\xff", b"null", b"[]", b"3", b'"a"', b"{", b"[" * 100_000])
def test_what_is_no_json_object_is_nothing(payload: bytes) -> None:
    assert parse(payload) is None


def test_a_json_object_is_itself() -> None:
    assert parse('{"label": "兔子"}'.encode()) == {"label": "兔子"}


@given(st.text())
def test_harmless_text_is_printable_and_what_was_is_unchanged(text: str) -> None:
    shown = harmless(text)
    assert shown.isprintable()
    assert len(shown) <= 200
    if text.isprintable() and len(text) <= 200:
        assert shown == text


@given(st.dictionaries(st.text(), st.text() | st.integers()))
def test_harmless_json_means_the_same(message: dict[str, str | int]) -> None:
    text = json.dumps(message, ensure_ascii=False, indent=1)
    shown = harmless_json(text.encode("utf-8", "surrogatepass"))
    assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in shown)
    if text.encode("utf-8", "replace").decode() == text:
        assert json.loads(shown) == message
