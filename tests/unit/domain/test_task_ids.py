"""What counts as a task ID in a paste, rule by rule and form by form."""

from __future__ import annotations

from pathlib import Path

import pytest

from taskdash.domain.task_ids import find_task_ids, path_hint_of

SAMPLES = sorted((Path(__file__).parents[2] / "data" / "paste").glob("*.txt"))

U1 = "5064bd1a-025a-490b-b28f-6a9fa12eb88a"
U2 = "5f6ff8ea-ae97-4bb8-af5e-752ef4e96c0d"
U3 = "0B9C7A52-3D1E-4F60-8A7B-9C0D1E2F3A4B"
H1 = "2eafde054c79a5e0895715fcce224fc6"
H2 = "352a1aaaaba3352b6652305f2469718d"
T1 = "task_nano-banana-pro_1765178625768"
T2 = "task_flux-2_1765175072483"
CUID = "task_clx8k2j3v0000qzrm1h5a7b9c"


def ids_in(text: str) -> list[str]:
    return [found.task_id for found in find_task_ids(text).found]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.stem)
def test_a_sample_gives_its_ids_in_order_and_no_others(sample: Path) -> None:
    assert ids_in(sample.read_text(encoding="utf-8")) == sample.with_suffix(".ids").read_text().split()


JSON = {
    "a record": (f'{{"code": 200, "data": {{"taskId": "{U1}", "state": "waiting"}}}}', [U1]),
    "snake case": (f'{{"task_id":"{H1}"}}', [H1]),
    "a prefixed key": ('{"kie_task_id": "abc-1", "parent_task_id": "abc-2"}', ["abc-1", "abc-2"]),
    "an unknown form": ('{"taskId": "abc-123"}', ["abc-123"]),
    "a form without digits": ('{"data": {"taskId": "task-object-result"}}', ["task-object-result"]),
    "an integer": ('{"taskId": 1234567}', ["1234567"]),
    "any depth at all": ('{"a":' * 100_000 + f'{{"taskId":"{U1}"}}' + "}" * 100_000, [U1]),
    "several documents": (f'{{"taskId":"{U1}"}}{{"taskId":"{U2}"}}\n\n{{"taskId":"{H1}"}}', [U1, U2, H1]),
    "a log around it": (f'2026-09-14 10:02:11 INFO got {{"taskId": "{U1}"}} in 3 ms', [U1]),
    "a body in a text": (f'{{"body": "{{\\"code\\":200,\\"data\\":{{\\"taskId\\":\\"{U1}\\"}}}}"}}', [U1]),
    "a body in a text in a text": (
        '{"b":"{\\"c\\":\\"{\\\\\\"taskId\\\\\\":\\\\\\"j-1\\\\\\"}\\"}"}',
        ["j-1"],
    ),
    "an escaped ampersand": (f'{{"url":"https://x.test/r?a=1\\u0026taskId={H1}"}}', [H1]),
    "escaped letters": ('{"taskId":"task\\u005fabc\\u002d1"}', ["task_abc-1"]),
    "a list of IDs": ('{"taskIds": ["abc-1", "abc-2", "null"]}', ["abc-1", "abc-2"]),
    "a list under the singular": ('{"task_id": ["abc-1", "abc-2"]}', ["abc-1", "abc-2"]),
    "a list over lines": (f'{{"task_ids": [\n  "abc-1",\n  "{U1}"\n]}}', ["abc-1", U1]),
    "a list without labels": (f'["{U1}", "{H1}",\n "{T1}"]', [U1, H1, T1]),
    "a name and a value": ('{"key": "taskId", "value": "abc-1"}', ["abc-1"]),
    "IDs as keys": (f'{{"{U1}": {{"state": "waiting"}}, "{U2}": {{}}}}', [U1, U2]),
    "words for nothing": (
        '[{"taskId": "null"}, {"taskId": "undefined"}, {"taskId": ""}, {"taskId": true}]',
        [],
    ),
    "a schema": ('{"properties": {"taskId": {"type": "string"}}, "example": {"taskId": "string"}}', []),
    "param as a text": (f'{{"taskId":"{U1}","param":"{{\\"taskId\\":\\"{U2}\\"}}"}}', [U1]),
    "param as an object": (f'{{"param": {{"input": {{"task_id": "{U2}"}}}}, "taskId": "{U1}"}}', [U1]),
    "a bracket in param": (f'{{"param": {{"prompt": "a }} b", "task_id": "{U2}"}}, "taskId": "{U1}"}}', [U1]),
    "param printed over lines": (f'{{\n "param": {{\n  "task_id": "{U2}"\n }},\n "taskId": "{U1}"\n}}', [U1]),
    "param in a text": (
        f'{{"b":"{{\\"param\\":\\"{{\\\\\\"taskId\\\\\\":\\\\\\"{U2}\\\\\\"}}\\",\\"taskId\\":\\"{U1}\\"}}"}}',
        [U1],
    ),
    "the result as a text": (f'{{"taskId":"{U1}","resultJson":"{{\\"task_id\\":\\"{U2}\\"}}","x":1}}', [U1]),
    "the result as an object": (f'{{"resultJson": {{"taskId": "{U2}"}}, "taskId": "{U1}"}}', [U1]),
    "a list of URLs": (f'{{"taskId":"{U1}","resultUrls":["https://x.test/?taskId={U2}"]}}', [U1]),
    "input URLs": (
        f'{{"inputUrls":["https://x.test/?taskId={U2}"],"imageUrls":["{H1}"],"taskId":"{U1}"}}',
        [U1],
    ),
    "a callback": (f'{{"callBackUrl":"https://x.test/cb?taskId={U2}","taskId":"{U1}"}}', [U1]),
    "a percent sign in a value, which is no URL": (f'[{{"taskId": "a%2e"}}, {{"taskId":"{U1}"}}]', [U1]),
    "the same in a text": (f'"{{\\"taskId\\":\\"task%5Fkling_1765187774173\\"}}" taskId={U1}', [U1]),
    "the URL of a request": (f'{{"url":"https://x.test/recordInfo?taskId={U1}"}}', [U1]),
    "other UUIDs of a line": (f'{{"id":"{U2}","taskId":"{U1}"}}', [U1]),
    "other UUIDs of a document": (f'{{\n  "id": "{U2}",\n  "data": {{\n    "taskId": "{U1}"\n  }}\n}}', [U1]),
    "only an ID": (f'{{"id": "{U1}", "object": "image.generation"}}', [U1]),
    "other kinds of ID": (f'{{\n "userId": "{U1}",\n "request_id": "{U2}",\n "traceId": "{H1}"\n}}', []),
    "a torn document": (f'{{"code":200,"data":{{"taskId":"{U1}","param":"{{\\"model\\', [U1]),
    "a torn param": (f'{{"taskId":"{U1}","param":"{{\\"mod\n{{"taskId":"{U2}"}}', [U1, U2]),
    "a torn object": (f'{{"taskId":"{U1}","param":{{"mod\n{{"taskId":"{U2}"}}', [U1, U2]),
}
URLS = {
    "a query": (f"https://x.test/recordInfo?taskId={T1}", [T1]),
    "more parameters": (f"https://x.test/r?a=1&taskId={H1}&b=2#top", [H1]),
    "HTML": (f'<a href="https://x.test/r?a=1&amp;taskId={H1}&amp;b=2">', [H1]),
    "percent-encoding": (
        "https://x.test/r?taskId=task%5Fkling%5F1765187774173",
        ["task_kling_1765187774173"],
    ),
    "encoded twice": (f"https://x.test/go?to=https%253A%252F%252Fy.test%252Fr%253FtaskId%253D{U1}", [U1]),
    "JSON in a query": (f"https://x.test/?q=%7B%22taskId%22%3A%22{U1}%22%7D", [U1]),
    "any word": ("GET /r?taskId=demo HTTP/1.1", ["demo"]),
    "snake case": ("https://x.test/r?task_id=job.77", ["job.77"]),
    "a full stop after it": ("See https://x.test/r?taskId=job-77.", ["job-77"]),
    "a markdown link": (f"[open](https://x.test/r?taskId={U1})", [U1]),
    "a quoted request": (f"curl 'https://x.test/r?taskId={U1}' -H 'Authorization: Bearer {H1}'", [U1]),
    "a path": (f"https://x.test/tasks/{U1}", []),
    "a path without a host": (f"GET /api/v1/jobs/{U1} 200", []),
    "a file": (f"https://x.test/v/{H1}_1763136934.mp4", []),
    "another parameter": (f"https://x.test/a.png?sig={H1}&user={U1}&Expires=17", []),
    "a job's parameter": (f"https://x.test/r?jobId={U1}", [U1]),
    "a fragment": (f"https://x.test/a#{U1}", []),
}
TEXTS = {
    "a label": ("taskId: abc-123", ["abc-123"]),
    "a label with words": ("Task ID: abc-123", ["abc-123"]),
    "an environment": ("TASK_ID=job.77", ["job.77"]),
    "an export": ('export TASK_ID="job.77"', ["job.77"]),
    "an environment without digits": ("TASK_ID=my-first", ["my-first"]),
    "a task_ word": ("taskId: task_abc", ["task_abc"]),
    "created": (f"Created task {H1} model=x", [H1]),
    "job created": ("[KIE] Job created: job-77", ["job-77"]),
    "task created with ID": ("Task created with ID: abc-123", ["abc-123"]),
    "task created successfully": (f"✅ Task created successfully! Task ID: {U1}", [U1]),
    "submitted": (f"Submitted job {U1} to the queue", [U1]),
    "a job ID": (f"Job ID: {U1}", [U1]),
    "in parentheses": (f"done (taskId={U1}, 32 s)", [U1]),
    "markdown bold": ("**Task ID:** `abc-123`", ["abc-123"]),
    "a heading": (f"### Task ID\n\n`{U1}`", [U1]),
    "two lines": ("Task ID:\nabc-123\n", ["abc-123"]),
    "two lines of a comment": ("// taskId:\n//   abc-123\n", ["abc-123"]),
    "two lines of a shell comment": (f"# Task ID:\n# {H1}\n", [H1]),
    "two lines without a colon": ("Task ID\nabc-123\nStatus\nwaiting\n", ["abc-123"]),
    "two lines, but nothing there": ("Task ID:\nStatus: 200\n", []),
    "a continued line": (f"poll --task-id \\\n  {U1}", [U1]),
    "a wrapped UUID": (f"taskId: {U1[:24]}\n{U1[24:]}", [U1]),
    "a wrapped UUID in JSON": (f'{{"taskId":"{U1[:11]}\n{U1[11:]}","state":"waiting"}}', [U1]),
    "a wrapped UUID in a URL": (f"https://x.test/r?taskId={U1[:9]}\n{U1[9:]}&x=1", [U1]),
    "a wrapped task_ ID": (f"taskId={T1[:26]}\n{T1[26:]}\n", [T1]),
    "wrapped over three lines": (f"taskId: {U1[:10]}\n{U1[10:20]}\n{U1[20:]}\n", [U1]),
    "not wrapped": (f"taskId: {U1}\nabc", [U1]),
    "cut off by a wrap": (f"taskId: {U1[:24]}\n", []),
    "an arrow": ("taskId → abc-123", ["abc-123"]),
    "is": (f"the task id is {U1}.", [U1]),
    "a dash": ("Task ID – abc-123", ["abc-123"]),
    "hash": ("Task ID #12345678", ["12345678"]),
    "XML": ("<taskId>abc-123</taskId>", ["abc-123"]),
    "HTML": ("<li><b>Task ID</b>: <code>abc-123</code></li>", ["abc-123"]),
    "a row of HTML": ("<tr><td>Task ID</td><td>abc-123</td></tr>", ["abc-123"]),
    "an aside": ("Task ID (required): abc-123", ["abc-123"]),
    "leaders": ("Task ID ........: abc-123", ["abc-123"]),
    "SQL": ("WHERE task_id = 'abc-1' OR task_id IN ('abc-2', 'abc-3')", ["abc-1", "abc-2", "abc-3"]),
    "a flag": ("kie poll --task-id abc-123 --download", ["abc-123"]),
    "several after a plural": (f"Task IDs: {U1}, {H1} and {T1}.", [U1, H1, T1]),
    "several on lines": (f"Task IDs:\n- {U1}\n- abc-123\n- {H1}\n\nbye-1", [U1, "abc-123", H1]),
    "several in the shell": (f"for task_id in {U1} {U2}; do poll $task_id; done", [U1, U2]),
    "East Asian": ("任务ID\uff1aabc-123\uff0c状态\uff1a等待", ["abc-123"]),
    "a label outranks": (f"taskId={U1} request {U2} file {H1}", [U1]),
    "a label after it outranks": (f"{U2} taskId: abc-123", ["abc-123"]),
    "the next line is its own": (f"taskId={U1}\n{U2}", [U1, U2]),
    "a sentence": (f"My task {U1}, and also {H1}.", [U1, H1]),
    "an ellipsis": (f"Polling {U1}...", [U1]),
    "a list with numbers": (f"1. {U1}\n2) {U2}\n• {H1}\n- {T1}", [U1, U2, H1, T1]),
    "brackets": (f"[{U1}] <{U2}> ({H1}) {{{T1}}}", [U1, U2, H1, T1]),
    "a cuid": (f"watch {CUID} please", [CUID]),
    "upper case is kept": (f"{U3}\n{U3.lower()}", [U3, U3.lower()]),
    "no duplicates": (f"{U1} {H1} {U1}", [U1, H1]),
    "escaped line breaks": (f'"stdout": "ok\\n{U1}\\n{H1}\\n"', [U1, H1]),
    "a log with the time": (f"2026-09-14T10:02:11.412Z [info] task {U1}: state=waiting", [U1]),
}
CODE = {
    "Python": (f"client.poll(task_id='{U1}')", [U1]),
    "a Python dict": ("r = {'taskId': 'abc-1', 'state': 'waiting'}", ["abc-1"]),
    "a Python repr": (f"Record(task_id='abc-1', param={{'task_id': '{U2}'}}, state='fail')", ["abc-1"]),
    "an annotation": ('task_id: str = "abc-1"', ["abc-1"]),
    "an annotation with None": ('task_id: str | None = "abc-1"', ["abc-1"]),
    "a Python list": (f"TASKS = [\n  '{U1}',  # first\n  '{H1}',\n]", [U1, H1]),
    "JS": ("poll({ taskId: 'abc-1', videoUrl: 'https://x.test/a.mp4' })", ["abc-1"]),
    "a JS default": (f"const taskId = process.argv[2] || '{H1}';", [H1]),
    "a comparison": ("if (job.taskId === 'abc-1') return", ["abc-1"]),
    "an item": ('data["taskId"] = "abc-1"', ["abc-1"]),
    "an argument": ("params.append('taskId', 'abc-1')", ["abc-1"]),
    "Ruby": (":task_id => 'abc-1'", ["abc-1"]),
    "Go": ('Task{TaskID: "abc-1"}', ["abc-1"]),
    "YAML": ("task:\n  task_id: job.77\n  state: waiting\n", ["job.77"]),
    "a YAML list": (f"tasks:\n  - {U1}\n  - {H1}\n", [U1, H1]),
    "a labelled YAML list": ("task_ids:\n  - job.77\n  - job.78\nother: job.79\n", ["job.77", "job.78"]),
    "a YAML block": ("taskId: |\n  abc-12\n", ["abc-12"]),
    "a PHP array": ("'taskId' => 'abc-1',", ["abc-1"]),
    "names only": ("task_id = task_type; task_name: task_manager(task_queue)", []),
    "attributes": ("taskId: response.data.taskId, id: task.taskId", []),
    "calls": ("task_id = create_task(x)\ntaskId = await res.json()\ntask_id=uuid.uuid4()", []),
    "types": ("taskId: string;\ntask_id: str\ntaskId?: string | null\ntask_id: Optional[str] = None", []),
    "templates": ("`r?taskId=${taskId}`; f'r?taskId={task_id}'; 'r?taskId=%s' % t; 'r?taskId=' + id", []),
    "variables of the shell": ('curl "x.test/r?taskId=$TASK_ID"; echo "Task created: $TASK_ID"', []),
    "a print": ('console.log("Task ID:", result.data.taskId)', []),
    "names of tasks": ("task_worker_01 task_v2_config task_oauth2 task_1 task_step_2_retry task_sha256", []),
}
TABLES = {
    "markdown": (
        "| Task ID | State |\n|---|---|\n| abc-1 | waiting |\n| `abc-2` | fail |",
        ["abc-1", "abc-2"],
    ),
    "CSV": (f"taskId,requestId,state\nabc-1,{U1},waiting\n{H1},{U2},fail\n", ["abc-1", H1]),
    "CSV with the ID last": ('model,prompt,task_id\nx,"a, b ""c""",abc-1\ny,,abc-2\n', ["abc-1", "abc-2"]),
    "CSV with separators in quotes": (
        'n;prompt;model;task_id\n0;"a; b";flux-2;\n1;"c";flux-2;abc-1\n',
        ["abc-1"],
    ),
    "CSV with quotes": (f'"state","taskId"\n"waiting","{U1}"\n"fail","abc-2"\n', [U1, "abc-2"]),
    "labels in the first column": ("| Model | x-2 |\n| Task ID | abc-1 |\n| State | waiting |\n", ["abc-1"]),
    "TSV": ("task_id\tstate\nabc-1\twaiting\n", ["abc-1"]),
    "psql": (f" task_id | request_id\n---------+------\n abc-1   | {U2}\n(1 row)\n", ["abc-1"]),
    "boxes": (f"┌────┬────┐\n│ Task ID │ State │\n├────┼────┤\n│ {U1} │ fail │\n└────┴────┘", [U1]),
    "spaces": (f"TASK ID      REQUEST ID    STATE\nabc-1        {U2}   waiting\n", ["abc-1"]),
    "one column": (f"task_id\n{U1}\n{H1}\n", [U1, H1]),
    "one column of an unknown form": ("task_id\nabc-1\nabc-2\n\nbye-1\n", ["abc-1", "abc-2"]),
    "a page with labels above values": ("Task ID\nabc-123\ngpt-image-2\nwaiting\n", ["abc-123"]),
    "the text after it": (f"taskId,state\nabc-1,waiting\n\nbye-1,bye-2\n{U1}\n", ["abc-1", U1]),
    "no header": (f"{U1},waiting\n{H1},fail\n", [U1, H1]),
}
DRESS = {
    "a BOM": (f"\ufeff{U1}", [U1]),
    "Windows line ends": (f"{U1}\r\n{H1}\r\ntaskId:\r\nabc-1\r\n", [U1, H1, "abc-1"]),
    "zero-width spaces": (f"\u200b{U1[:9]}\u200b{U1[9:]}\u200d", [U1]),
    "no-break spaces": (f"Task\u00a0ID:\u00a0abc-1\u00a0{U1}", ["abc-1"]),
    "smart quotes": ("taskId: “abc-1”, {\u2018taskId\u2019: \u2018abc-2\u2019}", ["abc-1", "abc-2"]),
    "no-break hyphens": (U1.replace("-", "\u2011"), [U1]),
    "colours": (f"\x1b[32mtaskId\x1b[0m: \x1b[1;33mabc-1\x1b[0m\n\x1b[36m{H1}\x1b[0m ok", ["abc-1", H1]),
    "a highlighted match": (f"{U1[:8]}\x1b[01;31m\x1b[K{U1[8:]}\x1b[m\x1b[K", [U1]),
    "colours that lost their escape": (f"[32m{U1}[0m", [U1]),
    "colours as text": (f"\\x1b[32m{U1}\\x1b[0m \\033[1m{H1}\\033[0m", [U1, H1]),
    "a window's title": (f"\x1b]0;me@host: ~/{U2}\x07$ poll {U1}", [U1]),
    "HTML entities": ("{&quot;taskId&quot;:&quot;abc-1&quot;}", ["abc-1"]),
    "CJK beside it": (f"任务{U1}已完成", [U1]),
}


KINDS = {"JSON": JSON, "URL": URLS, "text": TEXTS, "code": CODE, "table": TABLES, "dress": DRESS}


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        pytest.param(*case, id=f"{kind}: {name}")
        for kind, cases in KINDS.items()
        for name, case in cases.items()
    ],
)
def test_a_text_of_any_kind_gives_its_ids_and_nothing_else(text: str, ids: list[str]) -> None:
    assert ids_in(text) == ids


def test_the_line_and_the_reason_are_those_of_the_first_sight() -> None:
    paste = find_task_ids(f'\nhello\r\n{{"taskId": "abc-1"}}\n{U1}\nhttps://x.test/r?taskId=abc-2 abc-1\n')
    assert [(found.task_id, found.line, found.why) for found in paste.found] == [
        ("abc-1", 3, "taskId in JSON"),
        (U1, 4, "bare UUID"),
        ("abc-2", 5, "taskId= in a URL"),
    ]


@pytest.mark.parametrize("label", ["Task ID", "Created task", "job_id", "Queued task", "task-id"])
def test_the_reason_names_the_label_that_an_id_stands_behind(label: str) -> None:
    (found,) = find_task_ids(f"one: {label}: {U1}").found
    assert found.why == f'after "{label}"'


TOKEN = "task_gpt-image-2_1777474689024"


def found(text: str) -> list[tuple[str, int]]:
    return [(each.task_id, each.line) for each in find_task_ids(text).found]


@pytest.mark.parametrize("at", [index for index, char in enumerate(U1, start=1) if char == "-"])
@pytest.mark.parametrize("fold", ["\n", "\r\n", " \n", "\n> ", "\n> > ", "\n>>"])
def test_an_id_that_was_folded_at_a_hyphen(at: int, fold: str) -> None:
    mail = f"Hello,\nyour task {U1[:at]}{fold}{U1[at:]} is ready.\nSee {H1}\n"
    assert found(mail) == [(U1, 2), (H1, 4)]


@pytest.mark.parametrize("task_id", [U1, H1, TOKEN])
@pytest.mark.parametrize("at", [6, 12, 20, 28])
def test_an_id_over_a_soft_line_break_of_a_messages_source(task_id: str, at: int) -> None:
    assert found(f"Your task\n{task_id[:at]}=\n{task_id[at:]} is ready") == [(task_id, 2)]


@pytest.mark.parametrize("task_id", [U1, H1, TOKEN])
def test_an_equals_sign_of_a_messages_source_is_no_part_of_the_id(task_id: str) -> None:
    assert found(f"https://example.com/logs?taskId=3D{task_id}&amp;x=3D1") == [(task_id, 1)]


@pytest.mark.parametrize(
    "text",
    [
        "https://example.com/results/5064bd1a-\n025a-490b-b28f-6a9fa12eb88a",
        "X-5064bd1a-\n025a-490b-b28f-6a9fa12eb88a",
        "5064bd1a-\n025a-490b-b28f-6a9fa12eb88a0",
        "5064bd1a-\n\n025a-490b-b28f-6a9fa12eb88a",
        "x =\n5064bd1a",
    ],
)
def test_what_is_not_sure_to_be_one_id_stays_apart(text: str) -> None:
    assert found(text) == []


def test_lists_under_a_rule_stay_as_they_are() -> None:
    assert found(f"{U1}\n---\n{H1}-\n{TOKEN}\n") == [(U1, 1), (H1, 3), (TOKEN, 4)]


# As other families and gateways show them

VIDEO = "video_68d7512d07848190b3e45da0ecbebcde004da08e1e0678d5"
UNIFIED = "task-unified-1756817821-4x3rx6ny"
KIE = "https://api.kie.ai/api/v1"

SHOWN: list[tuple[str, list[tuple[str, str | None]]]] = [
    # Accepted.
    ("Accepted: job_01J9ZK3ABCDEF", [("job_01J9ZK3ABCDEF", None)]),
    ("2026-09-14 INFO accepted job_9f8e7d6c in 80 ms", [("job_9f8e7d6c", None)]),
    (f"Accepted: {U1}", [(U1, None)]),
    ("Accepted: job_12345\nAccepted: job_12346", [("job_12345", None), ("job_12346", None)]),
    ("status: accepted 2026-09-14", []),
    ("accepted in 200ms, accepted: yes, unaccepted: job_12345678", []),
    # An id beside a status.
    (f'{{"id": "{VIDEO}", "object": "video", "status": "queued"}}', [(VIDEO, "/v1/videos/{id}")]),
    (f'{{"status": "queued", "progress": 0, "id": "{VIDEO}"}}', [(VIDEO, "/v1/videos/{id}")]),
    (f"{{ id: '{UNIFIED}', status: 'pending' }}", [(UNIFIED, "/v1/tasks/{id}")]),
    (
        f'{{\n  "id": "{UNIFIED}",\n  "usage": {{}},\n  "task_status": "pending"\n}}',
        [(UNIFIED, "/v1/tasks/{id}")],
    ),
    (f'{{"b": "{{\\"id\\":\\"{VIDEO}\\",\\"status\\":\\"queued\\"}}"}}', [(VIDEO, "/v1/videos/{id}")]),
    ('{"id": "video_1234567", "name": "x"}', []),
    ('{"id": "user_1234567", "status": "active"}', []),
    ('{"status": "ok", "video": {"id": "video_1234567"}}', []),
    ('{"param": {"id": "job_1234567", "status": "queued"}}', []),
    # A path in a URL.
    (f"curl https://api.evolink.ai/v1/tasks/{UNIFIED}", [(UNIFIED, "/v1/tasks/{id}")]),
    (f"GET /v1/tasks/{UNIFIED} 200", [(UNIFIED, "/v1/tasks/{id}")]),
    (
        "https://api.klingai.com/v1/videos/image2video/CjI17WevH1IAAAAAAHmgtx",
        [("CjI17WevH1IAAAAAAHmgtx", "/v1/videos/image2video/{id}")],
    ),
    (f"https://dashscope.aliyuncs.com/api/v1/tasks/{U1}.", [(U1, "/api/v1/tasks/{id}")]),
    (f'"https://api.bfl.ml/v1/get_result?id={U1}"', [(U1, "/v1/get_result?id={id}")]),
    (f"https://api.openai.com/v1/videos/{VIDEO}/content", [(VIDEO, "/v1/videos/{id}")]),
    (
        "https://ark.example.com/api/v3/contents/generations/tasks/cgt-20250331175019-68d9t",
        [("cgt-20250331175019-68d9t", "/api/v3/contents/generations/tasks/{id}")],
    ),
    ("https://cdn.example.com/v1/videos/abc12345.mp4", []),
    ("https://api.example.com/v1/tasks/{id} and /v1/tasks/list and /v1/videos/search?q=1", []),
    (f"https://cdn.example.com/files/{U1}", []),
    # The family in a URL of a record.
    (f"{KIE}/veo/record-info?taskId={H1}", [(H1, "/api/v1/veo/record-info")]),
    (f"{KIE}/runway/record-detail?x=1&taskId={H1}#top", [(H1, "/api/v1/runway/record-detail")]),
    ("GET /api/v1/suno/cover/record-info?taskId=abc-123", [("abc-123", "/api/v1/suno/cover/record-info")]),
    ("veo/record-info?taskId=abc-123", [("abc-123", "/api/v1/veo/record-info")]),
    ('f"{BASE}/flux/kontext/record-info?taskId=abc-123"', [("abc-123", "/api/v1/flux/kontext/record-info")]),
    ("https://x.example/proxy/veo/record-info?taskId=abc-123", [("abc-123", "/api/v1/veo/record-info")]),
    (f"{KIE}/lyrics/record-info?taskId=abc-123", [("abc-123", "/api/v1/lyrics/record-info")]),
    (f"{KIE}/jobs/recordInfo?taskId=abc-123", [("abc-123", None)]),
    (f"{KIE}/jobs/recordInfo?taskId=task_veo3_12345678", [("task_veo3_12345678", "/api/v1/jobs/recordInfo")]),
    (f"created {H1}\nGET {KIE}/mj/record-info?taskId={H1}", [(H1, "/api/v1/mj/record-info")]),
    # The family in a label, and in a form.
    ("Veo task ID: abc-12345", [("abc-12345", "/api/v1/veo/record-info")]),
    ('{"sunoTaskId": "abc-12345"}', [("abc-12345", "/api/v1/generate/record-info")]),
    ("removeo task ID: abc-12345", [("abc-12345", None)]),
    ("task_veo3_abc123def", [("task_veo3_abc123def", "/api/v1/veo/record-info")]),
    ("taskId: mj_task_abcdef123456", [("mj_task_abcdef123456", "/api/v1/mj/record-info")]),
]


@pytest.mark.parametrize(("text", "expected"), SHOWN, ids=[text[:48] for text, _ in SHOWN])
def test_a_paste_gives_ids_with_the_paths_that_it_tells(
    text: str, expected: list[tuple[str, str | None]]
) -> None:
    assert [(found.task_id, found.path_hint) for found in find_task_ids(text).found] == expected


@pytest.mark.parametrize(
    ("task_id", "hint"),
    [
        ("task_veo3_12345678", "/api/v1/veo/record-info"),
        ("task_veo_abc123", "/api/v1/veo/record-info"),
        ("veo_task_abcdef123456", "/api/v1/veo/record-info"),
        ("task_gpt4o_12345678", "/api/v1/gpt4o-image/record-info"),
        ("task_flux-kontext_1765175072483", "/api/v1/flux/kontext/record-info"),
        ("suno-task-1", "/api/v1/generate/record-info"),
        ("runway_12345678", "/api/v1/runway/record-detail"),
        (UNIFIED, "/v1/tasks/{id}"),
        (VIDEO, "/v1/videos/{id}"),
        ("task_flux-2_1765175072483", None),
        ("task_nano-banana-pro_1765178625768", None),
        ("task_kling_1765187774173", None),
        ("task_veoli_1765187774173", None),
        (U1, None),
        (H1, None),
        ("task_abc123", None),
    ],
)
def test_the_form_of_an_id_may_tell_its_path(task_id: str, hint: str | None) -> None:
    assert path_hint_of(task_id) == hint


def test_each_of_several_urls_tells_its_own_path() -> None:
    paths = ["/api/v1/veo/record-info", "/api/v1/generate/record-info", "/api/v1/runway/record-detail"]
    ids = [f"{n}{'0123456789abcdef' * 2}"[:32] for n in range(3)]
    text = "\n".join(f"{path}?taskId={task_id}" for path, task_id in zip(paths, ids, strict=True))
    assert {found.task_id: found.path_hint for found in find_task_ids(text).found} == dict(
        zip(ids, paths, strict=True)
    )
