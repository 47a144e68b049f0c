"""What a sample task is, and the task of the server that comes of it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import field
from typing import TYPE_CHECKING

from taskdash.demo.jobs import Job, compact_json
from taskdash.domain.values import value

if TYPE_CHECKING:
    from random import Random

    from taskdash.demo.pictures import Picture
    from taskdash.domain.task import Json


@value(frozen=True, slots=True, kw_only=True)
class Sample:
    """One task of the demo, in times relative to the server's start."""

    model: str
    prompt: str
    created_s: float
    """How long before the start it was created."""
    took_s: float
    """From its creation to its end."""
    pictures: tuple[Picture, ...] = ()
    inputs: dict[str, Json] = field(default_factory=dict)
    """What `input` holds beside the prompt; `{uploads}` stands for the address of the input pictures."""
    failure: tuple[str, str] | None = None
    timed_id: bool = False
    """Its ID is of the form `task_<model>_<13 digits>`; else it is a UUID."""


def sample_jobs(samples: Sequence[Sample], rng: Random, start_ms: int, uploads_url: str) -> list[Job]:
    """Return the tasks of the samples, in their order.

    Args:
        samples: what they are made of.
        rng: makes the IDs.
        start_ms: Unix milliseconds of the server's start.
        uploads_url: where the input pictures are served; ends with a slash.
    """
    return [_job(sample, rng, start_ms, uploads_url) for sample in samples]


def made_up_id(rng: Random) -> str:
    """Return a task ID that looks like any other."""
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def _job(sample: Sample, rng: Random, start_ms: int, uploads_url: str) -> Job:
    create_ms = start_ms - round(sample.created_s * 1000)
    task_id = made_up_id(rng)
    if sample.timed_id:
        family = sample.model.partition("-text-")[0]
        task_id = f"task_{family}_{create_ms}"
    request: dict[str, Json] = {
        "model": sample.model,
        "input": {"prompt": sample.prompt, **{k: _placed(v, uploads_url) for k, v in sample.inputs.items()}},
    }
    return Job(
        task_id=task_id,
        model=sample.model,
        param=compact_json(request),
        create_ms=create_ms,
        finish_ms=create_ms + round(sample.took_s * 1000),
        failure=sample.failure,
        pictures=sample.pictures,
    )


def _placed(value: Json, uploads_url: str) -> Json:
    if isinstance(value, str):
        return value.replace("{uploads}", uploads_url)
    if isinstance(value, Sequence):
        return [_placed(item, uploads_url) for item in value]
    return value
