"""One check, and one refresh of 1,000 tasks, beside plain httpx: CPU and memory. The server is on loopback.

The first table is the CPU of one check: ours ends in a record, made inert and redacted, httpx's in parsed JSON. The
second is a whole process: ours reads the list from a store, sends the checks by 8 connections, and writes the answers
down in batches as the watcher does, httpx's keeps the parsed JSON. Schedule and budget are left out: a budget would be
all that is measured. Figures are medians of turns taken one after another; memory is what a process had at most.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

TASKS: Final = 1_000
CONNECTIONS: Final = 8
ROUNDS: Final = 5
BATCH: Final = 100
BURST: Final = 200
BURSTS: Final = 25
KEY: Final = "sk-benchmark-0123456789"
TASK_ID: Final = "5064bd1a-025a-490b-b28f-6a9fa12eb88a"
GOAL: Final = 1.0
"""CPU of one check over that of httpx."""


# The processes that are measured


def serve() -> None:
    """Answer every request at once with a running task; print the port."""
    prompt = "A cinematic portrait of a robot painter, " * 4
    param = json.dumps({"model": "gpt-image-2-text-to-image", "input": {"prompt": prompt}})
    data = {"taskId": TASK_ID, "model": "gpt-image-2-text-to-image", "state": "waiting", "param": param}
    empty = dict.fromkeys(("resultJson", "failCode", "failMsg", "costTime", "completeTime"))
    record = data | empty | {"createTime": 1777474689024}
    body = json.dumps({"code": 200, "msg": "success", "data": record}).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    reply = head.encode() + body

    class Connection(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            self.transport, self.received = transport, b""

        def data_received(self, data: bytes) -> None:
            *heads, self.received = (self.received + data).split(b"\r\n\r\n")
            for head in heads:
                at = head.index(b"taskId=") + len(b"taskId=")
                self.transport.write(reply.replace(TASK_ID.encode(), head[at : at + len(TASK_ID)]))

    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", 0)
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()

    asyncio.run(run())


async def in_parallel(task_ids: list[str], fetch: Callable[[str], Awaitable[None]]) -> None:
    """Call `fetch` for each, by as many workers as there are connections."""
    waiting = iter(task_ids)

    async def work() -> None:
        for task_id in waiting:
            await fetch(task_id)

    await asyncio.gather(*(work() for _ in range(CONNECTIONS)))


def refresh(store_path: str, url: str) -> None:
    """Check every task of the store once and write down the answers."""
    from taskdash.api.client import Gateway
    from taskdash.domain.record import Outcome, apply_answer
    from taskdash.domain.secret import Secret
    from taskdash.store.store import StoreThread

    async def run() -> None:
        store = StoreThread(Path(store_path), "store")
        gateway = Gateway(url, Secret(KEY))
        now_ms = time.time_ns() // 1_000_000
        tasks = await store.run(lambda each: each.checks.never_checked("bench", TASKS))
        by_id = {task.task_id: task for task in tasks}
        arrived: list[Outcome] = []

        async def flush() -> None:
            batch = arrived[:]
            arrived.clear()
            await store.run(lambda each: each.checks.record(batch))

        async def fetch(task_id: str) -> None:
            outcome = apply_answer(by_id[task_id], await gateway.fetch_record(task_id), now_ms)
            assert outcome.record is not None, outcome.task.problem
            arrived.append(outcome)
            if len(arrived) >= BATCH:
                await flush()

        await in_parallel(list(by_id), fetch)
        await flush()
        await gateway.aclose()
        store.close()
        assert len(by_id) == TASKS

    asyncio.run(run())


async def spend(fetch: Callable[[str], Awaitable[None]]) -> None:
    """Send a burst of checks for every line of standard input; print the CPU seconds that each took."""
    await in_parallel([TASK_ID] * BURST, fetch)
    for _ in sys.stdin:
        start_s = time.process_time()
        await in_parallel([TASK_ID] * BURST, fetch)
        print(time.process_time() - start_s, flush=True)


def spend_with_gateway(url: str) -> None:
    """`spend` with ours."""
    from taskdash.api.client import Gateway
    from taskdash.domain.secret import Secret

    async def run() -> None:
        gateway = Gateway(url, Secret(KEY))

        async def fetch(task_id: str) -> None:
            assert (await gateway.fetch_record(task_id)).record is not None

        await spend(fetch)
        await gateway.aclose()

    asyncio.run(run())


def spend_with_httpx(url: str) -> None:
    """`spend` with plain httpx, JSON parsed."""
    import httpx

    async def run() -> None:
        async with httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {KEY}"}) as client:

            async def fetch(task_id: str) -> None:
                answer = await client.get("/api/v1/jobs/recordInfo", params={"taskId": task_id})
                assert answer.json()["data"]["state"] == "waiting"

            await spend(fetch)

    asyncio.run(run())


def refresh_with_httpx(url: str) -> None:
    """Ask for every task once with plain httpx, and keep the parsed JSON."""
    import httpx

    async def run() -> None:
        kept = []
        async with httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {KEY}"}) as client:

            async def fetch(task_id: str) -> None:
                answer = await client.get("/api/v1/jobs/recordInfo", params={"taskId": task_id})
                kept.append(answer.json())

            await in_parallel(ids_of_tasks(), fetch)
        assert len(kept) == TASKS

    asyncio.run(run())


def ids_of_tasks() -> list[str]:
    """The IDs of a refresh."""
    return [str(uuid.UUID(int=number)) for number in range(1, TASKS + 1)]


# Measuring them


@contextmanager
def running_server() -> Iterator[str]:
    """The base URL of a server in a process of its own."""
    process = subprocess.Popen([sys.executable, __file__, "serve"], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.terminate()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def measure(command: list[str], environ: Mapping[str, str]) -> tuple[float, float, float]:
    """Seconds of time, seconds of CPU and MB of memory that a process took."""
    start_s = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environ)
    _, status, usage = os.wait4(process.pid, 0)
    wall_s = time.perf_counter() - start_s
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, command
    return wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def compare_refreshes(url: str, environ: Mapping[str, str]) -> None:
    """Print the table of whole processes."""
    from taskdash.store.store import Store

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Store(folder / "list.db") as store:
            store.additions.add("bench", ids_of_tasks(), now_ms=1)
        commands = {
            "taskdash, from store to store": ["refresh", str(folder / "round.db"), url],
            "httpx, JSON parsed and kept": ["refresh-httpx", url],
        }
        spent: dict[str, list[tuple[float, float, float]]] = {way: [] for way in commands}
        for number in range(ROUNDS + 1):
            shutil.copy(folder / "list.db", folder / "round.db")
            for way, command in commands.items():
                figures = measure([sys.executable, __file__, *command], environ)
                # The first round compiles our modules.
                if number:
                    spent[way].append(figures)
    title = f"One refresh of {TASKS} tasks, {ROUNDS} rounds"
    print(f"\n{title:<42} {'time s':>9} {'CPU s':>9} {'memory MB':>12}")
    for way, rounds in spent.items():
        wall_s, cpu_s, memory_mb = (median(each) for each in zip(*rounds, strict=True))
        print(f"  {way:<40} {wall_s:>9.3f} {cpu_s:>9.3f} {memory_mb:>12.1f}")


@contextmanager
def spender(way: str, url: str, environ: Mapping[str, str]) -> Iterator[Callable[[], float]]:
    """What sends one burst and returns its CPU seconds; in a process of its own."""
    command = [sys.executable, __file__, way, url]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environ
    ) as process:
        asking, answers = process.stdin, process.stdout
        assert asking is not None
        assert answers is not None

        def burst() -> float:
            asking.write("\n")
            asking.flush()
            return float(answers.readline())

        yield burst
    assert process.returncode == 0, command


def compare_checks(url: str, environ: Mapping[str, str]) -> None:
    """Print the table of one check's CPU."""
    with spender("gateway", url, environ) as ours, spender("httpx", url, environ) as theirs:
        bursts = [(ours(), theirs()) for _ in range(BURSTS)]
    ours_s, theirs_s = (median(each) for each in zip(*bursts, strict=True))
    ratio = median(our_s / their_s for our_s, their_s in bursts)
    print(f"{f'CPU of one check, {BURSTS} bursts of {BURST}':<42} {'ms':>15}")
    print(f"  {'taskdash, parsed to a record':<40} {ours_s / BURST * 1e3:>15.3f}")
    print(f"  {'httpx, JSON parsed':<40} {theirs_s / BURST * 1e3:>15.3f}")
    print(f"  {'ratio':<40} {ratio:>15.2f}   {verdict(ratio, GOAL)}")


def verdict(figure: float, goal: float) -> str:
    """Say whether `figure` reaches its goal."""
    return f"goal {goal:g}: {'reached' if figure <= goal else 'MISSED'}"


def main() -> None:
    """Print both tables."""
    with running_server() as url, tempfile.TemporaryDirectory() as folder:
        # Compiled modules as an installed program has them, wherever this one runs.
        left_out = ("SSL_CERT_FILE", "SSL_CERT_DIR", "PYTHONDONTWRITEBYTECODE")
        environ = {name: value for name, value in os.environ.items() if name not in left_out}
        environ["PYTHONPYCACHEPREFIX"] = folder
        compare_checks(url, environ)
        compare_refreshes(url, environ)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve"]:
            serve()
        case ["refresh", path, base_url]:
            refresh(path, base_url)
        case ["refresh-httpx", base_url]:
            refresh_with_httpx(base_url)
        case ["gateway", base_url]:
            spend_with_gateway(base_url)
        case ["httpx", base_url]:
            spend_with_httpx(base_url)
        case _:
            main()
