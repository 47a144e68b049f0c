"""Tells task IDs by their form from lookalikes: placeholders, API keys, words of code.

This module judges single words; `task_ids` looks at the text around them. The forms are those seen at the API
and at kie.ai-like gateways.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_ID_CHARS: Final = 128
ANY_ID: Final = rf"[A-Za-z0-9._:-]{{1,{MAX_ID_CHARS}}}"
UUID: Final = r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
HEX_32: Final = r"[0-9A-Fa-f]{32}"
# A dot is part of it only before a digit ("kling-2.6"), not before a file ending such as ".png".
TASK_TOKEN: Final = r"task_[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?=[0-9]))*+"  # noqa: S105 - no secret, a shape


def words(text: str) -> frozenset[str]:
    """Return the words of a text: long lists are easier to read as one."""
    return frozenset(text.split())


# Strings, compiled when a word is first judged, as most commands judge none.
_HEX_FORM: Final = rf"{UUID}|{HEX_32}"
_MODEL_AND_TIME: Final = r"task_[A-Za-z0-9._-]*[_-][0-9]{8,}"
_WRAPPABLE: Final = rf"{UUID}|{HEX_32}|task_[A-Za-z0-9][A-Za-z0-9._-]*_[0-9]{{13}}"
_PART_OF_HEX: Final = (
    r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{0,4}|(?:[0-9A-Fa-f]{4}-){1,2}[0-9A-Fa-f]{0,4}"
    r"|(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{0,11})"
)

_SEGMENTS: Final = r"[^A-Za-z0-9]+"
_WORD_AND_NUMBER: Final = r"[A-Za-z]{1,15}[0-9]{1,2}"
_NAMED_NUMBER: Final = (
    r"(?i)(?:v|sha|md|base|utf|python|py|node|oauth|http|ipv|int|uint|float|worker|batch|group|step|page|phase"
    r"|runner|queue|level|index|number|item|line|version|thread|stage|part|chunk|retry|attempt|port|user)[0-9]+"
)
_LETTERS_MEET_DIGITS: Final = r"(?<=[A-Za-z])(?=[0-9])|(?<=[0-9])(?=[A-Za-z])"

_X_RUN: Final = r"(?<![A-Za-z0-9])[xX]{3,}|[xX]{3,}(?![A-Za-z0-9])|[xX]{4,}"
_NIL: Final = r"[0-]{32,}"
# A placeholder is made of nothing but these ...
_FILLER = words(
    "your my the some a an any of this that task tasks job jobs id ids taskid jobid here goes insert "
    "replace with me put enter paste in from response returned created actual real valid example sample "
    "placeholder dummy fake uuid string value model timestamp name xxx"
)
# ... and has one of these.
_TELLTALE = words(
    "your id ids taskid jobid here insert replace example sample placeholder dummy fake string value "
    "timestamp"
)
_NOT_IDS = words(
    "null none nil undefined nan true false void string str number num int integer int32 int64 uint32 "
    "uint64 bigint float double bool boolean any unknown object uuid uuid4 uuidv4 guid hex bytes text "
    "char varchar optional required missing empty unavailable n-a na tbd todo pending waiting queued "
    "queuing generating processing running success succeeded completed done created submitted failed "
    "fail error canceled cancelled ok yes no not-found not_found notfound not-set data result response "
    "res req request params query body self this props args argv json await async new return typeof "
    "function lambda const let var await"
)
# `task_<one of these>` is a name in a program.
_NAMES_OF_CODE = words(
    "type name manager queue info data list status state result obj object handle func fn future runner "
    "worker key meta config dict arg args params input output model group class instance item record "
    "row count index number progress kwargs response error url prompt time timeout start end created "
    "update"
)
_NAMES_OF_IDS = words("taskid id jobid taskids tasks task ids")
_FILE_ENDING: Final = (
    r"(?is).*\.(?:png|jpe?g|webp|gif|avif|svg|bmp|mp4|mov|webm|mp3|wav|m4a|flac|ogg|jsonl?|txt|log|csv|zip|gz|tar|pdf"
    r"|py|js|ts|html?|ya?ml|toml|md|sh)"
)
_KEY_SHAPES: Final = (
    r"sk-.*|(?:sk|pk|rk)_(?:live|test)_.{8,}|gh[pousr]_.{16,}|github_pat_.{16,}|xox[abprs]-.{8,}"
    r"|AKIA[0-9A-Z]{16}|AIza[0-9A-Za-z_-]{30,}|hf_[A-Za-z0-9]{16,}|r8_[A-Za-z0-9]{16,}|eyJ[A-Za-z0-9_-]{8,}\..*"
    r"|(?:Bearer|bearer)[:-].*"
)


def has_known_form(text: str) -> bool:
    """Return whether `text` is a UUID, 32 hex digits, or a generated `task_...` token.

    A `task_...` token counts as generated if it cannot be a name in a program (`task_id`, `task_type`,
    `task_worker_01`): its last part has 6 digits or more (`task_<model>_<13 digits>`), or 6 characters or
    more that mix letters and digits beyond a word and its number (`task_abc123`, not `task_oauth2`), or 20
    letters or more of a cuid (`task_cl...`) or in mixed case; or any part is long and random. A `task_...`
    placeholder and the nil UUID never count.
    """
    if len(text) > MAX_ID_CHARS:
        return False
    if re.fullmatch(_HEX_FORM, text):
        return not re.fullmatch(_NIL, text)
    if not text.startswith("task_") or not re.fullmatch(TASK_TOKEN, text) or is_placeholder(text):
        return False
    if re.fullmatch(_MODEL_AND_TIME, text):
        return True
    if "." in text:
        return False
    parts = re.split(_SEGMENTS, text[5:])
    is_random = any(len(part) >= 8 and len(re.findall(_LETTERS_MEET_DIGITS, part)) >= 3 for part in parts)
    return is_random or _is_made_up(parts[-1])


def _is_made_up(part: str) -> bool:
    """Return whether the last part of a `task_...` token was generated, not named by a person."""
    if len(part) < 6:
        return False
    if part.isdigit():
        return True
    if part.isalpha():
        is_mixed = not part.islower() and not part.isupper() and not part.istitle()
        return len(part) >= 20 and (part.startswith("cl") or is_mixed)
    return not re.fullmatch(_WORD_AND_NUMBER, part) and not re.fullmatch(_NAMED_NUMBER, part)


class Kind(Enum):
    """Tells what a word is, judged without its context."""

    KNOWN = auto()
    UNKNOWN = auto()
    """Allowed, with nothing that speaks for or against it."""
    EMPTY = auto()
    """No letters or digits."""
    KEY = auto()
    OPTION = auto()
    """Begins with a dash: passed on by a script, it would be taken for an option."""
    CODE = auto()
    PLACEHOLDER = auto()
    TOO_LONG = auto()
    CUT_OFF = auto()
    FILE_NAME = auto()


# Words repeat in logs: judging each only once keeps long pastes fast.
@lru_cache(maxsize=4096)
def kind_of(text: str) -> Kind:
    """Return the kind of a word that consists of characters allowed in an ID."""
    if has_known_form(text):
        return Kind.KNOWN
    if len(text) > MAX_ID_CHARS:
        return Kind.TOO_LONG
    for is_so, kind in _KINDS:
        if is_so(text):
            return kind
    return Kind.UNKNOWN


def is_wrapped_whole(text: str) -> bool:
    """Return whether a text joined from wrapped lines is an ID of known length, and so was one before the wrap."""
    return re.fullmatch(_WRAPPABLE, text) is not None and has_known_form(text)


def is_cut_off(text: str) -> bool:
    """Return whether `text` is an ID shortened by a person or a terminal (`5064bd1a-025a-`, `task_abc...`)."""
    return ".." in text or text.endswith(("-", "_")) or re.fullmatch(_PART_OF_HEX, text) is not None


def is_placeholder(text: str) -> bool:
    """Return whether `text` stands for an ID in a manual: `task_xxx`, `your-task-id`, the nil UUID, `task_...`."""
    is_filled_up = re.search(_X_RUN, text) or re.fullmatch(_NIL, text)
    if is_filled_up or text.endswith("_...") or set(text) <= set("._:-"):
        return True
    parts = {part for part in re.split(_SEGMENTS, text.lower()) if part}
    return parts <= _FILLER and not parts.isdisjoint(_TELLTALE)


def is_word_of_code(text: str) -> bool:
    """Return whether `text` stands in for an ID in code, schemas and logs: `null`, `string`, `res.data.id`."""
    lowered = text.lower()
    last = lowered.rsplit(".", 1)[-1]
    if lowered.startswith("task_") and lowered[5:] in _NAMES_OF_CODE:
        return True
    return lowered in _NOT_IDS or last.replace("_", "") in _NAMES_OF_IDS


def is_file_name(text: str) -> bool:
    """Return whether `text` has a file extension that tasks, or programs around them, leave behind."""
    return re.fullmatch(_FILE_ENDING, text) is not None


def looks_like_key(text: str) -> bool:
    """Return whether `text` has the form of an API key or another secret; 32 hex digits alone do not count."""
    return re.fullmatch(_KEY_SHAPES, text) is not None


def is_task_id(text: str) -> bool:
    """Return whether `text` could be sent as a task ID at all, placeholders included."""
    return re.fullmatch(ANY_ID, text) is not None


def looks_like_option(text: str) -> bool:
    """Return whether a command would take `text` for an option; no such ID is put on a list."""
    return text.startswith("-")


_KINDS: Final[tuple[tuple[Callable[[str], bool], Kind], ...]] = (
    (looks_like_key, Kind.KEY),
    (lambda text: not any(map(str.isalnum, text)), Kind.EMPTY),
    (looks_like_option, Kind.OPTION),
    (is_word_of_code, Kind.CODE),
    (is_placeholder, Kind.PLACEHOLDER),
    (is_cut_off, Kind.CUT_OFF),
    (is_file_name, Kind.FILE_NAME),
    (lambda text: "." in text and has_known_form(text.split(".", 1)[0]), Kind.FILE_NAME),
)
