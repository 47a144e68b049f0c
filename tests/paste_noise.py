"""Texts that people paste, made up from a seed: known IDs amid everything that only looks like one.

Shared by the tests, which try a few hundred texts, and by `benchmarks/bench_paste.py`, which tries many and times
long ones. A fragment is a piece of text with the IDs that count in it.
"""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

MODELS = ("nano-banana-pro", "flux-2", "kling-2-6", "gpt4o", "sora-2-text-to-video", "z-image", "seedance-2")
PROSE = """
the task_id was created by task_manager with status waiting and then polled again task_type task_queue done in ms
image prompt of a cat on a mat retry later timeout user order result token bucket key frame trace level
"""
WORDS = tuple(PROSE.split())


@dataclass(frozen=True)
class Fragment:
    text: str
    ids: tuple[str, ...] = ()


class Noise:
    """Makes fragments and pastes; the same seed gives the same ones."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - test data, no secret

    def uuid(self) -> str:
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def hex_32(self) -> str:
        return f"{self.random.getrandbits(128):032x}"

    def task_id(self) -> str:
        pick = self.random.randrange(5)
        if pick == 0:
            return self.uuid()
        if pick == 1:
            return self.hex_32()
        if pick == 2:
            return f"task_{self.random.choice(MODELS)}_{self.random.randrange(1_700_000_000_000, 1_800_000_000_000)}"
        if pick == 3:
            return f"task_{self.random.randrange(10**8, 10**12)}"
        return "task_cl" + "".join(self.random.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=21)) + "7"

    def own_id(self) -> str:
        """An ID of any form that only a label can tell."""
        kind, mark = self.random.choice(("job", "gen", "run")), self.random.choice("-.:_")
        return f"{kind}{mark}{self.random.randrange(10**4, 10**7)}"

    def prose(self) -> str:
        return " ".join(self.random.choices(WORDS, k=self.random.randrange(3, 12)))

    def stamp(self) -> str:
        day, second, ms = (
            self.random.randrange(10, 29),
            self.random.randrange(10, 59),
            self.random.randrange(100, 999),
        )
        return f"2026-09-{day} 10:02:{second},{ms}"

    def key(self) -> str:
        return self.hex_32() if self.random.random() < 0.6 else "sk-" + self.hex_32()

    def record(self, task_id: str, *, indent: int | None = None) -> str:
        body = {
            "code": 200,
            "msg": "success",
            "requestId": self.uuid(),
            "data": {
                "taskId": task_id,
                "model": self.random.choice(MODELS),
                "state": "success",
                "param": json.dumps(
                    {"input": {"prompt": self.prose(), "task_id": self.uuid()}, "seed": self.hex_32()}
                ),
                "resultJson": json.dumps({"resultUrls": [f"https://cdn.x.test/{self.hex_32()}.png"]}),
                "userId": self.uuid(),
                "createTime": 1777474689024,
            },
        }
        return json.dumps(body, indent=indent)

    def fragment(self) -> Fragment:
        """One piece of text, ended by a newline."""
        makers = WITH_IDS if self.random.random() < 0.5 else WITHOUT_IDS
        return self.random.choice(makers)(self)

    def paste(self, fragments: int) -> Fragment:
        """Several fragments, of which each keeps to its own lines."""
        made = [self.fragment() for _ in range(fragments)]
        ids = dict.fromkeys(task_id for fragment in made for task_id in fragment.ids)
        line_end = self.random.choice(("\n", "\n", "\n", "\r\n"))
        text = "\n".join(fragment.text + "\n" for fragment in made)
        return Fragment(text.replace("\n", line_end), tuple(ids))


def _labelled(noise: Noise) -> Fragment:
    task_id = noise.random.choice((noise.task_id, noise.own_id))()
    form = noise.random.choice(
        (
            "taskId: {}",
            "Task ID: {}",
            "export TASK_ID={}",
            "task_id={} request_id={other} state=waiting",
            "const taskId = '{}';",
            'poll(task_id="{}")',
            "{{'taskId': '{}', 'state': 'waiting'}}",
            "- **Task ID:** `{}`",
            "// taskId:\n//   {}",
            "{stamp} INFO [KIE] Job created: {}",
            "Task ID:\n{}",
            "kie poll --task-id {} --download",
            "task:\n  task_id: {}\n  state: waiting",
        )
    )
    return Fragment(form.format(task_id, other=noise.uuid(), stamp=noise.stamp()), (task_id,))


def _bare(noise: Noise) -> Fragment:
    task_id = noise.task_id()
    form = noise.random.choice(
        (
            "{}",
            "- {}",
            "{stamp} INFO [{}] state=waiting",
            "please look at {}, thanks",
            '"{}",',
            "Polling {}...",
            "`{}`",
            "$ kie show {} --json",
            "\x1b[32m{}\x1b[0m done in 32 s",
            "1. {} (waiting)",
            "Created task {} model=x",
        )
    )
    return Fragment(form.format(task_id, stamp=noise.stamp()), (task_id,))


def _url(noise: Noise) -> Fragment:
    task_id = noise.random.choice((noise.task_id, noise.own_id))()
    url = f"https://api.x.test/api/v1/jobs/recordInfo?v={noise.random.randrange(9)}&taskId={quote(task_id, safe='')}"
    wrapped = f"https://x.test/go?to={quote(url, safe='')}&sig={noise.hex_32()}"
    return Fragment(
        noise.random.choice(
            (url, f"[open]({url})", f'curl "{url}" -H "Authorization: Bearer {noise.key()}"', wrapped)
        ),
        (task_id,),
    )


def _json(noise: Noise) -> Fragment:
    task_id = noise.random.choice((noise.task_id, noise.own_id))()
    record = noise.record(task_id, indent=noise.random.choice((None, None, 2)))
    return Fragment(
        noise.random.choice((record, f"{noise.stamp()} DEBUG body: {record}", json.dumps({"body": record}))),
        (task_id,),
    )


def _table(noise: Noise) -> Fragment:
    ids = tuple(
        noise.random.choice((noise.task_id, noise.own_id))() for _ in range(noise.random.randrange(1, 5))
    )
    if noise.random.random() < 0.5:
        rows = [f"| {n} | `{task_id}` | {noise.uuid()} | waiting |" for n, task_id in enumerate(ids)]
        return Fragment(
            "\n".join(["| # | Task ID | Request | State |", "|---|---|---|---|", *rows]) + "\n", ids
        )
    rows = [f'waiting,"{noise.prose()}, ""x""",{task_id},{noise.uuid()}' for task_id in ids]
    return Fragment("\n".join(["state,prompt,task_id,request_id", *rows]) + "\n", ids)


def _list(noise: Noise) -> Fragment:
    ids = tuple(noise.task_id() for _ in range(noise.random.randrange(1, 6)))
    form = noise.random.randrange(4)
    if form == 0:
        return Fragment(
            "TASKS = [\n" + "".join(f'    "{task_id}",  # {noise.prose()}\n' for task_id in ids) + "]", ids
        )
    if form == 1:
        return Fragment("tasks:\n" + "".join(f"  - {task_id}\n" for task_id in ids), ids)
    if form == 2:
        return Fragment("Task IDs: " + ", ".join(ids), ids)
    return Fragment(json.dumps({"taskIds": ids}), ids)


def _wrapped(noise: Noise) -> Fragment:
    task_id = noise.random.choice((noise.uuid(), noise.hex_32()))
    at = noise.random.randrange(3, len(task_id) - 2)
    return Fragment(f"taskId: {task_id[:at]}\n{task_id[at:]}\n", (task_id,))


def _words(noise: Noise) -> Fragment:
    return Fragment(f"{noise.stamp()} INFO {noise.prose()}")


def _key(noise: Noise) -> Fragment:
    form = noise.random.choice(
        (
            "Authorization: Bearer {}",
            "export KIE_API_KEY={}",
            'api_key = "{}"',
            "X-API-Key: {}",
            "token={}",
            "API key:\n{}",
            "const secret = '{}';",
            '{{"headers": {{"Authorization": "Bearer {}"}}}}',
            "my key is {}",
        )
    )
    return Fragment(form.format(noise.key()))


def _request(noise: Noise) -> Fragment:
    form = noise.random.choice(
        (
            "X-Request-ID: {}",
            "{stamp} INFO request_id={} status=200",
            '{{"requestId": "{}"}}',
            "< x-request-id: {}",
            "trace_id={} span=1",
            "cf-ray: {}-SJC",
            "user_id: {}",
            "[req={}] GET /health",
            "sessionId={}",
        )
    )
    return Fragment(form.format(noise.random.choice((noise.uuid(), noise.hex_32())), stamp=noise.stamp()))


def _file(noise: Noise) -> Fragment:
    form = noise.random.choice(
        (
            "https://cdn.x.test/v/{}_1763136934.mp4",
            "saved out/{}.png",
            '["https://x.test/s/{}.mp3"]',
            "/files/{}/result.png",
            "GET /api/v1/jobs/{} 200",
            "https://x.test/a.png?X-Signature={}&Expires=17",
            "{}-0.webp",
            "img_{}.jpg",
        )
    )
    return Fragment(form.format(noise.random.choice((noise.uuid(), noise.hex_32()))))


def _placeholder(noise: Noise) -> Fragment:
    return Fragment(
        noise.random.choice(
            (
                "GET /r?taskId={taskId}",
                "kie download <task-id>",
                "?taskId=task_xxx",
                "taskId=281e5b0*****f39b9",
                "taskId: null",
                "taskId: string;",
                "task_id = resp.json()['data']['taskId']",
                "`r?taskId=${taskId}`",
                '{"taskId": null}',
            )
        )
    )


def _hash(noise: Noise) -> Fragment:
    return Fragment(
        f"sha256:{noise.hex_32()}{noise.hex_32()} {noise.random.randrange(10**12)} {noise.random.random()}"
    )


WITH_IDS: tuple[Callable[[Noise], Fragment], ...] = (_labelled, _bare, _url, _json, _table, _list, _wrapped)
WITHOUT_IDS: tuple[Callable[[Noise], Fragment], ...] = (
    _words,
    _words,
    _key,
    _request,
    _file,
    _placeholder,
    _hash,
)


@dataclass(frozen=True)
class Score:
    """How a search did over many pastes."""

    expected: int
    found: int
    right: int

    @property
    def recall(self) -> float:
        return self.right / self.expected if self.expected else 1.0

    @property
    def precision(self) -> float:
        return self.right / self.found if self.found else 1.0

    def __add__(self, other: Score) -> Score:
        return Score(self.expected + other.expected, self.found + other.found, self.right + other.right)


def score(expected: tuple[str, ...], found: list[str]) -> Score:
    return Score(len(set(expected)), len(found), len(set(expected) & set(found)))


def log_with_ids(seed: int, ids: int, size: int) -> Fragment:
    """A log of about `size` characters with that many IDs spread over it."""
    noise = Noise(seed)
    lines: list[str] = []
    wanted = [noise.task_id() for _ in range(ids)]
    total = 0
    for task_id in wanted:
        lines.append(
            noise.random.choice(("Created task {}", "[{}] state=waiting", 'got {{"taskId": "{}"}}')).format(
                task_id
            )
        )
        share = len(lines[-1])
        while share < size // ids:
            lines.append(noise.random.choice(WITHOUT_IDS)(noise).text)
            share += len(lines[-1]) + 1
        total += share
    return Fragment("\n".join(lines), tuple(wanted))
