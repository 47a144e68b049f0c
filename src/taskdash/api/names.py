"""The names of a record's fields at various gateways; for each field, the first name that has a value counts.

The first names are those of the API's page. The others are used by kie.ai and its families (Veo, 4o, Kontext, Aleph,
Runway, Suno, Midjourney), by gateways to them, by Kling, DashScope, ModelScope, Replicate, fal, OpenAI, Ark, Vidu,
MiniMax, BFL, and by Midjourney proxies.
"""

from __future__ import annotations

from typing import Final

TASK_ID: Final = ("taskId", "task_id")
OWN_ID: Final = ("id", "request_id", "job_id", "jobId")
"""The record's own ID, in place of a task ID. `request_id` is the task's at fal, elsewhere the request's."""
STATE: Final = ("state", "task_status", "taskStatus", "status")
"""`status` comes last, as it may be that of the request."""
FLAG: Final = "successFlag"

MODEL: Final = ("model", "modelName", "model_name")
PARAM: Final = ("param", "paramJson", "generateParam")
PROMPT: Final = ("prompt", "orig_prompt")
PROMPT_IN_PARAM: Final = ("prompt", "positivePrompt", "positive_prompt", "text", "description")
PROGRESS: Final = ("progress",)

COST: Final = ("costTime", "cost_time")
CREATED: Final = (
    *("createTime", "create_time", "createdAt", "created_at", "created"),
    *("submitTime", "submit_time"),
)
ENDED: Final = (
    *("completeTime", "complete_time", "completedAt", "completed_at", "completed"),
    *("finishTime", "finish_time", "finishedAt", "finished_at", "endTime", "end_time", "generateTime"),
)
UPDATED: Final = ("updateTime", "update_time", "updatedAt", "updated_at")
"""Used as the end time of a finished task without one."""

CREDITS: Final = (
    *("creditsConsumed", "credits_consumed", "consumeCredits", "consume_credits"),
    *("creditsUsed", "credits_used", "credits", "cost"),
)
USAGE: Final = "usage"
CREDITS_IN_USAGE: Final = ("credits_consumed", "credits_used", "credits_reserved", "credits")

LINK_END: Final = ("expires_at", "expiresAt", "expire_at", "expireAt", "expire_time", "expireTime")
PURGED: Final = ("contentState", "expireFlag", "data_removed")

FAIL_CODE: Final = ("failCode", "fail_code")
ERROR_CODE: Final = (
    *("errorCode", "error_code", "errCode", "err_code"),
    *("failureCode", "failure_code"),
)
"""Here 0 and 200 mean no failure."""
REASON: Final = ("failMsg", "fail_msg", "errorMessage", "error_message", "failReason", "error", "errors")
REASON_OF_FAILED: Final = (
    *("task_status_msg", "fail_reason", "failure", "failure_reason", "failureReason"),
    *("errorMsg", "error_msg", "raw_message", "message", "msg", "detail", "reason"),
)
"""Not specific to errors, so only used in a failed record or within an error object."""
