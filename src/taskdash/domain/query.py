"""Describes which tasks of the list are wanted, in which order, and reads it from the filter language.

The filter box of the dashboard, views and `list` share the language:

    fox "red car" !draft state:fail model:gpt label:hero problem:any duration:>30s age:<2h expires:<2h saved:no
    picked:yes

All terms must match. A bare word or a "phrase" matches ID, label, note, prompt, model and failure text, each as a
case-insensitive substring; `!` negates any term.
`label:=hero` matches the whole label, `label:=""` tasks without one. `cost:` and `duration:` are the same.
The store executes queries.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from taskdash.domain.errors import UsageError
from taskdash.domain.task import FailureClass, ProblemKind, State
from taskdash.domain.untrusted import REPLACEMENT, fold
from taskdash.domain.words import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


class SortKey(StrEnum):
    """Names the orders of the list; all but `added` ascend by value. Unknown values come last in either direction."""

    ADDED = "added"
    """Last added first, and within one paste as pasted."""
    STATE = "state"
    LABEL = "label"
    MODEL = "model"
    COST = "cost"
    CREATED = "created"
    CHECKED = "checked"
    ID = "id"
    CREDITS = "credits"


class Sort(NamedTuple):
    """Orders the list by a key, in either direction."""

    key: SortKey = SortKey.ADDED
    reverse: bool = False

    def __str__(self) -> str:
        return f"-{self.key}" if self.reverse else str(self.key)


NEWEST_FIRST: Final = Sort()


class TextTerm(NamedTuple):
    """Matches tasks with a case-folded text in `field`, or in any searched field if that is None."""

    text: str
    field: str | None = None
    negated: bool = False


class Exact(StrEnum):
    """Names the attributes with one value per task, which is matched whole and verbatim."""

    PROFILE = "profile"
    LABEL = "label"
    """Without a value: no label. The filter's `label:x` is a `TextTerm`."""
    STATE = "state"
    PROBLEM = "problem"
    """A `ProblemKind`; without a value: any."""
    REASON = "reason"
    """A `domain.failures.FailureClass`; without a value: failures whose answers give no reason."""


class ExactTerm(NamedTuple):
    """Matches tasks that have one of the values."""

    of: Exact
    values: frozenset[str] = frozenset()
    negated: bool = False

    @classmethod
    def label(cls, label: str | None) -> ExactTerm:
        """Return the term for tasks with a label, or for None those without."""
        return cls(Exact.LABEL, frozenset(() if label is None else (label,)))


class SpanTerm(NamedTuple):
    """Compares `cost` or `age` with a duration; a task for which it is unknown never matches."""

    field: str
    operator: str
    span_ms: int
    negated: bool = False


class ExpiryTerm(NamedTuple):
    """Compares the remaining life of result links; with operator None it matches dead links."""

    ttls_ms: tuple[tuple[str, int], ...]
    """The lifetime of links per profile; those of other profiles match only if they state their own expiry."""
    operator: str | None
    span_ms: int = 0
    negated: bool = False


class Flag(StrEnum):
    """Names yes-or-no properties, as the filter does. A task without results matches neither of the first four."""

    SAVED = "saved"
    """All results are saved."""
    PICKED = "picked"
    """At least one result is picked."""
    REJECTED = "rejected"
    UNDECIDED = "undecided"
    """At least one result has no verdict."""
    OVERDUE = "overdue"
    """It has waited much longer than such tasks take; tasks that are not waiting match neither."""
    CHARGED = "charged"
    """It cost credits; tasks of unknown cost match neither."""
    UNSEEN = "unseen"
    """It has ended and nobody has looked at it since."""


class FlagTerm(NamedTuple):
    """Matches tasks that have a property, or those that do not."""

    flag: Flag
    is_set: bool
    negated: bool = False


Term = TextTerm | ExactTerm | SpanTerm | ExpiryTerm | FlagTerm


class Query(NamedTuple):
    """Asks for tasks in an order. `profile` None means all profiles."""

    profile: str | None
    states: frozenset[State] | None = None
    terms: tuple[Term, ...] = ()
    sort: Sort = NEWEST_FIRST

    def without_terms(self) -> Query:
        """Return the query for all tasks of its profile and states."""
        return self._replace(terms=())


# The filter language

UNFINISHED: Final = "unfinished"
STATES: Final[dict[str, frozenset[State]]] = {
    **{state.value: frozenset({state}) for state in State},
    UNFINISHED: frozenset({State.NEW, State.WAITING}),
}
TEXT_FIELDS: Final = ("label", "note", "prompt", "model", "id", "failure")

EXAMPLES: Final = {
    **{field: f"{field}:word" for field in TEXT_FIELDS},
    "state": "state:fail",
    "problem": "problem:any",
    "reason": "reason:timeout",
    "duration": "duration:>30s",
    "cost": "cost:>30s",
    "age": "age:<2h",
    "expires": "expires:<2h",
    **{flag.value: f"{flag}:{'no' if flag is Flag.SAVED else 'yes'}" for flag in Flag},
}
FIELDS: Final = tuple(EXAMPLES)
OTHER_NAMES: Final = {"duration": "cost"}
"""The user's names of fields, mapped to the API's."""
COMPLETED_FIELDS: Final = ("label", "model")
"""The fields whose completions are values from the list."""

_NO_TTLS: Final[Mapping[str, int]] = MappingProxyType({})
_UNIT_MS: Final = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
# Patterns are compiled when something is first typed: the list is shown without.
_LIMIT: Final = r"(?i)(<=|>=|<|>|=)?(\d+(?:\.\d+)?(?:ms|[smhd])|(?=\d)(?:\d+d)?(?:\d+h)?(?:\d+m)?(?:\d+s)?)"
# A word is read as field:value only where the part before the colon could be a name: 16:9 and https://x are words.
_FIELD: Final = r"(?s)([A-Za-z_]+):(?!//)(.*)"
_TERM: Final = r'\s*(!?)((?:(?i:label:=)(?=")|[A-Za-z_]+:)?)("[^"]*"?|[^\s"]+)'
_WHOLE_LABEL: Final = r'(?is)label:=(?:"([^"]*)"|([^\s"]*))'


class FilterError(UsageError):
    """A filter cannot be parsed; the message names the part and says how to write it."""

    start: int = 0
    """Where that part begins in the filter."""
    end: int = 0


def parse_sort(text: str) -> Sort:
    """Parse `KEY` or `-KEY`; the error for an unknown key lists the valid ones."""
    name = text.removeprefix("-")
    name = OTHER_NAMES.get(name, name)
    if name not in SortKey.__members__.values():
        read_as = {field: read for read, field in OTHER_NAMES.items()}
        raise UsageError(f"{_unknown('order', text, [read_as.get(key, key) for key in SortKey])}, or -KEY")
    return Sort(SortKey(name), reverse=text.startswith("-"))


def parse_states(text: str) -> frozenset[State]:
    """Parse the value of `--state`; the error for an unknown state lists the valid ones."""
    if (states := STATES.get(text.casefold())) is None:
        raise FilterError(_unknown("state", text, list(STATES)))
    return states


def parse_filter(
    text: str, ttls_ms: Mapping[str, int] = _NO_TTLS, has_own_lives: Callable[[], bool] = lambda: False
) -> tuple[Term, ...]:
    """Parse a filter; an empty one matches everything. Raises FilterError if a part of it cannot be parsed.

    `ttls_ms` is the lifetime of the result links of each profile, for `expires`. If it is empty, `has_own_lives` is
    called to find out whether any links state their own expiry.
    """
    terms: list[Term] = []
    # Bytes of an argument that are not UTF-8 arrive as surrogates, which no stored text has and no search accepts.
    for match in re.finditer(_TERM, re.sub("[\ud800-\udfff]", REPLACEMENT, text)):
        try:
            terms.append(_read(match, ttls_ms, has_own_lives))
        except FilterError as error:
            error.start, error.end = match.start(1), match.end()
            raise
    return tuple(terms)


def completions(text: str, values: Mapping[str, Sequence[str]]) -> tuple[int, list[str]]:
    """Return the start and the completions of the word at the end of a filter; none if no word has been begun.

    `text` is the filter up to the cursor, `values` the values in the list of `COMPLETED_FIELDS`.
    """
    start, position = len(text), 0
    for match in re.finditer(_TERM, text):
        start, position = match.start(2), match.end()
    if position < len(text):
        return len(text), []
    word = text[start:]
    field, colon, begun = word.partition(":")
    if not colon:
        return start, [f"{name}:" for name in FIELDS if word and name.startswith(field.casefold())]
    field = field.casefold()
    whole = "=" if field == "label" and begun.startswith("=") else ""
    begun = fold(begun.removeprefix(whole).strip('"'))
    known = [each for each in (*values.get(field, ()), *_values(field)) if '"' not in each]
    found = [each for each in known if fold(each).startswith(begun)]
    head = f"{field}:{whole}"
    return start, [f'{head}"{each}"' if re.search(r"\s|^=", each) else f"{head}{each}" for each in found]


def _values(field: str) -> list[str]:
    """Return the values of a field that has a fixed set of them."""
    if field in _CLASSES:
        _, words, no_word = _CLASSES[field]
        return [no_word, *(word.replace(" ", "-") for word in words)]
    if field in Flag.__members__.values():
        return ["no", "yes"]
    return list(STATES) if field == "state" else []


def _read(match: re.Match[str], ttls_ms: Mapping[str, int], has_own_lives: Callable[[], bool]) -> Term:
    term = _term(match[2], match[3])._replace(negated=bool(match[1]))
    if not isinstance(term, ExpiryTerm):
        return term
    if not ttls_ms and not has_own_lives():
        raise FilterError(
            "expires: results have no known lifetime: set result_ttl for the profile in the config"
        )
    return term._replace(ttls_ms=tuple(sorted(ttls_ms.items())))


def _term(prefix: str, value: str) -> Term:
    if whole := re.fullmatch(_WHOLE_LABEL, prefix + value):
        return ExactTerm.label(whole[1] or whole[2] or None)
    if value.startswith('"'):
        if len(value) < 2 or not value.endswith('"'):
            raise FilterError(f'unclosed quote: write {prefix}{value}"')
        phrase = value[1:-1]
        return _field_term(prefix[:-1], phrase) if prefix else _text_term(phrase)
    word = prefix + value
    if word == "!":
        raise FilterError("a lone ! excludes nothing: write !word")
    match = re.fullmatch(_FIELD, word)
    return _field_term(match[1], match[2]) if match else _text_term(word)


def _text_term(text: str, field: str | None = None) -> Term:
    if not text:
        raise FilterError('"" matches nothing: put a word between the quotes')
    return TextTerm(fold(text), field)


def _field_term(name: str, value: str) -> Term:
    field = name.casefold()
    if field not in FIELDS:
        raise FilterError(
            f"unknown field {name}:{_suggestion(field, list(FIELDS))}; use one of {', '.join(FIELDS)}. "
            f'To search for it as text, write "{name}:{value}"'
        )
    if not value:
        raise FilterError(f"{field}: needs a value, such as {EXAMPLES[field]}")
    if field in TEXT_FIELDS:
        return _text_term(value, field)
    return _READERS[field](value)


def _class(field: str, value: str) -> Term:
    of, words, no_word = _CLASSES[field]
    wanted = value.casefold().replace("-", " ").replace("_", " ")
    if wanted not in (no_word, *words):
        raise FilterError(_unknown(field, value, _values(field)))
    return ExactTerm(of, frozenset(() if wanted == no_word else (wanted,)))


def _flag(flag: Flag, value: str) -> Term:
    if value.casefold() not in ("yes", "no"):
        raise FilterError(f"{flag}:{value}: use {flag}:yes or {flag}:no")
    return FlagTerm(flag, is_set=value.casefold() == "yes")


def _expires(value: str) -> Term:
    if value.casefold() == "past":
        return ExpiryTerm((), None, 0)
    operator, span_ms = _limit("expires", value)
    # Without an operator, "within" is meant.
    return ExpiryTerm((), operator or "<", span_ms)


def _span(field: str, value: str) -> Term:
    operator, span_ms = _limit(field, value)
    return SpanTerm(OTHER_NAMES.get(field, field), operator or "=", span_ms)


_CLASSES: Final[dict[str, tuple[Exact, type[StrEnum], str]]] = {
    "problem": (Exact.PROBLEM, ProblemKind, "any"),
    "reason": (Exact.REASON, FailureClass, "none"),
}
"""The fields whose values come from an enum, and the word for any of these or none."""
_READERS: Final[dict[str, Callable[[str], Term]]] = {
    "state": lambda value: ExactTerm(Exact.STATE, parse_states(value)),
    **{field: partial(_class, field) for field in _CLASSES},
    **{field: partial(_span, field) for field in ("duration", "cost", "age")},
    "expires": _expires,
    **{flag.value: partial(_flag, flag) for flag in Flag},
}


def _limit(field: str, value: str) -> tuple[str | None, int]:
    match = re.fullmatch(_LIMIT, value)
    if match is None:
        raise FilterError(
            f"{field}:{value} is not a duration: write {EXAMPLES[field]} (units ms, s, m, h, d)"
            + (", or expires:past" if field == "expires" else "")
        )
    parts = re.findall(r"([\d.]+)([a-z]+)", match[2].lower())
    return match[1], int(min(sum(float(count) * _UNIT_MS[unit] for count, unit in parts), 2.0**62))


def _unknown(what: str, word: str, names: list[str]) -> str:
    near = _suggestion(word.removeprefix("-"), names)
    return f"unknown {what} {word!r}{near}: use one of {', '.join(names)}"


def _suggestion(word: str, names: list[str]) -> str:
    near = nearest(word.casefold(), map(str, names))
    return f" (did you mean {near}?)" if near else ""
