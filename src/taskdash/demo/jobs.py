"""Keeps the tasks behind the demo API, and the pictures and clips that are their results.

Nothing runs in the background: how and when a task ends is fixed from the start, and its record depends only on the
time of the request.
"""

from __future__ import annotations

import json
import threading
import uuid
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from random import Random

    from taskdash.domain.task import Json

MODELS: Final = {
    "gpt-image-2-text-to-image": (24.0, 40.0),
    "gpt-image-2-image-to-image": (29.0, 47.0),
    "seedance-2.0-text-to-video": (70.0, 140.0),
    "seedance-2.0-image-to-video": (60.0, 116.0),
}
"""The models of the API, each with the minimum and maximum seconds that a task takes here."""
FAILING_WORD: Final = "forbidden"
"""A prompt containing this word fails with a content policy error, so that scripts can be tested."""
POLICY_FAILURE: Final = ("400", "Sorry, but the image we created may violate OpenAI's content policies.")

SAMPLES_FILE: Final = Path(__file__).with_name("samples.json")
MEDIA_FOLDER: Final = Path(__file__).with_name("media")
"""Contains the files drawn by `screenshots/draw_demo.py`."""
MEDIA: Final = tuple(sorted(path.name for path in MEDIA_FOLDER.iterdir()))
SONG: Final = "piano.mp3"


class RefusedError(Exception):
    """The API rejects a request; `code` is the HTTP status."""

    def __init__(
        self,
        code: int,
        message: str,
        data: dict[str, Json] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data
        self.headers = headers or {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Knows how and when a task of the server ends. Times are Unix milliseconds."""

    task_id: str
    model: str
    param: str
    create_ms: int
    finish_ms: int
    failure: tuple[str, str] | None = None
    """Code and message; None if it succeeds."""
    files: tuple[str, ...] = ()
    """Its result files, by their names in `MEDIA`."""

    def succeeded(self, now_ms: int) -> bool:
        """Return whether it has ended with results."""
        return now_ms >= self.finish_ms and self.failure is None

    def results(self) -> dict[str, str]:
        """Return the files of `MEDIA` by the names under which the API serves them, in order."""
        return {
            f"{self.task_id}-{number}{Path(name).suffix}": name for number, name in enumerate(self.files, 1)
        }

    def record(self, now_ms: int, results_url: str) -> dict[str, Json]:
        """Return `data` of `recordInfo`, with the fields and their order from the API's page."""
        finished, succeeded = now_ms >= self.finish_ms, self.succeeded(now_ms)
        code, message = self.failure if finished and self.failure else (None, None)
        state = "waiting"
        if finished:
            state = "success" if succeeded else "fail"
        links: Json = {"resultUrls": [results_url + name for name in self.results()]}
        return {
            "taskId": self.task_id,
            "model": self.model,
            "state": state,
            "param": self.param,
            "resultJson": compact_json(links) if succeeded else None,
            "failCode": code,
            "failMsg": message,
            # A failed task has neither of these two at this API.
            "costTime": self.finish_ms - self.create_ms if succeeded else None,
            "completeTime": self.finish_ms if succeeded else None,
            "createTime": self.create_ms,
        }


class Jobs:
    """Keeps all tasks of a server. Thread-safe."""

    def __init__(self, jobs: Iterable[Job], rng: Random) -> None:
        """Start with `jobs`; `rng` makes the IDs and durations of new ones."""
        self._rng = rng
        self._jobs = {job.task_id: job for job in jobs}
        self._by_request: dict[str, Job] = {}
        self._lock = threading.Lock()

    def find(self, task_id: str) -> Job | None:
        """Return the task with this ID."""
        return self._jobs.get(task_id)

    def find_result(self, name: str, now_ms: int) -> str | None:
        """Return the file in `MEDIA` for the name of a result; None before its task has succeeded."""
        job = self.find(name.rpartition("-")[0])
        return job.results().get(name) if job and job.succeeded(now_ms) else None

    def create(self, request: Json, request_id: str | None, now_ms: int) -> Job:
        """Start a task, or return the one started earlier with the same `X-Request-ID`.

        Raises RefusedError if the API would reject the request.
        """
        model, prompt, count = _validated(request)
        with self._lock:
            if request_id and request_id in self._by_request:
                return self._by_request[request_id]
            job = Job(
                task_id=random_id(self._rng),
                model=model,
                param=compact_json(request),
                create_ms=now_ms,
                finish_ms=now_ms + round(self._rng.uniform(*MODELS[model]) * 1000),
                failure=POLICY_FAILURE if FAILING_WORD in prompt.lower() else None,
                files=files_for(prompt, count, ".mp4" if model.endswith("-video") else ".webp"),
            )
            self._jobs[job.task_id] = job
            if request_id:
                self._by_request[request_id] = job
            return job


def files_for(prompt: str, count: int, suffix: str) -> tuple[str, ...]:
    """Return `count` files in `MEDIA` for a prompt, always the same, repeated if there are too few."""
    files = [name for name in MEDIA if name.endswith(suffix)]
    first = zlib.crc32(prompt.encode("utf-8", "surrogatepass"))
    return tuple(files[(first + number) % len(files)] for number in range(count))


def random_id(rng: Random) -> str:
    """Return a task ID of the usual form."""
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def compact_json(value: Json) -> str:
    """Return JSON text without spaces, as the API nests it in fields."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _validated(request: Json) -> tuple[str, str, int]:
    """Return the model, the prompt and the number of results requested; raise RefusedError if any is invalid."""
    if not isinstance(request, dict):
        raise RefusedError(400, "the request body must be a JSON object")
    model, given = request.get("model"), request.get("input")
    if not isinstance(model, str) or model not in MODELS:
        raise RefusedError(422, "model is not supported")
    if not isinstance(given, dict):
        raise RefusedError(422, "input is required")
    prompt, count = given.get("prompt"), given.get("n", 1)
    if not isinstance(prompt, str) or not prompt.strip():
        raise RefusedError(422, "input.prompt is required")
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= 4:
        raise RefusedError(422, "input.n must be a whole number from 1 to 4")
    return model, prompt, count


# The tasks a demo starts with


def sample_jobs(rng: Random, start_ms: int, uploads_url: str) -> list[Job]:
    """Return a typical list of a user of such an API, the latest first; `rng` makes the IDs.

    All times are relative to the server's start. Ten tasks are waiting then; the first ends after 5 s, then one every
    few seconds, and the last within 50 s, so that a demo without a terminal is over in a minute. Some IDs have the
    form `task_<model>_<13 digits>`, others are UUIDs.
    """
    jobs = []
    for sample in json.loads(SAMPLES_FILE.read_text("utf-8")):
        model, create_ms = sample["model"], start_ms - round(sample["created_s"] * 1000)
        uploads = [uploads_url + name for name in sample.get("uploads", ())]
        given = {"prompt": sample["prompt"], **({"image_urls": uploads} if uploads else {})}
        timed_id = f"task_{model.partition('-text-')[0]}_{create_ms}"
        jobs.append(
            Job(
                task_id=timed_id if sample.get("has_timed_id") else random_id(rng),
                model=model,
                param=compact_json({"model": model, "input": given | sample.get("inputs", {})}),
                create_ms=create_ms,
                finish_ms=create_ms + round(sample["took_s"] * 1000),
                failure=tuple(sample["failure"]) if "failure" in sample else None,
                files=tuple(sample.get("files", ())),
            )
        )
    return jobs


# A clip and a song of two other families, whose records have their own paths and forms.

CLIPS_PATH: Final = "/api/v1/veo/record-info"
SONGS_PATH: Final = "/api/v1/generate/record-info"
_CLIP_PROMPT: Final = "Slow pan along a coast at dusk, a lighthouse turning on, gentle waves, no people"
_SONG_PROMPT: Final = "A quiet piano over rain, hopeful at the end"


def family_jobs(rng: Random, start_ms: int) -> dict[str, Job]:
    """Return the task under each path of another family; their times are relative to the server's start."""
    clip, song = (f"{rng.getrandbits(128):032x}" for _ in range(2))
    return {
        CLIPS_PATH: Job(
            task_id=clip,
            model="veo3_fast",
            param=compact_json({"prompt": _CLIP_PROMPT, "model": "veo3_fast", "aspectRatio": "16:9"}),
            create_ms=start_ms - 142_000,
            finish_ms=start_ms - 51_600,
            files=("lighthouse.mp4",),
        ),
        SONGS_PATH: Job(
            task_id=song,
            model="V4_5",
            param=compact_json({"prompt": _SONG_PROMPT, "model": "V4_5", "instrumental": True}),
            create_ms=start_ms - 334_000,
            finish_ms=start_ms - 252_300,
            files=(SONG, "waves.webp"),
        ),
    }


def _clip(job: Job, now_ms: int, urls: list[Json]) -> dict[str, Json]:
    is_done = job.succeeded(now_ms)
    return {
        "taskId": job.task_id,
        "paramJson": job.param,
        "completeTime": job.finish_ms if is_done else None,
        "response": {"taskId": job.task_id, "resultUrls": urls, "resolution": "720p"} if is_done else None,
        "successFlag": int(is_done),
        "errorCode": None,
        "errorMessage": "",
        "createTime": job.create_ms,
        "creditsConsumed": 60,
    }


def _song(job: Job, now_ms: int, urls: list[Json]) -> dict[str, Json]:
    is_done = job.succeeded(now_ms)
    songs: list[Json] = [
        {
            "id": f"{job.task_id[:8]}-0000-4000-8000-{job.task_id[:12]}",
            "audioUrl": urls[0],
            "imageUrl": urls[1],
            "title": "Rain, Then Light",
            "tags": "piano, ambient",
            "modelName": "chirp-auk",
            "duration": 7.3,
        }
    ]
    return {
        "taskId": job.task_id,
        "parentMusicId": "",
        "param": job.param,
        "response": {"taskId": job.task_id, "sunoData": songs} if is_done else None,
        "status": "SUCCESS" if is_done else "PENDING",
        "type": "GENERATE",
        "errorCode": None,
        "errorMessage": None,
        "createTime": job.create_ms,
        "completeTime": job.finish_ms if is_done else None,
        "creditsConsumed": 12,
    }


FAMILY_RECORDS: Final = {CLIPS_PATH: _clip, SONGS_PATH: _song}
"""For each family's path, the function that returns `data` of a record, given the task, the time and result links."""
