"""Describes the command line to shells, which complete it (`taskdash completion`), and to programs (`taskdash --spec`).

click computes the completions, but its scripts are not used: they overwrite the user's variables, split IDs at colons,
and fail in a shell without completion set up. Ours read the same answers: for each completion, a line `type,value` in
bash and fish, three lines in zsh.

The commands of the specification are read from click, so they match the help. Exit codes, errors and the fields of a
task, which click does not know, are listed here; tests compare them with the code.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final

import click
from click.shell_completion import BashComplete, add_completion_class, split_arg_string

from taskdash import __version__
from taskdash.cli.main import ALIASES
from taskdash.cli.options import GLOBAL_OPTIONS, command
from taskdash.cli.output import print_lines
from taskdash.domain.query import EXAMPLES, OTHER_NAMES, STATES, TEXT_FIELDS, Flag
from taskdash.domain.task import FailureClass, ProblemKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from taskdash.domain.task import Json

_BASH: Final = r"""
_taskdash_completion() {
    local type value answer
    COMPREPLY=()
    answer=$(COMP_LINE="${COMP_LINE:0:COMP_POINT}" COMP_BREAKS="$COMP_WORDBREAKS" \
        _TASKDASH_COMPLETE=bash_complete "${1/#\~\//$HOME/}" 2>/dev/null)
    while IFS=, read -r type value; do
        case $type in
            plain) COMPREPLY+=("$value") ;;
            file) compopt -o default ;;
            dir) compopt -o dirnames ;;
        esac
    done <<< "$answer"
}
complete -o nosort -F _taskdash_completion taskdash 2>/dev/null || complete -F _taskdash_completion taskdash
"""
_ZSH: Final = r"""
#compdef taskdash
_taskdash_completion() {
    local type value about before="${words[1,CURRENT-1]} $PREFIX"
    local -a plain told
    [[ $PREFIX == --*=* ]] && compset -P '*='
    COMP_WORDS=$before COMP_CWORD=$((CURRENT - 1)) _TASKDASH_COMPLETE=zsh_complete ${(Q)words[1]} 2>/dev/null |
    while read -r type && read -r value && read -r about; do
        case $type in
            plain)
                value=${value//\\:/:}
                plain+=("$value")
                [[ $about == _ ]] && told+=("$value") || told+=("$value  -- $about") ;;
            file) _files ;;
            dir) _files -/ ;;
        esac
    done
    (( $#plain )) && compadd -V taskdash -d told -a plain
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _taskdash_completion "$@"
else
    (( $+functions[compdef] )) || { autoload -Uz compinit && compinit -i }
    compdef _taskdash_completion taskdash
fi
"""
_FISH: Final = r"""
function _taskdash_completion
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l option (string match -r '^--[^=]+=' -- $current)
    set -lx COMP_WORDS (commandline -cp)
    set -lx COMP_CWORD $current
    for answer in (_TASKDASH_COMPLETE=fish_complete $words[1] 2>/dev/null)
        set -l parts (string split -m 1 , -- $answer)
        switch $parts[1]
            case plain
                printf '%s\n' "$option$parts[2]"
            case file
                printf "$option%s\n" (__fish_complete_path (string replace -r '^--[^=]+=' '' -- $current))
            case dir
                printf "$option%s\n" (__fish_complete_directories (string replace -r '^--[^=]+=' '' -- $current))
        end
    end
end
complete --no-files --command taskdash --arguments '(_taskdash_completion)'
"""
_SCRIPTS: Final = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}
EXIT_CODES: Final = {
    "0": "success; for `wait`: every task succeeded",
    "1": "a task failed, or the command did",
    "2": "wrong usage or config",
    "3": "ID unknown",
    "4": "no API key, or the API rejects it",
    "5": "the API is unreachable, limits the rate, or has an internal error",
    "6": "the store cannot be used",
    "124": "`wait` timed out",
    "128+n": "ended by signal n",
}
ERROR_CODES: Final = {
    "usage": (2, "the command line, or a value in it, is wrong"),
    "config": (2, "a setting in the config or the environment is wrong"),
    "unknown_id": (3, "an ID is not on the list, or matches several"),
    "no_match": (1, "no task matches --filter, --state or --label"),
    "no_key": (4, "there is no API key, or one that cannot be sent"),
    "store_locked": (6, "another program has the list locked"),
    "store_read_only": (6, "the list cannot be written to"),
    "store_full": (6, "the disk is full or failing"),
    "store_newer": (6, "a newer taskdash wrote the list"),
    "store_damaged": (6, "the file is damaged, or is not a list"),
    "store_changed": (6, "the list file was replaced or damaged while in use; nothing was done"),
    "store_unusable": (6, "the list cannot be used for another reason"),
    "failed": (1, "the command could not be carried out"),
    "crash": (1, "a bug in taskdash"),
}
"""The exit code and the meaning of each error."""
TASK_FIELDS: Final = {
    "taskId": ("string", "its ID"),
    "model": ("string|null", "the API's name of the model"),
    "state": ("string", "new (no record yet), waiting, success or fail"),
    "rawState": ("string|null", "the state in the API's own words"),
    "param": ("any", "the request as the record has it, parsed"),
    "resultUrls": ("array", "the result links"),
    "failCode": ("string|null", "the API's code for the failure"),
    "failMsg": ("string|null", "the reason in words"),
    "costTime": ("integer|null", "how long it took, in ms"),
    "completeTime": ("integer|null", "when it ended, in Unix ms"),
    "createTime": ("integer|null", "when it was created, in Unix ms"),
    "profile": ("string", "the profile of its gateway"),
    "label": ("string|null", "your label"),
    "note": ("string|null", "your note"),
    "addedAt": ("integer", "when it was added to the list, in Unix ms"),
    "checkedAt": ("integer|null", "when it was last checked, in Unix ms"),
    "problem": ("object|null", "why the last check brought no record: kind, message, since"),
    "saved": ("array", "the files that its results were saved to"),
    "credits": ("number|null", "its cost; null if the record does not say"),
    "recordPath": ("string|null", "the path that its record was found under"),
    "verdicts": ("array", "one for each of resultUrls: picked, rejected or null"),
    "overdue": ("boolean", "whether it has waited more than twice its model's usual time"),
}
"""The JSON type and the meaning of each field."""


@add_completion_class
class LineComplete(BashComplete):
    """Completes in bash by parsing the whole line: bash also splits words at colons, which IDs may contain."""

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the one to complete, and that one."""
        if "COMP_LINE" not in os.environ:
            return super().get_completion_args()
        line = os.environ["COMP_LINE"]
        words = split_arg_string(line)
        incomplete = "" if re.search(r"(?<!\\)\s$", line) or not words else words.pop()
        while words and re.match(r"[A-Za-z_]\w*=", words[0]):
            words.pop(0)
        return words[1:], incomplete

    def complete(self) -> str:
        """Return the completions; if bash splits words at colons, only their part after the last one."""
        answer = super().complete()
        _, incomplete = self.get_completion_args()
        head, colon, _ = incomplete.rpartition(":")
        if not colon or ":" not in os.environ.get("COMP_BREAKS", ""):
            return answer
        return answer.replace(f"plain,{head}:", "plain,")


@command("Print a shell completion script.", example='eval "$(taskdash completion bash)"')
@click.argument("shell", type=click.Choice(list(_SCRIPTS)))
def completion(*, shell: str) -> None:
    """Print a script that completes commands, options and task IDs in your shell.

    bash: add `eval "$(taskdash completion bash)"` to ~/.bashrc. zsh: add `eval "$(taskdash completion zsh)"` to
    ~/.zshrc, below compinit if you call it. fish: add `taskdash completion fish | source` to
    ~/.config/fish/config.fish.
    """
    print_lines([_SCRIPTS[shell].strip()])


def spec(context: click.Context) -> dict[str, Json]:
    """Return the document for the program of this context."""
    program = context.command
    return {
        "program": "taskdash",
        "version": __version__,
        "description": _text(program.help),
        "options": _options(program),
        "globalOptions": [*map(_option, GLOBAL_OPTIONS)],
        "commands": [*map(_command, _commands(context))],
        "exitCodes": dict(EXIT_CODES),
        "errors": {
            "document": "with --json, on stdout: {'error': {'code', 'message', 'next'}}",
            "codes": {
                code: {"exitCode": exit_code, "meaning": meaning}
                for code, (exit_code, meaning) in ERROR_CODES.items()
            },
        },
        "filter": {
            "syntax": 'all words must match; word and "a phrase" match texts, field:value a field, '
            'label:=L the whole label (label:="" none), !word excludes',
            "fields": {name: _filter_field(name) for name in EXAMPLES},
        },
        "taskFields": {name: {"type": kind, "meaning": text} for name, (kind, text) in TASK_FIELDS.items()},
    }


def _commands(parent: click.Context) -> Iterator[click.Context]:
    """Yield a context for each command of a group, none for an alias."""
    group = parent.command
    assert isinstance(group, click.Group)  # noqa: S101 - it has commands
    for name in group.list_commands(parent):
        command = None if name in ALIASES else group.get_command(parent, name)
        if command is not None:
            yield click.Context(command, info_name=name, parent=parent)


def _command(context: click.Context) -> dict[str, Json]:
    command, name = context.command, context.info_name
    arguments = [each for each in command.params if isinstance(each, click.Argument)]
    document: dict[str, Json] = {
        "name": name,
        "aliases": [short for short, full in ALIASES.items() if full == name],
        "usage": command.get_usage(context).removeprefix("Usage: "),
        "summary": command.get_short_help_str(limit=1_000),
        "description": _text(command.help),
        "example": (command.epilog or "").removeprefix("Example: "),
        "arguments": [
            {"name": each.human_readable_name, "required": each.required, "many": each.nargs == -1}
            for each in arguments
        ],
        "options": _options(command),
    }
    if isinstance(command, click.Group):
        document["commands"] = [*map(_command, _commands(context))]
    return document


def _text(text: str | None) -> str:
    """Return a docstring with each paragraph on one line."""
    return "\n".join(" ".join(part.split()) for part in (text or "").split("\n\n"))


def _options(command: click.Command) -> list[Json]:
    """Return the options of a command, except the global ones."""
    return [_option(each) for each in command.params if isinstance(each, click.Option)]


def _option(option: click.Option) -> dict[str, Json]:
    choices = [str(each) for each in option.type.choices] if isinstance(option.type, click.Choice) else []
    value = None if option.is_flag else option.metavar or "|".join(choices) or "VALUE"
    return {"names": [*option.opts], "value": value, "choices": [*choices], "help": option.help or ""}


def _filter_field(name: str) -> Json:
    values: list[Json] | None = None
    if name == "state":
        values = [*STATES]
    elif name in ("problem", "reason"):
        kinds = ["any", *ProblemKind] if name == "problem" else ["none", *FailureClass]
        values = [kind.replace(" ", "-") for kind in kinds]
    elif name in list(Flag):
        values = ["yes", "no"]
    kind = "text" if name in TEXT_FIELDS else "one of values" if values else "comparison with a duration"
    return {"kind": kind, "values": values, "example": EXAMPLES[name], "sameAs": OTHER_NAMES.get(name)}
