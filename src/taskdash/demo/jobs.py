"""The tasks behind the demo API: pure functions of the clock, so that a test can drive years of them.

Nothing runs while a task is waiting. Each one knows from the beginning when it will end and how, and answers
according to the time it is asked at.
"""

from __future__ import annotations

import json
import re
import threading
import uuid
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from taskdash.demo.pictures import MAX_SIDE, MIN_SIDE, SIDE, Picture, picture_for
from taskdash.domain.values import value

if TYPE_CHECKING:
    from collections.abc import Iterable
    from random import Random

    from taskdash.domain.task import Json

MODELS: Final = {
    "gpt-image-2-text-to-image": (32.0, 4.0),
    "gpt-image-2-image-to-image": (38.0, 4.5),
    "seedance-2.0-text-to-video": (105.0, 18.0),
    "seedance-2.0-image-to-video": (88.0, 14.0),
}
"""The API's models, with the mean and the spread of the seconds each takes here."""
MAX_PROMPT_CHARS: Final = 20_000
MAX_CREATED: Final = 1_000
"""Tasks made through `createTask` that are remembered; older ones are forgotten, and then not found."""
FAILING_WORD: Final = "forbidden"
"""A prompt with this word in it fails by the content policy, for those who test their script."""
POLICY_FAILURE: Final = ("400", "Sorry, but the image we created may violate OpenAI's content policies.")
_SIZE = re.compile(r"([0-9]{1,5})[xX*]([0-9]{1,5})")
_IMAGE_INPUTS: Final = ("image_urls", "image_url", "input_urls", "images", "image", "first_frame_url")


class RefusedJobError(Exception):
    """A `createTask` request that the API would not take; `code` is the HTTP status."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@value(frozen=True, slots=True, kw_only=True)
class Job:
    """A task as the server knows it. Times are Unix milliseconds."""

    task_id: str
    model: str
    param: str
    create_ms: int
    finish_ms: int
    failure: tuple[str, str] | None = None
    """Code and message; None: it will succeed."""
    pictures: tuple[Picture, ...] = ()

    def finished(self, now_ms: int) -> bool:
        """Whether the task has ended."""
        return now_ms >= self.finish_ms

    def result_names(self) -> list[str]:
        """Return the file names of its results, in order."""
        return [
            f"{self.task_id}-{number}.{picture.extension}" for number, picture in enumerate(self.pictures, 1)
        ]

    def record(self, now_ms: int, results_url: str) -> dict[str, Json]:
        """Return `data` of `recordInfo`: the fields and their order are those of the API's page.

        Args:
            now_ms: the time it is asked at.
            results_url: what goes before the name of a result; ends with a slash.
        """
        finished = self.finished(now_ms)
        succeeded = finished and self.failure is None
        code, message = self.failure if finished and self.failure else (None, None)
        urls = {"resultUrls": [results_url + name for name in self.result_names()]}
        return {
            "taskId": self.task_id,
            "model": self.model,
            "state": "success" if succeeded else "fail" if finished else "waiting",
            "param": self.param,
            "resultJson": compact_json(urls) if succeeded else None,
            "failCode": code,
            "failMsg": message,
            # A failed task of this API has neither of these two.
            "costTime": self.finish_ms - self.create_ms if succeeded else None,
            "completeTime": self.finish_ms if succeeded else None,
            "createTime": self.create_ms,
        }


class JobBook:
    """All tasks of a server. Safe to use from several threads."""

    def __init__(self, jobs: Iterable[Job], rng: Random) -> None:
        """Take the tasks that are there from the start; `rng` makes IDs and durations of new ones."""
        self._rng = rng
        self._jobs = {job.task_id: job for job in jobs}
        self._created: OrderedDict[str, str | None] = OrderedDict()
        self._by_request: dict[str, str] = {}
        self._lock = threading.Lock()

    def find(self, task_id: str) -> Job | None:
        """Return the task with this ID."""
        with self._lock:
            return self._jobs.get(task_id)

    def find_result(self, name: str) -> tuple[Job, Picture] | None:
        """Return the task a result's file name belongs to, and the picture; None if there is none."""
        job = self.find(name.rpartition("-")[0])
        if job is None or name not in job.result_names():
            return None
        return job, job.pictures[job.result_names().index(name)]

    def create(self, request: Json, request_id: str | None, now_ms: int) -> Job:
        """Start a task, or return the one that the same `X-Request-ID` started before.

        Raises:
            RefusedJobError: the request is not one the API would take.
        """
        model, given, prompt, count = _validated(request)
        size = _size(given)
        with self._lock:
            known = self._by_request.get(request_id) if request_id else None
            if known is not None:
                return self._jobs[known]
            mean_s, spread_s = MODELS[model]
            took_s = min(mean_s + 2 * spread_s, max(mean_s - 2 * spread_s, self._rng.gauss(mean_s, spread_s)))
            moving = model.endswith("-video")
            job = Job(
                task_id=str(uuid.UUID(int=self._rng.getrandbits(128), version=4)),
                model=model,
                param=compact_json(request),
                create_ms=now_ms,
                finish_ms=now_ms + round(took_s * 1000),
                failure=POLICY_FAILURE if FAILING_WORD in prompt.lower() else None,
                pictures=tuple(picture_for(prompt, number, size, moving=moving) for number in range(count)),
            )
            self._remember(job, request_id)
            return job

    def _remember(self, job: Job, request_id: str | None) -> None:
        self._jobs[job.task_id] = job
        self._created[job.task_id] = request_id
        if request_id:
            self._by_request[request_id] = job.task_id
        while len(self._created) > MAX_CREATED:
            oldest, its_request_id = self._created.popitem(last=False)
            del self._jobs[oldest]
            if its_request_id:
                del self._by_request[its_request_id]


def compact_json(value: Json | dict[str, list[str]]) -> str:
    """Return JSON text as the API nests it in a field: without spaces."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _validated(request: Json) -> tuple[str, dict[str, Json], str, int]:
    """Return the model, the input, the prompt in it and how many results are asked for."""
    if not isinstance(request, dict):
        raise RefusedJobError(400, "the request body must be a JSON object")
    model, given = request.get("model"), request.get("input")
    if not isinstance(model, str) or not model:
        raise RefusedJobError(422, "model is required")
    if model not in MODELS:
        raise RefusedJobError(422, "model is not supported")
    if not isinstance(given, dict):
        raise RefusedJobError(422, "input is required")
    prompt = given.get("prompt")
    if not isinstance(prompt, str) or not prompt.strip():
        raise RefusedJobError(422, "input.prompt is required")
    if len(prompt) > MAX_PROMPT_CHARS:
        raise RefusedJobError(422, f"input.prompt is longer than {MAX_PROMPT_CHARS} characters")
    if "-image-to-" in model and not any(given.get(name) for name in _IMAGE_INPUTS):
        raise RefusedJobError(422, "input.image_urls is required")
    count = given.get("n", 1)
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= 4:
        raise RefusedJobError(422, "input.n must be a whole number from 1 to 4")
    return model, given, prompt, count


def _size(given: dict[str, Json]) -> tuple[int, int]:
    """Return the pixels asked for with `size` ("1024x1024"), or the usual ones where it cannot be had."""
    size = given.get("size")
    found = _SIZE.fullmatch(size) if isinstance(size, str) else None
    if found is None:
        return SIDE, SIDE
    width, height = (int(text) for text in found.groups())
    possible = all(MIN_SIDE <= side <= MAX_SIDE for side in (width, height))
    return (width, height) if possible else (SIDE, SIDE)
