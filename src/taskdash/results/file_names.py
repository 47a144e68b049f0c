"""Names a saved result after its task, in a way that means nothing to any file system.

The name has no ending: that is found out as the file arrives.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final

from taskdash.config.kinds import FILE_NAME_PART
from taskdash.domain.words import moment

if TYPE_CHECKING:
    from taskdash.domain.task import Task
    from taskdash.store.store import Store

MAX_STEM_CHARS: Final = 80
MAX_STEM_BYTES: Final = 200
ID_CHARS: Final = 8
"""Enough of an ID for `taskdash show`."""
PROMPT_CHARS: Final = 28
_TEXT_CHARS: Final = (MAX_STEM_BYTES, 80, 40, 20, 10)
"""What a text may have in a template, more first, until the name is no longer than `MAX_STEM_BYTES`."""
_NOT_IN_NAMES = re.compile(r"[^\w.+-]+")
# Names of devices on Windows, where the folder may be shared to.
_DEVICES = re.compile(r"(?:con|prn|aux|nul|(?:com|lpt)[0-9¹²³])(?:\..*)?", re.IGNORECASE)
_SAME_AGAIN = re.compile(r"([._+-])\1+")


def stem_of(label: str | None, task_id: str) -> str:
    """Return the first part of a file name: the label, else the ID, as `plain_name` leaves them."""
    return plain_name(label or "") or plain_name(task_id) or "task"


def plain_name(text: str, most_chars: int = MAX_STEM_CHARS) -> str:
    """Return a text as a part of a file name, with nothing in it that means something to a system; it may be empty."""
    name = _plain(text)[:most_chars].encode("utf-8", "replace")[:MAX_STEM_BYTES].decode("utf-8", "ignore")
    name = name.rstrip(".-_+")
    return f"task-{name}" if _DEVICES.fullmatch(name) else name


def _plain(text: str) -> str:
    return _NOT_IN_NAMES.sub("-", unicodedata.normalize("NFC", text)).strip(".-_+")


def result_stem(store: Store, task: Task, n: int, template: str | None = None) -> str:
    """Return what the file of a task's result `n` is called.

    Without a template that is the label or prompt, as much of the ID as tells it from others, and `n`.
    """
    if template is not None:
        return _filled(template, task, n) or f"{stem_of(None, task.task_id)}-{n}"
    name = plain_name(task.label or "") or plain_name(_beginning(task.prompt or "", PROMPT_CHARS))
    if not name:
        return f"{stem_of(None, task.task_id)}-{n}"
    start = task.task_id[:ID_CHARS]
    is_alone = len(store.documents.ids_like(task.profile, start, 2)) == 1
    return f"{name}-{stem_of(None, start if is_alone else task.task_id)}-{n}"


def _filled(template: str, task: Task, n: int) -> str:
    created = moment(task.added_at_ms if task.create_time_ms is None else task.create_time_ms)
    texts = {"label": task.label or "", "prompt": task.prompt or "", "model": task.model or ""}
    values = {**texts, "id": task.task_id, "n": str(n), "created": created.replace(" ", "_")}

    def fill(most_chars: int) -> str:
        def value(match: re.Match[str]) -> str:
            is_text = match[1] in texts
            chars = int(match[2] or (MAX_STEM_CHARS if is_text else MAX_STEM_BYTES))
            return _plain(_beginning(values[match[1]], min(chars, most_chars) if is_text else chars))

        return _SAME_AGAIN.sub(r"\1", _plain(re.sub(FILE_NAME_PART, value, template)))

    # The end of a name tells results apart: rather than it, texts give way.
    names = map(fill, _TEXT_CHARS)
    name = next((name for name in names if len(name.encode()) <= MAX_STEM_BYTES), fill(0))
    return plain_name(name, MAX_STEM_BYTES)


def _beginning(text: str, most_chars: int) -> str:
    """Return the first words of a text, as many as a name has room for."""
    start = " ".join(text[: 4 * most_chars].split())
    if len(start) <= most_chars:
        return start
    words, _, rest = start[: most_chars + 1].rpartition(" ")
    # Some languages, and some words, know no blanks.
    return words if len(words) > most_chars // 2 or not rest else start[:most_chars]
