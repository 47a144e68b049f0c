"""Two families beside the jobs, a clip and a song: their records have paths and forms of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from taskdash.demo.jobs import SONG, Job, compact_json

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from taskdash.domain.task import Json

CLIPS_PATH: Final = "/api/v1/veo/record-info"
SONGS_PATH: Final = "/api/v1/generate/record-info"
_CLIP_PROMPT: Final = "Slow pan along a coast at dusk, a lighthouse turning on, gentle waves, no people"
_SONG_PROMPT: Final = "A quiet piano over rain, hopeful at the end"


def family_jobs(rng: Random, start_ms: int) -> dict[str, Job]:
    """Return the tasks of each path; `rng` makes their IDs, and their times hang on the server's start."""
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


_FORMS: Final[dict[str, Callable[[Job, int, list[Json]], dict[str, Json]]]] = {
    CLIPS_PATH: _clip,
    SONGS_PATH: _song,
}
PATHS: Final = tuple(_FORMS)


def family_record(path: str, job: Job, now_ms: int, results_url: str) -> dict[str, Json]:
    """Return `data` of a record under the path of a family.

    Args:
        path: one of `PATHS`.
        job: whose.
        now_ms: the time it is asked at.
        results_url: what goes before the name of a result; ends with a slash.
    """
    return _FORMS[path](job, now_ms, [results_url + name for name in job.results()])
