"""How well and how fast task IDs are found in pastes: recall, precision, and the time for long texts.

Usage:
    python benchmarks/bench_paste.py [pastes] [seed]
"""

from __future__ import annotations

import sys
import time
import tracemalloc
from dataclasses import dataclass
from pathlib import Path

from taskdash.domain.task_ids import find_task_ids

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.paste_noise import Noise, log_with_ids

MEGABYTE = 1_000_000
HOSTILE = ("[", '{"a":', "taskId: ", "task_", '"', "0123456789abcdef", "one line ", "\n", '"param":{')


@dataclass(frozen=True)
class Score:
    """Counts how a search did over many pastes."""

    expected: int
    found: int
    right: int

    @property
    def recall(self) -> float:
        """Return how much of what there is was found."""
        return self.right / self.expected if self.expected else 1.0

    @property
    def precision(self) -> float:
        """Return how much of what was found is right."""
        return self.right / self.found if self.found else 1.0

    def __add__(self, other: Score) -> Score:
        return Score(self.expected + other.expected, self.found + other.found, self.right + other.right)


def score(expected: tuple[str, ...], found: list[str]) -> Score:
    """Compare what was found with what there is."""
    return Score(len(set(expected)), len(found), len(set(expected) & set(found)))


def measure_quality(pastes: int, seed: int) -> Score:
    """Search made-up pastes and print what went wrong."""
    total = Score(0, 0, 0)
    for number in range(pastes):
        paste = Noise(seed + number).paste(fragments=10)
        found = [item.task_id for item in find_task_ids(paste.text).found]
        total += score(paste.ids, found)
        if found != list(paste.ids):
            print(f"  seed {seed + number}: {sorted(set(paste.ids) ^ set(found)) or 'another order'}")
    return total


def timed(name: str, text: str) -> None:
    """Print the time of one search; the CPU time counts on a machine that others use."""
    before_s, before_cpu_s = time.perf_counter(), time.process_time()
    paste = find_task_ids(text)
    took_s, cpu_s = time.perf_counter() - before_s, time.process_time() - before_cpu_s
    print(
        f"{name:<34}{len(text) / MEGABYTE:6.1f} MB {took_s:7.2f} s {cpu_s:7.2f} s CPU {len(paste.found):8} IDs"
    )


def main() -> None:
    """Run all of it."""
    pastes, seed = (int(argument) for argument in (sys.argv[1:] + ["2000", "1"][len(sys.argv) - 1 :])[:2])
    total = measure_quality(pastes, seed)
    print(f"{pastes} pastes from seed {seed}: {total.expected} IDs, {total.found} found")
    print(f"recall {total.recall:.5f}, precision {total.precision:.5f}")
    log = log_with_ids(seed, ids=500, size=2 * MEGABYTE)
    found = [item.task_id for item in find_task_ids(log.text).found]
    print(f"log of 2 MB: {score(log.ids, found)}")
    timed("log, 500 IDs", log.text)
    timed("log, 2,500 IDs", log_with_ids(seed, ids=2_500, size=10 * MEGABYTE).text)
    noise = Noise(seed)
    timed("one ID a line", "\n".join(noise.uuid() for _ in range(270_000)))
    timed(
        "one record a line",
        "\n".join(noise.filled(("<record>",), noise.task_id()).text for _ in range(16_000)),
    )
    for pattern in HOSTILE:
        timed(f"nothing but {pattern!r}", pattern * (10 * MEGABYTE // len(pattern)))
    tracemalloc.start()
    find_task_ids(log.text)
    print(f"log of 2 MB: peak of {tracemalloc.get_traced_memory()[1] / MEGABYTE:.0f} MB beyond the text")


if __name__ == "__main__":
    main()
