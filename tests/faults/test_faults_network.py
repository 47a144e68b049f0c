"""What the network does to a request: the real program sends it, and a server that means harm answers.

Most rows share one run of `check` over several hundred tasks, each with a fault of its own; every task had a good
record before, so that it shows what a fault does to that.
"""

from __future__ import annotations

import gzip
import json
import re
import socket
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from tests.bodies import http_reply, success_body, waiting_body
from tests.command import KEY, Command
from tests.faults.reply_noise import malformed, noise
from tests.faults.sweep import DEADLINE_S, Play, ScriptedServer, running, start_check, sweep, task_id
from tests.servers import AUTHORITY, Peer, RawServer, Request, closed_port, sends, tls_server
from tests.warm import Piped

MB: Final = 1 << 20
CAP_BYTES: Final = 4 * MB


@dataclass(frozen=True, slots=True)
class Fault:
    """One answer, and what has to be said of it."""

    row: str
    name: str
    play: Play
    said: str
    """A pattern of kind and message; an empty one allows a good answer too."""


def json_reply(body: object) -> bytes:
    return http_reply(200, json.dumps(body).encode())


def all_faults(server: RawServer, stranger: RawServer, sent: dict[str, int], long: bool) -> Iterator[Fault]:
    yield from cut_answers(long)
    yield from floods(sent)
    yield from bombs(long)
    yield from redirects(server, stranger)
    for answer in list(malformed(ANY))[:: 1 if long else 2]:
        yield Fault("N11", repr(answer[:120]), about_it(answer), "")
    yield from pages()


ANY: Final = task_id(0)


def about_it(answer: bytes, *, end: int | None = None, then: str = "close") -> Play:
    """An answer that is about the task that is asked for, in the place of one about `ANY`."""

    async def play(peer: Peer, request: Request) -> None:
        about = answer.replace(ANY.encode(), (request.task_id or "").encode())
        await sends(about[:end], then=then)(peer, request)

    return play


def cut_answers(long: bool) -> Iterator[Fault]:
    """A good answer cut at every byte, in three framings, by both ways to hang up."""
    body = json.dumps(success_body(ANY)).encode()
    whole = http_reply(200, body)
    unframed = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + body
    chunked = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        + b"40\r\n%s\r\n" % body[:64]
        + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body) - 64, body[64:])
    )
    for name, answer in (("length", whole), ("chunked", chunked), ("to the end", unframed)):
        for end in range(0, len(answer), 1 if long else 89):
            for then in ("close", "reset"):
                cut = answer[:end]
                is_text = name == "to the end" and b"\r\n\r\n" in cut and then == "close"
                said = "unreadable: the answer is (empty|not JSON)" if is_text else "unreachable: .*127.0.0.1"
                if name == "to the end" and then == "reset":
                    # What the kernel hands on before a reset may look like an end in good order.
                    said = "unreachable: .*127.0.0.1|unreadable: the answer is (empty|not JSON)"
                yield Fault("N2", f"{name}, {then} after {end}", about_it(answer, end=end, then=then), said)


def floods(sent: dict[str, int]) -> Iterator[Fault]:
    chunk = b"%x\r\n%s\r\n" % (65_536, b"[" + b" " * 65_535)
    text = b'"' + b"x" * 65_535
    for name, head, part, status in (
        ("chunks without end", b"Transfer-Encoding: chunked", chunk, 200),
        ("a body of 100 MB", b"Content-Length: %d" % (100 * MB), text, 200),
        ("a body without end", b"Content-Type: application/json", text, 200),
        ("an error of 100 MB", b"Content-Length: %d" % (100 * MB), text, 500),
    ):
        said = "unreadable: the answer is larger than 4 MiB" if status == 200 else "server error: "
        yield Fault(
            "N5", name, endless(name, b"HTTP/1.1 %d Any\r\n%s\r\n\r\n" % (status, head), part, sent), said
        )
    header = endless("headers without end", b"HTTP/1.1 200 OK\r\n", b"A: " + b"b" * 65_000 + b"\r\n", sent)
    yield Fault("N5", "headers without end", header, "unreachable: .* does not answer in HTTP")


def endless(name: str, head: bytes, part: bytes, sent: dict[str, int]) -> Play:
    async def play(peer: Peer, _request: Request) -> None:
        await peer.send(head)
        sent[name] = 0
        while not peer.gone and sent[name] < 100 * MB:
            await peer.send(part)
            sent[name] += len(part)
        peer.close()

    return play


def bombs(long: bool) -> Iterator[Fault]:
    zeros = bytes((300 if long else 48) * MB)
    gzipped, deflated = gzip.compress(zeros, 1), zlib.compress(zeros, 1)
    for encoding, body in (
        ("gzip", gzipped),
        ("x-gzip", gzipped),
        ("gzip, gzip", gzip.compress(gzipped)),
        ("deflate", deflated),
        ("br", b"\x0b\x02\x80{}\x03"),
        ("zstd", b"(\xb5/\xfd\x04X\x11\x00\x00{}"),
    ):
        said = re.escape(f"unreadable: the answer is compressed ({encoding}), which was not asked for")
        yield Fault("N6", encoding, sends(http_reply(200, body, {"Content-Encoding": encoding})), said)


def redirects(server: RawServer, stranger: RawServer) -> Iterator[Fault]:
    there = f"http://localhost:{stranger.port}/api/v1/jobs/recordInfo?taskId=x"
    here = f"{server.url}/api/v1/jobs/recordInfo?taskId="
    body = json.dumps(success_body("x")).encode()
    never = r"unreachable: a redirect.*\(HTTP \d+\), which is never followed"
    for status in (300, 301, 302, 303, 304, 305, 307, 308, 399):
        yield Fault("N7", f"{status}", sends(http_reply(status, body, {"Location": there})), never)
    for location in (
        f"//localhost:{stranger.port}/",
        f"http://user:password@localhost:{stranger.port}/",
        f"http://127.0.0.1:{stranger.port}/",
    ):
        yield Fault("N7", location, sends(http_reply(302, body, {"Location": location})), never)
    for location in (
        "SELF", "/api/v1/jobs/recordInfo", "", ".", "javascript:alert(1)", "file:///etc/passwd", "data:,x", "http://xn--a/",
        "http://[", "http://[::1", "http://x:99999/", "http://x:y/", "http://\x85/", "//", "http:", "ftp://127.0.0.1/",
        "http://" + "a" * 60_000, "-x", "%00", "http://127.0.0.1\\@x/", "\xe9\xff",
    ):  # fmt: skip
        reply = http_reply(302, b"", {"Location": here + ANY if location == "SELF" else location})
        yield Fault("N8", location[:80], about_it(reply, then="stay"), never)
    yield Fault("N8", "no location", sends(http_reply(301)), never)


def pages() -> Iterator[Fault]:
    page = b"<!doctype html><title>Log in</title><form action=/login>\x1b[2J</form>"
    html = re.escape(
        "unreadable: the answer is not JSON (text/html): is the base URL right, or is a login page"
    )
    for name, status, body, label, said in (
        ("portal", 200, page, "text/html; charset=utf-8", html),
        ("no label", 200, b"\n " + page, "", html),
        ("label of JSON", 200, page, "application/json", html),
        ("XHTML", 200, b"<?xml version='1.0'?>" + page, "application/xhtml+xml", "unreadable: .*xhtml"),
        ("plain", 200, b"Welcome to the hotel", "text/plain", "unreadable: the answer is not JSON"),
        ("511", 511, page, "text/html", r"server error: .*HTTP 511, the answer is not JSON \(text/html\)"),
    ):
        yield Fault("N12", name, sends(http_reply(status, body, {"Content-Type": label})), said)


# Nobody there, row N1


@pytest.mark.row("N1")
def test_nobody_there_is_said_once_tried_ever_more_rarely_and_costs_no_row(tmp_path: Path) -> None:
    ids = [task_id(number) for number in range(150)]
    is_down = threading.Event()

    async def refuse(peer: Peer) -> None:
        if is_down.is_set():
            peer.reset()

    async def answer(peer: Peer, request: Request) -> None:
        if is_down.is_set():
            peer.reset()
        else:
            await peer.send(json_reply(success_body(request.task_id or "")))

    with RawServer(answer, on_connect=refuse) as server:
        taskdash = Command(tmp_path)
        taskdash.write_config(server.url, per_second=20, top="[view]\npreview = false\n")
        taskdash("add", *ids)
        with taskdash.dashboard() as screen:
            screen.wait_for("✓ success")
            is_down.set()
            down_at_s = time.monotonic()
            screen.wait_for("Offline: 127.0.0.1")
            # Pauses of about 1 and 2 s, or without any a hundred checks.
            server.wait_for(lambda: server.connected_at_s[-1] > down_at_s + 2.5, 10)
            text = screen.wait_for("trying again in")
            assert text.count("Offline") == 1
            assert "offline" in screen.lines[0]
            assert "All 150" in text
            assert "✓ success" in text
            screen.quit()
        # What was under way when the first failed comes together; then one at a time.
        at_s = [at for at in server.connected_at_s if at > down_at_s]
        probes = [at for at in at_s if at > at_s[0] + 0.6]
        assert 1 <= len(probes) <= 3, [round(at - at_s[0], 2) for at in at_s]


@pytest.mark.row("N1")
def test_why_nobody_is_there_is_told_apart(tmp_path: Path) -> None:
    # No name server is asked, and nothing leaves this computer: TCP has no route to a broadcast address.
    no_names = """
import socket
def look_up(*_, **__): raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
socket.getaddrinfo = look_up
"""
    processes: dict[str, Piped] = {}
    with ExitStack() as stack:
        for base_url, first, said in (
            (f"http://127.0.0.1:{closed_port()}", "", "connection refused by"),
            ("https://gateway.invalid", no_names, "the name of gateway.invalid is not known (DNS)"),
            ("https://255.255.255.255", "", "no network route to 255.255.255.255"),
        ):
            taskdash = Command(tmp_path / str(len(processes)))
            taskdash.write_config(base_url)
            processes[said] = stack.enter_context(running(start_check(taskdash, [task_id(0)], first=first)))
        for said, process in processes.items():
            _, stderr = process.communicate(timeout=30)
            assert process.returncode == 5, said
            assert f"{task_id(0)}: unreachable: " in stderr
            assert said in stderr


# Cut, endless, compressed, redirected, malformed


@pytest.mark.row("N5")
def test_large_records_that_come_all_at_once_cost_little_more_than_one(
    tmp_path: Path, long: bool, record_property: Callable[[str, object], None]
) -> None:
    prompt = json.dumps({"input": {"prompt": "word " * 780_000}})
    links = [f"https://cdn.example.com/{number:05}/{'x' * 40}.png" for number in range(45_000)]
    peaks_mb = []
    with ScriptedServer() as server:
        for count in (1, 64 if long else 20):
            folder = tmp_path / f"{count}"
            taskdash = Command(folder, server, per_second=1000)
            ids = [task_id(number) for number in range(count)]
            for number, each in enumerate(ids):
                large = success_body(each, links) if number == 7 else success_body(each, param=prompt)
                small = success_body(each)
                body = json_reply(large if count > 1 else small)
                assert count == 1 or 3 * MB < len(body) < CAP_BYTES
                server.plays[each] = sends(body)
            swept = sweep(taskdash, ids, is_listed=False)
            assert swept.returncode == 0, swept.stderr
            peaks_mb.append(swept.peak_mb)
    more_mb = peaks_mb[1] - peaks_mb[0]
    figure = f"{more_mb:.0f} MB more memory for {count} records of {len(body) / 1e6:.1f} MB at once"
    record_property("figure", figure)
    assert more_mb < 64


@pytest.mark.row("N2", "N5", "N6", "N7", "N8", "N11", "N12")
def test_no_answer_costs_a_record_much_memory_or_the_key(tmp_path: Path, long: bool) -> None:
    sent: dict[str, int] = {}
    with ScriptedServer() as server, RawServer() as stranger:
        # Checks go as fast as the machine allows: there are hundreds.
        taskdash = Command(tmp_path, server, per_second=1000)
        listed = enumerate(all_faults(server, stranger, sent, long))
        faults = {task_id(number): fault for number, fault in listed}
        server.plays = {each: sends(json_reply(waiting_body(each))) for each in faults}
        idle = sweep(taskdash, faults, is_listed=False)
        assert idle.returncode == 0
        server.plays = {each: fault.play for each, fault in faults.items()}
        swept = sweep(taskdash, faults, timeout_s=600)
        asked = Counter(request.task_id for request in server.requests)
    assert stranger.connections == 0
    # What lies in the buffers between is sent and never read.
    assert not [name for name, count in sent.items() if count > 3 * CAP_BYTES]
    assert idle.peak_mb > 20
    assert swept.peak_mb - idle.peak_mb < 32
    malformed_kinds = []
    for each, fault in faults.items():
        problem, task = swept.problem(each), swept.tasks[each]
        assert re.match(fault.said, problem), (fault.name, problem)
        assert problem.isprintable(), fault.name
        assert KEY not in problem
        assert asked[each] == 2, fault.name
        if problem:
            assert (task["state"], task["createTime"]) == ("waiting", 1777474689024), fault.name
        if fault.row == "N11":
            malformed_kinds.append(problem.partition(":")[0])
    assert len(malformed_kinds) > 60
    assert malformed_kinds.count("unreachable") > 20
    assert {"", "unreachable", "unreadable"} <= set(malformed_kinds)


@pytest.mark.row("N11")
def test_no_noise_ends_the_program(tmp_path: Path, long: bool) -> None:
    at_once = 1_000 if long else 50
    for start in range(0, 20_000 if long else 50, at_once):
        with ScriptedServer() as server:
            taskdash = Command(tmp_path / str(start), server, per_second=1000)
            answers = dict(zip(map(task_id, range(at_once)), noise("ID", at_once, seed=start), strict=True))
            for each, answer in answers.items():
                server.plays[each] = sends(answer.replace(b"ID", each.encode()), then="close")
            swept = sweep(taskdash, answers, timeout_s=300)
            assert swept.returncode in (0, 1, 3, 5)
            assert {swept.problem(each).partition(":")[0] for each in answers} >= {"", "unreachable"}


# A deadline (rows N3, N4)


async def say_nothing(peer: Peer, _request: Request) -> None:
    await peer.stall()


def stalls_after(part: bytes) -> Play:
    async def play(peer: Peer, _request: Request) -> None:
        await peer.send(part)
        await peer.stall()

    return play


def drips(answer: bytes, every_s: float) -> Play:
    async def play(peer: Peer, _request: Request) -> None:
        await peer.drip(answer, every_s)

    return play


def assert_ended_by_deadline(process: Piped, count: int, began_s: float, deadline_s: float) -> None:
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 5, stderr
    assert stderr.count(f"within {deadline_s:g}s") == count, stderr
    assert time.monotonic() - began_s >= deadline_s


@pytest.mark.row("N3", "N4")
def test_whoever_says_nothing_or_a_byte_now_and_then_meets_a_deadline(tmp_path: Path, long: bool) -> None:
    deadline_s, every_s = (DEADLINE_S, 0.4) if long else (1.0, 0.1)
    whole = json_reply(waiting_body(task_id(0)))
    head, _, body = whole.partition(b"\r\n\r\n")
    with ScriptedServer() as server, RawServer(on_connect=Peer.stall) as silent, socket.socket() as full:
        plays = (
            say_nothing,
            stalls_after(head[:20]),
            stalls_after(head + b"\r\n\r\n" + body[:20]),
            stalls_after(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
            drips(whole, every_s),
            drips(b"HTTP/1.1 100 Continue\r\n\r\n" * 100, every_s),
            drips(b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 10_000, every_s),
        )
        ids = [task_id(number) for number in range(len(plays))]
        server.plays = dict(zip(ids, plays, strict=True))
        # Nobody takes connections from this port, and there is no room for one more in its queue.
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        with ExitStack() as stack:
            for _ in range(4):
                waiting = stack.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex(full.getsockname())
            began_s = time.monotonic()
            started = []
            for name, base_url, wanted in (
                ("answers", server.url, ids),
                ("handshake", f"https://127.0.0.1:{silent.port}", ids[:1]),
                ("connection", f"http://127.0.0.1:{full.getsockname()[1]}", ids[:1]),
            ):
                taskdash = Command(tmp_path / name)
                taskdash.write_config(base_url)
                process = stack.enter_context(running(start_check(taskdash, wanted, deadline_s=deadline_s)))
                started.append((process, len(wanted)))
            for process, count in started:
                assert_ended_by_deadline(process, count, began_s, deadline_s)
        server.wait_for(lambda: server.open_connections == 0)
        assert server.connections == len(plays)


# TLS, row N9


@pytest.mark.row("N9")
def test_each_defect_of_tls_is_told_apart_and_plain_text_is_never_spoken(tmp_path: Path) -> None:
    said = {
        "expired": "the TLS certificate of localhost:{port} has expired",
        "not-yet": "the TLS certificate of localhost:{port} is not valid yet",
        "other-host": "the TLS certificate of localhost:{port} is for another host name",
        "self-signed": "the TLS certificate of localhost:{port} is self-signed",
        "unknown-issuer": "the TLS certificate of localhost:{port} comes from an unknown issuer",
        "plain text": "localhost:{port} does not speak TLS (https) there",
        "plain redirect": "localhost:{port} does not speak TLS (https) there",
        "cut": "localhost:{port} hung up during the TLS handshake",
    }
    left, heard = list(said), list[bytes]()

    async def defect(peer: Peer) -> None:
        name = left.pop()
        if name == "cut":
            await peer._reader.read(1)
            peer.close()
        elif name.startswith("plain"):
            answer = json_reply(waiting_body(task_id(0)))
            if name == "plain redirect":
                answer = http_reply(301, b"", {"Location": f"http://localhost:{server.port}/"})
            heard.append(await peer._reader.read(65_536))
            await peer.send(answer)
            heard.append(await peer._reader.read(65_536))
            peer.close()
        else:
            await peer._writer.start_tls(tls_server(name))

    with RawServer(on_connect=defect) as server:
        taskdash = Command(tmp_path)
        taskdash.write_config(f"https://localhost:{server.port}", per_second=1000)
        taskdash.env["SSL_CERT_FILE"] = str(AUTHORITY)
        swept = sweep(taskdash, [task_id(number) for number in range(len(said))])
        assert swept.returncode == 5
        assert server.requests == []
        assert left == []
    messages = [swept.problem(each) for each in swept.tasks]
    for words in said.values():
        words = f"unreachable: {words.format(port=server.port)}"
        assert [message for message in messages if message.startswith(words)], (words, messages)
    # A handshake begins with byte 22; the rest is an alert or nothing.
    assert {data[:1] for data in heard} <= {b"\x16", b"\x15", b""}
    assert not [data for data in heard if b"GET" in data or KEY.encode() in data]


# The environment, row N10

BROKEN: Final = (
    ("HTTPS_PROXY", "ftp://user:hunter2@proxy.example"),
    ("SSL_CERT_FILE", "/nonexistent/ca.pem"),
    ("ALL_PROXY", "socks5://user:hunter2@proxy.example:1080"),
)


@pytest.mark.row("N10")
def test_a_broken_variable_is_named_before_anything_is_sent_and_the_list_stays_usable(tmp_path: Path) -> None:
    taskdash = Command(tmp_path)
    taskdash.write_config("https://gateway.invalid")
    for name, value in BROKEN:
        done = taskdash("check", task_id(0), env={name: value})
        assert (done.returncode, done.stdout) == (2, ""), (name, done.stderr)
        assert name in done.stderr
        assert done.stderr.replace("\n", "").isprintable()
        assert "hunter2" not in done.stderr
    with taskdash.dashboard(env={"HTTPS_PROXY": "ftp://proxy.example"}) as screen:
        screen.wait_for("HTTPS_PROXY names a proxy of a kind that is not known")
        screen.wait_for(task_id(0)[:12])
        screen.quit()
