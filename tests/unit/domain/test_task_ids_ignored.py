"""Tests what looks like a task ID and is none, pastes that are made to hurt, and pastes by the hundred."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.paste_noise import Noise, log_with_ids

from taskdash.domain.id_forms import has_known_form, is_task_id
from taskdash.domain.secret import Secret
from taskdash.domain.task_ids import find_task_ids

U1 = "5064bd1a-025a-490b-b28f-6a9fa12eb88a"
U2 = "5f6ff8ea-ae97-4bb8-af5e-752ef4e96c0d"
H1 = "2eafde054c79a5e0895715fcce224fc6"
H2 = "352a1aaaaba3352b6652305f2469718d"
T1 = "task_nano-banana-pro_1765178625768"


def ids_in(text: str) -> list[str]:
    return [found.task_id for found in find_task_ids(text).found]


def reasons_in(text: str) -> list[tuple[str, str]]:
    return [(ignored.text, ignored.why) for ignored in find_task_ids(text).ignored]


KEYS = {
    "a header": f"Authorization: Bearer {H1}",
    "a header of curl": f'curl -H "Authorization: Bearer {H1}" https://x.test/r',
    "a header without Bearer": f"'Authorization': '{H1}'",
    "a header in Python": f'headers = {{"Authorization": f"Bearer {H1}"}}',
    "a header in JSON": f'{{"headers": {{"X-API-Key": "{H1}"}}}}',
    "Token": f"Authorization: Token {H1}",
    "Bearer alone": f"bearer {H1}",
    "an environment": f"export KIE_API_KEY={H1}",
    "an environment with quotes": f'API_KEY="{H1}"',
    "a setting": f"api_key: {H1}",
    "words": f"my API key is {H1}",
    "words with a colon": f"API key: {H1}",
    "camel case": f"const apiKey = '{H1}';",
    "a default": f"const KEY = process.env.KIE || '{H1}';",
    "a default of Python": f'KEY = os.environ.get("KIE_API_KEY", "{H1}")',
    "a default of the shell": f"curl -H ${{API_KEY:-{H1}}}",
    "a call": f"headers.set('x-api-key', '{H1}')",
    "an argument": f"kie --api-key {H1} list",
    "an argument with an equals sign": f"kie --token={H1}",
    "a secret": f"client_secret={H1}",
    "a password": f"password: {U1}",
    "the next line": f"API key:\n{H1}",
    "a heading": f"## Secret key\n\n`{H1}`",
    "a list": f"API_KEYS = [\n  '{H1}',  # old\n  '{H2}',\n]",
    "a list on lines": f"api_keys:\n  - {H1}\n  - {H2}\n",
    "a list on one line": f'{{"keys": ["{H1}", "{H2}"]}}',
    "a URL": f"https://x.test/a?key={H1}&b=1",
    "words after it": f"{H1} is my API key",
    "a longer phrase": f"the API key for the staging bot: {H1}",
    "words in parentheses": f"API key (production): {H1}",
    "a row": f"| API key | {H1} |",
    "a column": f"api_key,state\n{H1},active\n{H2},revoked",
    "a column behind a quoted separator": f'prompt;API Key;task_id\n"a cat; a dog";{H1};\n',
    "a column beside one of tasks": f"token | Task ID\n{H1} | \n",
    "a number": f"KEY2={H1}",
    "a cookie": f"Cookie: session={H1}; csrf={H2}",
}
REQUESTS = {
    "a header": f"X-Request-ID: {U1}",
    "a header of HTTP/2": f"< x-request-id: {U1}",
    "a header of curl": f"curl -H 'X-Request-ID: {U1}' https://x.test/",
    "a dict": f'{{"X-Request-ID": "{U1}"}}',
    "a log": f"INFO request_id={U1} status=200",
    "JSON": f'{{"requestId": "{U1}"}}',
    "brackets": f"[req={U1}] [request {U2}] started",
    "words": f"Request ID: {U1}",
    "words without a colon": f"request id {U1} failed",
    "the next line": f"X-Request-ID:\n  {U1}\n",
    "a list": f"request_ids: [{U1}, {U2}]",
    "a list on lines": f"Request IDs:\n- {U1}\n- {U2}\n",
    "a trace": f"trace={H1} trace_id={H2}",
    "a trace's header": f"traceparent: 00-{H1}-00f067aa0ba902b7-01",
    "a trace of Google": f"X-Cloud-Trace-Context: {H1}/1",
    "a ray": f"cf-ray: {H1}-SJC\nRay ID: {H2}",
    "a correlation": f"correlationId: {U1}",
    "a row": f"| X-Request-ID | {U1} |",
    "a column": f"X-Request-ID,state\n{U1},done\n{U2},done\n",
    "an aside": f"X-Request-ID (yours): {U1}",
    "seen again without a label": f"X-Request-ID: {U1}\n{U1} took 3 ms",
}
OTHERS = {
    "a user": f"user_id={U1} userId: '{U2}' user: {H1}",
    "a session": f"session={U1}",
    "a checksum": f'md5: {H1}\nETag: "{H2}"\nContent-MD5: {H1}',
    "the output of md5sum": f"{H1}  result.png\n{H2} *other.png\n",
    "a longer hash": f"sha256:{H1}{H2} {H1}{H1[:8]}",
    "a commit": f"commit {H1}",
    "an e-mail": f"Message-ID: <{U1}@x.test>",
    "a file": f"saved {H1}.png and {U1}.mp4 and {T1}.json",
    "a file with a number": f"{H1}_1763136934.mp4 {U1}-0.png {T1}_0.webp",
    "a file with a prefix": f"img_{U1}.png result-{H1}.png",
    "a path": f"/srv/out/{U1} ./{H1}/a.png C:\\out\\{U2}",
    "a folder": f"{U1}/result.png",
    "a JSON list of files": f'["https://x.test/s/{H1}.mp3"]',
    "a host": f"{H1}.x.test",
    "a nil UUID": "00000000-0000-0000-0000-000000000000 " + "0" * 32,
    "a member": f"self.{T1} ${T1}",
    "the ID of a project": f'{{"projectId": "{U1}", "org_id": "{U2}"}}',
}
PLACEHOLDERS = {
    "angles": "kie download <task-id>; taskId: <task_id>; taskId=<your task id>",
    "braces": "/r?taskId={taskId} /r?taskId={{task_id}} /r?taskId=${id} /r?taskId=%7BtaskId%7D",
    "xxx": "/r?taskId=task_xxx\ntaskId: xxx\ntask_nano-banana-pro_xxx task_xxxxxxxx",
    "an xxx UUID": "taskId: xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx",
    "stars": f"taskId=281e5b0*********************f39b9 taskId: ***\ntaskId: {H1[:8]}***",
    "words": 'taskId: your-task-id\nTASK_ID=YOUR_TASK_ID\n"taskId": "task-id-here"',
    "dots": '{"taskId": "task_nano-banana-pro_..."}\ntaskId: 5064bd1a...\ntaskId: 5064bd1a…',
    "nil": '{"taskId": "00000000-0000-0000-0000-000000000000"}',
    "variables": "taskId=$TASK_ID taskId=%TASK_ID% taskId=%s --task-id $1",
}


@pytest.mark.parametrize("text", KEYS.values(), ids=KEYS.keys())
def test_a_key_is_never_taken_nor_repeated(text: str) -> None:
    paste = find_task_ids(text)
    assert (paste.found, paste.unsure) == ((), None)
    assert any(ignored.why == "after a key or token label" for ignored in paste.ignored) or "session" in text
    assert not any(H1 in ignored.text for ignored in paste.ignored if "session" not in text)


@pytest.mark.parametrize(
    "text",
    [*REQUESTS.values(), *OTHERS.values(), *PLACEHOLDERS.values()],
    ids=[*REQUESTS, *OTHERS, *PLACEHOLDERS],
)
def test_what_belongs_to_something_else_or_stands_for_an_id_is_not_taken(text: str) -> None:
    assert ids_in(text) == []


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {H1} taskId={U1}", f"X-Request-ID: {U2} taskId: {U1}",
        f"poll {U1} --key {H1}", f"[request {U2}] task {U1} is waiting", f"trace={H1} created {U1}",
        f"API key: {H1}\n{U1}", f"{U1}\nX-Request-ID: {U2}\n", f"Authorization failed for task: {U1}",
        f"session: {U2}\nTasks of this session:\n{U1}\n", f"saved /out/{U1}.png\nTask {U1} done\n",
        f"X-Request-ID: {U1}\ntaskId: {U1}\n", f"API key:\n{H1}\n\n- {U1}\n",
        f"API keys:\n- {H1}\n- {H2}\n\n- {U1}\n", f"{H1} is my API key, and {U1} the task",
        f"id,request_id,status\n{U1},{U2},ok", f"KeyError: '{U1}'",
    ],
)  # fmt: skip
def test_an_id_among_other_labels_is_still_found(text: str) -> None:
    assert ids_in(text) == [U1]


def test_a_configured_key_is_never_taken_even_with_a_label() -> None:
    paste = find_task_ids(f"{H1}\ntaskId: {H1}\n{U1}\nx?taskId={H1}", keys=[Secret(H1)])
    assert [found.task_id for found in paste.found] == [U1]
    assert {(ignored.text, ignored.why) for ignored in paste.ignored} == {("(a key)", "a configured API key")}


def test_a_configured_key_alone_is_not_offered_either() -> None:
    paste = find_task_ids("my.own.key-1", keys=[Secret("my.own.key-1")])
    assert (paste.found, paste.unsure) == ((), None)
    assert "my.own.key-1" not in repr(paste)


def test_a_key_of_the_usual_shape_is_reported_and_not_repeated() -> None:
    paste = find_task_ids("taskId: sk-abcdef1234567890 and sk-0987654321fedcba")
    assert (paste.found, paste.unsure) == ((), None)
    assert {(ignored.text, ignored.why) for ignored in paste.ignored} == {("sk-…", "looks like an API key")}


@pytest.mark.parametrize(
    "word", ["sk-abcdef1234567890", "sk-x", "ghp_0123456789abcdefghij", "AKIAIOSFODNN7EXAMPLE"]
)
def test_a_key_alone_is_never_a_question(word: str) -> None:
    paste = find_task_ids(word)
    assert (paste.found, paste.unsure) == ((), None)
    assert word not in repr(paste)


@pytest.mark.parametrize(
    "text", ["job.77", " job.77\n", "- job.77", '"job.77",', "“job.77”", "\ufeffjob.77\r\n", "* job.77"]
)
def test_one_word_of_an_unknown_form_is_a_question(text: str) -> None:
    paste = find_task_ids(text)
    assert (paste.found, paste.unsure) == ((), "job.77")


@pytest.mark.parametrize(
    "text",
    [
        "", " \n\t", "two words", "task_abc\u2026", "task_xxx", "<task-id>", "null", "a/b", "x" * 129, "--",
        "..", f"{H1}.png", "a\x00b", "http://x",
    ],
)  # fmt: skip
def test_anything_else_is_no_question(text: str) -> None:
    paste = find_task_ids(text)
    assert (paste.found, paste.unsure) == ((), None)


def test_what_is_ignored_comes_with_its_line_and_reason() -> None:
    text = f"GET /r?taskId=task_xxx\nX-Request-ID: {U1}\nsaved {H1}.png\nkey: {H2}\ntaskId: a/b\ntaskId: {'a1' * 65}\n"
    assert [(i.text, i.line, i.why) for i in find_task_ids(text).ignored] == [
        ("task_xxx", 1, "a placeholder"),
        (U1, 2, "an X-Request-ID"),
        (H1, 3, "part of a file name"),
        ("(a key)", 4, "after a key or token label"),
        ("a", 5, "has characters that no task ID has"),
        (("a1" * 65)[:79] + "…", 6, "longer than 128 characters"),
    ]


def test_a_text_without_anything_like_an_id_says_so() -> None:
    assert reasons_in("\n  hello world \x1b[31m\n") == [("hello world", "no task ID in it")]


@pytest.mark.parametrize(
    "text", ["api_key: hunter-2", "Authorization: Bearer hunter-2", 'curl -H "X-Token: hunter-2"']
)
def test_a_key_of_an_unknown_shape_is_not_repeated_where_its_label_tells(text: str) -> None:
    assert "hunter" not in repr(find_task_ids(text))


def test_what_was_found_at_another_place_is_not_called_ignored() -> None:
    assert find_task_ids(f"https://x.test/v/{H1}.mp4\ntaskId: {H1}").ignored == ()


def test_a_million_reasons_are_not_listed() -> None:
    text = "\n".join(f"/out/{number:032x}.png" for number in range(1, 3_000))
    assert len(find_task_ids(text).ignored) == 200


@pytest.mark.parametrize(
    "text",
    [
        U1, U1.upper(), H1, H1.upper(), T1, "task_flux-2_1765175072483", "task_kling-2.6_1765175072483",
        "task_gpt4o_12345678", "task_12345678", "task_nano-banana-pro_123456789", "task_abc123",
        "task_suno_abc123", "task_V1StGXR8_Z5jdHi6B-myT", "task_clx8k2j3v0000qzrm1h5a7b9c",
        "task_clanoqtjvdviuamjrmstawk7", f"task_{U1}", f"task_{H1}",
    ],
)  # fmt: skip
def test_the_known_forms_are_known(text: str) -> None:
    assert has_known_form(text)


@pytest.mark.parametrize(
    "text",
    [
        "task_id", "task_type", "task_name", "task_manager", "task_queue", "task_abc", "task_1",
        "task_worker_01", "task_", "task_xxx", "task_nano-banana-pro_xxxxxxxxxxxxx", "task_...", "0" * 32,
        "00000000-0000-0000-0000-000000000000", "task_sha256", "task_v2_config", "task_step_2_retry",
        "task_" + "a1" * 64, "abc-123", "a" * 31, U1 + "0", "TASK_ID",
    ],
)  # fmt: skip
def test_other_words_have_no_known_form(text: str) -> None:
    assert not has_known_form(text)


def test_a_key_within_a_longer_word_is_not_repeated_either() -> None:
    assert H1 not in repr(find_task_ids(f"sk-proj-{H1}\npk_{H1}\nOPENAI_KEY=sk-{H1}"))


LABELLED = (
    '{{"code":200,"data":{{"taskId":"{}"}}}}', 'taskIds = ["{}", "{}"]', "taskId={}",
    "https://x.test/?taskId={}", "Task ID: {}", "created task {}", "taskId\n{}\n{}\n",
    "| taskId |\n|---|\n| {} |\n", "taskIds:\n- {}\n- {}\n", "--task-id {}", "{}",
)  # fmt: skip


@given(st.sampled_from(LABELLED), st.from_regex(r"-[A-Za-z0-9._:-]{1,40}", fullmatch=True))
@example(LABELLED[0], "--help")
@example(LABELLED[-1], "-V1StGXR8_Z5jdHi6B-myT")
@example(LABELLED[0], f"-{U1}")
def test_nothing_that_begins_with_a_dash_is_taken_for_an_id(template: str, word: str) -> None:
    paste = find_task_ids(template.replace("{}", word).replace("{{", "{").replace("}}", "}"))
    assert [found.task_id for found in paste.found if found.task_id.startswith("-")] == []
    assert not (paste.unsure or "").startswith("-")


def test_why_an_id_with_a_dash_before_it_is_ignored_is_said() -> None:
    for template in (LABELLED[0].replace("{{", "{").replace("}}", "}"), "taskId={}", "{}"):
        paste = find_task_ids(template.replace("{}", "-V1StGXR8_Z5jdHi6B-myT"))
        assert [(each.text, each.why) for each in paste.ignored] == [
            ("-V1StGXR8_Z5jdHi6B-myT", "begins with a dash, as an option does")
        ]


PATTERNS = [
    "[", '{"a":', "{", "task_", "task_1_", "taskId: ", "taskId:", "taskId ", "?taskId=", '"', "'", "\\",
    '\\"', "`", "0123456789abcdef", "a", " ", "\n", "\r", "-", "|", ",", '"param":{', '"param":{\n',
    '"param":"', '"param":"\n', '"param":"\\', '"resultUrls":[', '"taskIds":[', "taskIds a1,",
    "taskIds:\n- ", "Created task ", "taskId,state\n", "|taskId", "taskId  state  ", "key: " + U1 + " ",
    "/" + U1 + ".png ", U1 + "\n", '"' + U1 + '",', '{"taskId":"' + U1 + '"}',
    '{\n "id": "' + U1 + '",\n "taskId": "a1"\n}\n', "taskId" + " " * 500, "taskId:" + "\n" * 50, "%41",
    "%25", "\\u0041", "\x1b[31m", "\x1b]", "\x9b", "\u200b", "é", "😀 ", "\ud800", "\x00", "&amp;",
    "sk-aaaaaa ", "task_xxx ",
]  # fmt: skip


def test_a_text_of_one_pattern_takes_time_in_proportion() -> None:
    for pattern in PATTERNS:
        text = pattern * (60_000 // len(pattern))
        before_s = time.process_time()
        find_task_ids(text)
        # A search that takes the square of the length would need half a minute.
        assert time.process_time() - before_s < 2, pattern


def test_the_id_after_a_hostile_beginning_is_found() -> None:
    for pattern in PATTERNS:
        if "taskId" not in pattern and "\\" not in pattern and pattern not in ("?taskId=", "\x1b]"):
            ids = [
                found.task_id for found in find_task_ids(pattern * 50 + '\n\n\n{"taskId": "abc-1"}\n').found
            ]
            assert "abc-1" in ids, pattern


def test_made_up_pastes_give_all_of_their_ids_in_order_and_no_others() -> None:
    pastes = [Noise(seed).paste(fragments=8) for seed in range(150)]
    for seed, paste in enumerate(pastes):
        found = [item.task_id for item in find_task_ids(paste.text).found]
        assert found == list(paste.ids), f"seed {seed}"
    assert sum(len(paste.ids) for paste in pastes) > 500


def test_a_long_log_gives_all_of_its_ids_in_order() -> None:
    log = log_with_ids(seed=7, ids=100, size=300_000)
    assert [found.task_id for found in find_task_ids(log.text).found] == list(log.ids)


PIECES = st.sampled_from(
    [
        "taskId", "task_id", '"', "'", ":", "=", " ", "\n", "{", "}", "[", "]", ",", "\\", "|", "param",
        "resultJson", "key", "sk-x", "Task ID", "Created task", "Bearer ", "X-Request-ID: ", U1, H1,
        "task_abc123", "abc-1", "-", ".", "/", "%22", "\x1b[0m", "…",
    ]
)  # fmt: skip
TEXTS = st.one_of(st.text(), st.lists(PIECES, max_size=40).map("".join))


@given(TEXTS)
def test_any_text_gives_allowed_ids_once_each_with_lines_that_exist(text: str) -> None:
    paste = find_task_ids(text)
    ids = [found.task_id for found in paste.found]
    assert len(ids) == len(set(ids))
    assert all(is_task_id(task_id) for task_id in ids)
    lines = text.count("\n") + text.count("\r") + sum(text.count(c) for c in "\x0b\x0c\x85\u2028\u2029") + 1
    assert all(1 <= found.line <= lines for found in paste.found)
    assert all(1 <= ignored.line <= lines for ignored in paste.ignored)
    assert [item.line for item in paste.found] == sorted(item.line for item in paste.found)
    assert all(len(ignored.text) <= 80 for ignored in paste.ignored)
    shown = "".join(ignored.text for ignored in paste.ignored)
    assert not {unicodedata.category(char) for char in shown} & {"Cc", "Cf", "Cs", "Zl", "Zp"}


@given(TEXTS)
def test_a_configured_key_never_leaves(text: str) -> None:
    assert H1 not in repr(find_task_ids(text, keys=[Secret(H1)]))


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=60))
def test_an_id_on_its_own_lines_survives_any_line_before_it(text: str) -> None:
    line = " ".join(text.split()).replace("task", "")
    ids = [found.task_id for found in find_task_ids(f"{line}\n\n{{\n}}\n\n{U1} is fine\n").found]
    assert U1 in ids or any(word in line.lower() for word in ("key", "token", "secret", "request"))
