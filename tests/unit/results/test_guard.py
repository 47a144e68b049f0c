"""Only addresses outside are public, and a host with several is reached by whichever answers, if others do not."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from tests.file_server import PNG, FileServer
from tests.servers import http_reply
from tests.unit.results.fakes import save as save_in

from taskdash.results import fetch, guard
from taskdash.results.fetch import Fetcher
from taskdash.results.folder import Folder
from taskdash.results.guard import is_public
from taskdash.results.links import PassingError, PrivateHostError


@contextmanager
def nowhere(addresses: Sequence[str], port: int) -> Iterator[None]:
    """Have connections to `addresses` neither accepted nor refused: what fits in their queues is there already."""
    with ExitStack() as opened:
        for address in addresses:
            listener = opened.enter_context(socket.socket())
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((address, port))
            listener.listen(0)
            for _ in range(3):
                waiting = opened.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex((address, port))
        yield


@pytest.fixture(autouse=True)
def picture(server: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    # Far less than two dead addresses take in turn; far more than one that lives takes on a slow machine.
    monkeypatch.setattr(fetch, "CONNECT_S", 60.0)
    monkeypatch.setattr(fetch, "ANSWER_S", 10.0)
    server.files["/x.png"] = http_reply(200, PNG)


def save(target: Path, port: int, addresses: Sequence[str], *, allow_private: bool = True) -> Path:
    with Folder(target) as folder:
        fetcher = Fetcher(
            "https://gateway.test",
            allow_private=allow_private,
            resolver=lambda _host, _port: list(addresses),
        )
        return asyncio.run(save_in(folder, fetcher, f"http://cdn.test:{port}/x.png"))


@pytest.mark.parametrize("count", [1, 3, 8])
def test_dead_addresses_before_one_that_answers_do_not_hold_it_up(
    server: FileServer, target: Path, count: int
) -> None:
    dead = [f"127.0.1.{n}" for n in range(1, count + 1)]
    with nowhere(dead, server.port):
        assert save(target, server.port, [*dead, "127.0.0.1"]).read_bytes() == PNG
    assert len(server.requests) == 1


def test_both_families_take_turns() -> None:
    assert guard._by_turns(["::1", "::2", "::3", "192.0.2.1"]) == ["::1", "192.0.2.1", "::2", "::3"]
    assert guard._by_turns(["192.0.2.1", "192.0.2.2", "::1"]) == ["192.0.2.1", "::1", "192.0.2.2"]


def test_an_address_that_refuses_is_left_at_once(server: FileServer, target: Path) -> None:
    refusing = [f"127.0.1.{n}" for n in range(1, 200)]
    assert save(target, server.port, [*refusing, "127.0.0.1"]).read_bytes() == PNG


def test_where_all_refuse_the_reason_is_told(target: Path, server: FileServer) -> None:
    with pytest.raises(PassingError, match=r"cdn\.test cannot be reached"):
        save(target, server.port, ["127.0.1.1", "127.0.1.2"])


def test_private_addresses_are_left_out_of_the_race(server: FileServer, target: Path) -> None:
    with pytest.raises(PrivateHostError):
        save(target, server.port, ["127.0.0.1", "::1", "10.0.0.1"], allow_private=False)
    assert server.connections == 0


INSIDE = [
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",  # noqa: S104 - nothing binds to it
    "224.0.0.1", "255.255.255.255", "::1", "::", "fd00::1", "fe80::1", "fe80::1%eth0", "ff02::1",
    "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "nonsense",
]  # fmt: skip
OUTSIDE = ["1.1.1.1", "8.8.8.8", "2606:4700::1111"]


@pytest.mark.parametrize("address", [*INSIDE, *OUTSIDE])
def test_only_addresses_outside_are_public(address: str) -> None:
    assert is_public(address) is (address in OUTSIDE)
