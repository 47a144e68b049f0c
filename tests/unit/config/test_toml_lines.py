"""The line of each key is the one in which a reader of the whole language finds its value."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from taskdash.config.files import key_lines

FILE = '''\
# [no] = 1
bell = true
note = """
[not.a.table]
fake = 1 \\"""
"""
raw = \'\'\'a
b = 2\'\'\'\'
keys = { open = "o", "re.move" = [
  "x",  # ] }
  "y" ] }
view.theme = "nord"
view."sort" = "added"

[profiles."a.b"]
tier = "pro"
  [ profiles . kie ]
record_paths = [
  "/a",

  "/b",
]
[[views]]
name = "one"
[[views]]
name = "two"
[views.more]
deep = 1
'''


def test_the_lines_of_everything_that_a_file_may_have() -> None:
    assert key_lines(FILE) == {
        ("bell",): 2,
        ("note",): 3,
        ("raw",): 7,
        ("keys",): 9,
        ("keys", "open"): 9,
        ("keys", "re.move"): 9,
        ("keys", "re.move", 0): 10,
        ("keys", "re.move", 1): 11,
        ("view",): 12,
        ("view", "theme"): 12,
        ("view", "sort"): 13,
        ("profiles",): 15,
        ("profiles", "a.b"): 15,
        ("profiles", "a.b", "tier"): 16,
        ("profiles", "kie"): 17,
        ("profiles", "kie", "record_paths"): 18,
        ("profiles", "kie", "record_paths", 0): 19,
        ("profiles", "kie", "record_paths", 1): 21,
        ("views",): 23,
        ("views", 0): 23,
        ("views", 0, "name"): 24,
        ("views", 1): 25,
        ("views", 1, "name"): 26,
        ("views", 1, "more"): 27,
        ("views", 1, "more", "deep"): 28,
    }
    assert tomllib.loads(FILE)["views"][1] == {"name": "two", "more": {"deep": 1}}


# A number of its own for each value: where that stands the key stands, as no value below is on another line than it.
NAMES = st.sampled_from(["a", "b-1", '"c d"', "'e.f'", '"g\\"="', '"[h]"', '"#i"', '""', "4", '"\\u00e9"'])
KEYS = st.lists(NAMES, min_size=1, max_size=3).map(" . ".join)
NOISE = st.sampled_from(["", "  ", "# [x] = '", '# """', "#}", "\r"])
STRINGS = st.sampled_from(
    [
        '"]"',
        "'{'",
        '"a\\\\"',
        "'''\n[z]\ny = 1\n''''",
        '"""\n\\"""\nx = [\n"""',
        "1.5e3",
        "1979-05-27T07:32:00Z",
    ]
)


@st.composite
def files(draw: st.DrawFn) -> str:
    """Return lines that are a TOML file more often than not."""
    number = count(1_000_001)
    lines = []

    def value(depth: int) -> str:
        kind = draw(st.integers(0, 5)) if depth else 0
        if kind == 1:
            return "[" + ", ".join(value(depth - 1) for _ in range(draw(st.integers(0, 3)))) + "]"
        if kind == 2:
            return "[\n" + ",\n# ]\n".join(value(depth - 1) for _ in range(draw(st.integers(1, 3)))) + "\n]"
        if kind == 3:
            pairs = [f"{draw(KEYS)} = {value(depth - 1)}" for _ in range(draw(st.integers(0, 2)))]
            return "{ " + ", ".join(pairs) + " }"
        return str(next(number))

    for _ in range(draw(st.integers(1, 8))):
        kind = draw(st.integers(0, 4))
        key = draw(KEYS)
        line = {0: f"[{key}]", 1: f"[[ {key} ]]", 2: f"{key} = {draw(STRINGS)}"}.get(
            kind
        ) or f"{key}={value(3)}"
        lines.append(line + " " + draw(NOISE))
    return "\n".join(lines)


def leaves(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], int]]:
    """Give every number of its own with its path."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from leaves(each, (*path, name))
    elif isinstance(value, list):
        for n, each in enumerate(value):
            yield from leaves(each, (*path, n))
    elif isinstance(value, int) and value > 1_000_000:
        yield path, value


@given(files())
def test_every_value_is_in_the_line_that_is_told_for_it(text: str) -> None:
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    lines = key_lines(text)
    rows = text.split("\n")
    for path, value in leaves(values):
        assert str(value) in rows[lines[path] - 1]
        assert all(lines[path[:n]] <= lines[path] for n in range(1, len(path)))
