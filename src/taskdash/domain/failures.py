"""Classifies failed tasks and groups them by reason.

The providers behind the API share no error codes: the same 400 is a refused prompt, a bad picture or a bug.
So the text decides first, rule by rule, and the code only if the text gives no clue. Classes are for sorting
and counting; the original code and message are always shown with them.

Failures are grouped by their messages, with the parts that differ from task to task left out. Each reason can
be turned into a filter, to look at the tasks behind a count.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from taskdash.domain.task import FailureClass
from taskdash.domain.untrusted import inert_line
from taskdash.domain.words import NO_REASON, amount

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_MAX_CHARS: Final = 2000

# The first class with a matching pattern wins. Causes come before mere symptoms: "invalid prompt: prohibited
# content" is about content, "timed out: internal error" is a timeout. Patterns ignore case and see underscores
# and hyphens as spaces. There is one per line; an indented line continues the one above.
_TEXT_RULES: Final = (
    (
        FailureClass.CONTENT_POLICY,
        r"""
        (?:content|usage|safety|community|acceptable use) (?:polic|guideline|standard)
        violat\w{0,6}\b.{0,60}\b(?:polic|guideline|terms|rules)
        \bpolic(?:y|ies)\b.{0,40}\b(?:violat|block|reject)
        content ?(?:filter|moderat|violat|block|safety|reject|restrict|risk)
        \bmoderation\b|\bmoderated\b|\bflagged\b|\bblocklist|\brisk control|\bdata ?inspection
        \bsafety (?:system|filter|check|setting|reason|block|error|guard)|\bimage safety\b|\bunsafe\b
        (?:blocked|rejected|refused|filtered|stopped)\b.{0,40}\bsafety
        \bprompt (?:was |is |has been )?blocked|\bblocked (?:prompt|word)
        \b(?:prohibited|inappropriate|offensive|harmful|disallowed|explicit|forbidden|illegal)
            [ ](?:\w+ ){0,2}(?:content|material|image|prompt|use|word|term|keyword)
        sensitive ?(?:content|word|info|term|input|material)|\A *sensitive\b|\bsafety\.|\baudit ?\w* ?illegal
        \bbanned (?:prompt|word)|\baudio filtered|\bminor upload
        \b(?:is|are|be|contains?|as|possibly|potentially) sensitive\b
        \bnsfw\b|\bsexual|\bnudity\b|\bporn
        \bgore\b|\bself harm\b|\bhate(?:ful)? speech|\bviolen(?:t|ce)\b
        infringement|\bartist'?s? name|\bmatches existing
        \bcopyright|\btrademark|\bintellectual property|\bthird party (?:content|likeness)|\blikeness
        \bcelebrit|\b(?:public|prominent|real) (?:figure|person|people)|\bdeepfake
        违规|違規|敏感|审核|審核|内容(?:政策|安全|风险|不当)|不合规
        不合規|色情|涉黄|涉政|暴力|违禁|版权
        コンテンツ.?ポリシー|不適切|ガイドライン|콘텐츠 ?정책|부적절|유해
        pol[ií]ticas? de (?:conte[uú]do|contenido|uso)|inapropiad|inapropriad
        inhaltsrichtlini|unangemessen|politique de contenu|contenu inappropri
        политик\w{0,3} (?:контента|содержания)|недопустим\w{0,4} (?:контент|содерж)
        """,
    ),
    (
        # Before credits: a quota per minute is a rate limit, which passes.
        FailureClass.PROVIDER_ERROR,
        r"""
        \brate limit|\btoo many requests|\bper (?:minute|second|hour)\b|\bresource exhausted\b
        """,
    ),
    (
        FailureClass.CREDITS,
        r"""
        \b(?:insufficient|not enough|no|no more|out of|low|zero) (?:\w+ ){0,2}(?:credit|balance|fund)
        \b(?:credit|balance|fund)s?\b.{0,30}\b(?:insufficient|not enough|exhausted|depleted|too low)
        \binsufficient (?:user )?quota|\bexceed\w{0,3} .{0,20}\bquota|\bquota\b.{0,20}\bexceed
        \bbilling\b|\bpayment required|\btop up\b|\brecharge|\barrears\b|\bspending limit
        (?:余额|餘額|积分|積分|额度|點數|点数|配额)不足|额度已用|欠费|欠費|充值
        残高不足|クレジット(?:が)?不足|잔액|크레딧(?:이)? ?부족
        cr[eé]ditos? insuficientes?|saldo insuficiente|guthaben|(?:cr[eé]dits?|solde) insuffisant
        недостаточно (?:средств|кредит)
        """,
    ),
    (
        FailureClass.CANCELED,
        r"""
        \bcancel(?:l?ed|l?ation|l?ing)\b|\b(?:aborted|stopped|terminated) by (?:the )?(?:user|client)
        (?:已|被|用户|任务)取消|取消了|キャンセル|취소|cancelad[oa]|abgebrochen|annulée?\b|отмен[её]н
        """,
    ),
    (
        FailureClass.TIMEOUT,
        r"""
        \btime ?out|\btimed ?out|\btime limit|\bdeadline exceeded|\btook too long
        超时|超時|逾时|タイムアウト|시간 ?초과
        tiempo de espera|tempo (?:limite|esgotado)|zeitüberschreitung|délai (?:d'attente )?dépassé
        время ожидания|тайм ?аут
        """,
    ),
    (
        FailureClass.PROVIDER_ERROR,
        r"""
        \binternal (?:server )?(?:error|exception|fault)
        \bserver (?:error|exception|busy|fault|overload)
        \bbad gateway|\bgateway error|\bupstream\b|\bservice unavailable|\bmaintenance\b
        \btemporar(?:y|ily)\b|\boverload|\b(?:too|very|is|are|currently|system) busy|\bat capacity
        \bhigh (?:demand|load|traffic)
        \bconcurren(?:cy|t)\b|\b(?:try|retry|request) again (?:later|in)\b
        \bplease (?:try again|retry)
        \bconnection (?:reset|refused|error|closed|aborted)|\bnetwork error
        \bcallback (?:process )?(?:exception|error)
        \bout of memory|\bcuda\b|\boom\b|\btraceback|\bnull ?pointer|\binvalid api key
        \b(?:unexpected|unknown) (?:error|exception)|\bprovider (?:error|fail|returned)
        \b(?:service|model|provider|worker|node|gpu|endpoint)s?
            [ ](?:\w+ ){0,2}(?:unavailable|not available|failed|error|offline|down)\b
        (?:服务|服務|系统|系統|服务器|伺服器|模型|内部|上游|网络|接口).{0,6}(?:异常|異常|繁忙|错误|錯誤|故障|不可用|维护|过载)|稍后(?:再试|重试)
        サーバー.?エラー|内部エラー|混雑|서버 ?오류|내부 ?오류
        error (?:interno|del servidor|do servidor)|erro interno|interner fehler|serverfehler
        erreur (?:interne|serveur|du serveur)|внутренняя ошибка|ошибка сервера
        """,
    ),
    (
        FailureClass.INVALID_INPUT,
        r"""
        \binvalid|\bmalformed|\bunsupported
        \bunrecogni[sz]ed|\bbad request|\bvalidation|\bunprocessable
        \bnot (?:a )?(?:valid|supported|allowed|acceptable)\b|\bdoes not support
        \bmissing\b|\brequired\b|\b(?:cannot|can't|must not) be (?:empty|blank|null)
        \bmust (?:be|have|contain)\b|\bout of range|\bnot in the (?:allowed|supported)
        \bshould be (?:between|one of|at (?:least|most)|less|greater)
        \btoo (?:long|short|large|big|small|many|few)\b
        \bexceed\w{0,3}\b.{0,30}\b(?:length|limit|size|max|character)
        \b(?:maximum|minimum|max|min)\b.{0,30}\b(?:length|size|character|resolution|dimension)
        \b(?:fail\w{0,3}|unable|could ?n[o']t|cannot|error) (?:to )?
            (?:download|fetch|load|read|access|decod|open|pars)\w{0,4}\b.{0,60}
            \b(?:image|file|url|video|audio|input|picture|mask)
        \b(?:image|file|url|link|video|audio|mask|format|resolution|aspect|dimension)s?\b.{0,30}
            \b(?:not (?:found|accessible|reachable)|corrupt|inaccessible|unreadable|wrong|expired)
        参数|參數|无效|無效|不支持|不支援|格式(?:错误|不正确|錯誤)|不能为空|不能為空
        过大|過大|过长|過長|超出|缺少|不合法|尺寸
        無効|サポートされ|不正な|長すぎ|유효하지|잘못된|지원(?:되지|하지)
        inv[aá]lid[oa]|ung[üu]ltig|nicht unterst[üu]tzt|(?:non |in)valide|non pris en charge
        недействит|неверн|не поддерживается
        """,
    ),
    (
        # Last: these name no cause, but a model without a result is the provider's problem.
        FailureClass.PROVIDER_ERROR,
        r"""
        \b(?:generat\w{0,4}|task|job|image|request|render\w{0,4}|inference|processing|creation|prediction)\b
            .{0,20}\bfail
        \bfail\w{0,3} to (?:generate|create|produce|process|render|complete|run)
        \bno (?:image|output|result|video)s? (?:was |were )?(?:generated|returned|produced|found)
        \bempty (?:response|result|output)
        (?:生成|任务|任務|处理|處理|执行).{0,4}(?:失败|失敗|出错)|生成に失敗|생성(?:에)? ?실패
        """,
    ),
)

_CANCELED_STATES: Final = frozenset({"canceled", "cancelled", "cancel"})
_STATE_CLASSES: Final = {
    "aborted": FailureClass.CANCELED,
    "expired": FailureClass.TIMEOUT,  # OpenAI's word for not done in time
}
_CODES: Final = {
    FailureClass.CONTENT_POLICY: "451",
    FailureClass.INVALID_INPUT: "400 413 415 422",
    FailureClass.CREDITS: "402",
    FailureClass.PROVIDER_ERROR: "429 455",  # 455: maintenance at kie.ai-like gateways
    FailureClass.TIMEOUT: "408 504 524",
    FailureClass.CANCELED: "499",
}
_CODE_CLASSES: Final = {code: each for each, codes in _CODES.items() for code in codes.split()}
# What a failure did not cost is no word about its cause.
_REASSURING: Final = (
    r"(?i)\b(?:no|zero) (?:\w+ ){0,2}credits? (?:\w+ ){0,3}(?:charged|deducted|consumed|used|taken|billed)"
    r"|\bcredits? (?:\w+ ){0,3}(?:refunded|returned|not (?:been )?(?:charged|deducted|consumed|used))"
)
_SERVER_CODE: Final = r"5\d\d"
_JOINTS: Final = str.maketrans("_-", "  ")


@cache
def _compiled_rules() -> tuple[tuple[FailureClass, re.Pattern[str]], ...]:
    rules = []
    for each, text in _TEXT_RULES:
        patterns = re.sub(r"\n {12}", "", text).split("\n")
        one = "|".join(pattern.strip() for pattern in patterns if pattern.strip())
        rules.append((each, re.compile(one, re.IGNORECASE)))
    return tuple(rules)


def classify(fail_code: str | None, fail_msg: str | None, raw_state: str | None) -> FailureClass:
    """Return the class of a failure by the first clue: a canceled state, the texts, the numeric code, the state.

    The code is also searched as text: `CONTENT_POLICY_BLOCKED` or `insufficient_quota` occur in either field.
    """
    state = (raw_state or "").strip().lower()
    if state in _CANCELED_STATES:
        return FailureClass.CANCELED
    code = (fail_code or "").strip()
    return (
        _class_of_text(f"{code[:_MAX_CHARS]} {(fail_msg or '')[:_MAX_CHARS]}")
        or _CODE_CLASSES.get(code)
        or (FailureClass.PROVIDER_ERROR if re.fullmatch(_SERVER_CODE, code) else None)
        or _STATE_CLASSES.get(state)
        or _class_of_text(state[:_MAX_CHARS])
        or FailureClass.OTHER
    )


def _class_of_text(text: str) -> FailureClass | None:
    said = re.sub(_REASSURING, "", text.translate(_JOINTS))
    return next((each for each, pattern in _compiled_rules() if pattern.search(said)), None)


# Grouping

HOLE: Final = "…"
"""Replaces the parts of a message that differ from task to task."""
_LEAST_PIECE_CHARS: Final = 3
_MAX_PIECES: Final = 4
_MAX_GROUPED_CHARS: Final = 400

# Links; words of 8 characters or more with a digit in them (IDs, hashes, dates, times, addresses); long or fractional
# numbers. Short whole numbers stay: "status 400" and "status 500" are two reasons.
_VARYING: Final = r"(?i)https?://\S+|\b(?=[\w.:+-]*\d)[\w+-][\w.:+-]{6,}\w\b|\b\d{4,}\b|\b\d+[.,]\d+\b"
# White space other than a single space becomes a hole too, as the filter matches texts literally.
_ODD_SPACE: Final = r"\s{2,}|[^\S ]"


class Reason(NamedTuple):
    """Groups the tasks that failed for one reason."""

    failure_class: FailureClass
    fail_code: str | None
    message: str | None
    """The message with `HOLE` for the parts that differ; None if the answers have none."""
    tasks: int
    newest_seq: int
    newest_at_ms: int
    charged: int = 0
    credits: float = 0

    @property
    def filter_text(self) -> str:
        """Return a filter that shows the tasks of this reason, in the language of `domain.query`."""
        if self.message is None and self.fail_code is None:
            return "state:fail reason:none"
        words = ["state:fail", class_filter(self.failure_class)]
        return " ".join([*words, *(f'failure:"{piece}"' for piece in self._pieces())])

    def _pieces(self) -> list[str]:
        """Return texts that all failures of this reason contain, split at quotes, which a filter cannot express."""
        said = f"{self.fail_code or ''} {self.message or ''}"
        found = [piece.strip() for piece in re.split(f'[{HOLE}"]', said)]
        long = sorted((piece for piece in found if len(piece) >= _LEAST_PIECE_CHARS), key=len, reverse=True)
        return long[:_MAX_PIECES]


def charged_words(found: Iterable[Reason]) -> str:
    """Return how many of the tasks that failed for these reasons were charged nevertheless; "" if none was."""
    found = list(found)
    charged = sum(reason.charged for reason in found)
    lost = amount(sum(reason.credits for reason in found))
    return f"{charged:,} charged ({lost} credits)" if charged else ""


def class_filter(failure_class: FailureClass) -> str:
    """Return the filter word for all failures of a class."""
    return f"reason:{failure_class.value.replace(' ', '-')}"


def reasons(rows: Iterable[tuple[Any, ...]]) -> list[Reason]:
    """Group failures by class, code and message; the largest class first, and within it the commonest reason.

    Each row has the code, message and state of failures with identical answers, then the figures of a `Reason`.
    """
    groups: dict[tuple[Any, ...], list[Reason]] = {}
    for code, message, state, *figures in rows:
        reason = Reason(classify(code, message, state), code or None, _pattern(message), *figures)
        groups.setdefault(reason[:3], []).append(reason)
    found, of_class = [], Counter[FailureClass]()
    for group in groups.values():
        newest = max(group, key=lambda each: (each.newest_at_ms, -each.newest_seq))
        tasks, charged = sum(each.tasks for each in group), int(sum(each.charged for each in group))
        cost = round(sum(each.credits for each in group), 6)
        found.append(newest._replace(tasks=tasks, charged=charged, credits=cost))
        of_class[newest.failure_class] += tasks
    found.sort(key=lambda each: (-each.tasks, each.message or "", each.fail_code or ""))
    return sorted(found, key=lambda each: (-of_class[each.failure_class], each.failure_class))


def _pattern(message: str | None) -> str | None:
    if not message or not message.strip():
        return None
    holed = re.sub(_VARYING, HOLE, re.sub(_ODD_SPACE, HOLE, message[:_MAX_GROUPED_CHARS]))
    return re.sub(f"{HOLE}(?: ?{HOLE})+", HOLE, holed)


class ReasonLine(NamedTuple):
    """Puts a failure class, or one of its reasons, into words."""

    text: str
    """The number of tasks, their share of all that failed, and the class or the message."""
    more: str
    """What a class cost, or the code of a reason; "" if there is nothing to add."""
    filter_text: str
    """The filter that shows the tasks."""
    latest: Reason
    is_class: bool = False


def reason_lines(found: Sequence[Reason]) -> Iterator[ReasonLine]:
    """Yield a line for each failure class, followed by those of its reasons, in the order of `reasons`."""
    failed = sum(reason.tasks for reason in found)

    def counted(some: Sequence[Reason]) -> str:
        count = sum(reason.tasks for reason in some)
        return f"{count:>7,} {count / failed:>5.0%}  "

    for failure_class, group in groupby(found, lambda reason: reason.failure_class):
        some = list(group)
        head, filter_text = counted(some) + failure_class.value, f"state:fail {class_filter(failure_class)}"
        latest = max(some, key=lambda reason: reason.newest_at_ms)
        yield ReasonLine(head, f"  {charged_words(some)}", filter_text, latest, is_class=True)
        for reason in some:
            said = inert_line((reason.message or NO_REASON).strip())
            code = f" ({inert_line(reason.fail_code)})" if reason.fail_code else ""
            yield ReasonLine(f"{counted([reason])}  {said}", code, reason.filter_text, reason)
