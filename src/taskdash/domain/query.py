"""Queries for tasks of the list, with filter and order, as values that the store executes.

`domain.query_language` parses them from text.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from taskdash.domain.task import State


class SortKey(StrEnum):
    """The orders of the list; all but `added` ascend by value. Unknown values come last in either direction."""

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
    """An order and its direction."""

    key: SortKey = SortKey.ADDED
    reverse: bool = False

    def __str__(self) -> str:
        return f"-{self.key}" if self.reverse else str(self.key)

    @classmethod
    def of(cls, text: str) -> Sort:
        """Return the order whose `str` is `text`."""
        return cls(SortKey(text.removeprefix("-")), reverse=text.startswith("-"))


NEWEST_FIRST: Final = Sort()


class TextTerm(NamedTuple):
    """A case-folded text that must occur in `field`, or in any searched field if `field` is None."""

    text: str
    field: str | None = None
    negated: bool = False


class Exact(StrEnum):
    """The attributes with one value per task, which is matched whole and verbatim."""

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
    """Yes-or-no properties, by their names in the filter. A task without results matches neither of the first four."""

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
    """A request for tasks in an order. `profile` None means all profiles."""

    profile: str | None
    states: frozenset[State] | None = None
    terms: tuple[Term, ...] = ()
    sort: Sort = NEWEST_FIRST

    def without_terms(self) -> Query:
        """Return the query for all tasks of its profile and states."""
        return self._replace(terms=())
