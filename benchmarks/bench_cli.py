"""Start-up and bulk output of the command line, each beside the least that Python needs for the same.

P10: `taskdash list --json` of 10,000 tasks beside a bare script that reads the same rows by sqlite3 and dumps them.
P11: the CPU time of `taskdash add ID` and of `taskdash list` beyond that of `python -c "import click, sqlite3"`.

And `taskdash status` on 10,000 tasks, whole, beside `python -c "import sqlite3"`: it stands in a prompt.

Without a goal: what `stats --by` and overdue tasks take of 100,000 tasks, beside a script that reads and adds up
the same.

The rounds take turns, and each figure is the median of the rounds' own: this machine may be busy. The last row of P10
has no goal: what the same list costs where every prompt is Chinese, whose letters all become escapes.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Final

from taskdash.domain.query import Query
from taskdash.domain.record import Answer, Record, apply_answer
from taskdash.domain.task import State
from taskdash.store.store import Store

TASKS: Final = 10_000
MANY: Final = 100_000
ROUNDS: Final = 11
GOAL: Final = 2.0
START_ROUNDS: Final = 21
START_GOAL_MS: Final = 25.0
STATUS_GOAL_MS: Final = 60.0
NOW_MS: Final = 1_780_000_000_000
PROGRAM: Final = str(Path(sys.executable).with_name("taskdash"))
PEER: Final = """
import json, sqlite3, sys
names = ("taskId model state rawState param resultUrls failCode failMsg costTime completeTime createTime profile "
         "label note addedAt checkedAt problemKind problemMessage problemSince").split()
rows = sqlite3.connect(sys.argv[1]).execute(
    "SELECT task_id, model, state, raw_state, param, result_urls, fail_code, fail_msg, cost_time_ms, "
    "complete_time_ms, create_time_ms, profile, label, note, added_at_ms, checked_at_ms, problem_kind, "
    "problem_message, problem_since_ms FROM tasks LEFT JOIN bodies USING (seq) WHERE removal = 0 ORDER BY seq"
).fetchall()
print(json.dumps([dict(zip(names, row)) for row in rows]))
"""


ADDS_UP: Final = """
import collections, json, sqlite3, sys
found = collections.defaultdict(lambda: [0] * 5)
for label, state, amount in sqlite3.connect(sys.argv[1]).execute(
    "SELECT label, state, credits FROM tasks WHERE removal = 0"
):
    found[label][state] += 1
    found[label][4] += amount or 0
print(json.dumps(dict(found)))
"""


def fill(path: Path, prompt: str, tasks: int = TASKS) -> None:
    """Make a store whose tasks are all checked."""
    with Store(path) as store:
        store.additions.add("aigptimage", [f"task_gpt-image-2_{n:013d}" for n in range(tasks)], NOW_MS)
        outcomes = []
        for n, task in enumerate(store.tasks.rows(Query("aigptimage"), NOW_MS)):
            state = (State.SUCCESS, State.FAIL, State.WAITING)[n % 3]
            done = state is State.SUCCESS
            record = Record(
                state=state,
                raw_state=state.value,
                model="gpt-image-2-text-to-image",
                prompt=f"{prompt} {n}",
                param={
                    "model": "gpt-image-2-text-to-image",
                    "input": {"prompt": f"{prompt} {n}", "size": "1024x1024"},
                },
                result_urls=(f"https://cdn.example.com/results/{n}.png",) if done else (),
                fail_code="400" if state is State.FAIL else None,
                fail_msg="The image may violate the content policies." if state is State.FAIL else None,
                cost_time_ms=32_241 if done else None,
                create_time_ms=NOW_MS - 60_000,
                complete_time_ms=NOW_MS - 27_759 if done else None,
            )
            outcomes.append(apply_answer(task, Answer(record=record, raw=b"{}"), NOW_MS))
        store.checks.record(outcomes)


def timed_s(line: list[str]) -> float:
    """How long a process takes, from its start to its end."""
    started_s = time.perf_counter()
    subprocess.run(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started_s


def ratio(ours: list[str], peer: list[str]) -> tuple[float, float, float]:
    """Our time and the peer's in milliseconds, and how many times theirs ours is."""
    rounds = [(timed_s(ours), timed_s(peer)) for _ in range(ROUNDS + 1)][1:]
    return (
        1000 * median(mine for mine, _ in rounds),
        1000 * median(theirs for _, theirs in rounds),
        median(mine / theirs for mine, theirs in rounds),
    )


def cpu_ms(line: list[str]) -> float:
    """The CPU time of a process, in milliseconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def print_starts(store: Path) -> None:
    """Print how much more CPU time the start of a command takes than its libraries alone."""
    task_id = "task_gpt-image-2_1777474689024"
    peer = [sys.executable, "-c", "import click, sqlite3"]
    lines = {"add ID": ["add", task_id], "list": ["list"]}
    rounds: dict[str, list[tuple[float, float]]] = {name: [] for name in lines}
    for n in range(START_ROUNDS + 1):
        for name, arguments in lines.items():
            found = cpu_ms([PROGRAM, "--store", str(store), *arguments]), cpu_ms(peer)
            # What the first round compiles is not its start.
            rounds[name] += [found] if n else []
    print(f"\nP11  CPU beyond that of `{' '.join(peer[1:])}`, ms, medians of {START_ROUNDS} rounds")
    for name, pairs in rounds.items():
        more_ms = median(mine - theirs for mine, theirs in pairs)
        goal = f"≤ {START_GOAL_MS:.0f}" if more_ms <= START_GOAL_MS else f"> {START_GOAL_MS:.0f}!"
        ours_ms, peer_ms = median(mine for mine, _ in pairs), median(theirs for _, theirs in pairs)
        print(f"     {name:31}{ours_ms:9.1f}{peer_ms:9.1f}{more_ms:+8.1f}{goal:>8}")


def print_status(store: Path) -> None:
    """Print how long the line for a prompt takes, from the start of its process to its end."""
    peer = "import sqlite3"
    ours_ms, peer_ms, times = ratio([PROGRAM, "--store", str(store), "status"], [sys.executable, "-c", peer])
    goal = f"≤ {STATUS_GOAL_MS:.0f}" if ours_ms <= STATUS_GOAL_MS else f"> {STATUS_GOAL_MS:.0f}!"
    print(f"{'     status, 10,000 tasks':36}{ours_ms:9.1f}{peer_ms:9.1f}{times:8.2f}{goal:>8}   {peer}")


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory(prefix="taskdash-bench-") as folder:
        # What is compiled anew each time would be most of a start.
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["XDG_CONFIG_HOME"] = os.environ["XDG_STATE_HOME"] = folder
        plain, chinese, small, large = (
            Path(folder) / f"{name}.db" for name in ("plain", "chinese", "small", "large")
        )
        fill(plain, "A cinematic portrait of a robot painter, soft light " * 3)
        fill(chinese, "满月的夜晚,樱花树枝上花瓣飞舞,浮世绘风格 " * 6)
        fill(large, "A cinematic portrait of a robot painter, soft light " * 3, MANY)
        adds_up = [sys.executable, "-c", ADDS_UP, str(large)]
        listing = ["list", "--json"]
        rows = [
            (
                "P10  list --json, 10,000 tasks",
                "sqlite3 and json.dumps",
                ratio([PROGRAM, "--store", str(plain), *listing], [sys.executable, "-c", PEER, str(plain)]),
                True,
            ),
            (
                "     list --json, Chinese prompts",
                "sqlite3 and json.dumps",
                ratio(
                    [PROGRAM, "--store", str(chinese), *listing], [sys.executable, "-c", PEER, str(chinese)]
                ),
                False,
            ),
            *(
                (
                    f"     {' '.join(words)}, {MANY:,} tasks"[:36],
                    "sqlite3 and a sum",
                    ratio([PROGRAM, "--store", str(large), *words], adds_up),
                    False,
                )
                for words in (
                    ["stats", "--by", "day"],
                    ["stats", "--by", "label"],
                    ["list", "--filter", "overdue:yes"],
                )
            ),
        ]
        print_starts(small)
        print_status(plain)
    print("\nThe command line: whole processes, medians of", ROUNDS, "rounds")
    print(f"{'':36}{'ours ms':>9}{'peer ms':>9}{'ratio':>8}{'goal':>8}   peer")
    for name, peer, (ours_ms, peer_ms, times), has_goal in rows:
        goal = (f"≤ {GOAL}" if times <= GOAL else f"> {GOAL}!") if has_goal else ""
        print(f"{name:36}{ours_ms:9.1f}{peer_ms:9.1f}{times:8.2f}{goal:>8}   {peer}")


if __name__ == "__main__":
    main()
