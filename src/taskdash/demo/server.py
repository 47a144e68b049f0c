"""The embedded API: a real HTTP server on loopback that speaks `recordInfo` and `createTask`.

It serves `taskdash --demo`, `taskdash demo-api` and tests. Its tasks live in memory and its results are
pictures and clips that it draws itself. It writes nothing, on disk or on the terminal.

Beyond the API's pages it has `/results/NAME` and `/uploads/NAME`, which need no key, as on a CDN.
`createTask` is not rate limited, as no limit is documented for it; a prompt with the word "forbidden" in it
fails.
"""

from __future__ import annotations

import threading
import time
from random import Random
from typing import TYPE_CHECKING, Final, Self

from taskdash.demo.handler import DemoHandler
from taskdash.demo.jobs import JobBook
from taskdash.demo.limits import RequestCounter
from taskdash.demo.loopback import LoopbackServer
from taskdash.demo.pictures import Gallery
from taskdash.demo.sample import made_up_id, sample_jobs
from taskdash.demo.samples import SAMPLES

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

DEFAULT_SEED: Final = 20260429
UNKNOWN_ID_PLACE: Final = 5
"""Where in `task_ids` the one that is not found stands: high enough to be seen without scrolling."""


class DemoApi:
    """The server and its tasks; a context manager that starts and stops it.

    The port is taken at once, so `base_url` is known before anything answers there; the tasks' times hang on
    `start`.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        clock: Callable[[], float] = time.time,
        tier: str = "basic",
        seed: int = DEFAULT_SEED,
        enforce_limits: bool = True,
    ) -> None:
        """Take the port on 127.0.0.1.

        Args:
            port: 0 takes any that is free.
            clock: Unix seconds; decides what the tasks answer and how the limits count.
            tier: the key's tier, one of `limits.TIERS`.
            seed: decides the key and the IDs.
            enforce_limits: whether 429 is ever answered.

        Raises:
            OSError: the port cannot be had.
            ValueError: there is no such tier.
        """
        self._clock = clock
        self._rng = Random(seed)  # noqa: S311  # the key and the IDs are made up, and shown to everybody
        self.key = f"sk-demo-{self._rng.getrandbits(96):024x}"
        counter = RequestCounter(tier, clock)
        self._server = LoopbackServer(port, DemoHandler)
        self.base_url = f"http://127.0.0.1:{self._server.server_port}"
        self._server.clock = clock
        self._server.key = self.key
        self._server.base_url = self.base_url
        self._server.counter = counter if enforce_limits else None
        self._server.gallery = Gallery()
        self._thread: threading.Thread | None = None
        self._stopped = False
        self._task_ids: tuple[str, ...] = ()
        self.unknown_id = made_up_id(self._rng)
        """An ID that looks like the others and is not found."""

    @property
    def task_ids(self) -> tuple[str, ...]:
        """The IDs of the sample tasks, the latest first, and among them `unknown_id`.

        Raises:
            RuntimeError: the server was not started yet: some IDs have the time in them.
        """
        if not self._task_ids:
            raise RuntimeError("the demo API was not started")
        return self._task_ids

    def start(self) -> None:
        """Begin to answer, and set the tasks' time going.

        Raises:
            RuntimeError: it was started before.
        """
        if self._thread is not None or self._stopped:
            raise RuntimeError("a demo API is started once")
        jobs = sample_jobs(SAMPLES, self._rng, round(self._clock() * 1000), f"{self.base_url}/uploads/")
        ids = [job.task_id for job in jobs]
        ids.insert(UNKNOWN_ID_PLACE, self.unknown_id)
        self._task_ids = tuple(ids)
        self._server.jobs = JobBook(jobs, self._rng)
        # A short interval, because `stop` waits for its end.
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, name="demo-api", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Close the port and every connection. A second call does nothing."""
        if self._stopped:
            return
        self._stopped = True
        if self._thread is not None:
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()
        self._server.drop_connections()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
