"""A response as text to read: JSON on indented lines and in colours, and where a word stands in it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from textual.content import Content, Span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAX_MATCHES: Final = 1_000
"""Nobody goes through more."""
_INDENT: Final = "  "
_TOKEN: Final = re.compile(
    r'(?P<string>"(?:[^"\\]|\\.)*")(?P<key>\s*:)?|(?P<open>[{\[])|(?P<close>[}\]])|(?P<comma>,)|(?P<colon>:)'
    r"|(?P<word>[^\s{}\[\],:\"]+)|(?P<blank>\s+)",
    re.DOTALL,
)
_KEY, _WORD, _MARK = "$text-accent", "bold", "$text-muted"
"""Strings are as plain text is: there is most of them."""


def indented(text: str) -> str | None:
    """Return JSON with a line for each value; every value and every key stays as it was sent. None: it is no JSON."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return None
    return "".join(_pieces(text))


def _pieces(text: str) -> Iterator[str]:
    depth = 0
    opened = ""
    for token in _TOKEN.finditer(text):
        if token["blank"]:
            continue
        if token["close"]:
            depth -= 1
            # What holds nothing stays on its line.
            yield token["close"] if opened else f"\n{_INDENT * depth}{token['close']}"
            opened = ""
            continue
        if opened:
            yield f"\n{_INDENT * depth}"
            opened = ""
        if token["open"]:
            depth += 1
            opened = token["open"]
            yield opened
        elif token["comma"]:
            yield f",\n{_INDENT * depth}"
        elif token["string"]:
            yield f"{token['string']}: " if token["key"] else token["string"]
        else:
            yield token[0]


def coloured(text: str) -> Content:
    """Return JSON, or what is left of it, in colours."""
    spans = []
    for token in _TOKEN.finditer(text):
        if token["string"] and token["key"]:
            spans.append(Span(token.start(), token.end("string"), _KEY))
        elif token["word"]:
            spans.append(Span(token.start(), token.end(), _WORD))
        elif not token["blank"] and not token["string"]:
            spans.append(Span(token.start(), token.end(), _MARK))
    return Content(text, spans=spans)


def matches(text: str, word: str) -> list[tuple[int, int]]:
    """Return where a word stands, whatever its case: the first and the last place of each match."""
    if not word:
        return []
    found = re.finditer(re.escape(word), text, re.IGNORECASE)
    return [match.span() for match, _ in zip(found, range(MAX_MATCHES), strict=False)]


def highlighted(content: Content, found: Sequence[tuple[int, int]], at: int) -> Content:
    """Return a text with all matches highlighted, the one that is `at` among them more so."""
    marks = [
        Span(start, end, "reverse" if index == at else "bold underline")
        for index, (start, end) in enumerate(found)
    ]
    return Content(content.plain, spans=[*content.spans, *marks])
