"""IDs as the families of a key and their neighbours show them, and under which path their records are.

Beside labels and forms that all gateways have: an ID is a part of the path in the URL of its record, stands after
"Accepted", or is the `id` of an object that has a status. A URL, a label or the form of an ID may tell its family.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from taskdash.domain.id_forms import HEX_32, UUID, Kind, has_known_form, is_file_name, kind_of
from taskdash.domain.record_paths import FAMILIES, RECORD_PATH
from taskdash.domain.task import MAX_ID_CHARS
from taskdash.domain.task_ids.findings import Findings, Hit

if TYPE_CHECKING:
    from collections.abc import Iterator

_ID: Final = rf"[A-Za-z0-9._:-]{{1,{MAX_ID_CHARS}}}"
_NAMES: Final = {name: path for path, words in FAMILIES.items() for name in words.split()}
_ANY_NAME: Final = "|".join(sorted(map(re.escape, _NAMES), key=len, reverse=True))
# `task_veo3_...`, `veo_task_...`, `mj_task_...`, `task-unified-...`, `video_...`; a model's name is no family's:
# `task_nano-banana-pro_...` and `task_flux-2_...` are jobs.
_FORM = re.compile(rf"(?:task[_-])?({_ANY_NAME})(?:[_-].*|\d.*)", re.IGNORECASE)
_LABEL = re.compile(
    rf"(?<![A-Za-z0-9])({_ANY_NAME})[A-Za-z0-9.]{{0,8}}[ _.-]?(?:task|job)[ _.-]?(?:id)?[\"'`]?\s?[:=#]\s?[\"'`]?\s?$",
    re.IGNORECASE,
)
_LABEL_CHARS: Final = 48
# The first words are searched for as they stand, which is fast.
_QUERY = re.compile(rf"record-(?:info|detail)\?(?:[^\s\"'<>#]{{0,200}}?[&;])?[tT]ask_?[iI]d=({_ID})")
_TAILS: Final = {
    path.removeprefix("/api/v1"): path for path in FAMILIES if path.endswith(("record-info", "record-detail"))
}
_PATH_CHARS: Final = 200
_PATH = re.compile(r"(?:[^\s\"'`(<=]*://[^\s/\"'`]*)?(?P<path>[^\s\"'`(<=:]*)$")
_IN_PATH = re.compile(
    r"/v[0-9]{1,2}(?:/[A-Za-z0-9-]{1,40}){0,3}?/(?:"
    rf"(?:tasks?|predictions|requests|videos(?:/[a-z0-9-]{{1,40}})?)/(?P<id>{_ID})"
    rf"|get_result\?id=(?P<asked>{_ID}))(?=(?:/(?:fetch|status|content|creations|cancel))?(?:[?#\s\"'`<>),;]|$))"
)
_TOKEN: Final = rf"(?:video|job|task|cgt|veo|suno|mj)[_-]{_ID}"
_ACCEPTED = re.compile(
    r"ccepted(?<![A-Za-z][Aa]ccepted)(?:[ ](?:task|job))?[ ]?[:=#]?[ ]{1,4}[\"'`(]?"
    rf"(?P<id>{UUID}|{HEX_32}|{_TOKEN})(?=[\"'`\s,;)]|$)"
)
_ID_KEY = re.compile(
    r"id(?<![A-Za-z0-9_.-]id)(?:\\*[\"'])?[ ]?:[ ]?(?P<quote>\\*[\"'])"
    rf"(?P<id>{_TOKEN})(?P=quote)"
)
_STATUS = re.compile(r"(?<![A-Za-z0-9])(?:task_?)?(?:status|state)\\*[\"']?[ ]?:", re.IGNORECASE)
_BRACE = re.compile(r"[{}]")
_WITHIN = re.compile(r"\{[^{}]*+\}")
_OBJECT_CHARS: Final = 600


def find_of_families(text: str, seen: Findings) -> None:
    """Report the IDs that only these gateways show so, in a text that went through `task_ids.text.plain`."""
    for found in _IN_PATH.finditer(text):
        group = "asked" if found["asked"] else "id"
        _report(seen, found, group, "in the URL of a record")
    for found in _ACCEPTED.finditer(text):
        _report(seen, found, "id", "labelled")
    for found in _ID_KEY.finditer(text):
        if _stands_by_status(text, found):
            seen.take_labelled(Hit(found.start("id"), found["id"], "id beside a status"), in_json=True)


def path_hint_of(task_id: str) -> str | None:
    """Return under which path the form of an ID says that its record is; None where it does not tell."""
    found = _FORM.fullmatch(task_id)
    return _NAMES[found[1].lower()] if found else None


def path_hints(text: str, hits: list[Hit]) -> dict[str, str]:
    """Return the paths that a text tells for the IDs in it: by a URL first, then by a label, then by their form."""
    hints: dict[str, str] = {}
    for task_id, path in _paths_in_urls(text):
        hints.setdefault(task_id, path)
    for hit in hits:
        if hit.task_id in hints:
            continue
        hint = _by_label(text, hit) or path_hint_of(hit.task_id)
        if hint and "jobs/recordInfo?" in text[max(0, hit.start - _LABEL_CHARS) : hit.start]:
            hint = RECORD_PATH
        if hint:
            hints[hit.task_id] = hint
    return hints


def _report(seen: Findings, found: re.Match[str], group: str, why: str) -> None:
    task_id = found[group].rstrip(".:")
    is_likely = kind_of(task_id) is Kind.UNKNOWN and len(task_id) >= 6 and any(map(str.isdigit, task_id))
    if not is_file_name(task_id) and (has_known_form(task_id) or is_likely):
        seen.take_labelled(Hit(found.start(group), task_id, why))


def _stands_by_status(text: str, found: re.Match[str]) -> bool:
    """Return whether the object that an `id` is in has a status; the objects within it are left out."""
    start, end = max(0, found.start() - _OBJECT_CHARS), found.end() + _OBJECT_CHARS
    before = _WITHIN.sub("", text[start : found.start()])
    after = _WITHIN.sub("", text[found.end() : end])
    opened = max(before.rfind("{"), before.rfind("}"))
    return (
        _STATUS.search(before, opened + 1) is not None or _STATUS.search(_BRACE.split(after)[0]) is not None
    )


def _paths_in_urls(text: str) -> Iterator[tuple[str, str]]:
    for found in _QUERY.finditer(text):
        # Another URL may stand shortly before it.
        address = text[max(0, found.start() - _PATH_CHARS) : text.index("?", found.start())]
        written = _PATH.search(address)
        path = f"/{written['path'].lstrip('/')}" if written else ""
        tail = next((tail for tail in _TAILS if path.endswith(tail)), None)
        yield found[1].rstrip(".:"), _TAILS[tail] if tail else path
    for found in _IN_PATH.finditer(text):
        group = "asked" if found["asked"] else "id"
        start = found.start() - len("/api") * text.endswith("/api", 0, found.start())
        yield found[group].rstrip(".:"), f"{text[start : found.start(group)]}{{id}}"


def _by_label(text: str, hit: Hit) -> str | None:
    if hit.why.startswith("bare"):
        return None
    found = _LABEL.search(text[max(0, hit.start - _LABEL_CHARS) : hit.start])
    return _NAMES[found[1].lower()] if found else None
