"""A link comes from outside: which may go anywhere, and in which form."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskdash.results.desktop import Opened, open_url
from taskdash.results.links import MAX_URL_CHARS, UnsafeLinkError, checked_url, safe_url

PICTURE = "https://cdn.example.com/result.png"


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        (PICTURE, PICTURE),
        ("http://127.0.0.1:8080/a/b.png?x=1&y=2#top", "http://127.0.0.1:8080/a/b.png?x=1&y=2#top"),
        ("HTTPS://CDN.Example.com/A.png", "https://cdn.example.com/A.png"),
        ("https://[::1]:8443/a", "https://[::1]:8443/a"),
        ("  https://cdn.example.com/a  ", "https://cdn.example.com/a"),
        ("https://cdn.example.com", "https://cdn.example.com"),
        # What is encoded stays as it is, what is not gets encoded.
        ("https://cdn.example.com/a%20b%2Fc", "https://cdn.example.com/a%20b%2Fc"),
        ("https://cdn.example.com/a b", "https://cdn.example.com/a%20b"),
        ("https://cdn.example.com/ü/灯", "https://cdn.example.com/%C3%BC/%E7%81%AF"),
        (
            "https://cdn.example.com/$(touch x)`y`'z'\"",
            "https://cdn.example.com/%24%28touch%20x%29%60y%60%27z%27%22",
        ),
        ("https://cdn.example.com/a\u202eb\x9bc\x7f", "https://cdn.example.com/a%E2%80%AEb%C2%9Bc%7F"),
        ("https://cdn.example.com/a\\b?c=\\d", "https://cdn.example.com/a/b?c=%5Cd"),
        ("https://bücher.example/a", "https://xn--bcher-kva.example/a"),
        # A signed link of an object store.
        (
            "https://b.s3.amazonaws.com/k?X-Amz-Credential=A%2F2026%2Fus&X-Amz-Signature=ab+c/d==",
            "https://b.s3.amazonaws.com/k?X-Amz-Credential=A%2F2026%2Fus&X-Amz-Signature=ab+c/d==",
        ),
    ],
)
def test_http_links_with_a_host_are_opened_percent_encoded(url: str, safe: str) -> None:
    assert safe_url(url) == safe


REFUSED = {
    "it is no http(s) link with a host": [
        "javascript:alert(1)", "file:///etc/passwd", "data:text/html,<script>", "ftp://cdn.example.com/a", "-x",
        "--flag=evil", "%action--evil", "cdn.example.com/a.png", "//cdn.example.com/a.png", "http:cdn.example.com",
        "http://", "https:///a", "",
    ],
    "its host is no host name": ["https://a$b/", "https://a`b/", "https://a'b/", "https://cdn example.com/a"],
    "it has a user name in it": [
        "https://user@cdn.example.com/a", "https://user:secret@cdn.example.com/a", "https://cdn.example.com\\@evil.example/a",
    ],
    "its host or port cannot be read": [
        "https://[::1/a", "https://cdn.example.com:port/a", "https://cdn.example.com:99999/a",
    ],
    "it has control characters in it": [
        "https://cdn.example.com/a\nb", "https://cdn.example.com/\x1b]0;title\x07", "https://cdn.example.com/\x00",
        "https://xn--a/\ud800",
    ],
    "it is longer than 8,192 characters": [f"https://cdn.example.com/{'x' * MAX_URL_CHARS}"],
}  # fmt: skip


@pytest.mark.parametrize(("url", "why"), [(url, why) for why, urls in REFUSED.items() for url in urls])
def test_anything_else_is_not_opened_and_the_reason_that_is_told_is_the_true_one(url: str, why: str) -> None:
    assert safe_url(url) is None
    with pytest.raises(UnsafeLinkError) as caught:
        checked_url(url)
    assert str(caught.value) == why
    assert open_url(url, command=["true"], environ={}) == Opened(False, f"not opened: {why}")


@given(st.text(max_size=80) | st.text(max_size=60).map(lambda tail: f"https://cdn.example.com{tail}"))
def test_whatever_is_opened_is_plain_http_ascii_without_food_for_a_shell(url: str) -> None:
    safe = safe_url(url)
    if safe is not None:
        assert safe.isascii()
        assert safe.isprintable()
        assert urlsplit(safe).scheme in ("http", "https")
        assert urlsplit(safe).hostname
        assert not set(safe) & set(" \"'`$\\()<>|{}^\n\t")
        assert safe_url(safe) == safe
