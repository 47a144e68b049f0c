"""Where a task stands: by the gateway's word for it, else by its flag.

To call a task finished that is not would stop its checks. So a word that nobody knows, and a record that contradicts
itself, are unfinished.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from taskdash.api import names
from taskdash.api.failure import names_reason
from taskdash.api.result_urls import result_urls
from taskdash.api.values import is_moment, whole_number, word
from taskdash.domain.task import Json, State
from taskdash.domain.untrusted import inert_line

if TYPE_CHECKING:
    from collections.abc import Mapping

UNKNOWN_STATE: Final = "unknown"
"""Stands for a state that is missing, null, or no word at all; the value itself is then in `extra`."""
_MAX_STATE_CHARS: Final = 64

# The API's page has `success` and `fail` ("failed or was canceled"); the other words are those of kie.ai, OpenAI,
# Replicate, fal, Kling, ModelScope, DashScope, BFL, Midjourney proxies and gateways to them.
_SUCCESS_WORDS: Final = "success succeed succeeded complete completed done finished ready"
_FAIL_WORDS: Final = (
    "fail failed failure error errored cancel canceled cancelled aborted rejected expired timeout timedout"
    " contentmoderated requestmoderated moderated nsfw"
)
_FINISHED: Final = dict.fromkeys(_SUCCESS_WORDS.split(), State.SUCCESS) | dict.fromkeys(
    _FAIL_WORDS.split(), State.FAIL
)
# `SENSITIVE_WORD_ERROR`, `CREATE_TASK_FAILED`, `CALLBACK_EXCEPTION`. What begins like a success (`FIRST_SUCCESS`) has
# no such rule: it may be one of the steps.
_ENDS_IN_FAILURE: Final = frozenset(("error", "failed", "failure", "fail", "exception"))
_BACK: Final = (
    "no not non never without after on if un retry retries retrying recover recovered recovering ignore ignored"
    " ignoring partial partially part some pre or cancel canceling cancelling refund"
)
_TAKES_IT_BACK: Final = frozenset(_BACK.split())
_BETWEEN_WORDS = re.compile(r"[\s_-]+")
_REQUEST: Final = "success done ready fail failure error timeout aborted rejected expired"
_WORDS_OF_REQUESTS: Final = frozenset(_REQUEST.split())
_IS_NOT_FOUND = re.compile(r"\s*(?:(?:task|record|job|id)[\s_-]+)?not[\s_-]*found\s*", re.IGNORECASE)

_OF_FLAG: Final = {
    0: (State.WAITING, "generating"),
    1: (State.SUCCESS, "success"),
    2: (State.FAIL, "fail"),
    3: (State.FAIL, "fail"),
}


class Standing(NamedTuple):
    """Where a task stands, and the word for it."""

    state: State
    word: str
    keys: tuple[str, ...]
    """The fields that say so."""


def state_of(raw_state: str | None) -> State:
    """Return where a task stands by a gateway's word for it, in any case: `timed out`, `TIMED_OUT`, `timedOut`."""
    said = (raw_state or "").strip().lower()
    found = _FINISHED.get(_BETWEEN_WORDS.sub("", said))
    if found is not None:
        return found
    return State.FAIL if _names_failure(said) else State.WAITING


def _names_failure(said: str) -> bool:
    *before, last = _BETWEEN_WORDS.split(said)
    return last in _ENDS_IN_FAILURE and bool(before) and _TAKES_IT_BACK.isdisjoint(before)


def standing_in(record: Mapping[str, Json]) -> Standing | None:
    """Return where the task of a record stands; None where that is not said at all."""
    by_flag = _by_flag(record)
    for key in names.STATE:
        value = record.get(key)
        said = word(value) if value is not None else None
        if not said or (by_flag and not isinstance(value, str)):
            continue
        state = state_of(said)
        if by_flag and state.finished and by_flag.state.finished and by_flag.state is not state:
            state = State.WAITING
        keys = (key, names.FLAG) if by_flag else (key,)
        return Standing(state, inert_line(said, _MAX_STATE_CHARS), keys)
    return by_flag


def _by_flag(record: Mapping[str, Json]) -> Standing | None:
    if names.FLAG not in record:
        return None
    flag = whole_number(record[names.FLAG])
    if flag is None and (named := word(record[names.FLAG])):
        # At Suno's files (`wav/record-info`) it is a word.
        return Standing(state_of(named), inert_line(named, _MAX_STATE_CHARS), (names.FLAG,))
    if flag is None or flag not in _OF_FLAG:
        return None
    state, said = _OF_FLAG[flag]
    if flag == 0 and _has_ended_in_vain(record):
        # Aleph's page: 0 is running, or failed.
        state, said = _OF_FLAG[2]
    return Standing(state, said, (names.FLAG,))


def _has_ended_in_vain(record: Mapping[str, Json]) -> bool:
    fields = dict(record)
    has_end = any(is_moment(record.get(key)) for key in names.ENDED)
    return not result_urls(fields) and (has_end or names_reason(fields))


def says_state(record: Mapping[str, Json]) -> bool:
    """Tell whether there is a word or a flag for it; a number beside an ID may be the status of HTTP."""
    standing = standing_in(record)
    return standing is not None and (names.FLAG in standing.keys or isinstance(record[standing.keys[0]], str))


def is_not_found(record: Mapping[str, Json]) -> bool:
    """Tell whether the state is that there is no such task, as BFL says it."""
    return any(
        isinstance(said := record.get(key), str) and _IS_NOT_FOUND.fullmatch(said) for key in names.STATE
    )


def may_be_of_request(record: Mapping[str, Json]) -> bool:
    """Tell whether the word is one that requests have as well; `state` and its like are a task's own."""
    for key in names.STATE:
        said = record.get(key)
        if isinstance(said, str) and said.strip():
            said = said.strip().lower()
            return key == names.STATE[-1] and (said in _WORDS_OF_REQUESTS or _names_failure(said))
    return False
