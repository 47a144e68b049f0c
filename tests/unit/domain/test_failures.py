"""What a failure is about, on messages like those that providers send, and failures grouped by reason."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskdash.domain.failures import Reason, classify, reasons
from taskdash.domain.query import Exact, ExactTerm, TextTerm, parse_filter
from taskdash.domain.task import FailureClass
from taskdash.domain.untrusted import fold

POLICY = FailureClass.CONTENT_POLICY
INVALID = FailureClass.INVALID_INPUT
CREDITS = FailureClass.CREDITS
PROVIDER = FailureClass.PROVIDER_ERROR
TIMEOUT = FailureClass.TIMEOUT
CANCELED = FailureClass.CANCELED
OTHER = FailureClass.OTHER

MESSAGES = [
    # The API's page and the gateways' own examples.
    ("400", "Sorry, but the image we created may violate OpenAI's content policies.", POLICY),
    ("422", "Invalid prompt: prompt contains prohibited content", POLICY),
    ("422", "CONTENT_POLICY_BLOCKED: The input or output was flagged as sensitive.", POLICY),
    ("501", "Generation Failed", PROVIDER),
    # Content.
    ("400", "Your request was rejected as a result of our safety system.", POLICY),
    ("moderation_blocked", "", POLICY),
    ("PROHIBITED_CONTENT", None, POLICY),
    ("500", "The prompt was flagged by our moderation system", POLICY),
    ("400", "Input data may contain inappropriate content.", POLICY),
    ("500", "NSFW content detected", POLICY),
    ("400", "This content may violate our guardrails concerning third-party content similarity.", POLICY),
    ("400", "The request may be related to copyright restrictions", POLICY),
    ("400", "Uploads of real people are not supported", POLICY),
    ("400", "Prompt contains sensitive words: please revise", POLICY),
    ("500", "您的提示词违反了内容政策、已被拦截", POLICY),
    ("400", "提示词包含敏感词、请修改后重试", POLICY),
    ("422", "图片审核不通过", POLICY),
    ("400", "El contenido infringe las políticas de contenido", POLICY),
    # Other families and gateways.
    ("400", "Rejected by Google's content policy(public error minor upload).", POLICY),
    ("451", "Failed to fetch the image. Kindly verify any access limits", INVALID),
    (None, "Failure to pass the risk control system", POLICY),
    ("DataInspectionFailed", "Output data is not allowed", POLICY),
    ("IPInfringementSuspect", None, POLICY),
    ("SAFETY.INPUT.TEXT", None, POLICY),
    ("AuditSubmitIllegal", None, POLICY),
    (None, "Banned prompt detected", POLICY),
    (None, "Song Description contained artist name: someone", POLICY),
    (None, "Uploaded audio matches existing work of art.", POLICY),
    ("content_policy_violation", "Your request was blocked by safety filters.", POLICY),
    ("InvalidParameter", "size must be 1024*1024", INVALID),
    ("insufficient_credits", None, CREDITS),
    # Credits.
    ("402", "Credits insufficient", CREDITS),
    ("402", None, CREDITS),
    ("500", "Insufficient credits. Please top up to continue.", CREDITS),
    ("insufficient_quota", "You exceeded your current quota, please check your plan", CREDITS),
    ("400", "Your account balance is too low", CREDITS),
    ("500", "余额不足、请充值", CREDITS),
    ("billing_hard_limit_reached", "Billing hard limit has been reached", CREDITS),
    # Time-outs.
    ("504", "Gateway Timeout", TIMEOUT),
    ("504", None, TIMEOUT),
    ("500", "Task timed out after 600 seconds", TIMEOUT),
    ("500", "DEADLINE_EXCEEDED", TIMEOUT),
    ("500", "任务超时", TIMEOUT),
    # Canceled.
    (None, "Task was canceled", CANCELED),
    ("499", "Cancelled by user", CANCELED),
    ("499", None, CANCELED),
    (None, "用户取消", CANCELED),
    # The provider.
    ("500", "Internal Error, Please try again later.", PROVIDER),
    ("500", None, PROVIDER),
    ("503", "The model is overloaded. Please try again later.", PROVIDER),
    ("429", "Rate limit reached for requests", PROVIDER),
    ("429", "Quota exceeded for quota metric: 60 requests per minute", PROVIDER),
    ("429", None, PROVIDER),
    ("455", "Service is currently undergoing maintenance", PROVIDER),
    ("500", "upstream connect error or disconnect/reset before headers", PROVIDER),
    ("500", "CUDA out of memory", PROVIDER),
    ("400", "failed to generate image", PROVIDER),
    ("500", "No images found in AI response", PROVIDER),
    ("500", "系统繁忙、请稍后再试", PROVIDER),
    ("500", "生成失败", PROVIDER),
    ("550", "", PROVIDER),
    # Input.
    ("400", "Invalid value: '4096x2048'. Supported values are: '1024x1024'", INVALID),
    ("400", "image_url is required", INVALID),
    ("422", "Unsupported aspect ratio", INVALID),
    ("400", "The prompt is too long (max 4000 characters)", INVALID),
    ("400", "Failed to download image from URL", INVALID),
    ("400", "The image could not be decoded: file is corrupt", INVALID),
    ("400", "image file size must be less than 10MB", INVALID),
    ("400", "Your media file is unavailable: the image url has expired", INVALID),
    ("422", None, INVALID),
    ("400", None, INVALID),
    ("400", "参数错误", INVALID),
    # What it did not cost.
    ("504", "Provider timeout: no result within 60 seconds. No credits were charged.", TIMEOUT),
    ("500", "Internal error. Your credits have been refunded.", PROVIDER),
    ("402", "No credits left on this account, none were charged", CREDITS),
    # Nothing to go by.
    (None, None, OTHER),
    ("0", "", OTHER),
    ("E17", "something odd", OTHER),
    ("404", None, OTHER),
]


@pytest.mark.parametrize(("code", "message", "expected"), MESSAGES)
def test_a_provider_message_is_filed_under_what_it_is_about(
    code: str | None, message: str | None, expected: FailureClass
) -> None:
    assert classify(code, message, "fail") is expected


@pytest.mark.parametrize("word", ["canceled", "CANCELLED", " Canceled "])
def test_the_state_word_canceled_outweighs_code_and_text(word: str) -> None:
    assert classify("500", "Internal error", word) is CANCELED


@pytest.mark.parametrize(
    ("message", "wrong"),
    [
        ("The canvas is too large", CREDITS),
        ("white balance is invalid", CREDITS),
        ("The candidate was dropped", CANCELED),
        ("request sent at noon", TIMEOUT),
        ("insensitive to case", POLICY),
    ],
)
def test_a_word_inside_another_word_decides_nothing(message: str, wrong: FailureClass) -> None:
    assert classify(None, message, "fail") is not wrong


@given(st.none() | st.text(), st.none() | st.text(), st.none() | st.text())
def test_any_text_has_a_class(code: str | None, message: str | None, state: str | None) -> None:
    assert isinstance(classify(code, message, state), FailureClass)


@pytest.mark.parametrize("unit", ["a", "no ", "fail ", "exceed ", "image ", "_", "violat ", "no a "])
def test_a_long_text_is_classified_at_once(unit: str) -> None:
    # Only the first 2,000 characters are read, so that a text of a megabyte costs what a short one does.
    assert classify(None, unit * (1_000_000 // len(unit)) + " canceled", "fail") is not CANCELED


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("timeout", TIMEOUT),
        ("TIMED_OUT", TIMEOUT),
        ("expired", TIMEOUT),
        ("aborted", CANCELED),
        ("CANCEL", CANCELED),
        ("SENSITIVE_WORD_ERROR", POLICY),
        ("Content Moderated", POLICY),
        ("Request Moderated", POLICY),
        ("nsfw", POLICY),
        ("CREATE_TASK_FAILED", PROVIDER),
        ("GENERATE_AUDIO_FAILED", PROVIDER),
        ("CALLBACK_EXCEPTION", PROVIDER),
        ("failed", OTHER),
        ("rejected", OTHER),
    ],
)
def test_the_state_word_decides_where_nothing_else_says_why(word: str, expected: FailureClass) -> None:
    assert classify(None, None, word) is expected
    assert classify("422", "invalid image size", word) is (CANCELED if word == "CANCEL" else INVALID)


def failed(
    message: str | None, code: str | None = None, tasks: int = 1, at_ms: int = 0
) -> tuple[object, ...]:
    return code, message, "fail", tasks, tasks, at_ms


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Request 3f2a9c81-aaaa not done", "Request 77bb02cd-bbbb not done"),
        ("cannot load https://a.example/x.png", "cannot load https://b.example/other?y=1"),
        ("upstream at 10.0.0.12:8080 is busy", "upstream at 10.0.0.99:8081 is busy"),
        ("took 63.25 s", "took 9,1 s"),
        ("at 2026-11-22T10:00:00Z it broke", "at 2025-01-01T00:00:01Z it broke"),
        ("broke\n\n (id 123456)", "broke\n\n (id 9876543)"),
    ],
)
def test_what_differs_from_task_to_task_does_not_part_them(one: str, other: str) -> None:
    (reason,) = reasons([failed(one, tasks=2), failed(other, tasks=3)])
    assert reason.tasks == 5
    assert "…" in (reason.message or "")


@pytest.mark.parametrize(
    ("one", "other"),
    [("error 400", "error 500"), ("timed out", "timed out twice"), ("top_secret_word", "top_secret_words")],
)
def test_what_means_something_parts_them(one: str, other: str) -> None:
    assert len(reasons([failed(one), failed(other)])) == 2


def test_the_class_with_the_most_tasks_stands_first_and_in_it_the_commonest_reason() -> None:
    found = reasons(
        [
            failed("timed out", tasks=5),
            failed("flagged as unsafe", tasks=2),
            failed("content policy", tasks=4),
            failed(None, tasks=1),
        ]
    )
    assert [(each.failure_class, each.tasks) for each in found] == [
        (FailureClass.CONTENT_POLICY, 4),
        (FailureClass.CONTENT_POLICY, 2),
        (FailureClass.TIMEOUT, 5),
        (FailureClass.OTHER, 1),
    ]


def test_the_newest_of_all_that_are_grouped_is_the_example() -> None:
    (reason,) = reasons([failed("job 12345678 lost", tasks=1, at_ms=5), failed("job 87654321 lost", tasks=2)])
    assert (reason.newest_seq, reason.newest_at_ms) == (1, 5)


def test_failures_without_a_word_have_a_filter_too() -> None:
    (reason,) = reasons([failed(None), failed("  ")])
    assert parse_filter(reason.filter_text)[1:] == (ExactTerm(Exact.REASON),)


def matches(reason: Reason, message: str, code: str | None) -> bool:
    said = fold(f"{code or ''} {message}")
    for term in parse_filter(reason.filter_text):
        assert isinstance(term, (TextTerm, ExactTerm))
        if isinstance(term, TextTerm) and term.text not in said:
            return False
    return True


WORDS = st.sampled_from(
    [
        "timed out", "Flagged", "400", "12345", "a1b2c3d4e5", 'say "no"', "https://x.example/1", "é", "…",
        "\n", "  ",
    ]
)  # fmt: skip


@given(
    st.lists(WORDS, max_size=8).map(" ".join) | st.text(max_size=60),
    st.none() | st.sampled_from(["400", "E"]),
)
def test_every_failure_is_found_by_the_filter_of_its_reason(message: str, code: str | None) -> None:
    (reason,) = reasons([failed(message, code)])
    assert matches(reason, message, code)
