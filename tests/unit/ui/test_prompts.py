"""What a filter found in a prompt: highlighted, and inside what is shown of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from taskdash.domain.query import parse_filter
from taskdash.ui.text.prompts import matches, prompt_pieces, sought_words

LONG = "Product photo of a ceramic mug on a walnut desk, morning light, matte black glaze, steam rising"


def said(prompt: str, words: tuple[str, ...], *, start: int = 0, width: int = 40) -> str:
    """The cell, with matches in brackets."""
    pieces = prompt_pieces(prompt, start, width, words)
    return "".join(f"[{text}]" if style == "match" else text for text, style in pieces)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ('fox "Red Car" prompt:Sky', ("fox", "red car", "sky")),
        ("!fox label:hero state:fail model:gpt id:ab", ()),
    ],
)
def test_only_what_has_to_be_in_a_prompt_is_looked_for(typed: str, words: tuple[str, ...]) -> None:
    assert sought_words(parse_filter(typed)) == words


@pytest.mark.parametrize(
    ("prompt", "words", "shown"),
    [
        ("A red fox, a Red car", ("red",), "A [red] fox, a [Red] car"),
        ("A red fox", ("ed", "red f"), "A [red f]ox"),
        ("A red fox", ("wolf",), "A red fox"),
        ("Große STRASSE am Fluß", ("strasse", "fluss"), "Große [STRASSE] am [Fluß]"),
        ("ﬁne İstanbul", ("fi", "i\u0307s"), "[ﬁ]ne [İs]tanbul"),
        (LONG, ("photo",), "Product [photo] of a ceramic mug on a walnut"),
        (LONG, ("glaze",), "…light, matte black [glaze], steam rising"),
        (LONG, ("rising",), "…light, matte black glaze, steam [rising]"),
        ("x" * 90 + "fox", ("fox",), "…[fox]"),
    ],
)
def test_a_match_is_highlighted_and_the_cut_falls_elsewhere(
    prompt: str, words: tuple[str, ...], shown: str
) -> None:
    assert said(prompt, words).startswith(shown)


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ((), "…matte black glaze, steam rising"),
        (("matte",), "…[matte] black glaze, steam rising"),
        (("photo", "steam"), "…matte black glaze, [steam] rising"),
        (("photo",), "…[photo]…matte black glaze, steam rising"),
        (("product",), "[Product]…matte black glaze, steam rising"),
    ],
)
def test_what_neighbours_share_is_left_out_but_for_what_was_found_in_it(
    words: tuple[str, ...], shown: str
) -> None:
    assert said(LONG, words, start=LONG.index("matte")) == shown


@given(
    st.text("ab ß漢İ", max_size=60),
    st.integers(0, 60),
    st.integers(18, 70),
    st.lists(st.text("abß漢", min_size=1, max_size=4).map(str.casefold), max_size=3),
)
def test_what_matches_is_in_the_cells_that_are_there(
    prompt: str, start: int, width: int, words: list[str]
) -> None:
    start = min(start, len(prompt))
    pieces = prompt_pieces(prompt, start, width, words)
    if matches(prompt, words):
        before = 0
        for text, style in pieces:
            if style == "match":
                break
            before += cell_len(text)
        else:
            pytest.fail("no match is shown")
        assert before < width - 1
    else:
        assert "".join(text for text, _ in pieces) == ("…" if start else "") + prompt[start:]


def test_of_a_long_prompt_no_more_is_made_than_there_is_room_for() -> None:
    assert len(prompt_pieces("a b " * 1000, 0, 40, ("a",))) < 150
