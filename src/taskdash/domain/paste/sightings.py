"""What the searches of a paste report to: each ID at its first place, and a bounded account of the rest.

A paste of 10 MB can repeat one ID a million times, so duplicates end here and not in a list.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Final, NamedTuple

from taskdash.domain.id_forms import MAX_ID_CHARS, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TELLING_CHARS: Final = 8
MAX_MISSES: Final = 2_000
"""Kept for each paste; nobody reads more."""

LOOKS_LIKE_KEY: Final = "looks like an API key"
CONFIGURED_KEY: Final = "a configured API key"
OPTION: Final = "begins with a dash, as an option does"
PLACEHOLDER: Final = "a placeholder"
CUT_OFF: Final = "cut off or masked"
ODD_CHARACTERS: Final = "has characters that no task ID has"
FILE_NAME: Final = "part of a file name"
TOO_LONG: Final = f"longer than {MAX_ID_CHARS} characters"
EXCLUDED: Final = "inside param, a result or a list of URLs"


WHY_NOT: Final[Mapping[Kind, str]] = {
    Kind.KEY: LOOKS_LIKE_KEY,
    Kind.OPTION: OPTION,
    Kind.PLACEHOLDER: PLACEHOLDER,
    Kind.TOO_LONG: TOO_LONG,
    Kind.CUT_OFF: CUT_OFF,
    Kind.FILE_NAME: FILE_NAME,
}
"""Why a word is no ID, for the kinds of which it is worth telling."""


def has_key_in(text: str, secrets: frozenset[str]) -> bool:
    """Whether a configured key is the text, or within it if the key is long enough to be no accident."""
    return any(text == key or (len(key) >= _TELLING_CHARS and key in text) for key in secrets)


class Hit(NamedTuple):
    """An ID at a place of the plain text."""

    start: int
    task_id: str
    why: str


class Miss(NamedTuple):
    """Something at a place of the plain text that is no task ID although it looks like one."""

    start: int
    text: str
    why: str


class Sightings:
    """Collects hits and misses; every search reports in the order of the text, one search after another."""

    def __init__(self, regions: Sequence[tuple[int, int]], secrets: frozenset[str]) -> None:
        """Take the regions where nothing counts (ascending, apart) and the keys that are never an ID."""
        self._regions = regions
        self._region_starts = [start for start, _ in regions]
        self._secrets = secrets
        self._hits: dict[str, Hit] = {}
        self._claims: dict[str, str] = {}
        self._misses: dict[tuple[str, str], Miss] = {}
        self.labelled_starts: list[int] = []
        """Where labelled IDs stand, duplicates too; ascending for each search."""
        self.json_starts: list[int] = []
        """Those of them whose label is a quoted key."""

    def take_labelled(self, hit: Hit, *, in_json: bool = False) -> None:
        """Report a labelled ID."""
        if self._counts(hit):
            self.labelled_starts.append(hit.start)
            if in_json:
                self.json_starts.append(hit.start)

    def take_bare(self, hit: Hit) -> None:
        """Report a bare ID that nothing around it speaks against."""
        self._counts(hit)

    def drop(self, start: int, text: str, why: str) -> None:
        """Report what is no ID."""
        if len(self._misses) < MAX_MISSES:
            if has_key_in(text, self._secrets):
                why = CONFIGURED_KEY
            self._misses.setdefault((text, why), Miss(start, text, why))

    def claim(self, word: str, why: str) -> None:
        """Report that a word is a key or a request's ID: it is no bare ID anywhere."""
        self._claims.setdefault(word, why)

    def hits(self) -> list[Hit]:
        """Every ID where it was first seen, in the order of the text."""
        for word, why in self._claims.items():
            if (hit := self._hits.get(word)) and hit.why.startswith("bare"):
                del self._hits[word]
                self.drop(hit.start, word, why)
        return sorted(self._hits.values())

    def misses(self) -> list[Miss]:
        """What was not taken anywhere, in the order of the text."""
        return sorted(miss for miss in self._misses.values() if miss.text not in self._hits)

    def _counts(self, hit: Hit) -> bool:
        if has_key_in(hit.task_id, self._secrets):
            self.drop(hit.start, hit.task_id, CONFIGURED_KEY)
            return False
        index = bisect_right(self._region_starts, hit.start) - 1
        if index >= 0 and hit.start < self._regions[index][1]:
            self.drop(hit.start, hit.task_id, EXCLUDED)
            return False
        known = self._hits.get(hit.task_id)
        if (
            known is None
            or hit.start < known.start
            or (known.why.startswith("bare") and hit.start == known.start)
        ):
            self._hits[hit.task_id] = hit
        return True
