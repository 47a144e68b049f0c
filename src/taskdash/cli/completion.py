"""`taskdash completion`: prints scripts that complete commands, options and task IDs in a shell.

click computes the completions, but its scripts are not used: they overwrite the user's variables, split IDs at colons,
and fail in a shell without completion set up. Ours read the same answers: for each completion, a line `type,value` in
bash and fish, three lines in zsh.
"""

from __future__ import annotations

import os
import re
from typing import Final

import click
from click.shell_completion import BashComplete, add_completion_class, split_arg_string

from taskdash.cli.options import command, common_options
from taskdash.cli.output import print_lines

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


class LineComplete(BashComplete):
    """Completion for bash that parses the whole line: bash also splits words at colons, which IDs may contain."""

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
@common_options
def completion(*, shell: str) -> None:
    """Print a script that completes commands, options and task IDs in your shell.

    bash: add `eval "$(taskdash completion bash)"` to ~/.bashrc. zsh: add `eval "$(taskdash completion zsh)"` to
    ~/.zshrc, below compinit if you call it. fish: add `taskdash completion fish | source` to
    ~/.config/fish/config.fish.
    """
    print_lines([_SCRIPTS[shell].strip()])


add_completion_class(LineComplete)
