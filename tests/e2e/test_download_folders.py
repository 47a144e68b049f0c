"""Results are saved on file systems that are not Linux's own: other owners, no modes, no links, short names."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Final

import pytest
from tests.command import Command
from tests.files_api import PNG, FilesApi
from tests.servers import success_body

ONE: Final = "task_one_12345678"

# What a folder of another kind does, done to the calls of the process: only such folders are opened by descriptor.
_IS_IN_FOLDER: Final = """
import errno, os, stat
ours, real_open, real_fstat = set(), os.open, os.fstat
def open_(path, flags, mode=0o777, *, dir_fd=None):
    check(path, dir_fd)
    descriptor = real_open(path, flags, mode, dir_fd=dir_fd)
    (ours.discard if dir_fd is None else ours.add)(descriptor)
    return descriptor
def check(path, dir_fd): pass
def no(*_, **__): raise PermissionError(errno.EPERM, "Operation not permitted")
os.open = open_
"""
OTHER_OWNER: Final = """
def fstat(descriptor):
    status = real_fstat(descriptor)
    return os.stat_result([*status[:4], 65533, *status[5:]]) if descriptor in ours else status
real_fchmod, real_chmod = os.fchmod, os.chmod
os.fstat, os.fchmod = fstat, lambda descriptor, mode: no() if descriptor in ours else real_fchmod(descriptor, mode)
os.chmod = lambda path, *a, **b: no() if "pictures" in str(path) else real_chmod(path, *a, **b)
"""
NO_LINKS: Final = "os.link = no\n"
NO_SYNC: Final = """
real_fsync = os.fsync
def fsync(descriptor):
    if stat.S_ISDIR(real_fstat(descriptor).st_mode):
        raise OSError(errno.EINVAL, "Invalid argument")
    real_fsync(descriptor)
os.fsync = fsync
"""
SHORT_NAMES: Final = """
def check(path, dir_fd):
    if dir_fd is not None and len(os.fsencode(path)) > 143:
        raise OSError(errno.ENAMETOOLONG, "File name too long")
def checked(call):
    def named(source, target, **more):
        check(target, more.get("dst_dir_fd"))
        return call(source, target, **more)
    return named
os.link, os.rename, os.replace = map(checked, (os.link, os.rename, os.replace))
"""
KINDS: Final = {
    "another owner": OTHER_OWNER,
    "no links": NO_LINKS,
    "no sync of folders": NO_SYNC,
    "short names": SHORT_NAMES,
    "a stick": OTHER_OWNER + SHORT_NAMES + NO_LINKS + NO_SYNC,
}


@pytest.fixture
def taskdash(taskdash: Command, api: FilesApi) -> Command:
    """A list with one task that has two results."""
    api.set(ONE, success_body(ONE, [f"{api.url}/files/1", f"{api.url}/files/2"]))
    return taskdash


DOWNLOAD: Final = ("download", "-o", "pictures/taskdash")


def download(taskdash: Command, kind: str) -> list[Path]:
    """Save the results on a file system of that kind; return where they are."""
    saved = taskdash.after(_IS_IN_FOLDER + KINDS[kind]).ok(*DOWNLOAD).stdout
    return [taskdash.folder / line for line in saved.splitlines()]


@pytest.mark.parametrize("kind", KINDS)
def test_results_are_saved_whatever_kind_of_file_system_it_is(taskdash: Command, kind: str) -> None:
    label = "満月の夜" * 20
    taskdash("add", ONE, "--label", label)
    taskdash("check")
    folder = taskdash.folder / "pictures" / "taskdash"
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    saved = download(taskdash, kind)
    assert [path.read_bytes() for path in saved] == [PNG, PNG]
    assert {path.stem[-2:] for path in saved} == {"-1", "-2"}
    assert all(path.name.startswith("満月の夜") for path in saved)
    assert sorted(folder.iterdir()) == sorted(saved)
    if KINDS["short names"] in KINDS[kind]:
        assert all(100 < len(path.name.encode()) <= 143 for path in saved)
    # The next ones of the same name find a name, too.
    for path in saved:
        path.write_bytes(b"changed")
    again = download(taskdash, kind)
    assert [path.read_bytes() for path in again] == [PNG, PNG]
    assert not set(again) & set(saved)
    assert [stat.S_IMODE(path.stat().st_mode) for path in again] == [0o600, 0o600]
