"""The page of a contact sheet: whatever a task says stays text, and the page may load nothing."""

from __future__ import annotations

import base64
import hashlib
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskdash.domain.task import Json, State, Task, TaskDetail, Verdict
from taskdash.results.sheet import HEAD, Card, Embedded, page
from taskdash.store.saved import SavedFile

NOW = 1_790_000_000_000
URL = "https://cdn.example.com/a.png"
PICTURE = Embedded(b"RIFF", 8, 6, "PNG, 800 × 600")
MARKUP = (
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\"'><svg onload=alert(1)>",
    "</style></title></textarea>-->",
    "&lt;b&gt; &amp;amp; &#60;",
    "javascript:alert(1)",
    "\ud800\x00\u202e",
)
TEXTS = st.one_of(
    st.sampled_from(MARKUP), st.text(max_size=40), st.text("<>&\"'=/ -!\u2028\ud800", max_size=40)
)


class Parsed(HTMLParser):
    """Takes apart what a page has in it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.scripts: list[str] = []
        self._within = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._within = tag

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002 - the base's signature
        self._within = ""

    def handle_data(self, data: str) -> None:
        (self.scripts if self._within in ("script", "style") else self.texts).append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """Return the attributes of each element of a kind."""
        return [attributes for name, attributes in self.tags if name == tag]


def card(
    *,
    param: Json = None,
    urls: tuple[str, ...] = (URL,),
    about: Any = None,
    verdict: Verdict | None = None,
    saved: str | None = None,
    picture: Embedded | str = PICTURE,
) -> Card:
    task: dict[str, Any] = {"task_id": "task_a", "state": State.SUCCESS, "result_count": len(urls)}
    detail = TaskDetail(
        task=Task(seq=1, profile="p", added_at_ms=NOW, **task | (about or {})),
        param=param,
        result_urls=urls,
        verdicts={1: verdict} if verdict else {},
    )
    file = None if saved is None else SavedFile(Path(saved), None)
    return Card(detail=detail, number=1, saved=file, picture=picture)


def shown(*cards: Card, ttl_ms: int = 86_400_000) -> Parsed:
    return Parsed(page(cards, asked="label: mugs", now_ms=NOW, ttls_ms={"p": ttl_ms}, folder=Path("/x")))


@given(TEXTS, TEXTS, TEXTS, TEXTS, TEXTS, TEXTS)
def test_what_a_task_says_is_text_and_never_an_element(
    prompt: str, label: str, name: str, value: str, url: str, saved: str
) -> None:
    plain, hostile = (
        Parsed(
            page(
                [
                    card(
                        param={"input": {words[2]: words[3]}},
                        urls=(words[4],),
                        about={"prompt": words[0], "label": words[1], "model": words[0]},
                        saved=f"/x/{words[5]}",
                        picture=words[0],
                    )
                ],
                asked=words[1],
                now_ms=NOW,
                ttls_ms={},
                folder=Path("/x"),
            )
        )
        for words in (("a", "b", "c", "d", "e", "f"), (prompt, label, name, value, url, saved))
    )
    ours = {tag for tag, _ in plain.tags} | {"a"}
    assert {tag for tag, _ in hostile.tags} <= ours
    assert hostile.scripts == plain.scripts
    assert {key for _, attributes in hostile.tags for key in attributes if key.startswith("on")} == set()
    for link in hostile.all("a"):
        assert (link["href"] or "").startswith(("http://", "https://", "./"))
    if prompt.strip() and "\r" not in prompt and "\0" not in prompt:
        assert prompt in "".join(hostile.texts)


def test_the_policy_lets_nothing_in_but_what_is_in_the_page() -> None:
    parsed = shown(card())
    [policy] = [
        str(meta["content"])
        for meta in parsed.all("meta")
        if meta.get("http-equiv") == "Content-Security-Policy"
    ]
    style, script = (
        f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
        for text in parsed.scripts
    )
    assert policy == (
        f"default-src 'none'; img-src data:; style-src {style}; script-src {script}; "
        "base-uri 'none'; form-action 'none'"
    )
    assert page([card()], asked="x", now_ms=NOW, ttls_ms={}).startswith(HEAD)
    loaded = [attributes["src"] for _, attributes in parsed.tags if "src" in attributes]
    assert loaded == ["data:image/webp;base64," + base64.b64encode(b"RIFF").decode()]


def test_a_card_has_what_one_wants_to_know_of_a_result() -> None:
    parsed = shown(
        card(
            param={"model": "m", "input": {"prompt": "A fox", "size": "1:1", "image": "x" * 9_000}},
            about={
                "prompt": "A fox",
                "label": "mugs",
                "model": "gpt-image-2",
                "cost_time_ms": 32_241,
                "credits": 1_234_567.25,
                "complete_time_ms": NOW,
            },
            verdict=Verdict.PICKED,
        )
    )
    text = " ".join(parsed.texts)
    for words in (
        "label: mugs",
        "1 result",
        "A fox",
        "✓ picked",
        "gpt-image-2",
        "32s",
        "credits 1,234,567.25",
        "PNG, 800 × 600",
        "1:1",
        "expires 2026-",
        "task_a:1",
    ):
        assert words in text
    assert "x" * 400 not in text
    assert [(link["href"], link["rel"]) for link in parsed.all("a")] == [(URL, "noreferrer")]


def test_the_filter_counts_verdicts() -> None:
    parsed = shown(card(), card(verdict=Verdict.PICKED), card(verdict=Verdict.REJECTED), card())
    counts = [text for text in parsed.texts if text.startswith(("All", "Picked", "Undecided", "Rejected"))]
    assert counts == ["All 4", "Picked 1", "Undecided 2", "Rejected 1"]
    assert [each["data-verdict"] for each in parsed.all("article")] == [
        *("undecided", "picked", "rejected", "undecided")
    ]
    # Without the script it would do nothing.
    assert "hidden" in parsed.all("form")[0]


@pytest.mark.parametrize(
    ("fields", "links", "words"),
    [
        ({"saved": "/home/me/a.png"}, [URL], "/home/me/a.png"),
        ({"saved": "/x/b c#1.png"}, [URL, "./b%20c%231.png"], "b c#1.png"),
        ({"about": {"complete_time_ms": NOW - 90_000_000}}, [], "The link has expired"),
        ({"urls": ("file:///etc/passwd",)}, [], "Unsafe link left out"),
        ({"urls": ("https://me@evil.test/a",)}, [], "Unsafe link left out"),
    ],
)
def test_where_a_result_is(fields: dict[str, Any], links: list[str], words: str) -> None:
    parsed = shown(card(**fields))
    assert [link["href"] for link in parsed.all("a")] == links
    assert words in parsed.texts
