"""Where a label and a value stand together, in all the ways that JSON, code, URLs and prose have for it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from taskdash.domain.id_forms import HEX_32, MAX_ID_CHARS, UUID
from taskdash.domain.paste.sightings import Hit

if TYPE_CHECKING:
    from taskdash.domain.paste.sightings import Sightings

# The first character is tried alone: `re` finds a set of characters fast, and an alternation slowly.
LABEL = re.compile(
    r"""[tTcCsSqQjJ](?:
        (?<=[tT])(?:(?<![A-Za-z0-9].)|(?<=[a-z0-9]T))(?:ask|ASK)[ _.-]?
            (?P<id>[iI][dD](?:(?P<plural>s|S|_?[lL]ist|s_?[lL]ist)|_?[0-9]{1,3})?)(?![A-Za-z0-9]|_[A-Za-z0-9])
      | (?<![A-Za-z0-9].)(?P<prose>
            (?i:reated|ubmitted|ueued|tarted)[ ](?:(?:a|the|new)[ ]){0,2}(?i:task|job)
          | (?i:ask|ob)[ ](?i:created|submitted|queued|started|accepted)(?:[ ](?:successfully|ok))?
        )(?![A-Za-z0-9_])(?:[,!.]?[ ](?:with[ ])?\(?(?:the[ ])?(?:id|ID|Id)(?![A-Za-z0-9_]))?
      | (?<=[jJ])(?<![A-Za-z0-9].)(?P<job>ob[ _-]?[iI][dD])(?![A-Za-z0-9_])
    )
    (?>(?P<close>[\\"'`*_\])]{0,8})
    (?:</(?:b|i|em|strong|code|span|label)>)?[ \t]*+(?:\.{2,60}+[ \t]*+)?(?:\([A-Za-z ]{1,30}\)[ ]?(?=[:=]))?
    (?P<sep>[?!]?:(?:[ ]?(?:str|string|String|Optional\[str\])(?:[ ]\|[ ](?:None|null|undefined))?[ ]?=)?=?
          | ={1,3}>? | ->? | > | \#(?=[A-Za-z0-9]) | (?:is|was|in|IN)(?=[\s:]):?)?
    (?P<gap>[*_]{0,2}[ \t]*+
        (?P<tags>(?:</?(?:b|i|em|strong|code|span|label|t[dh]|d[dt]|p|div)(?:[ ][^<>\n]{0,60})?>[ \t]*+){0,4}+)
        (?:!!str[ ]|[|>][+-]?(?=[ ]*\n))?
        (?:\\?\n[ \t]*+(?:(?:\#+|//+|/\*+|\*+|>+|-+|;+|\||\$|%+|REM|\d{1,3}[.)])[ \t]++){0,3}){0,2}))
    (?![\\"'`(\[]*+[tT](?:ask|ASK)[ _.-]?[iI][dD]s?(?![A-Za-z0-9_.-])[\\"'`]*[:=])
    """,
    re.VERBOSE,
)
# Most labels of most pastes have one of these, and need no closer look.
EASY_VALUE = re.compile(
    rf"(?P<lead>)(?P<quote>\\*[\"']|)(?P<word>{UUID}|{HEX_32}|task_[A-Za-z0-9-]+_[0-9]{{13}})"
    r"(?P=quote)(?=[\s,;&})\]\\|]|$)"
)
VALUE = re.compile(
    r"(?P<lead>[(\[]{0,2}[ \t]*)(?P<prefix>[bru](?=[\"']))?(?P<quote>\\*[\"'`]{1,3}|\*{1,2}|)"
    rf"(?P<word>[A-Za-z0-9._:-]{{0,{MAX_ID_CHARS + 32}}})"
)
MOMENT = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T:.].*)?|\d{1,2}:\d\d(?::\d\d.*)?|\d+(?:\.\d+)+|-\d+|[\d.]+(?:ms|s|m|h|x|k|px|%)"
)
LETTER_RUN = re.compile(r"[A-Za-z]+")
DIGIT_RUN = re.compile(r"[0-9]+")
_QUOTES: Final = frozenset("\"'`")
_END_OF_LINE = re.compile(r"[\"'`*,;.)\]]{0,4}[ \t]*(?:\n|$)")


@dataclass(frozen=True, slots=True)
class Place:
    """A label and the value that may belong to it."""

    text: str
    label: re.Match[str]
    value: re.Match[str]

    @property
    def gap(self) -> str:
        """What is between the separator and the value: a line break and comment marks, mostly nothing."""
        return self.label["gap"]

    @property
    def sep(self) -> str:
        """What separates label and value, "" where only space does."""
        return self.label["sep"] or ""

    @property
    def is_key(self) -> bool:
        """Whether the label is a quoted key of JSON or a literal."""
        return self.label["close"].lstrip("\\").startswith(('"', "'")) and self.sep == ":"

    @property
    def is_query(self) -> bool:
        """Whether the label names a parameter of a URL."""
        if self.sep != "=" or self.gap:
            return False
        start = self.label.start() - 1
        for _ in range(40):
            if not (self.text[start].isalnum() or self.text[start] in "_-"):
                break
            start -= 1
        return self.text[start] in "?&;"

    @property
    def quoted(self) -> bool:
        """Whether the value begins with a quote, as markdown's asterisks do not."""
        return self.value["quote"][-1:] in _QUOTES

    @property
    def alone(self) -> bool:
        """Whether nothing else stands on the value's line after it."""
        return _END_OF_LINE.match(self.text, self.value.end()) is not None

    @property
    def why(self) -> str:
        """Why the value counts, for people."""
        if self.label["id"] is None:
            return "labelled"
        if self.is_key:
            return "taskId in JSON"
        return "taskId= in a URL" if self.is_query else "labelled"

    def report(self, seen: Sightings, start: int, task_id: str, why: str = "") -> None:
        """Take an ID that the label stands for."""
        seen.take_labelled(Hit(start, task_id, why or self.why), in_json=self.is_key)
