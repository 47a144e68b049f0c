"""Under which paths of a gateway a task's record may be, and which of them is asked next. Pure.

One key may own tasks of several families, whose IDs look alike and whose records are under paths of their own. A path
that does not know an ID says so with the words for one that is nowhere: so all are asked before that is believed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import quote

from taskdash.domain.task import ProblemKind

if TYPE_CHECKING:
    from taskdash.domain.record import Answer
    from taskdash.domain.task import Task

RECORD_PATH: Final = "/api/v1/jobs/recordInfo"
FAMILIES: Final = {
    "/api/v1/veo/record-info": "veo veo2 veo3",
    "/api/v1/generate/record-info": "suno music",
    "/api/v1/gpt4o-image/record-info": "gpt4o gpt-4o 4o",
    "/api/v1/flux/kontext/record-info": "kontext fluxkontext flux-kontext flux_kontext",
    "/api/v1/runway/record-detail": "runway",
    "/api/v1/mj/record-info": "mj midjourney",
    "/api/v1/aleph/record-info": "aleph",
    "/api/v1/suno/cover/record-info": "suno-cover suno_cover",
    "/api/v1/nanobanana/record-info": "",
    "/v1/tasks/{id}": "unified",
    "/v1/videos/{id}": "video",
}
"""The path of a family's records, the most common first, and by which words its IDs and labels are known."""
AUTH_HEADER: Final = "Authorization: Bearer {key}"
ID_MARK: Final = "{id}"
KEY_MARK: Final = "{key}"

_OF_A_TASK: Final = (ProblemKind.NOT_FOUND, ProblemKind.REJECTED)
_FAULTS: Final = (ProblemKind.SERVER_ERROR, ProblemKind.UNREADABLE, ProblemKind.UNAUTHORIZED)
"""What is said of a task, or its ID, and what speaks of none."""
_FRAME: Final = r"(?i)^/(?:api/)?(?:v\d+/)?|(?:/?(?:record-?(?:info|detail)|\{id\}))?(?:\?.*)?$"
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
    return re.sub(_FRAME, "", path) or path if path else None


def _tail(path: str) -> str:
    return path.removesuffix("?taskId={id}")


class RecordPaths(NamedTuple):
    """The paths of a profile, and what they have answered so far."""

    paths: tuple[str, ...] = (RECORD_PATH,)
    """The most common first."""
    right: frozenset[str] = frozenset()
    """Those that spoke of a task."""
    bare: frozenset[str] = frozenset()
    """Those that gave a 404 which speaks of none."""

    def next_for(self, task: Task) -> str:
        """Return the path that a task is asked for under now: the one that knew it, else each in its turn."""
        if task.record_path in self.paths:
            return task.record_path
        if len(self.paths) == 1:
            return self.paths[0]
        # Imported here: the finder takes its time, and one path needs no hint.
        from taskdash.domain.task_ids import path_hint_of

        hint = task.path_hint or path_hint_of(task.task_id)
        # A gateway may have the same path below another one, or with its query written out.
        first = [path for path in self.paths if hint and _tail(path).endswith(_tail(hint))]
        in_turn = [*first, *(path for path in self.paths if path not in first)]
        return in_turn[task.path_misses % len(in_turn)]

    def is_miss(self, task: Task, answer: Answer) -> bool:
        """Return whether an answer says no more than that its path does not know a task: another one may.

        Some paths reject the IDs of other families, or fail on them. A failure is taken for that where the path has
        never spoken of a task, and others have.
        """
        if answer.problem is ProblemKind.NOT_FOUND:
            return True
        if len(self.paths) == 1 or task.record_path in self.paths:
            return False
        is_strange = bool(self.right) and self.next_for(task) not in self.right
        return answer.problem is ProblemKind.REJECTED or (answer.problem in _FAULTS and is_strange)

    def are_all_asked(self, task: Task, *, is_asked: bool) -> bool:
        """Return whether no path is left that may know a task, as the last answer leaves it.

        Where somebody asked a round that has begun is ended.
        """
        if task.record_path in self.paths:
            return True
        count = len(self.paths)
        return task.path_misses >= count and not (is_asked and task.path_misses % count)

    def told(self, task: Task, said: str) -> str:
        """Return what to say of a task that is not found, where an answer said so in these words."""
        is_known = task.record_path in self.paths
        asked = "" if is_known or len(self.paths) == 1 else f"asked under {len(self.paths)} record paths"
        remark = "" if is_known else self.remark
        return "; ".join(filter(None, (said, asked, remark)))

    def seen(self, path: str, answer: Answer) -> RecordPaths:
        """Return the paths with what one of them has answered."""
        if answer.is_bare_404:
            return self if path in self.bare else self._replace(bare=self.bare | {path})
        speaks = answer.record is not None or answer.problem in _OF_A_TASK
        return self._replace(right=self.right | {path}) if speaks and path not in self.right else self

    @property
    def remark(self) -> str:
        """Return a line on paths that may not be there at all; "" where all seem to be."""
        wrong = [path for path in self.paths if path in self.bare and path not in self.right]
        if not wrong:
            return ""
        answer = "answers" if len(wrong) == 1 else "answer"
        return f"{' and '.join(wrong)} {answer} 404 to everything: look at record_paths in the config"
