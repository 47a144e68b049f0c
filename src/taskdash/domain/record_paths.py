"""Under which paths of a gateway a task's record may be, and which of them is asked next. Pure.

One key may own tasks of several families, whose IDs look alike and whose records are under paths of their own. A path
that does not know an ID says so with the words for one that is nowhere: so all are asked before that is believed.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote

RECORD_PATH: Final = "/api/v1/jobs/recordInfo"
AUTH_HEADER: Final = "Authorization: Bearer {key}"
ID_MARK: Final = "{id}"
KEY_MARK: Final = "{key}"

_FRAME = re.compile(
    r"^/(?:api/)?(?:v\d+/)?|(?:/?(?:record-?(?:info|detail)|\{id\}))?(?:\?.*)?$", re.IGNORECASE
)
"""What stands around the name of a family in a path."""


def target_of(path: str, task_id: str) -> str:
    """Return path and query that ask for the record of a task."""
    word = quote(task_id, safe="")
    if ID_MARK not in path:
        return f"{path}{'&' if '?' in path else '?'}taskId={word}"
    # As a part of a path, dots alone would lead out of it.
    return path.replace(ID_MARK, word if word.strip(".") else word.replace(".", "%2E"))


def header_of(auth_header: str, key: str) -> tuple[str, str]:
    """Return name and value of the header that carries the key."""
    name, _, value = auth_header.partition(":")
    return name.strip(), value.strip().replace(KEY_MARK, key)


def family_of(path: str | None) -> str | None:
    """Return what the tasks of a path are called: `/api/v1/flux/kontext/record-info` is `flux/kontext`."""
    return _FRAME.sub("", path) or path if path else None
