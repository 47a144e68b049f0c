"""A `domain.query.Query` as SQL. Everything the user typed is a bound value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from taskdash.domain.query import (
    ProblemTerm,
    Query,
    ReasonTerm,
    Sort,
    SortKey,
    SpanTerm,
    StateTerm,
    Term,
    TextTerm,
)
from taskdash.domain.task import State

if TYPE_CHECKING:
    from collections.abc import Callable

STATE_CODES: Final = {State.NEW: 0, State.WAITING: 1, State.SUCCESS: 2, State.FAIL: 3}
"""As stored; their order is the order of `--sort state`."""

_SORT_COLUMNS: Final = {
    SortKey.STATE: "state",
    SortKey.LABEL: "label",
    SortKey.MODEL: "model",
    SortKey.COST: "cost_time_ms",
    SortKey.CREATED: "create_time_ms",
    SortKey.CHECKED: "checked_at_ms",
    SortKey.ID: "task_id",
}
_TEXT_COLUMNS: Final = {
    "label": "label",
    "note": "note",
    "prompt": "prompt",
    "model": "model",
    "id": "task_id",
    "failure": "coalesce(fail_code, '') || ' ' || coalesce(fail_msg, '')",
}

Condition = tuple[str, list[Any]]


def where(query: Query, now_ms: int) -> Condition:
    """The condition of `query` and the values to bind; `now_ms` is what `age` counts to."""
    parts, values = ["removal = 0"], []
    if query.profile is not None:
        parts.append("profile = ?")
        values.append(query.profile)
    if query.states is not None:
        # One index serves a state in the default order; for any other the states are picked out of the order's.
        has_index = query.sort.key is SortKey.STATE or (
            query.sort.key is SortKey.ADDED and len(query.states) == 1
        )
        parts.append(_states(query.states) if has_index else f"+{_states(query.states)}")
    for term in query.terms:
        sql, bound = _CONDITIONS[type(term)](term, now_ms)
        parts.append(f"NOT coalesce({sql}, 0)" if term.negated else sql)
        values.extend(bound)
    return " AND ".join(parts), values


def order(sort: Sort) -> str:
    """The ORDER BY of `sort`. Ties fall back to the default order, or its reverse, so that no two reads differ."""
    direction = "DESC" if sort.reverse else "ASC"
    if sort.key is SortKey.ADDED:
        return f"seq {direction}"
    return f"{_SORT_COLUMNS[sort.key]} {direction} NULLS LAST, seq {direction}"


def sort_column(sort: Sort) -> str:
    """The column that `sort` goes by."""
    return _SORT_COLUMNS.get(sort.key, "seq")


def precedes(sort: Sort, value: object, seq: int) -> list[Condition]:
    """Conditions of which each row before the one with `seq` and `value`, in the order of `sort`, meets one."""
    than = ">" if sort.reverse else "<"
    if sort.key is SortKey.ADDED:
        return [(f"seq {than} ?", [seq])]
    column = _SORT_COLUMNS[sort.key]
    if value is None:
        return [(f"{column} IS NOT NULL", []), (f"{column} IS NULL AND seq {than} ?", [seq])]
    # Both halves are ranges of one index, which an OR between them, or a row value, would not be.
    return [(f"{column} {than} ?", [value]), (f"{column} = ? AND seq {than} ?", [value, seq])]


def _states(states: frozenset[State]) -> str:
    return f"state IN ({', '.join(str(STATE_CODES[state]) for state in sorted(states, key=STATE_CODES.__getitem__))})"


def _text(term: TextTerm, now_ms: int) -> Condition:  # noqa: ARG001 - one signature for every kind of term
    if term.field is None:
        return "instr((SELECT folded FROM search WHERE search.seq = tasks.seq), ?) > 0", [term.text]
    return f"instr(fold({_TEXT_COLUMNS[term.field]}), ?) > 0", [term.text]


def _state(term: StateTerm, now_ms: int) -> Condition:  # noqa: ARG001 - as above
    return _states(term.states), []


def _problem(term: ProblemTerm, now_ms: int) -> Condition:  # noqa: ARG001 - as above
    return ("problem_kind IS NOT NULL", []) if term.kind is None else ("problem_kind = ?", [term.kind.value])


def _reason(term: ReasonTerm, now_ms: int) -> Condition:  # noqa: ARG001 - as above
    failed = f"state = {STATE_CODES[State.FAIL]} AND"
    if term.failure_class is None:
        return (
            f"({failed} coalesce(fail_code, '') = '' AND trim(coalesce(fail_msg, ''), char(9, 10, 13, 32)) = '')",
            [],
        )
    return f"({failed} failure_class(fail_code, fail_msg, raw_state) = ?)", [term.failure_class]


def _span(term: SpanTerm, now_ms: int) -> Condition:
    if term.field == "cost":
        return f"cost_time_ms {term.operator} ?", [term.span_ms]
    # Age counts from createTime, else from when the task was added.
    return f"? - coalesce(create_time_ms, added_at_ms) {term.operator} ?", [now_ms, term.span_ms]


_CONDITIONS: Final[dict[type[Term], Callable[[Any, int], Condition]]] = {
    TextTerm: _text,
    StateTerm: _state,
    ProblemTerm: _problem,
    ReasonTerm: _reason,
    SpanTerm: _span,
}
