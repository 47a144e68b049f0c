"""No text from outside can act on a terminal, hide or break an encoder; ordinary text stays what it is."""

from __future__ import annotations

import json
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskdash.domain.task import Json
from taskdash.domain.untrusted import (
    CUT_MARK,
    MAX_DEPTH,
    MAX_MARKS,
    MAX_TEXT_CHARS,
    REPLACEMENT,
    inert,
    inert_json,
    inert_line,
    raw_text,
)

ANY_TEXT = st.text(
    st.characters(codec=None) | st.sampled_from("\ud800\udfff\u202e\u200b\x1b\x9b\r\n\t\u0301 ")
)
BIDI = [0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
TAGS = range(0xE0000, 0xE0080)
INVISIBLE = {
    *(0x00AD, 0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFEFF, 0xFFA0, 0x2065),
    *range(0x180B, 0x1810), *range(0x200B, 0x2010), *range(0x2060, 0x2070), *range(0xFFF0, 0xFFFC),
    *range(0xE0000, 0xE1000),
}  # fmt: skip

ORDINARY = [
    "A cinematic portrait of a robot painter", "naïve café, Łódź, Ærø, “quotes” … €5", "一只戴着帽子的猫、水彩画风格。",
    "夕焼けの富士山、浮世絵風", "해질녘의 서울 한강", "Портрет кота в сапогах", "Πορτρέτο γάτας", "صورة سينمائية لقط",
    "שָׁלוֹם עֲלֵיכֶם", "बिल्ली का चित्र, जलरंग", "ภาพวาดแมวน้ำ", "Tiếng Việt: con mèo đẹp",
    "ប្រាសាទអង្គរវត្ត", "🎨🐱🚀 ⭐ ✅ 🇩🇪 👍🏽 ❤️", "∑ x² ≤ ∞ → ½", "[red]not markup[/red] {braces} <b>",
    "two\nlines\tand a tab", "no\u00a0break\u3000ideographic",
]  # fmt: skip


def is_harmless(char: str) -> bool:
    if char in "\n\t":
        return True
    code = ord(char)
    bad_category = unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")
    return not (bad_category or code in INVISIBLE or 0xFDD0 <= code <= 0xFDEF or code & 0xFFFE == 0xFFFE)


def test_every_code_point_comes_out_harmless() -> None:
    # Planes without any character are all alike but for their ends.
    empty = {start for start in range(0x40000, 0xE0000, 0x400) if start & 0xFFFF not in (0, 0xFC00)}
    for start in sorted({*range(0, sys.maxunicode + 1, 0x400)} - empty):
        # A letter between any two keeps the combining marks from being a crowd.
        out = inert("x".join(map(chr, range(start, start + 0x400))))
        bad = {hex(ord(char)) for char in set(out) if not is_harmless(char)}
        assert not bad


CONTROLS = [*range(9), *range(0xE, 0x20), *range(0x7F, 0x85), *range(0x86, 0xA0)]
NO_CHARACTERS = [0xD800, 0xDBFF, 0xDC00, 0xDFFF, 0xFFFE, 0xFFFF, 0xFDD0, 0x10FFFF]


@pytest.mark.parametrize("code", [*CONTROLS, *NO_CHARACTERS], ids=hex)
def test_a_control_or_what_no_encoder_takes_leaves_a_visible_trace(code: int) -> None:
    assert inert(f"a{chr(code)}b") == f"a{REPLACEMENT}b"


def test_a_character_that_nobody_sees_is_dropped() -> None:
    seen = [hex(code) for code in (*BIDI, *TAGS, *INVISIBLE) if inert(f"a{chr(code)}b") != "ab"]
    assert not seen


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\x0b", "\x0c", "\x85", "\u2028", "\u2029"])
def test_every_line_end_is_a_newline_and_on_one_line_a_space(end: str) -> None:
    assert inert(f"a{end}b") == "a\nb"
    assert inert_line(f"a{end}b") == "a b"


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_of_any_script_survives(text: str) -> None:
    assert inert(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]52;c;aGk=\x07\x1b[2J\x9b31m", "\ufffd]52;c;aGk=\ufffd\ufffd[2J\ufffd31m"),
        # Towers of marks, and what invisible characters hold apart.
        *(
            ("e" + mark * 1000 + "f" + mark, "e" + mark * MAX_MARKS + "f" + mark)
            for mark in ("\u0301", "\u0489", "\u20dd", "\ufe0f", "\u1175")
        ),
        ("e" + "\u0301\u200b" * 1000, "e" + "\u0301" * MAX_MARKS),
    ],
)
def test_escape_sequences_are_only_text_and_towers_of_marks_are_cut_down(text: str, shown: str) -> None:
    assert inert(text) == shown


def test_a_long_text_is_cut_to_the_limit_with_a_mark() -> None:
    for unit in ("x", "猫", "\x1b", "e\u0301"):
        out = inert(unit * 1_000_000)
        assert len(out) <= MAX_TEXT_CHARS
        assert out.endswith(CUT_MARK)
    assert inert("x" * MAX_TEXT_CHARS) == "x" * MAX_TEXT_CHARS
    assert inert_line("word " * 10, 16) == "word word …[cut]"
    assert [inert_line(text) for text in ("  a\t b\n\n c  ", "  a  ")] == ["a b c", "a"]


@given(ANY_TEXT, st.integers(min_value=0, max_value=40))
def test_any_text_becomes_harmless_and_stays_so(text: str, max_chars: int) -> None:
    for make in (inert, inert_line):
        out = make(text, max_chars)
        assert all(map(is_harmless, out))
        assert out.encode("utf-8").decode("utf-8") == out
        assert len(out) <= max(max_chars, len(CUT_MARK))
        assert make(out, max_chars) == out
    assert not {"\n", "\t"} & set(inert_line(text, max_chars))


def test_json_is_made_inert_to_the_last_key_and_has_no_numbers_without_a_form() -> None:
    wild: Json = {
        "a\x1b": ["\u202eb", {"c": "\ud800"}],
        "n": 5,
        "t": True,
        "f": [0.5, float("nan"), float("-inf")],
    }
    assert inert_json(wild) == {"a\ufffd": ["b", {"c": "\ufffd"}], "n": 5, "t": True, "f": [0.5, None, None]}


def test_json_too_deep_is_cut_off() -> None:
    deep: Json = "bottom"
    for _ in range(5000):
        deep = [deep]
    out = inert_json(deep)
    for _ in range(MAX_DEPTH):
        assert isinstance(out, list)
        out = out[0]
    assert out is None


RAW_UNSAFE = [*range(9), 0x0B, 0x0C, *range(0x0E, 0x20), *range(0x7F, 0xA0), *BIDI, *TAGS]


def test_what_a_terminal_acts_on_is_escaped_in_a_raw_body_and_means_the_same() -> None:
    for char in map(chr, RAW_UNSAFE):
        body = json.dumps({"a\\": "x\\" + char}, ensure_ascii=False)
        body = body.replace(json.dumps(char, ensure_ascii=True)[1:-1], char)
        out = raw_text(body.encode())
        assert char.encode() not in out, ascii(char)
        assert json.loads(out) == {"a\\": "x\\" + char}


AS_SENT = '\ufeff{\r\n\t"a": "猫 🎨 \\u001b[2J \\"x\\" caf\u00e9 \u200b\u2028"}\n'.encode()


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (AS_SENT, AS_SENT),
        ('"\U000e0041\x9b\x7f\u202e"'.encode(), rb'"\udb40\udc41\u009b\u007f\u202e"'),
        # A lone carriage return would overwrite its line.
        (b'"safe\rEVIL"\r\n', b'"safe\\u000dEVIL"\r\n'),
    ],
)
def test_a_raw_body_is_what_was_sent_but_for_what_a_terminal_acts_on(body: bytes, shown: bytes) -> None:
    assert raw_text(body) == shown


@given(st.binary() | ANY_TEXT.map(lambda text: text.encode("utf-8", "replace")))
def test_any_raw_bytes_come_out_as_utf_8_without_controls(body: bytes) -> None:
    out = raw_text(body).decode("utf-8")
    left = {char for char in out.replace("\r\n", "") if unicodedata.category(char) == "Cc"}
    assert left <= {"\n", "\t"}
