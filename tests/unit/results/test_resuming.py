"""A result that was broken off goes on where it stopped, and only if it is certain to be the same file."""

from __future__ import annotations

import asyncio
import errno
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from tests.file_server import FileServer, Ranges, picture
from tests.servers import OnRequest, Peer, Request, http_reply
from tests.unit.results.fakes import save

from taskdash.results import fetch
from taskdash.results.fetch import Fetcher
from taskdash.results.folder import PART_KEPT_S, Folder
from taskdash.results.links import DiskError, DownloadError, PassingError
from taskdash.results.part import PartFile, part_key

DATA = picture(200_000)
KEY = part_key("list", "profile", "task", "1")


class Saving:
    """A host with one file, a folder, and runs of the program that save the file there."""

    def __init__(self, server: FileServer, target: Path) -> None:
        self.server, self.target = server, target

    def run(
        self, answer: bytes | OnRequest | None = None, *, query: str = "", tries: int = 1, **options: Any
    ) -> Path:
        """Save the file, from a host that answers like this from now on, if it is given."""
        if answer is not None:
            self.server.files["/x"] = answer
        url = f"{self.server.url}/x{query}"
        with Folder(self.target) as folder:
            fetcher = Fetcher(url, **options)
            for _ in range(tries - 1):
                with suppress(PassingError):
                    return asyncio.run(save(folder, fetcher, url, key=KEY))
            return asyncio.run(save(folder, fetcher, url, key=KEY))

    def break_off(self, cut: int = 100_000, **ranges: Any) -> None:
        """Save the file from a host that hangs up after so many bytes, and serves it all from then on."""
        with pytest.raises(PassingError):
            self.run(Ranges(DATA, cuts=[cut], **ranges))

    @property
    def parts(self) -> list[Path]:
        return sorted(self.target.glob(".taskdash-*"))


@pytest.fixture
def saving(server: FileServer, target: Path) -> Saving:
    return Saving(server, target)


@pytest.mark.parametrize("cut", [1, 7, 512, 4_096, 65_536, 65_537, 131_072, 199_999])
def test_the_next_run_goes_on_at_any_byte(saving: Saving, cut: int) -> None:
    saving.break_off(cut)
    note, part = saving.parts
    assert part.read_bytes() == DATA[:cut]
    assert [stat.S_IMODE(path.stat().st_mode) for path in (note, part)] == [0o600, 0o600]
    assert (part.suffix, note.suffix) == (".part", ".json")
    path = saving.run()
    assert path.read_bytes() == DATA
    assert saving.server.ranges == [None, f"bytes={cut}-"]
    assert saving.server.requests[1].headers["if-range"] == '"one"'
    assert list(saving.target.iterdir()) == [path]


def test_many_cuts_are_survived(saving: Saving) -> None:
    answer = Ranges(DATA, cuts=list(range(10_000, 200_000, 10_000)))
    assert saving.run(answer, tries=20).read_bytes() == DATA
    assert len(saving.server.requests) == 20


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"ETag": 'W/"one"'},
        {"Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT", "Date": "Tue, 02 Jan 2024 00:00:00 GMT"},
        {"ETag": '"one"', "Accept-Ranges": "none"},
    ],
)
def test_nothing_is_kept_that_could_not_be_gone_on_with(saving: Saving, headers: dict[str, str]) -> None:
    saving.break_off(headers=headers)
    assert saving.parts == []
    assert saving.run().read_bytes() == DATA
    assert saving.server.ranges == [None, None]


OTHER = picture(150_000, seed=7)
REST = b"x" * 100_000


@pytest.mark.parametrize(
    ("then", "whole"),
    [
        (Ranges(DATA, honours=False), DATA),
        (Ranges(OTHER, headers={"ETag": '"two"'}), OTHER),
    ],
    ids=["no ranges after all", "another version"],
)
def test_what_cannot_be_gone_on_with_is_fetched_whole(saving: Saving, then: Ranges, whole: bytes) -> None:
    saving.break_off()
    assert saving.run(then).read_bytes() == whole
    assert saving.server.ranges[-1] == "bytes=100000-"


@pytest.mark.parametrize(
    "rest",
    [
        *(
            http_reply(206, REST, {"Content-Range": lie})
            for lie in (
                "bytes 0-99999/200000",
                "bytes 100000-199999/200001",
                "bytes 100000-199999/*",
                "nonsense",
            )
        ),
        http_reply(206, REST),
        http_reply(206, REST, {"Content-Range": "bytes 100000-199999/200000", "ETag": '"two"'}),
        http_reply(416),
    ],
)
def test_a_rest_that_does_not_fit_is_not_put_to_what_is_there(saving: Saving, rest: bytes) -> None:
    saving.break_off()

    async def lying(peer: Peer, request: Request) -> None:
        await peer.send(rest if "range" in request.headers else http_reply(200, DATA))
        peer.close()

    assert saving.run(lying, tries=2).read_bytes() == DATA
    assert saving.server.ranges[1:] == ["bytes=100000-", None]


def test_an_expired_link_takes_what_was_begun_with_it(saving: Saving) -> None:
    saving.break_off()
    with pytest.raises(DownloadError, match="probably expired"):
        saving.run(http_reply(403))
    assert saving.parts == []


def test_a_renewed_link_goes_on(saving: Saving) -> None:
    saving.break_off()
    saving.run(query="?signature=2")
    assert saving.server.ranges[-1] == "bytes=100000-"


def test_what_was_damaged_meanwhile_is_fetched_once_more(saving: Saving) -> None:
    saving.break_off()
    saving.parts[1].write_bytes(b"\0" * 100_000)
    assert saving.run().read_bytes() == DATA


@pytest.mark.parametrize(
    "note",
    [
        *(b"", b"{", b"[]", b"[" * 4_000, b'{"whole": 200000}', b'{"validator": 7, "whole": 200000}'),
        *(b'{"validator": "\\"one\\"", "whole": %s}' % whole for whole in (b"5", b"true", b'"200000"')),
        b'{"validator": "\\"one\\"\\r\\nX-Evil: 1", "whole": 200000}',
    ],
)
def test_a_note_that_makes_no_sense_means_from_the_start(saving: Saving, note: bytes) -> None:
    saving.break_off()
    saving.parts[0].write_bytes(note)
    assert saving.run().read_bytes() == DATA
    assert saving.server.ranges[-1] is None
    assert len(list(saving.target.iterdir())) == 1


@pytest.mark.parametrize("is_named", [False, True])
def test_a_whole_part_is_named_once_and_without_a_request(saving: Saving, is_named: bool) -> None:
    """An earlier run may have ended right after it gave the name."""
    saving.break_off()
    saving.parts[1].write_bytes(DATA)
    if is_named:
        os.link(saving.parts[1], saving.target / "hero-1.png")
    assert saving.run().read_bytes() == DATA
    assert [path.name for path in saving.target.iterdir()] == ["hero-1.png"]
    assert len(saving.server.requests) == 1


def test_a_named_file_is_never_written_to_as_a_part(saving: Saving) -> None:
    saving.break_off()
    os.link(saving.parts[1], saving.target / "mine.png")
    saving.run()
    assert (saving.target / "mine.png").read_bytes() == DATA[:100_000]


@pytest.mark.parametrize("what", ["link", "fifo", "folder"])
def test_what_is_in_the_way_of_a_part_is_neither_followed_nor_removed(saving: Saving, what: str) -> None:
    saving.target.mkdir()
    place = saving.target / f".taskdash-{KEY}.part"
    outside = saving.target.parent / "outside"
    outside.write_text("mine")
    if what == "link":
        place.symlink_to(outside)
    elif what == "fifo":
        os.mkfifo(place)
    else:
        place.mkdir()
    with pytest.raises(DownloadError, match="cannot be written"):
        saving.run(Ranges(DATA))
    assert outside.read_text() == "mine"
    assert [path.name for path in saving.target.iterdir()] == [place.name]


def replace(part: Path) -> None:
    part.unlink()
    part.write_bytes(b"somebody else's")


@pytest.mark.parametrize("meddle", [Path.unlink, replace, lambda part: part.rename(part.with_name("mine"))])
@pytest.mark.parametrize("has_links", [True, False])
def test_a_part_that_is_taken_away_while_it_is_saved_gets_no_final_name(
    saving: Saving, monkeypatch: pytest.MonkeyPatch, meddle: Callable[[Path], object], has_links: bool
) -> None:
    if not has_links:
        monkeypatch.setattr(os, "link", refuse)

    async def slowly(peer: Peer, request: Request) -> None:  # noqa: ARG001 - the same for all
        reply = http_reply(200, DATA)
        await peer.send(reply[:-100_000])
        async with asyncio.timeout(20):
            while not [part for part in saving.parts if part.stat().st_size >= 60_000]:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        meddle(next(part for part in saving.parts if part.suffix == ".part"))
        await peer.send(reply[-100_000:])
        peer.close()

    with pytest.raises(DiskError, match="moved or deleted"):
        saving.run(slowly)
    assert list(saving.target.glob("*.png")) == []
    assert saving.run(http_reply(200, DATA)).read_bytes() == DATA


def refuse(*_: object, **__: object) -> None:
    raise PermissionError("not here")


@pytest.mark.parametrize("broken", ["rename", "replace", "fsync"])
def test_where_there_are_no_links_a_name_never_stands_for_less_than_all(
    saving: Saving, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """The run ends at any call between the last byte and the name, as a kill would end it."""

    def end(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "link", refuse)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, broken, end)
        with suppress(KeyboardInterrupt):
            saving.run(Ranges(DATA))
    assert [path.read_bytes() for path in saving.target.glob("*.png")] in ([], [DATA])
    assert saving.run().read_bytes() == DATA
    assert all(path.read_bytes() == DATA for path in saving.target.glob("*.png"))


def test_what_was_begun_long_ago_is_cleared_away_and_nothing_else(target: Path) -> None:
    target.mkdir()
    ours = [target / f".taskdash-{KEY}.part", target / f".taskdash-{KEY}.json"]
    theirs = [target / ".taskdash-mine.part", target / "x.part", target / "x.png"]
    for path in (*ours, *theirs):
        path.write_text("x")
    now_s = ours[0].stat().st_mtime
    with Folder(target, now_s=lambda: now_s + PART_KEPT_S - 60):
        pass
    assert len(list(target.iterdir())) == 5
    with Folder(target, now_s=lambda: now_s + PART_KEPT_S + 60):
        pass
    assert sorted(target.iterdir()) == sorted(theirs)


HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("start", "drops", "limit"),
    [
        (b"Content-Length: 200000\r\n\r\n" + DATA[:600], DATA[600:], "STALL_S"),
        (b"", b"X: " + b"x" * 1_000, "ANSWER_S"),
    ],
    ids=["body", "head"],
)
def test_a_drip_counts_as_silence(
    saving: Saving, monkeypatch: pytest.MonkeyPatch, start: bytes, drops: bytes, limit: str
) -> None:
    async def dripping(peer: Peer, request: Request) -> None:  # noqa: ARG001 - the answer is the same for all
        await peer.send(HEAD + start)
        await peer.drip(drops, 0.005)

    monkeypatch.setattr(fetch, limit, 0.15)
    with pytest.raises(PassingError, match="in time"):
        saving.run(dripping)
    assert saving.parts == []


def test_a_slow_but_steady_server_is_waited_for(saving: Saving, monkeypatch: pytest.MonkeyPatch) -> None:
    async def steady(peer: Peer, request: Request) -> None:  # noqa: ARG001 - the answer is the same for all
        await peer.send(HEAD + b"Content-Length: 200000\r\n\r\n")
        for start in range(0, len(DATA), 20_000):
            await peer.send(DATA[start : start + 20_000])
            await asyncio.sleep(0.08)

    monkeypatch.setattr(fetch, "ANSWER_S", 0.4)
    monkeypatch.setattr(fetch, "STALL_S", 0.4)
    assert saving.run(steady).read_bytes() == DATA


CLIP = b"\0\0\0\x18ftypmp42" + b"\0" * 50_000


@pytest.mark.parametrize(
    "answer",
    [http_reply(200, CLIP), http_reply(200, picture(50_000)), HEAD + b"\r\n" + CLIP],
    ids=["clip", "picture", "of untold size"],
)
def test_one_limit_holds_for_all_kinds(saving: Saving, answer: bytes) -> None:
    with pytest.raises(DownloadError, match="larger than"):
        saving.run(answer, max_bytes=50_000 - 1)
    assert list(saving.target.iterdir()) == []
    assert saving.run(max_bytes=50_100).exists()


async def endless(peer: Peer, request: Request) -> None:  # noqa: ARG001 - the answer is the same for all
    await peer.send(HEAD + b"\r\n" + DATA)
    while not peer.gone:
        await peer.send(bytes(65_536))


@pytest.mark.parametrize("answer", [endless, http_reply(200, DATA, {"Content-Length": "9500000"})])
def test_what_is_larger_than_the_disk_is_broken_off(
    saving: Saving, monkeypatch: pytest.MonkeyPatch, answer: bytes | OnRequest
) -> None:
    def small_disk(descriptor: int) -> os.statvfs_result:
        """Return what a disk of 10 MB says that has only this file on it."""
        free = max(0, 10_000_000 - os.fstat(descriptor).st_size)
        return os.statvfs_result((1, 1, 10_000_000, free, free, 0, 0, 0, 0, 255))

    monkeypatch.setattr(os, "fstatvfs", small_disk)
    with pytest.raises(DiskError, match="all that the disk has room for"):
        saving.run(answer)
    assert saving.run(http_reply(200, picture(4_000_000))).stat().st_size == 4_000_000


def test_a_disk_that_has_no_size_takes_anything(saving: Saving, monkeypatch: pytest.MonkeyPatch) -> None:
    none = os.statvfs_result((4_096, 4_096, 0, 0, 0, 0, 0, 0, 0, 255))
    monkeypatch.setattr(os, "fstatvfs", lambda _: none)
    assert saving.run(http_reply(200, DATA)).read_bytes() == DATA


@pytest.mark.parametrize("room", [0, 3, 200_000])
def test_data_is_inserted_whole_or_not_at_all(
    target: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    real = os.pwrite

    def pwrite(descriptor: int, data: bytes, offset: int) -> int:
        """Write as a disk does that has only so much room behind the file."""
        left = len(DATA) + room - offset
        if left <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(descriptor, data[:left], offset)

    with Folder(target) as folder, PartFile(folder, KEY) as part:
        part.begin(len(DATA), None)
        part.write(DATA)
        monkeypatch.setattr(os, "pwrite", pwrite)
        if room < 100:
            with pytest.raises(DiskError, match="No space left"):
                part.insert(33, b"inserted")
        else:
            part.insert(33, b"inserted")
        whole = DATA[:33] + b"inserted" + DATA[33:]
        assert part.keep("x", "png").read_bytes() == (DATA if room < 100 else whole)
