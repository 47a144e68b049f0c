"""The parts of a paste where no ID is a task of the user's: what a task was asked and what it answered.

`param` and `resultJson` echo whole requests and answers, and lists of URLs name inputs, outputs and
callbacks; an ID in there belongs to somebody else. They are found by their key, in JSON of any escape level,
and in JS or Python literals; whether the text around them parses does not matter.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from taskdash.domain.id_forms import words

_KEY = re.compile(
    r"[pgGruU](?:(?<=p)(?<![A-Za-z0-9_]p)aram(?:_?[jJ]son)?|(?<=[gG])enerate_?[pP]aram|(?<=r)esult_?[jJ]son"
    r"|(?<=[uU])(?P<url>rl(?:s|_?[lL]ist)?|RLs?))(?P<key_quote>\\*[\"'])?[ \t]*+(?P<sep>[:=])[ \t\n]*+"
    r"(?:(?P<slashes>\\{0,31})(?P<quote>[\"'`])|(?P<bracket>[\[{]))"
)
_NAME_BEFORE = re.compile(r"[A-Za-z0-9_-]*")
# The address of a request is where `taskId=` is looked for, not a list of inputs or results.
_REQUEST_URLS: Final = words(
    "request poll polling status record recordinfo info query api base full endpoint check page task job "
    "get raw target"
)
_NESTING = re.compile(r"(?P<slashes>\\{0,31})(?P<quote>[\"'`])|(?P<open>[\[{(])|(?P<close>[\]})])")

_MAX_ACROSS_LINES: Final = 32_768
_MAX_IN_VAIN: Final = 1_000_000
"""Characters that may be read in search of ends that are not there; a torn text must not cost its square."""


class _Scan:
    """One pass over one text; remembers what it spent in vain."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._in_vain = 0
        self._line_start = 0
        self._line_end = -1

    def line_end(self, at: int) -> int:
        if not self._line_start <= at <= self._line_end:
            found = self.text.find("\n", at)
            self._line_start = at
            self._line_end = len(self.text) if found < 0 else found
        return self._line_end

    def text_end(self, start: int, slashes: int, quote: str) -> int:
        """Where the text that opened before `start` closes; the line's end if it never does."""
        line_end = self.line_end(start)
        closing = _closing(slashes, quote)
        found = closing.search(self.text, start, line_end)
        if not found and self._in_vain < _MAX_IN_VAIN:
            # Terminals wrap long texts.
            limit = line_end + _MAX_ACROSS_LINES // 4
            found = closing.search(self.text, line_end, limit)
            self._in_vain += 0 if found else limit - line_end
        return found.end() if found else line_end

    def bracket_end(self, start: int) -> int:
        """Where the bracket at `start` closes; the line's end if it never does."""
        line_end = self.line_end(start)
        limit = line_end if self._in_vain >= _MAX_IN_VAIN else max(line_end, start + _MAX_ACROSS_LINES)
        depth, at = 0, start
        while found := _NESTING.search(self.text, at, limit):
            at = found.end()
            if found["quote"]:
                closed = _closing(len(found["slashes"]), found["quote"]).search(
                    self.text, at, self.line_end(at)
                )
                at = closed.end() if closed else at
            else:
                depth += 1 if found["open"] else -1
                if depth <= 0:
                    return at
        self._in_vain += limit - start
        return self.line_end(start)


@lru_cache(maxsize=64)
def _closing(slashes: int, quote: str) -> re.Pattern[str]:
    r"""The quote that closes a text opened by `slashes` backslashes and `quote`.

    A level of escaping turns `"` to `\"` and that to `\\\"`: a closing quote has as many backslashes as the
    opening one, beyond pairs that are escaped backslashes of the text itself.
    """
    pair = 2 * (slashes + 1)
    return re.compile(rf"(?<!\\)(?:\\{{{pair}}})*\\{{{slashes}}}{re.escape(quote)}")


def _is_excluded(text: str, key: re.Match[str]) -> bool:
    if key["url"] is None:
        # In code, `param = "..."` is any text; a record's is JSON.
        return key["sep"] == ":" or bool(key["bracket"]) or text[key.end() : key.end() + 1] in ("{", "[")
    before = _NAME_BEFORE.match(text[max(0, key.start() - 40) : key.start()][::-1])
    name = before[0][::-1].strip("_-").lower() if before else ""
    plural = key["url"].lower() != "rl"
    return key["sep"] == ":" and (plural or (bool(name) and name not in _REQUEST_URLS))


def excluded_regions(text: str) -> list[tuple[int, int]]:
    """Return where nothing is looked for: (start, end) offsets, ascending, apart from each other."""
    scan = _Scan(text)
    regions: list[tuple[int, int]] = []
    at = 0
    while key := _KEY.search(text, at):
        at = key.end()
        if not _is_excluded(text, key):
            continue
        if key["bracket"]:
            end = scan.bracket_end(key.end() - 1)
        else:
            end = scan.text_end(key.end(), len(key["slashes"]), key["quote"])
        regions.append((key.end() - 1, end))
        at = max(at, end)
    return regions
