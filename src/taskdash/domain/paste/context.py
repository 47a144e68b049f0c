"""What the words before a bare ID say it is: an API key, a request ID, another thing's ID, or nothing.

The context is read backwards from the ID, on reversed text, so that each look costs the same however long the
line is.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

from taskdash.domain.id_forms import words

KEY_OR_TOKEN: Final = "after a key or token label"  # noqa: S105 - a reason, no secret
REQUEST_ID: Final = "an X-Request-ID"
TRACE_ID: Final = "a trace or ray ID"
OTHER_ID: Final = "the ID of something else"
IN_URL: Final = "part of a URL"
CLAIMS: Final = frozenset((KEY_OR_TOKEN, REQUEST_ID, TRACE_ID))
"""What holds for a word wherever else it stands without a label."""

_WINDOW: Final = 120
# Matched against reversed text: `->` reads `>-`, "is" reads "si".
_BACKWARDS = re.compile(
    r"""(?P<gap>[\s"'`*(\[{<#\\/-]{0,60}+)
    (?P<sep>=?:|={1,3}|>[=]?|\|\|?|\?\?|,|(?:si|saw|ro)(?=\s)|)
    (?P<mid>[ \t"'`*)\]\\]{0,8}+)
    (?P<words>[A-Za-z0-9_.-]*(?:[ ][A-Za-z0-9_.-]+)?)
    (?P<before>["'`\\]{0,4}[ ]?[?&(]?)
    [ ]?(?P<outer>[A-Za-z0-9_.-]*(?:[ ][A-Za-z0-9_.-]+)?)""",
    re.VERBOSE,
)
_PHRASE = re.compile(r"[A-Za-z0-9_ .'\"-]*")
_CLAIMING_PHRASE = re.compile(
    r"(?i:\b(?:(?P<request>x-request-id|request[ _-]?id)|(?P<trace>trace[ _-]?id|ray[ _-]?id)"
    r"|(?:api|secret|access|auth|private)[ _-]?keys?|(?:\w*_)?(?:tokens?|secrets?|passwords?|bearer))\b)"
)
_OWN_PHRASE = re.compile(r"(?i:task|job)")
_CLAIM_AFTER = re.compile(
    r"[\"'`)]{0,3}[ ]{1,4}(?:(?:is|was|as)[ ]|[(#]|//|<-+|-+>?)[ ]?"
    r"(?:(?i:my|the|our|your|an?|this|old|new)[ ])?"
    r"(?i:(?P<request>x-request-id|request[ _-]?id)"
    r"|(?:api|secret|access|auth)[ _-]?key|(?:api[ _-]?)?token|secret)\b"
)
_PARTS = re.compile(r"[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
# Capitals that begin no new word.
_UNSPLIT = re.compile(r"IDs|UUIDs|ETag|OAuth")
_STATEMENT = re.compile(
    r"[ \t]*(?:(?:export|const|let|var|set|final|static)[ ]+)*([A-Za-z_][\w.-]{0,60})[^=\n]{0,40}=[^=]"
)
_HEADING = re.compile(r"[\s#*>\-_\"'`\[]*([A-Za-z][\w.-]*(?: [A-Za-z][\w.-]*){0,3})[\s*_:=\"'`\]({\[]*")

_SECRETS: Final = words(
    "key keys apikey apikeys token tokens secret secrets bearer authorization auth password passwd pwd "
    "passphrase "
    "credential credentials signature sig sign hmac jwt"
)
_REQUESTS: Final = words("request requests req xrequest xreq idempotency")
_TRACES: Final = words("trace traces xtrace traceparent tracestate span ray cfray correlation xcorrelation")
# Their value is never a task's ID, whether or not the label says "id".
_OTHERS: Final = words(
    "user account session order commit etag md sha hash checksum digest nonce cookie boundary "
    "csrf etag uid revision "
    "rev fingerprint"
)
# These only as `<thing> id`.
_THINGS: Final = words(
    "userid users org organization organisation project tenant customer client device visitor installation "
    "message msg chat "
    "conversation thread event transaction payment invoice subscription plan deployment container build "
    "upload file image "
    "asset media webhook hook callback workspace team member machine host node pod volume disk partition "
    "group template "
    "parent voice character model style preset folder category product item post comment channel room bot "
    "agent profile app "
    "application page cart lead contact campaign connection process instance cluster region zone vpc "
    "resource principal "
    "object row db store shop vendor merchant license"
)
_OWN: Final = words("task tasks taskid taskids job jobs jobid jobids")
_ID_WORDS: Final = words("id ids uuid uuids guid number no nr value header")
_OWN_PARAMETERS: Final = words("id ids uuid task tasks tid taskuuid job jobid jobids recordid record")


class Context(NamedTuple):
    """What was found before a bare ID."""

    why_not: str | None
    begins_list: bool
    """Whether the same holds for the IDs that follow in a list."""
    is_json_value: bool
    """Whether it is the value of a quoted key."""


def context_before(text: str, start: int) -> Context:
    """Say what the words before the ID at `start` make of it."""
    window = text[max(0, start - _WINDOW) : start][::-1]
    found = _BACKWARDS.match(window)
    if found is None:  # pragma: no cover - every part of the pattern may be empty
        return Context(None, begins_list=False, is_json_value=False)
    gap, sep, label = found["gap"], found["sep"], found["words"][::-1]
    why_not = _by_label(text, start, found)
    if why_not is None and sep and "\n" not in gap:
        why_not = _by_phrase(window, found.start("words"))
    if why_not is None and sep in ("||", "??", "ro", ","):
        why_not = _by_statement(text, start)
    if why_not is None and sep == "=" and found["before"][-1:] in ("?", "&"):
        why_not = None if "".join(_parts_of(label)) in _OWN_PARAMETERS else IN_URL
    plural = label.lower().endswith(("s", "_list", "list"))
    begins_list = why_not is not None and (plural or any(mark in gap for mark in "[({-*"))
    quoted_key = sep == ":" and any(mark in found["mid"] for mark in "\"'")
    return Context(why_not, begins_list, quoted_key)


def _by_label(text: str, start: int, found: re.Match[str]) -> str | None:
    """What the word or two right before the ID say; `found` is reversed text."""
    gap, sep, label, before = found["gap"], found["sep"], found["words"][::-1], found["before"]
    if "\n" in gap:
        # A line that happens to end in "is" says nothing of the next.
        return _over_line(text, start, label, has_sep=bool(sep) and not sep.isalpha())
    if sep in (",", "|"):
        # A pair of arguments, or the two cells of a row; in any other list the word before is an item of its
        # own.
        why_not = denial(label, has_sep=True)
        is_pair = ("(" in before and found["mid"]) or text[start - found.end("before") - 1] in "\n|"
        return why_not if is_pair and (why_not in CLAIMS or "(" in before) else None
    why_not = denial(label, has_sep=bool(sep))
    if why_not is None and before.endswith("(") and ")" in found["mid"]:
        return denial(found["outer"][::-1], has_sep=bool(sep))
    return why_not


def _by_phrase(window: str, end: int) -> str | None:
    """`API key for the bot: ...`: a label may be longer than its last words."""
    phrase = _PHRASE.match(window, end)
    said = _CLAIMING_PHRASE.search(phrase[0][::-1]) if phrase else None
    if said is None or _OWN_PHRASE.search(said.string, said.end()):
        return None
    return REQUEST_ID if said["request"] else TRACE_ID if said["trace"] else KEY_OR_TOKEN


def claim_after(text: str, end: int) -> str | None:
    """`... is my API key`: what the words after the ID that ends at `end` say."""
    said = _CLAIM_AFTER.match(text, end)
    if said is None:
        return None
    return REQUEST_ID if said["request"] else KEY_OR_TOKEN


def _over_line(text: str, start: int, label: str, *, has_sep: bool) -> str | None:
    """A label on the line above counts if that line is nothing but the label; other things' IDs never do."""
    head = text[max(0, start - _WINDOW) : start].rstrip(" \t\n\"'`*([{<#\\/-")
    line = head[head.rfind("\n") + 1 :]
    heading = _HEADING.fullmatch(line) or (_STATEMENT.match(line) if has_sep else None)
    if heading is None:
        return None
    why_not = denial(" ".join(heading[1].split()[-2:]), has_sep=True) if heading[1] else None
    if why_not is None and has_sep:
        why_not = denial(label, has_sep=True)
    return None if why_not == OTHER_ID else why_not


def _by_statement(text: str, start: int) -> str | None:
    """`API_KEY = settings.get() || '...'`: the name that is assigned to decides."""
    line_start = max(0, text.rfind("\n", max(0, start - 200), start) + 1)
    statement = _STATEMENT.match(text, line_start, start)
    return denial(statement[1], has_sep=True) if statement else None


@lru_cache(maxsize=4096)
def _parts_of(label: str) -> tuple[str, ...]:
    whole = _UNSPLIT.sub(lambda match: match[0].capitalize(), label)
    return tuple(part.lower().rstrip("0123456789") or part for part in _PARTS.split(whole) if part)


@lru_cache(maxsize=4096)
def denial(label: str, *, has_sep: bool) -> str | None:
    """Say what a label makes of the value after it: None if that may be a task's ID.

    Args:
        label: the last word or two before the value; names in code are taken apart (`xRequestId`, `API_KEY`).
        has_sep: whether a colon, an equals sign or the like stands between; a word of prose denies less.
    """
    if label.endswith(("Error", "Exception")):
        return None
    last, _, before = (part[::-1] for part in label[::-1].partition(" "))
    parts = _parts_of(last)
    if before and parts and all(part in _ID_WORDS for part in parts):
        parts = (*_parts_of(before)[-2:], *parts)
    bare_parts = [part[:-2] if part.endswith("id") and len(part) > 4 else part for part in parts]
    if any(
        part in _SECRETS or part.endswith(("apikey", "token", "secret", "secretkey", "accesskey"))
        for part in parts
    ):
        return KEY_OR_TOKEN
    if not _REQUESTS.isdisjoint(bare_parts):
        return REQUEST_ID
    if not _TRACES.isdisjoint(bare_parts):
        return TRACE_ID
    if not _OWN.isdisjoint(parts):
        return None
    says_id = any(part in _ID_WORDS for part in parts) or bare_parts != list(parts)
    named = [part for part in bare_parts if part not in _ID_WORDS][-1:]
    if named and (
        named[0] in _OTHERS
        and (has_sep or says_id or named[0] in ("user", "session", "commit", "order", "md", "sha", "etag"))
    ):
        return OTHER_ID
    return OTHER_ID if named and named[0] in _THINGS and says_id else None
