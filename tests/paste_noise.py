"""Texts that people paste, made up from a seed: known IDs amid everything that only looks like one.

Shared by the tests, which try a few hundred texts, and by `benchmarks/bench_paste.py`, which tries many and times
long ones. A fragment is a piece of text with the IDs that count in it.
"""

from __future__ import annotations

import json
import random
import re
import uuid
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

MODELS: Final = ("nano-banana-pro", "flux-2", "kling-2-6", "gpt4o", "sora-2-text-to-video", "z-image")
PROSE: Final = """
the task_id was created by task_manager with status waiting and then polled again task_type task_queue done in ms
image prompt of a cat on a mat retry later timeout user order result token bucket key frame trace level
"""
WORDS: Final = tuple(PROSE.split())

# A word in angle brackets is what the method of that name makes; <id> is the ID that counts.
LABELLED: Final = (
    "taskId: <id>", "Task ID: <id>", "export TASK_ID=<id>", "task_id=<id> request_id=<uuid> state=waiting",
    "const taskId = '<id>';", 'poll(task_id="<id>")', "{'taskId': '<id>', 'state': 'waiting'}", "- **Task ID:** `<id>`",
    "// taskId:\n//   <id>", "<stamp> INFO [KIE] Job created: <id>", "Task ID:\n<id>",
    "kie poll --task-id <id> --download", "task:\n  task_id: <id>\n  state: waiting",
)  # fmt: skip
BARE: Final = (
    "<id>", "- <id>", "<stamp> INFO [<id>] state=waiting", "please look at <id>, thanks", '"<id>",', "Polling <id>...",
    "`<id>`", "$ kie show <id> --json", "\x1b[32m<id>\x1b[0m done in 32 s", "1. <id> (waiting)",
    "Created task <id> model=x",
)  # fmt: skip
URLS: Final = (
    "<url>", "[open](<url>)", 'curl "<url>" -H "Authorization: Bearer <key>"',
    "https://x.test/go?to=<quoted_url>&sig=<hex>",
)  # fmt: skip
RECORDS: Final = (
    "<record>",
    "<laid_out_record>",
    "<stamp> DEBUG body: <record>",
    '{"body": <record_in_json>}',
)
WITHOUT_IDS: Final = (
    ("<stamp> INFO <prose>",),
    ("<stamp> INFO <prose>",),
    ("sha256:<hex><hex> <number> <share>",),
    (
        "Authorization: Bearer <key>", "export KIE_API_KEY=<key>", 'api_key = "<key>"', "X-API-Key: <key>",
        "token=<key>", "API key:\n<key>", "const secret = '<key>';", '{"headers": {"Authorization": "Bearer <key>"}}',
        "my key is <key>",
    ),
    (
        "X-Request-ID: <other>", "<stamp> INFO request_id=<other> status=200", '{"requestId": "<other>"}',
        "< x-request-id: <other>", "trace_id=<other> span=1", "cf-ray: <other>-SJC", "user_id: <other>",
        "[req=<other>] GET /health", "sessionId=<other>",
    ),
    (
        "https://cdn.x.test/v/<other>_1763136934.mp4", "saved out/<other>.png", '["https://x.test/s/<other>.mp3"]',
        "/files/<other>/result.png", "GET /api/v1/jobs/<other> 200", "https://x.test/a.png?X-Signature=<other>&Expires=17",
        "<other>-0.webp", "img_<other>.jpg",
    ),
    (
        "GET /r?taskId={taskId}", "kie download <task-id>", "?taskId=task_xxx", "taskId=281e5b0*****f39b9",
        "taskId: null", "taskId: string;", "task_id = resp.json()['data']['taskId']", "`r?taskId=${taskId}`",
        '{"taskId": null}',
    ),
)  # fmt: skip
LOG_LINES: Final = ("Created task <id>", "[<id>] state=waiting", 'got {"taskId": "<id>"}')
"""Lines of a log with an ID."""


@dataclass(frozen=True)
class Fragment:
    text: str
    ids: tuple[str, ...] = ()


class Noise:
    """Makes fragments and pastes; the same seed gives the same ones."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - test data, no secret
        self._id = ""

    def uuid(self) -> str:
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def hex(self) -> str:
        return f"{self.random.getrandbits(128):032x}"

    def other(self) -> str:
        """Return a word of the form of an ID that is none."""
        return self.random.choice((self.uuid, self.hex))()

    def number(self) -> str:
        return str(self.random.randrange(10**12))

    def share(self) -> str:
        return str(self.random.random())

    def key(self) -> str:
        return ("" if self.random.random() < 0.6 else "sk-") + self.hex()

    def prose(self) -> str:
        return " ".join(self.random.choices(WORDS, k=self.random.randrange(3, 12)))

    def stamp(self) -> str:
        day, second, ms = (self.random.randrange(*span) for span in ((10, 29), (10, 59), (100, 999)))
        return f"2026-09-{day} 10:02:{second},{ms}"

    def task_id(self) -> str:
        """Return an ID of a form that is known."""
        tail = "".join(self.random.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=21))
        millis = self.random.randrange(1_700_000_000_000, 1_800_000_000_000)
        forms = (f"task_{self.random.choice(MODELS)}_{millis}", f"task_{millis // 10_000}", f"task_cl{tail}7")
        return self.random.choice((self.uuid(), self.hex(), *forms))

    def any_id(self) -> str:
        """Return an ID of a form that is known, or of one that only a label can tell."""
        kind, mark = self.random.choice(("job", "gen", "run")), self.random.choice("-.:_")
        return self.random.choice((self.task_id(), f"{kind}{mark}{self.random.randrange(10**4, 10**7)}"))

    def id(self) -> str:
        return self._id

    def url(self) -> str:
        version = self.random.randrange(9)
        return f"https://api.x.test/api/v1/jobs/recordInfo?v={version}&taskId={quote(self._id, safe='')}"

    def quoted_url(self) -> str:
        return quote(self.url(), safe="")

    def record(self, *, indent: int | None = None) -> str:
        inputs = {"input": {"prompt": self.prose(), "task_id": self.uuid()}, "seed": self.hex()}
        data = {
            "taskId": self._id,
            "model": self.random.choice(MODELS),
            "state": "success",
            "param": json.dumps(inputs),
            "resultJson": json.dumps({"resultUrls": [f"https://cdn.x.test/{self.hex()}.png"]}),
            "userId": self.uuid(),
            "createTime": 1777474689024,
        }
        body = {"code": 200, "msg": "success", "requestId": self.uuid(), "data": data}
        return json.dumps(body, indent=indent)

    def laid_out_record(self) -> str:
        return self.record(indent=2)

    def record_in_json(self) -> str:
        return json.dumps(self.record())

    def filled(self, forms: tuple[str, ...], task_id: str = "") -> Fragment:
        """Return one of some forms with all that it names."""
        self._id = task_id
        text = re.sub(r"<(\w+)>", lambda found: str(getattr(self, found[1])()), self.random.choice(forms))
        return Fragment(text, (task_id,) if task_id else ())

    def without_ids(self) -> Fragment:
        return self.filled(self.random.choice(WITHOUT_IDS))

    def table(self) -> Fragment:
        ids = tuple(self.any_id() for _ in range(self.random.randrange(1, 5)))
        if self.random.random() < 0.5:
            head = ["| # | Task ID | Request | State |", "|---|---|---|---|"]
            rows = [f"| {n} | `{task_id}` | {self.uuid()} | waiting |" for n, task_id in enumerate(ids)]
        else:
            head = ["state,prompt,task_id,request_id"]
            rows = [f'waiting,"{self.prose()}, ""x""",{task_id},{self.uuid()}' for task_id in ids]
        return Fragment("\n".join([*head, *rows]) + "\n", ids)

    def several(self) -> Fragment:
        ids = tuple(self.task_id() for _ in range(self.random.randrange(1, 6)))
        text = self.random.choice((
            "TASKS = [\n" + "".join(f'    "{task_id}",  # {self.prose()}\n' for task_id in ids) + "]",
            "tasks:\n" + "".join(f"  - {task_id}\n" for task_id in ids),
            "Task IDs: " + ", ".join(ids),
            json.dumps({"taskIds": ids}),
        ))  # fmt: skip
        return Fragment(text, ids)

    def wrapped(self) -> Fragment:
        """Return an ID that a line's end has cut."""
        task_id = self.other()
        at = self.random.randrange(3, len(task_id) - 2)
        return Fragment(f"taskId: {task_id[:at]}\n{task_id[at:]}\n", (task_id,))

    def fragment(self) -> Fragment:
        """One piece of text, ended by a newline."""
        if self.random.random() < 0.5:
            return self.without_ids()
        kind = self.random.choice((LABELLED, BARE, URLS, RECORDS, self.table, self.several, self.wrapped))
        if callable(kind):
            return kind()
        return self.filled(kind, self.task_id() if kind is BARE else self.any_id())

    def paste(self, fragments: int) -> Fragment:
        """Several fragments, of which each keeps to its own lines."""
        made = [self.fragment() for _ in range(fragments)]
        ids = dict.fromkeys(task_id for fragment in made for task_id in fragment.ids)
        line_end = self.random.choice(("\n", "\n", "\n", "\r\n"))
        text = "\n".join(fragment.text + "\n" for fragment in made)
        return Fragment(text.replace("\n", line_end), tuple(ids))


def log_with_ids(seed: int, ids: int, size: int) -> Fragment:
    """A log of about `size` characters with that many IDs spread over it."""
    noise = Noise(seed)
    lines: list[str] = []
    wanted = tuple(noise.task_id() for _ in range(ids))
    for task_id in wanted:
        lines.append(noise.filled(LOG_LINES, task_id).text)
        left = size // ids - len(lines[-1])
        while left > 0:
            lines.append(noise.without_ids().text)
            left -= len(lines[-1]) + 1
    return Fragment("\n".join(lines), wanted)
