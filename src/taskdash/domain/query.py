"""Describes which part of the list to show, and in which order, as values that the store runs.

`domain.query_language` reads them from what people write.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from taskdash.domain.task import State


class SortKey(StrEnum):
    """The orders of the list; all but `added` ascend by value, with the unknown last either way."""

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
        """Return the order of which `text` is the `str`."""
        return cls(SortKey(text.removeprefix("-")), reverse=text.startswith("-"))


NEWEST_FIRST: Final = Sort()


class TextTerm(NamedTuple):
    """A folded text that has to be in `field`, or in any searched field where `field` is None."""

    text: str
    field: str | None = None
    negated: bool = False


class Exact(StrEnum):
    """Names what a task has one value of, which matches as a whole and as it is written."""

    PROFILE = "profile"
    LABEL = "label"
    """Without a value: no label. The filter's `label:x` is a `TextTerm`."""
    STATE = "state"
    PROBLEM = "problem"
    """A `ProblemKind`; without a value: any."""
    REASON = "reason"
    """What a failure is about, by the value of a `domain.failures.FailureClass`; without one: no answer says."""


class ExactTerm(NamedTuple):
    """Matches tasks that have one of the values."""

    of: Exact
    values: frozenset[str] = frozenset()
    negated: bool = False

    @classmethod
    def label(cls, label: str | None) -> ExactTerm:
        """Return the term for tasks with a label; None: for those without."""
        return cls(Exact.LABEL, frozenset(() if label is None else (label,)))


class SpanTerm(NamedTuple):
    """A comparison of `cost` or `age` with a length of time; a task of which it is unknown never matches."""

    field: str
    operator: str
    span_ms: int
    negated: bool = False


class ExpiryTerm(NamedTuple):
    """A comparison with how long result links still live; with None as the operator it is those that are dead."""

    ttls_ms: tuple[tuple[str, int], ...]
    """How long the links of each profile live; those of others match only by their own word."""
    operator: str | None
    span_ms: int = 0
    negated: bool = False


class Flag(StrEnum):
    """Names, as the filter does, what is so of a task or not. What has no results is of the first four neither."""

    SAVED = "saved"
    """All results are saved."""
    PICKED = "picked"
    """At least one result is picked."""
    REJECTED = "rejected"
    UNDECIDED = "undecided"
    """At least one result has no verdict."""
    OVERDUE = "overdue"
    """It has waited much longer than such tasks take; what does not wait is neither."""
    CHARGED = "charged"
    """It cost credits; of what nobody told the credits is neither."""
    UNSEEN = "unseen"
    """It has ended and nobody has looked at it since."""


class FlagTerm(NamedTuple):
    """Matches tasks of which something is so, or is not."""

    flag: Flag
    is_set: bool
    negated: bool = False


Term = TextTerm | ExactTerm | SpanTerm | ExpiryTerm | FlagTerm


class Query(NamedTuple):
    """Asks for tasks in an order. `profile` None is all of them."""

    profile: str | None
    states: frozenset[State] | None = None
    terms: tuple[Term, ...] = ()
    sort: Sort = NEWEST_FIRST

    def without_terms(self) -> Query:
        """Return what asks for all tasks of its profile and states."""
        return self._replace(terms=())
