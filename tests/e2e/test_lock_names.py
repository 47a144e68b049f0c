"""Whatever profiles and stores are called, no two locks beside a store are one file."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from tests.command import Command
from tests.servers import FakeApi, waiting_body

from taskdash.results.saved_results import ResultLocks
from taskdash.store.recovery import recovering
from taskdash.watch.peers import Lease

ID = "task_one_12345678"


def with_profile(folder: Path, api: FakeApi, name: str) -> Command:
    command = Command(folder, api)
    config = command.config.read_text("utf-8").replace("[profiles.aigptimage]", f"[profiles.{name}]")
    command.config.write_text(f'profile = "{name}"\n{config}api_key_env = "AIGPTIMAGE_API_KEY"\n', "utf-8")
    return command


def test_a_damaged_list_is_mended_under_a_watcher_of_a_profile_called_mend(
    tmp_path: Path, fake_api: FakeApi
) -> None:
    fake_api.set(ID, waiting_body(ID))
    taskdash = with_profile(tmp_path, fake_api, "mend")
    watching = taskdash.start("wait", ID)
    try:
        fake_api.wait_for(lambda: fake_api.count(ID) > 0, timeout_s=30)
        data = taskdash.store.read_bytes()
        taskdash.store.write_bytes(bytes(100) + data[100:])
        # Held up by the watcher's lease, this would take two minutes.
        done = taskdash.ok("list", "--ids", timeout_s=60)
        assert done.stdout.split() == [ID]
    finally:
        watching.kill()
        watching.communicate()


def test_every_lock_is_a_file_of_its_own_even_where_case_does_not_count(tmp_path: Path) -> None:
    profiles = ["mend", "downloads", "MEND", "p", "P", "p.q", "q", "p-q", "x" * 64, "X" * 64]
    leases = [(tmp_path / "tasks.db", name) for name in profiles]
    # The list beside it is called as the first one's profiles may be.
    leases += [(tmp_path / "tasks.db.p", "q"), (tmp_path / "tasks.db.mend", "p")]
    with ExitStack() as held:
        for store, name in leases:
            lease = Lease(store, name)
            assert lease.acquire()
            held.callback(lease.release)
        for store in (tmp_path / "tasks.db", tmp_path / "tasks.db.p"):
            held.enter_context(ResultLocks(store))
            held.enter_context(recovering(store))
        names = [path.name.casefold() for path in tmp_path.iterdir()]
        assert len(set(names)) == len(leases) + 4
