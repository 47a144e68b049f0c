"""Downloads beside a dashboard, with a real list, folder and file host: begun, broken off, and begun again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.bodies import success_body
from tests.command import wait_until
from tests.file_server import PNG, FileServer
from tests.servers import http_reply, sends
from tests.store_lists import replied

from taskdash.config.profile import Profile
from taskdash.config.settings import Settings
from taskdash.domain.secret import KnownKeys
from taskdash.results.download_thread import DownloadThread
from taskdash.store.store import Store

PROFILE = "aigptimage"


STALLING = sends(b"")


class Scene:
    """A list, a host, and what saves."""

    def __init__(self, folder: Path, server: FileServer) -> None:
        self.folder = folder
        self.server = server
        self.store = Store(folder / "tasks.db")
        self.threads: list[DownloadThread] = []
        self.told: list[str] = []

    def finish(self, *task_ids: str, path: str = "/x") -> list[int]:
        """Have tasks end with a result each."""
        now_ms = time.time_ns() // 1_000_000
        self.store.additions.add(PROFILE, list(task_ids), now_ms)
        bodies = [success_body(task_id, [f"{self.server.url}{path}?{task_id}"]) for task_id in task_ids]
        return [replied(self.store, body, PROFILE, now_ms).seq for body in bodies]

    def thread(self, *, auto: bool = False) -> DownloadThread:
        profile = Profile(name=PROFILE, base_url=self.server.url)
        settings = Settings(
            profile=PROFILE,
            profiles={PROFILE: profile},
            download_dir=self.folder / "saved",
            auto_download=auto,
        )
        thread = DownloadThread(settings, self.store.path, KnownKeys(), has_key=False)
        self.threads.append(thread)
        thread.start(lambda: None)
        return thread

    def has_said(self, thread: DownloadThread, text: str) -> bool:
        self.told += [news.text for news in thread.take_news()]
        return any(text in line for line in self.told)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with FileServer() as server:
        made = Scene(tmp_path, server)
        yield made
        for thread in made.threads:
            thread.stop()
        made.store.close()


def test_what_is_cancelled_while_it_is_looked_up_is_not_begun(scene: Scene) -> None:
    seqs = scene.finish(*(f"task_{n:08d}" for n in range(300)))
    thread = scene.thread()
    thread.save(seqs)
    thread.cancel()
    wait_until(lambda: scene.has_said(thread, "ancelled"))
    wait_until(lambda: not thread.status.is_busy)
    assert scene.server.connections == 0
    scene.server.files["/x"] = http_reply(200, PNG)
    scene.told.clear()
    thread.save(seqs[:1])
    wait_until(lambda: scene.has_said(thread, "Saved 1 file"))


def test_what_is_cancelled_is_over_and_can_be_asked_for_again(scene: Scene) -> None:
    seqs = scene.finish(*(f"task_{n:08d}" for n in range(50)))
    scene.server.files["/x"] = STALLING
    thread = scene.thread()
    thread.save(seqs)
    wait_until(lambda: thread.status.running)
    thread.cancel()
    wait_until(lambda: scene.has_said(thread, "50 cancelled"))
    scene.server.files["/x"] = http_reply(200, PNG)
    thread.save(seqs)
    wait_until(lambda: scene.has_said(thread, "Saved 50 files"))


def test_cancelling_stops_what_is_saved_on_its_own_until_the_next_start(scene: Scene) -> None:
    scene.finish(*(f"task_{n:08d}" for n in range(60)))
    scene.server.files["/x"] = STALLING
    thread = scene.thread(auto=True)
    wait_until(lambda: thread.status.running)
    thread.cancel()
    wait_until(lambda: not thread.status.is_busy)
    before = scene.server.connections
    # What finishes from now on is saved all the same.
    scene.server.files["/new"] = http_reply(200, PNG)
    scene.finish("task_later", path="/new")
    wait_until(lambda: list((scene.folder / "saved").glob("*.png")))
    assert scene.server.connections == before + 1


def test_a_folder_that_cannot_be_used_is_told_and_tried_again_when_it_is_asked_for(scene: Scene) -> None:
    seqs = scene.finish("task_one")
    scene.server.files["/x"] = http_reply(200, PNG)
    (scene.folder / "saved").write_text("in the way")
    thread = scene.thread(auto=True)
    wait_until(lambda: scene.has_said(thread, "Nothing can be saved"))
    assert not thread.status.is_busy
    scene.told.clear()
    thread.save(seqs)
    wait_until(lambda: scene.has_said(thread, "Nothing can be saved"))
    (scene.folder / "saved").unlink()
    thread.save(seqs)
    wait_until(lambda: list((scene.folder / "saved").glob("*.png")))
    assert thread.is_drained(20)
