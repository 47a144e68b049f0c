"""Says what `doctor` found, a line each: what it is, whether it is right, and what to do where it is not."""

from __future__ import annotations

import shutil
import sys
import textwrap
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from taskdash.cli.output import padded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from taskdash.domain.task import Json


class Grade(StrEnum):
    """Says whether something is right."""

    OK = "ok"
    NOTE = "note"
    """Something optional is missing, or could be better."""
    WRONG = "wrong"


_SIGNS: Final = {Grade.OK: "✓", Grade.NOTE: "–", Grade.WRONG: "×"}
_WIDEST: Final = 1_000


class Finding(NamedTuple):
    """One thing that was looked at."""

    area: str
    name: str
    value: str
    grade: Grade = Grade.OK
    next_step: str = ""
    """What to do; "" where there is nothing to do."""

    def json(self) -> dict[str, Json]:
        """Return it as `doctor --json` prints it."""
        return {
            "area": self.area,
            "name": self.name,
            "state": self.grade.value,
            "value": self.value,
            "next": self.next_step or None,
        }


def table(findings: Iterable[Finding]) -> Iterator[str]:
    """Yield the lines of one table: area, sign, name and value, and under it what to do."""
    found = list(findings)
    areas, names = (max(len(each[n]) for each in found) for n in (0, 1))
    # A line for a pipe is whole.
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else _WIDEST
    last = ""
    for each in found:
        area = "" if each.area == last else each.area
        head = f"{padded(area, areas)}  {_SIGNS[each.grade]} {padded(each.name, names)}  "
        last = each.area
        for text in (each.value, each.next_step and f"→ {each.next_step}"):
            for line in textwrap.wrap(text, max(20, width - len(head)), break_on_hyphens=False):
                yield f"{head}{line}".rstrip()
                head = " " * len(head)
