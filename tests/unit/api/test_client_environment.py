"""Broken variables of the environment are named before anything is sent; the others are honoured."""

from __future__ import annotations

import importlib.util

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskdash.api.client import Gateway
from taskdash.api.network import find_proxy
from taskdash.domain.errors import UsageError
from taskdash.domain.secret import Secret
from taskdash.domain.untrusted import inert_line

KEY = Secret("sk-CANARY-0123456789")
BROKEN = [
    ("HTTPS_PROXY", "ftp://proxy.example"),
    ("https_proxy", "ftp://proxy.example"),
    ("HTTPS_PROXY", "http://"),
    ("HTTPS_PROXY", "http://proxy.example:port"),
    ("HTTPS_PROXY", "http://[::1"),
    ("HTTPS_PROXY", "http://pro xy.example"),
    ("HTTPS_PROXY", "http://proxy\x1b.example"),
    ("HTTPS_PROXY", "http://999.1.1.1:8080"),
    ("ALL_PROXY", "socks9://proxy.example"),
    ("all_proxy", "socks://127.0.0.1:1080/"),
    ("ALL_PROXY", "://"),
    ("SSL_CERT_FILE", f"{__file__}/ca.pem"),
    ("SSL_CERT_FILE", "/"),
    ("SSL_CERT_FILE", __file__),
    ("SSL_CERT_DIR", f"{__file__}/certificates"),
]


@pytest.mark.parametrize(("variable", "value"), BROKEN)
def test_a_broken_variable_is_named_before_anything_is_sent(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(UsageError) as caught:
        Gateway("https://gateway.invalid", KEY)
    assert variable in str(caught.value)
    assert str(caught.value).isprintable()
    assert caught.value.exit_code == 2
    Gateway("https://gateway.invalid", KEY, trust_env=False)


@pytest.mark.parametrize(
    "environ",
    [
        # GNOME's: one proxy for each scheme, and one more that nobody but browsers can read.
        {"https_proxy": "http://127.0.0.1:8080/", "all_proxy": "socks://127.0.0.1:1080/"},
        {"https_proxy": "http://127.0.0.1:8080", "http_proxy": "ftp://x", "ALL_PROXY": "://"},
        {"http_proxy": "http://[::1"},
        {"HTTP_PROXY": "http://proxy.example:port", "https_proxy": " "},
        {"https_proxy": "http://127.0.0.1:8080", "HTTPS_PROXY": "broken://"},
        {"no_proxy": "localhost,127.*"},
        {"no_proxy": "http://[", "NO_PROXY": "a\x01b"},
        {"https_proxy": "ftp://x", "no_proxy": "<local>,*.invalid"},
        {"https_proxy": "ftp://x", "no_proxy": "*"},
        {"https_proxy": "ftp://x", "no_proxy": "other.example gateway.invalid"},
    ],
)
def test_a_variable_that_is_not_used_for_the_gateway_may_be_anything(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str]
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    Gateway("https://gateway.invalid", KEY)


def test_a_socks_proxy_needs_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    monkeypatch.setenv("ALL_PROXY", "socks5://user:password@proxy.example:1080")
    with pytest.raises(UsageError, match=r"ALL_PROXY names a SOCKS proxy.*socksio") as caught:
        Gateway("https://gateway.invalid", KEY)
    assert "password" not in str(caught.value)
    Gateway("http://127.0.0.1:9", KEY)
    monkeypatch.setenv("NO_PROXY", "gateway.invalid")
    Gateway("https://gateway.invalid", KEY)


@pytest.mark.parametrize("scheme", ["http", "https", "socks5", "socks5h"])
def test_every_kind_of_proxy_is_taken(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: object())
    proxy = find_proxy(
        "https", "gateway.invalid", 443, {"all_proxy": f"{scheme}://u%40v:w@pröxy.example:81/"}
    )
    assert proxy is not None
    assert (proxy.is_socks, proxy.is_https) == (scheme.startswith("socks"), scheme == "https")
    assert str(proxy) == "xn--prxy-6qa.example:81 (all_proxy)"
    assert proxy.server.raw_auth == (b"u@v", b"w")
    assert "w'" not in repr(proxy)


def test_the_variable_of_the_scheme_goes_before_all_proxy_and_lower_case_before_upper() -> None:
    environ = {
        "ALL_PROXY": "a.example",
        "HTTPS_PROXY": "b.example",
        "https_proxy": "c.example",
        "http_proxy": " ",
    }
    assert str(find_proxy("https", "gateway.invalid", 443, environ)) == "c.example (https_proxy)"
    assert str(find_proxy("http", "gateway.invalid", 80, environ)) == "a.example (ALL_PROXY)"


@pytest.mark.parametrize(
    ("entry", "host", "port", "bypassed"),
    [
        ("*", "gateway.example", 443, True),
        ("example", "gateway.example", 443, True),
        (".example", "gateway.example", 443, True),
        ("*.example", "gateway.example", 443, True),
        ("gateway.example", "GATEWAY.example.", 443, True),
        ("way.example", "gateway.example", 443, False),
        ("x, gateway.example:443 ,y", "gateway.example", 443, True),
        ("gateway.example:80", "gateway.example", 443, False),
        ("https://gateway.example", "gateway.example", 443, True),
        # What nobody can read, and what curl would not, is passed over; what stands beside it counts.
        ("<local>,gateway.example", "gateway.example", 443, True),
        ("localhost:abc, http://[, [::1, gateway.example", "gateway.example", 443, True),
        ("<local>, http://[, [::1, localhost:abc, a\x01b", "gateway.example", 443, False),
        ("exa mple.com", "mple.com", 443, True),
        ("10.1.2.3", "10.1.2.3", 443, True),
        ("10.1.2.3:443", "10.1.2.3", 443, True),
        ("[fd12::1]", "fd12::1", 443, True),
        ("[fd12::1]:443", "fd12::1", 443, True),
        ("fd12::2", "fd12::1", 443, False),
    ],
)
def test_no_proxy_means_what_it_means_to_curl(entry: str, host: str, port: int, bypassed: bool) -> None:
    environ = {"https_proxy": "http://proxy.example", "no_proxy": entry}
    assert (find_proxy("https", host, port, environ) is None) is bypassed


def test_a_key_log_that_cannot_be_written_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", f"{__file__}/keys.log")
    with pytest.raises(UsageError, match="SSLKEYLOGFILE"):
        Gateway("https://gateway.invalid", KEY)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True), ("LOCALHOST.", True), ("api.localhost", True), ("127.9.9.9", True),
        ("::1", True), ("128.0.0.1", False), ("localhost.example", False), ("127.0.0.1.example", False),
    ],
)  # fmt: skip
def test_only_this_computer_is_asked_past_every_proxy(host: str, expected: bool) -> None:
    assert (find_proxy("http", host, 80, {"http_proxy": "http://proxy.example"}) is None) is expected


@pytest.mark.parametrize("base_url", ["https://[::1", "https://999.1.1.1", "https://gate\nway.example"])
def test_what_is_no_base_url_is_refused(base_url: str) -> None:
    with pytest.raises(UsageError, match="is not a base URL"):
        Gateway(base_url, KEY)


@given(st.dictionaries(st.sampled_from(["http_proxy", "HTTPS_PROXY", "all_proxy", "NO_PROXY"]), st.text()))
def test_any_environment_is_taken_or_refused_in_words(environ: dict[str, str]) -> None:
    message = ""
    try:
        find_proxy("https", "gateway.example", 443, environ)
    except UsageError as error:
        message = str(error)
    assert not message or any(name in message for name in environ)
    assert inert_line(message) == message
