"""Why a task failed: code and message, wherever in a record and in whatever form they are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, TypeAlias

from taskdash.api import names
from taskdash.api.body import MAX_UNWRAPS, unwrapped
from taskdash.api.result_urls import RECORD_KEYS, result_in
from taskdash.api.values import Fields, is_blank, text, whole_number, word
from taskdash.domain.task import Json, State, json_text
from taskdash.domain.untrusted import inert, inert_json

if TYPE_CHECKING:
    from collections.abc import Iterable

Reason: TypeAlias = tuple[str | None, str | None]
"""Code and message of a failure."""

_CODES: Final = (*names.FAIL_CODE, *names.ERROR_CODE)
_REASONS: Final = (*names.REASON, *names.REASON_OF_FAILED)
_CODES_IN_ERROR: Final = ("code", "type")
_ALL_IN_ERROR: Final = frozenset((*_CODES, *_REASONS, *_CODES_IN_ERROR))
_MAX_REASONS: Final = 8
_NO_ERROR: Final = (0, 200)
_IS_FINE = re.compile(
    r"\W*(?:(?:query|get|request|operation|task|record|info|details?|is|was|fetched|retrieved)\W+)*"
    r"(?:success(?:ful|fully)?|succeed(?:ed)?|ok|okay|[\u4e00-\u9fff]*成功)\W*",
    re.IGNORECASE,
)
"""What is said of a request that was answered, and is no reason why a task failed."""


def failure_of(fields: Fields, state: State, around: Reason) -> Reason:
    """Return code and message of a failure, each from the first that has one.

    First the record's own fields: `failMsg`, which is a text by the API's page and may be an object or a list at
    kie.ai-like gateways, then `error`, which has both in answers without an envelope. Only of a failed task: what else
    in the record speaks, then the error in its result, then what stands around the record.
    """
    has_failed = state is State.FAIL
    found: list[Reason] = [
        (fields.read(word, *names.FAIL_CODE) or fields.read(_error_code, *names.ERROR_CODE), None)
    ]
    for key in _REASONS if has_failed else names.REASON:
        value = fields.get(key)
        if value is None:
            fields.understood(key)
            continue
        code, message = _reason(value)
        is_taken = message is not None and all(said is None for _, said in found)
        if is_blank(value) or (is_taken and _says_no_more(value)):
            fields.understood(key)
        found.append((code, message))
    if has_failed:
        found.append((_word_of_error(fields), None))
        results = [result_in(fields.get(key)) for key in RECORD_KEYS]
        found += [_reason_among(part, ("code",)) for part in results if isinstance(part, dict)]
        found.append(around)
    _forget_no_errors(fields)
    return _first_of(found)


def reason_in(value: Json) -> str | None:
    """Return the words in a text or an error object that may say why a task failed."""
    return _reason(value)[1]


def names_reason(record: dict[str, Json]) -> bool:
    """Tell whether a record has words of an error, whatever its state is."""
    return any(reason_in(record.get(key)) for key in names.REASON)


def _first_of(found: list[Reason]) -> Reason:
    """Return the first code and the first message, whoever has them."""
    return next((code for code, _ in found if code), None), next((said for _, said in found if said), None)


def _error_code(value: Json) -> str | None:
    """Return a code but for those that say that there is no error."""
    said = word(value)
    return None if said is None or whole_number(value) in _NO_ERROR or _IS_FINE.fullmatch(said) else said


def _word_of_error(fields: Fields) -> str | None:
    """Return a `code` of the record that is a word, as DashScope has it; a number may be that of the request."""
    value = fields.get("code")
    return _error_code(value) if isinstance(value, str) and whole_number(value) is None else None


def _forget_no_errors(fields: Fields) -> None:
    fields.understood(*(key for key in names.ERROR_CODE if whole_number(fields.get(key)) in _NO_ERROR))


def _reason(value: Json, depth: int = MAX_UNWRAPS) -> Reason:
    """Return code and message of an error in any form; of an object with neither, the whole as JSON."""
    value = unwrapped(value)
    if isinstance(value, list) and depth:
        found: list[Reason] = [_reason(item, depth - 1) for item in value[:_MAX_REASONS]]
        return _first_of(found)[0], inert("; ".join(said for _, said in found if said)) or None
    if isinstance(value, dict) and depth:
        found_in_it = _reason_among(value, _CODES_IN_ERROR, depth - 1)
        if any(found_in_it) or _ALL_IN_ERROR.issuperset(value):
            return found_in_it
    if isinstance(value, list | dict):
        value = inert_json(value)
        return None, None if _is_empty(value) else inert(json_text(value))
    said = text(value)
    return None, None if said and _IS_FINE.fullmatch(said) else said


def _reason_among(values: dict[str, Json], codes: Iterable[str], depth: int = MAX_UNWRAPS) -> Reason:
    within = Fields(values)
    code = within.read(word, *names.FAIL_CODE) or within.read(_error_code, *names.ERROR_CODE, *codes)
    return _first_of([(code, None), *(_reason(values[key], depth) for key in _REASONS if key in values)])


def _is_empty(value: Json) -> bool:
    if isinstance(value, dict):
        value = list(value.values())
    return all(map(_is_empty, value)) if isinstance(value, list) else is_blank(value)


def _says_no_more(value: Json) -> bool:
    """Tell whether code and message are all that there is in a value."""
    if isinstance(value, dict):
        return _ALL_IN_ERROR.issuperset(value)
    return not isinstance(value, list) or all(isinstance(item, str) for item in value)
