#!/usr/bin/env python3
"""Puts screens of `fsscan browse`, as tmux shows them, into docs/BROWSE.md: browse_screens.py FSSCAN DIRECTORY DOCUMENT

DIRECTORY holds the tree of docs/sample_tree.py as `srv`, which changes here. In DOCUMENT a screen is the block of code
after the line `<!-- screen: NAME -->`.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

fsscan, directory, document = (pathlib.Path(argument).resolve() for argument in sys.argv[1:])


class Terminal:
    """A shell command in tmux."""

    def __init__(self, command: list[str], columns: int = 96, rows: int = 13) -> None:
        self.place = tempfile.TemporaryDirectory()
        clean = {name: value for name, value in os.environ.items() if name not in ("TMUX", "NO_COLOR")}
        self.environment = clean | {"LC_ALL": "C.UTF-8"}
        self.tmux("new-session", "-d", "-x", str(columns), "-y", str(rows), "-c", str(directory), *command)

    def tmux(self, *arguments: str) -> str:
        command = ["tmux", "-f", "/dev/null", "-S", f"{self.place.name}/socket", *arguments]
        return subprocess.run(command, env=self.environment, check=True, capture_output=True, text=True).stdout

    def press(self, *keys: str) -> None:
        self.tmux("send-keys", *keys)

    def screen(self, text: str) -> str:
        """The screen, as soon as it has the text and does not change any more."""
        before = ""
        for _ in range(300):
            time.sleep(0.2)
            now = self.tmux("capture-pane", "-p")
            if text in now and now == before and "scanning" not in now:
                return "\n".join(line.rstrip() for line in now.splitlines()).rstrip()
            before = now
        sys.exit(f"no {text!r} on the screen:\n{before}")

    def end(self) -> None:
        self.tmux("kill-server")


def screens() -> dict[str, str]:
    found = {}
    terminal = Terminal([str(fsscan), "browse", "srv"])
    found["browse"] = terminal.screen("backup")
    terminal.press("i")
    found["information"] = terminal.screen("apparent")
    terminal.end()
    save = [str(fsscan), "--save", "scans.db", "srv"]
    subprocess.run(save, cwd=directory, check=True, capture_output=True)
    shutil.rmtree(directory / "srv/cache")
    shutil.copytree(directory / "srv/backup/2026-11", directory / "srv/backup/2026-12")
    with open(directory / "srv/db/shop.sqlite", "ab") as database:
        database.write(bytes(3_000_000))
    subprocess.run(save, cwd=directory, check=True, capture_output=True)
    terminal = Terminal([str(fsscan), "browse", "scans.db#1", "scans.db"])
    found["growth"] = terminal.screen("cache")
    terminal.end()
    return found


def main() -> None:
    text = document.read_text()
    for name, screen in screens().items():
        pattern = re.compile(rf"(<!-- screen: {name} -->\n+```\n).*?(\n```)", re.DOTALL)
        if not pattern.search(text):
            sys.exit(f"{document}: no screen {name}")
        text = pattern.sub(lambda found, screen=screen: found[1] + screen + found[2], text, count=1)
    document.write_text(text)


main()
