"""Cuts prompts to one line of a row, from where they differ, so that a match of the filter is visible and marked."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len

from taskdash.domain.query import TextTerm
from taskdash.domain.untrusted import fold, inert_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from taskdash.domain.query import Term
    from taskdash.domain.task import Task

MATCH: Final = "match"
CUT: Final = ("…", "muted")
_PROMPT_CHARS: Final = 1_000
"""Prompts that do not differ up to here are shown from their start."""


def shared_of(tasks: Iterable[Task], width: int) -> dict[int, int]:
    """Return how many leading characters, shared by several prompts, a column of `width` cells skips, by `seq`."""
    prompts = {task.seq: inert_line(task.prompt[:_PROMPT_CHARS]) for task in tasks if task.prompt}
    starts = dict.fromkeys(prompts, 0)
    _skip_shared(prompts, starts, max(1, width // 2), max(1, width - 2))
    return {seq: start for seq, start in starts.items() if start}


def _skip_shared(prompts: Mapping[int, str], starts: dict[int, int], chars: int, seen: int) -> None:
    """Start prompts that share their next `chars` one word before they differ; repeat for the next `seen` chars."""
    alike: dict[str, list[int]] = defaultdict(list)
    for seq, prompt in prompts.items():
        alike[prompt[starts[seq] : starts[seq] + chars]].append(seq)
    for seqs in alike.values():
        texts = {prompts[seq] for seq in seqs}
        first, last = min(texts), max(texts)
        differ = (at for at, (a, b) in enumerate(zip(first, last, strict=False)) if a != b)
        same = first[: next(differ, None)]
        # One shared word is kept, as the context of the difference.
        begin = same.rfind(" ", 0, max(0, same.rfind(" "))) + 1
        if len(texts) > 1 and begin > starts[seqs[0]]:
            starts.update(dict.fromkeys(seqs, begin))
            _skip_shared({seq: prompts[seq] for seq in seqs}, starts, seen, seen)


def sought_words(terms: Iterable[Term]) -> tuple[str, ...]:
    """Return the folded texts that a filter looks for in prompts."""
    return tuple(
        term.text
        for term in terms
        if isinstance(term, TextTerm) and not term.negated and term.text and term.field in (None, "prompt")
    )


def matches(text: str, words: Sequence[str]) -> list[tuple[int, int]]:
    """Return the spans in a text that match any of the words, in order; overlapping ones are merged."""
    folded, places = fold(text), list(range(len(text)))
    if len(folded) != len(text):
        # Some letters fold to several: each of those maps to the position of the one.
        folded = "".join(char.casefold() for char in text)
        places = [at for at, char in enumerate(text) for _ in char.casefold()]
    found: list[tuple[int, int]] = []
    for word in words:
        at = folded.find(word)
        while at >= 0:
            found.append((places[at], places[at + len(word) - 1] + 1))
            at = folded.find(word, at + len(word))
    apart: list[tuple[int, int]] = []
    for begin, end in sorted(found):
        if apart and begin <= apart[-1][1]:
            apart[-1] = (apart[-1][0], max(end, apart[-1][1]))
        else:
            apart.append((begin, end))
    return apart


def prompt_pieces(prompt: str, start: int, width: int, words: Sequence[str] = ()) -> list[tuple[str, str]]:
    """Return the texts of a cell for a prompt of one line, each with the name of its style.

    Text before `start` is left out, as neighbouring rows have it too, but the first match of `words` stays visible.
    """
    found = matches(prompt, words) if words else []
    seen = (begin >= start and cell_len(prompt[start:end]) <= width - 2 for begin, end in found)
    head: list[tuple[str, str]] = []
    if found and not any(seen):
        begin, end = found[0]
        if begin < start:
            head = [*([CUT] if begin else []), (prompt[begin : min(end, begin + width // 3)], MATCH)]
        else:
            # Keep a word or two before it as context, or more if the end of the prompt leaves room.
            wanted = begin - width // 3
            wanted = min(wanted, len(prompt) + 1 - width) if prompt.isascii() else wanted
            start = prompt.find(" ", max(start, wanted), begin) + 1 or begin
    pieces = [*head, *([CUT] if start else [])]
    # No cell shows more than that, unless characters have no width.
    prompt = prompt[: start + 4 * width + 80]
    for begin, end in found:
        if start < end and begin < len(prompt):
            pieces += [(prompt[start:begin], ""), (prompt[max(start, begin) : end], MATCH)]
            start = max(start, end)
    return [piece for piece in (*pieces, (prompt[start:], "")) if piece[0]]
