"""Decides under which path of a gateway to look for a task's record next. Pure.

One key may own tasks of several families, whose IDs look alike but whose records are under different paths. A path
answers alike for IDs of other families and unknown ones, so a task is not found only once all paths have been tried.
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
"""The path of each family's records, the most common first, and the words that identify its IDs and labels."""
AUTH_HEADER: Final = "Authorization: Bearer {key}"
ID_MARK: Final = "{id}"
KEY_MARK: Final = "{key}"

_OF_A_TASK: Final = (ProblemKind.NOT_FOUND, ProblemKind.REJECTED)
_FAULTS: Final = (ProblemKind.SERVER_ERROR, ProblemKind.UNREADABLE, ProblemKind.UNAUTHORIZED)
"""Problems that concern the task or its ID, and those that do not."""
_FRAME: Final = r"(?i)^/(?:api/)?(?:v\d+/)?|(?:/?(?:record-?(?:info|detail)|\{id\}))?(?:\?.*)?$"
"""The parts of a path around the name of the family."""


def target_of(path: str, task_id: str) -> str:
    """Return the path and query that request the record of a task."""
    word = quote(task_id, safe="")
    if ID_MARK not in path:
        return f"{path}{'&' if '?' in path else '?'}taskId={word}"
    # A path segment of dots alone would lead out of the path.
    return path.replace(ID_MARK, word if word.strip(".") else word.replace(".", "%2E"))


def header_of(auth_header: str, key: str) -> tuple[str, str]:
    """Return name and value of the header that carries the key."""
    name, _, value = auth_header.partition(":")
    return name.strip(), value.strip().replace(KEY_MARK, key)


def family_of(path: str | None) -> str | None:
    """Return the name of a path's family: `flux/kontext` for `/api/v1/flux/kontext/record-info`."""
    return re.sub(_FRAME, "", path) or path if path else None


def _tail(path: str) -> str:
    return path.removesuffix("?taskId={id}")


class RecordPaths(NamedTuple):
    """The paths of a profile, and what they have answered so far."""

    paths: tuple[str, ...] = (RECORD_PATH,)
    """The most common first."""
    right: frozenset[str] = frozenset()
    """Those that have given an answer about a task."""
    bare: frozenset[str] = frozenset()
    """Those that have given a 404 that mentions no task."""

    def next_for(self, task: Task) -> str:
        """Return the path to request a task from next: the one that knew it, else each in turn."""
        if task.record_path in self.paths:
            return task.record_path
        if len(self.paths) == 1:
            return self.paths[0]
        # Imported late: the finder is slow to import, and a single path needs no hint.
        from taskdash.domain.task_ids import path_hint_of

        hint = task.path_hint or path_hint_of(task.task_id)
        # The same path may have a prefix at a gateway, or its query spelt out.
        first = [path for path in self.paths if hint and _tail(path).endswith(_tail(hint))]
        in_turn = [*first, *(path for path in self.paths if path not in first)]
        return in_turn[task.path_misses % len(in_turn)]

    def is_miss(self, task: Task, answer: Answer) -> bool:
        """Return whether an answer only means that its path does not know a task, while another one may.

        Some paths reject the IDs of other families, or fail on them. A failure counts as that if the path has never
        given an answer about a task, and others have.
        """
        if answer.problem is ProblemKind.NOT_FOUND:
            return True
        if len(self.paths) == 1 or task.record_path in self.paths:
            return False
        is_strange = bool(self.right) and self.next_for(task) not in self.right
        return answer.problem is ProblemKind.REJECTED or (answer.problem in _FAULTS and is_strange)

    def are_all_asked(self, task: Task, *, is_asked: bool) -> bool:
        """Return whether no path is left to try for a task.

        For a check that the user asked for (`is_asked`), the current round of paths is completed first.
        """
        if task.record_path in self.paths:
            return True
        count = len(self.paths)
        return task.path_misses >= count and not (is_asked and task.path_misses % count)

    def told(self, task: Task, said: str) -> str:
        """Return the message for a task that was not found; `said` is the answer's own."""
        is_known = task.record_path in self.paths
        asked = "" if is_known or len(self.paths) == 1 else f"asked under {len(self.paths)} record paths"
        remark = "" if is_known else self.remark
        return "; ".join(filter(None, (said, asked, remark)))

    def seen(self, path: str, answer: Answer) -> RecordPaths:
        """Return the paths, updated by the answer of one of them."""
        if answer.is_bare_404:
            return self if path in self.bare else self._replace(bare=self.bare | {path})
        speaks = answer.record is not None or answer.problem in _OF_A_TASK
        return self._replace(right=self.right | {path}) if speaks and path not in self.right else self

    @property
    def remark(self) -> str:
        """Return a remark on paths that may not exist at all; "" if all seem to."""
        wrong = [path for path in self.paths if path in self.bare and path not in self.right]
        if not wrong:
            return ""
        answer = "answers" if len(wrong) == 1 else "answer"
        return f"{' and '.join(wrong)} {answer} 404 to everything: look at record_paths in the config"
