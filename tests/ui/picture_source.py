"""A file host in the same process, for the pictures of results."""

from __future__ import annotations

import asyncio
import threading

from tests.pictures import halves

from taskdash.results.fetch import Fetcher
from taskdash.results.links import DownloadError
from taskdash.results.part import Sink


def link(task_id: str, number: int = 1) -> str:
    return f"https://cdn.example.com/{task_id}-{number}.png"


class Source(Fetcher):
    """Keeps what it was asked, how much at once, what it refuses, and pictures that wait for leave to come."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.cancelled: list[str] = []
        self.at_once = self.most_at_once = 0
        self.refusals: dict[str, DownloadError] = {}
        self.bodies: dict[str, bytes] = {}
        self.picture = halves()
        self.open = threading.Event()
        self.open.set()

    async def fetch(self, url: str, sink: Sink) -> str:
        self.asked.append(url)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(0)
            while not self.open.is_set():  # noqa: ASYNC110 - another thread sets it
                await asyncio.sleep(0.005)
        except asyncio.CancelledError:
            self.cancelled.append(url)
            raise
        finally:
            self.at_once -= 1
        if url in self.refusals:
            raise self.refusals[url]
        sink.write(self.bodies.get(url, self.picture))
        return "png"
