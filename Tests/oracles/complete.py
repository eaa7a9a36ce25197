#!/usr/bin/env python3
"""Completes a command line in a real shell, on a terminal of its own, and prints the words of the result.

    complete.py bash|zsh|fish SCRIPT LINE...

SCRIPT is the completion script. Each LINE is completed at its end with all candidates of the shell, and printed as one
line of JSON: a list of its words (for fish, a list of the candidates). Other output of the shell, such as a warning of a
broken script, is printed after an exclamation mark. Works in the working directory.
"""

import json
import os
import pathlib
import pty
import select
import subprocess
import sys
import tempfile
import time

# The shell runs this instead of the completed command: it prints the words in hex, so that no terminal echo looks like
# them.
SHOW = r"""show() {
    local word
    printf 'WOR''DS'
    for word; do printf ' '; printf %s "$word" | od -An -tx1 | tr -d ' \n'; done
    echo ' END'
}
"""
BASH = SHOW + """PS1='' PS2=''
bind 'set bell-style none' 'set completion-query-items 0' 'set enable-bracketed-paste off'
bind 'set page-completions off' '"\\C-t": insert-completions'
source "$SCRIPT"
"""
ZSH = SHOW + """PS1='' PS2='' RPS1=''; bindkey -e
unsetopt zle_bracketed_paste beep prompt_cr prompt_sp auto_list auto_menu
fpath=("$DIRECTORY" $fpath); autoload -Uz compinit; compinit -u -D
all-matches() { compstate[insert]=all; compstate[list]=; }
zle -C all-matches complete-word _generic; zstyle ':completion:*' completer all-matches-of _complete
all-matches-of() { compstate[insert]=all; compstate[list]=; return 1; }
bindkey '^T' all-matches
"""
SECONDS = 120


def read_until(terminal, end, text):
    limit = time.monotonic() + SECONDS
    while end not in text:
        if not select.select([terminal], [], [], max(0, limit - time.monotonic()))[0]:
            sys.exit(f"the shell does not answer: {text!r}")
        try:
            text += os.read(terminal, 65536)
        except OSError:
            sys.exit(f"the shell ended: {text!r}")
    return text


def on_terminal(shell, script, lines):
    with tempfile.TemporaryDirectory() as directory:
        place = pathlib.Path(directory)
        (place / "_fsscan").write_bytes(script.read_bytes())
        (place / "rc").write_text(BASH)
        (place / ".zshrc").write_text(ZSH)
        environment = {
            "PATH": os.environ["PATH"], "HOME": directory, "ZDOTDIR": directory, "DIRECTORY": directory,
            "SCRIPT": str(script), "TERM": "vt100", "LC_ALL": "C.UTF-8", "COLUMNS": "200", "LINES": "50",
        }
        bash = ["bash", "--noprofile", "--rcfile", str(place / "rc"), "-i"]
        command = bash if shell == "bash" else ["zsh", "-d", "-i"]
        child, terminal = pty.fork()
        if child == 0:
            os.execvpe(command[0], command, environment)
        os.write(terminal, b"show ready\r")
        read_until(terminal, b"WORDS 7265616479 END", b"")
        for line in lines:
            # All that there is, then to the beginning of the line, where another command is put in front.
            os.write(terminal, line.encode() + b"\x14" + b"\x01show \r")
            text = read_until(terminal, b" END\r", b"")
            words = text[text.rindex(b"WORDS"):].split(b" ")[1:-1]
            print(json.dumps([bytes.fromhex(word.decode()).decode() for word in words]))
            for said in text.decode(errors="replace").splitlines():
                if "_arguments:" in said or "error" in said or "not found" in said:
                    print("!" + said)
        os.close(terminal)
        os.kill(child, 9)
        os.waitpid(child, 0)


def in_fish(script, lines):
    for line in lines:
        program = 'source $argv[1]; complete -C $argv[2]'
        with tempfile.TemporaryDirectory() as directory:
            result = subprocess.run(
                ["fish", "--no-config", "-c", program, "--", str(script), line], capture_output=True, timeout=SECONDS,
                env={**os.environ, "HOME": directory, "LC_ALL": "C.UTF-8"}, check=False)
        print(json.dumps([offer.split("\t")[0] for offer in result.stdout.decode().splitlines()]))
        for said in result.stderr.decode().splitlines():
            print("!" + said)


def main():
    shell, script, *lines = sys.argv[1:]
    if shell == "fish":
        in_fish(pathlib.Path(script).resolve(), lines)
    else:
        on_terminal(shell, pathlib.Path(script).resolve(), lines)


main()
