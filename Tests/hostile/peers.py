#!/usr/bin/env python3
"""The same hostile cases for find, fd, ncdu, gdu and hashdeep beside fsscan: their messages and exit statuses.

    peers.py FSSCAN      a Markdown table on standard output

Versions and commands stand above the table. Programs that are not installed are omitted, and named. Everything runs
under a deadline. Nothing here fails because of a peer's behaviour.
"""

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time

import support
import torment

TIMEOUT = 20
DEPTH = 1000


def commands(fsscan):
    """The command of each program that walks a tree and prints what it found; hashdeep reads the files, too."""
    fd = shutil.which("fdfind") or shutil.which("fd")
    return {
        "fsscan": [fsscan, "--ndjson", "--hash", "md5"],
        "find": ["find"],
        "fd": [fd, "-uu", "--color=never", "."] if fd else None,
        "ncdu": ["ncdu", "-0", "-x", "-e", "-o", "-"],
        "gdu": ["gdu", "-n", "-p", "-o", "-"],
        "hashdeep": ["hashdeep", "-r", "-c", "md5"],
    }


class Peer:
    def __init__(self, name, command):
        self.name = name
        self.command = command

    def run(self, path, prefix=(), limit=None):
        def lower():
            support.end_with_parent()
            if limit:
                resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))

        process = subprocess.Popen([*prefix, *self.command, path], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, preexec_fn=lower)
        try:
            out, err = process.communicate(timeout=TIMEOUT)
            return support.Result(process.returncode, out, err, 0)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            return support.Result(None, out, err, TIMEOUT)

    def is_json(self):
        return self.name in ("fsscan", "ncdu", "gdu")


def status(result):
    if result.status is None:
        return f"hangs (ended after {TIMEOUT} s)"
    return f"exit {result.status}" if result.status >= 0 else f"signal {-result.status}"


def said(result, word):
    return word.encode() in result.out + result.err


# ---- Cases: each creates a tree, and describes a program's result in a few words.


def odd_names(top):
    for name in (b"plain", b"not \xff utf-8", b'quote"s', b"new\nline", b"\x1b[31mred"):
        torment.write(top + b"/" + name, b"x")

    def judge(peer, result):
        names = b"not \xff utf-8" in result.out or b"bm90IP8gdXRmLTg" in result.out
        if not peer.is_json():
            return status(result) + ("; bytes as they are" if names else "; the name's bytes are lost")
        try:
            for line in result.out.decode("utf-8").split("\n") if peer.name == "fsscan" else [result.out.decode("utf-8")]:
                if line:
                    json.loads(line)
            valid = "valid JSON"
        except ValueError:
            valid = "**invalid JSON**"
        lossless = "name kept" if peer.name == "fsscan" else "name lost" if not names else "name as it is"
        return f"{status(result)}; {valid}; {lossless}"

    return judge


def deeper_than_path_max(top):
    place = os.open(top, os.O_RDONLY)
    for _ in range(DEPTH):
        os.mkdir(b"directory", dir_fd=place)
        below = os.open(b"directory", os.O_RDONLY, dir_fd=place)
        os.close(place)
        place = below
    os.close(os.open(b"bottom-of-the-chain", os.O_WRONLY | os.O_CREAT, dir_fd=place))
    os.close(place)
    return lambda peer, result: status(result) + (
        "; the file at the bottom is there" if said(result, "bottom-of-the-chain") else "; **the bottom is missing**"
        + ("" if result.err.strip() else ", nothing on standard error"))


def unreadable(top):
    os.mkdir(top + b"/closed")
    torment.write(top + b"/closed/secret", b"x")
    torment.write(top + b"/open", b"x")
    os.chmod(top + b"/closed", 0)

    def judge(_, result):
        reported = said(result, "ermission denied") or said(result, "EACCES") or said(result, "read_error")
        return status(result) + ("; reported" if reported else "; **not reported**")

    judge.prefix = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"] if support.is_root() else []
    return judge


def fifo(top):
    os.mkfifo(top + b"/fifo")
    torment.write(top + b"/file", b"x")
    return lambda _, result: status(result)


def few_descriptors(top):
    place = top
    for level in range(100):
        for name in (b"a", b"m", b"z"):
            os.mkdir(place + b"/" + name)
        place += b"/m"
    torment.write(place + b"/bottom-of-the-chain", b"x")

    def judge(_, result):
        return status(result) + ("; whole" if said(result, "bottom-of-the-chain") else "; **the bottom is missing**")

    judge.limit = 32
    return judge


def symlink_swap(top):
    """A directory is swapped for a symlink to a tree outside, again and again: whose names appear?"""
    root = top + b"/root"
    outside = top + b"/forbidden"
    os.mkdir(root)
    os.mkdir(outside)
    for index in range(50):
        torment.write(outside + b"/FORBIDDEN%d" % index, b"secret")
    for index in range(300):
        os.mkdir(root + b"/d%d" % index)
    running = torment.start(root, 1, [torment.swap_directory])

    def judge(_, result):
        judge.leaks += said(result, "FORBIDDEN")
        judge.runs += 1
        return f"{status(result)}; names from outside of the tree in {judge.leaks} of {judge.runs} runs"

    judge.path = root
    judge.seconds = 8
    judge.leaks = judge.runs = 0
    judge.end = lambda: torment.stop(running)
    return judge


CASES = [
    ("a name that is not UTF-8, quotes, a newline, an escape", odd_names),
    (f"a path longer than PATH_MAX ({DEPTH} levels)", deeper_than_path_max),
    ("an unreadable directory", unreadable),
    ("a FIFO without a writer", fifo),
    ("ulimit -n 32, 100 levels with siblings", few_descriptors),
    ("a directory swapped for a symlink that leads out, all the time", symlink_swap),
]


def try_case(make, peer):
    top = os.fsencode(tempfile.mkdtemp(prefix="fsscan-peers-"))
    os.chmod(top, 0o755)
    judge = make(top)
    try:
        end = time.monotonic() + getattr(judge, "seconds", 0)
        judge_options = {"prefix": getattr(judge, "prefix", []), "limit": getattr(judge, "limit", None)}
        path = getattr(judge, "path", top)
        while True:
            outcome = judge(peer, peer.run(path, **judge_options))
            if time.monotonic() >= end:
                return outcome
    finally:
        getattr(judge, "end", lambda: None)()
        subprocess.run(["chmod", "u+rwx", top + b"/closed"], stderr=subprocess.DEVNULL, check=False)
        subprocess.run(["rm", "-rf", "--", top], check=False)


def main():
    # An ordinary user must be able to run it.
    place = tempfile.mkdtemp(prefix="fsscan-peers-program-")
    os.chmod(place, 0o755)
    fsscan = shutil.copy(sys.argv[1], place + "/fsscan")
    peers = []
    try:
        for name, command in commands(fsscan).items():
            if command is None or not shutil.which(command[0]):
                print(f"{name} is not installed: left out.\n")
                continue
            option = "-V" if name == "hashdeep" else "--version"
            first = subprocess.run([command[0], option], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
            version = first.stdout.decode(errors="replace").strip().split("\n")[0]
            shown = " ".join(["fsscan" if name == "fsscan" else os.path.basename(command[0]), *command[1:]])
            print(f"- {name}: {version or '?'}, `{shown} TREE`")
            peers.append(Peer(name, command))
        print("\n| | " + " | ".join(peer.name for peer in peers) + " |")
        print("| --- |" + " --- |" * len(peers))
        for title, make in CASES:
            cells = [try_case(make, peer) for peer in peers]
            print(f"| {title} | " + " | ".join(cells) + " |", flush=True)
    finally:
        shutil.rmtree(place)


if __name__ == "__main__":
    main()
