"""Mutated answers through parse and sanitise: nothing raises, and no text can act on a terminal.

    python benchmarks/fuzz_wire.py [COUNT] [--seed N]

COUNT is a million unless given; each seed gives the same bodies again. A failure prints its seed and number,
status, headers and body. The suite runs the same code for a short while.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Final

from taskdash.api.wire import parse_answer
from taskdash.domain.failures import classify
from taskdash.domain.query import Query
from taskdash.domain.record import apply_answer
from taskdash.domain.task import State
from taskdash.domain.task_json import task_json
from taskdash.domain.untrusted import raw_text
from taskdash.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from taskdash.domain.record import Answer, Record
    from taskdash.domain.task import Json

DATA: Final = Path(__file__).parents[1] / "tests" / "data"
BODIES: Final = sorted(
    [
        *(DATA / "payloads").iterdir(),
        *(path for path in (DATA / "families").iterdir() if path.stem != "expected"),
    ]
)
OTHER_ID: Final = "5064bd1a-025a-490b-b28f-6a9fa12eb88a"

_UNSAFE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff"
    r"\U000e0000-\U000e0fff]"
)
_INT64: Final = 2**63
_STATUSES: Final = (
    200,
    200,
    200,
    200,
    201,
    204,
    301,
    400,
    401,
    402,
    404,
    408,
    422,
    429,
    455,
    500,
    501,
    502,
    999,
    0,
)
_HEADERS: Final[tuple[dict[str, str], ...]] = (
    {},
    {},
    {"content-type": "application/json"},
    {"content-type": "text/html; charset=\x1b"},
    {"content-encoding": "gzip"},
    {"content-encoding": "deflate"},
    {"content-encoding": "br"},
    {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT", "date": "x"},
    {"retry-after": "-1e9", "location": "javascript:\x9b\u202e"},
)
_TEXTS: Final = (
    "", "0", "-1", "1e999", "NaN", "null", "[", "{", '{"', "\x00", "\x1b[2J", "\x9b31m", "\u202e", "\ud800",
    "\u200b", "\U000e0041", "e" + "\u0301" * 50, "https://a.example/\x1b", "https://[", "javascript:alert(1)",
    "success", "FAIL", "canceled", '{"resultUrls":["https://cdn.example/1.png"]}', '"\\"[1]\\""', "9" * 5000,
    "猫🎨", "x" * 70_000,
)  # fmt: skip
_NUMBERS: Final[tuple[Json, ...]] = (
    0, 1, -1, 8, 12.5, 1e300, 2**63, 2**64, 10**39, 1777474689024, 1777474689, True,
)  # fmt: skip
_TOKENS: Final = (
    b"\x00", b"\xff", b"\xef\xbb\xbf", b"\\ud800", b"\\u001b", b"\\u202e", b"NaN", b"-Infinity", b"1e999",
    b"null", b"[[[[[[[[", b'{"a":', b"]", b"}", b'"', b"\\", b",", b"9" * 5000, b"\xc2\x9b", b"\xed\xa0\x80",
    b"<html>", b'"data":', b'"state":"fail"', b'"code":501,', b'"taskId":"other",',
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """One answer as it might come."""

    status: int
    headers: dict[str, str]
    body: bytes
    asked_id: str


def cases(count: int, seed: int) -> Iterator[Case]:
    """Yield `count` answers; equal seeds give equal answers."""
    random = Random(seed)  # noqa: S311 - test data, and repeatable on purpose
    bodies = [path.read_bytes() for path in BODIES]
    for _ in range(count):
        body = random.choice(bodies)
        named = re.search(rb'"(?:taskId|task_id|id)": "(.*)"', body)
        asked_id = named[1].decode() if named and random.random() < 0.95 else OTHER_ID
        if random.random() < 0.5:
            body = _mutated_bytes(random, body, bodies)
        else:
            body = _mutated_json(random, json.loads(body))
        plain = random.random() < 0.6
        status, headers = (200, {}) if plain else (random.choice(_STATUSES), random.choice(_HEADERS))
        yield Case(status, headers, body, asked_id)


def _mutated_bytes(random: Random, body: bytes, bodies: list[bytes]) -> bytes:
    changed = bytearray(body)
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(changed) + 1)
        match random.randrange(5):
            case 0 if at < len(changed):
                changed[at] ^= 1 << random.randrange(8)
            case 1:
                del changed[at : at + random.randint(1, 40)]
            case 2:
                changed[at:at] = random.choice(_TOKENS)
            case 3:
                changed[at:] = random.choice(bodies)[random.randrange(60) :]
            case _:
                changed[at:at] = changed[at : at + random.randint(1, 80)]
    return bytes(changed)


def _mutated_json(random: Random, document: Json) -> bytes:
    """A body that still is JSON, with values swapped for ones of any type at any depth."""
    changed = document
    for _ in range(random.randint(1, 3)):
        changed = _with_one_swapped(random, changed)
    return json.dumps(changed, ensure_ascii=random.random() < 0.5).encode("utf-8", "replace")


def _with_one_swapped(random: Random, value: Json) -> Json:
    if isinstance(value, dict) and value and random.random() < 0.85:
        key = random.choice(list(value))
        value[random.choice(_TEXTS[:20]) if random.random() < 0.02 else key] = _with_one_swapped(
            random, value[key]
        )
        return value
    if isinstance(value, list) and value and random.random() < 0.7:
        at = random.randrange(len(value))
        value[at] = _with_one_swapped(random, value[at])
        return value
    return _odd_value(random, value)


def _odd_value(random: Random, value: Json) -> Json:
    match random.randrange(6):
        case 0:
            return random.choice(_NUMBERS)
        case 1:
            return None
        case 2:
            return [value] * random.randint(0, 3)
        case 3:
            return {random.choice(("resultUrl", "url", "state", "prompt", "\x1b")): value}
        case 4:
            return json.dumps(value)
        case _:
            return random.choice(_TEXTS)


def fault_in(answer: Answer) -> str | None:
    """What is wrong with a parsed answer: text that a terminal acts on, or a value that no store takes."""
    if (answer.record is None) is (answer.problem is None):
        return "neither or both of a record and a problem"
    if answer.record is None and (answer.raw or not answer.message):
        return "a problem without a message, or with a body"
    for text in (answer.message, *_texts_of(answer.record), *_throttle_texts(answer)):
        unsafe = _UNSAFE.search(text)
        if unsafe:
            return f"{unsafe[0]!a} in {text[:80]!a}"
    return _number_fault(answer.record) if answer.record else None


def _throttle_texts(answer: Answer) -> tuple[str, ...]:
    return ((answer.throttle.tier or ""),) if answer.throttle else ()


def _texts_of(record: Record | None) -> Iterator[str]:
    if record is None:
        return
    yield classify(record.fail_code, record.fail_msg, record.raw_state)
    yield from record.result_urls
    for field in (
        record.task_id,
        record.raw_state,
        record.model,
        record.prompt,
        record.fail_code,
        record.fail_msg,
    ):
        yield field or ""
    yield record.progress or ""
    yield record.credits_consumed or ""
    yield from _json_texts([record.param, record.extra])
    # What a store writes and `--json` prints: NaN and infinity would raise here.
    yield json.dumps([record.param, record.extra], allow_nan=False)


def _json_texts(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for item in value:
            yield from _json_texts(item)
        for item in value.values() if isinstance(value, dict) else ():
            yield from _json_texts(item)


def _number_fault(record: Record) -> str | None:
    times_ms = (
        record.cost_time_ms,
        record.complete_time_ms,
        record.create_time_ms,
        record.result_expires_at_ms,
    )
    for number in times_ms:
        if number is not None and not 0 <= number < _INT64:
            return f"{number} is no time"
    return None


def run(count: int, seed: int, sink: Callable[[Answer], None] | None = None) -> Counter[str]:
    """Parse `count` answers and return how often each outcome came; `sink` may store each answer as well.

    Raises:
        AssertionError: an answer that came out wrong, or an exception, with the case that made it.
    """
    outcomes: Counter[str] = Counter()
    for number, case in enumerate(cases(count, seed)):
        try:
            answer = parse_answer(case.status, case.headers, case.body, case.asked_id)
            fault = fault_in(answer)
            if not fault and answer.raw:
                shown = raw_text(answer.raw).decode("utf-8").replace("\r\n", "\n")
                fault = (
                    "a control in the raw text"
                    if re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", shown)
                    else None
                )
            if sink:
                sink(answer)
        except Exception as error:
            raise AssertionError(f"seed {seed}, number {number}: {error!r} from {case!a}") from error
        if fault:
            raise AssertionError(f"seed {seed}, number {number}: {fault} from {case!a}")
        outcomes[answer.problem or f"record: {answer.record.state if answer.record else ''}"] += 1
    return outcomes


@contextmanager
def stored(batch: int = 500) -> Iterator[Callable[[Answer], None]]:
    """Gives a sink that keeps every answer in a real store, as the watcher does, `batch` of them a transaction."""
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder) / "tasks.db") as store:
        store.additions.add("p", [f"task_{n}" for n in range(batch)], 0)
        waiting: list[Answer] = []

        def keep() -> None:
            # As if none had ended: what has ended takes no other record.
            tasks = [replace(task, state=State.NEW) for task in store.tasks.rows(Query("p"), 0)]
            outcomes = [apply_answer(task, answer, 1) for task, answer in zip(tasks, waiting, strict=False)]
            store.checks.record(outcomes)
            waiting.clear()

        def sink(answer: Answer) -> None:
            waiting.append(answer)
            if len(waiting) == batch:
                keep()

        yield sink
        keep()
        for detail in store.tasks.details(store.tasks.seqs(Query("p"), 0)):
            json.dumps(task_json(detail), allow_nan=False)


def main() -> None:
    """Run as a script."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("count", nargs="?", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    start_s = time.perf_counter()
    with stored() as sink:
        outcomes = run(arguments.count, arguments.seed, sink)
    elapsed_s = time.perf_counter() - start_s
    for outcome, times in outcomes.most_common():
        sys.stdout.write(f"{times:>12,}  {outcome}\n")
    rate = arguments.count / elapsed_s
    sys.stdout.write(
        f"{arguments.count:>12,}  bodies, seed {arguments.seed}: parsed and stored: nothing raised, {rate:,.0f}/s\n"
    )


if __name__ == "__main__":
    main()
