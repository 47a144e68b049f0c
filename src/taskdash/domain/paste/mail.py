"""IDs as they were before a mail program broke them: at a hyphen, before quote marks, in a message's source.

Line breaks that fall are put back after the ID, so that the lines keep their numbers.
"""

from __future__ import annotations

import re

from taskdash.domain.id_forms import HEX_32, MAX_ID_CHARS, UUID, is_wrapped_whole

_AFTER_HYPHEN = re.compile(r"-[ \t]*\n(?:[ \t]*>)*[ \t]*([0-9A-Fa-f][0-9A-Fa-f-]{3,26}+)(?![A-Za-z0-9_])")
_UUID_HEAD = re.compile(r"(?<![A-Za-z0-9_./-])[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){0,3}\Z")
_UUID_HEAD_CHARS = 24
"""23 of a head, and the one before it."""
_WHOLE_UUID = re.compile(UUID)

# Quoted-printable: "=" at the end of a line means that it goes on, and "=3D" is "=".
_SOFT_BREAK = re.compile(rf"=\n([A-Za-z0-9_-]{{1,{MAX_ID_CHARS}}}+)")
_WORD_END = re.compile(r"[A-Za-z0-9_-]+\Z")
_ESCAPED_EQUALS = re.compile(rf"=3D(?=(?:{UUID}|{HEX_32})(?![A-Za-z0-9])|task_)")


def unbroken(text: str) -> str:
    """Return `text`, whose line breaks are newlines, with the IDs whole that a mail had broken."""
    if "=3D" in text:
        text = _ESCAPED_EQUALS.sub("=", text)
    if "=\n" in text:
        text = _SOFT_BREAK.sub(_joined_at_equals, text)
    return _AFTER_HYPHEN.sub(_joined_at_hyphen, text)


def _joined_at_hyphen(match: re.Match[str]) -> str:
    head = _UUID_HEAD.search(match.string[max(0, match.start() - _UUID_HEAD_CHARS) : match.start()])
    whole = head is not None and _WHOLE_UUID.fullmatch(f"{head[0]}-{match[1]}")
    return f"-{match[1]}\n" if whole else match[0]


def _joined_at_equals(match: re.Match[str]) -> str:
    head = _WORD_END.search(match.string[max(0, match.start() - MAX_ID_CHARS) : match.start()])
    whole = head is not None and not is_wrapped_whole(head[0]) and is_wrapped_whole(head[0] + match[1])
    return f"{match[1]}\n" if whole else match[0]
