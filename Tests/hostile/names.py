"""Names of every kind. Formats for programs give them back byte for byte; text for people never shows them raw."""

import os
import pty
import re
import select
import subprocess
import time

import support

# The sequences that fsscan itself sends to a terminal: colours, and clearing a line.
OWN_SEQUENCES = re.compile(r"\x1b\[[0-9;]*[mK]")
BIDIRECTIONAL = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def every_name(generator):
    names = {bytes([byte]) for byte in range(1, 256)} - {b"/", b"."}
    names |= {b"a" + bytes([byte]) + b"b" for byte in range(1, 256) if byte != 0x2F}
    # 255 bytes: the longest there are, of one byte, and such that the last character is cut.
    names |= {bytes([byte]) * 255 for byte in (0x20, 0x2E, 0x41, 0x22, 0x5C, 0x80, 0xFF, 0x0A, 0x1B)}
    names |= {("é" * 127).encode() + b"x", ("\u202e" * 85).encode(), b"x" + ("\U0001f600" * 64).encode()[:254]}
    # Not UTF-8: lone continuations, overlong forms, surrogates, above U+10FFFF, cut sequences.
    names |= {b"\xc0\xaf", b"\xe0\x80\xaf", b"\xf0\x80\x80\xaf", b"\xed\xa0\x80", b"\xed\xbf\xbf\xed\xa0\x80",
              b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\xe2\x82", b"\xf0\x9f\x98", b"\xfe\xff", b"\x80" * 20,
              b"ok\xff\xe2\x82\xacok\xe2\x82"}
    # For terminals, shells and readers of JSON.
    names |= {b"\x1b[2J\x1b[H", b"\x1b]0;title\x07", b"\x1b]52;c;cm0=\x07", b"\x9b2J", b"\xc2\x9b2J", b"\r\x1b[K", b"a\nb",
              b"a\tb", b"\x7f", b"\x08\x08\x08", "\u202egnp.exe".encode(), "\u2066\u2069".encode(), "\u200f".encode(),
              "\u2028\u2029".encode(), "\ufeff".encode(), "\u0000".encode().replace(b"\0", b"nul"), "e\u0301".encode(),
              "\u00e9".encode(), b"$(reboot)", b"`id`", b"; rm -rf *", b"*", b"?", b"[a-z]", b"~", b"'", b"''", b'"', b"\\"}
    names |= {b"-", b"--", b"-rf", b"--json", b"--output=x", b"-o", b"--files-from", b"--help", b"@file", b"=", b"#x"}
    names |= {b'{"type":"summary"}', b'"},{"path":"', b"null", b"true", b"NaN", b"\\u0000", b"\\x41", b"&amp;", b"<b>", b"%s%n"}
    names |= {b"...", b".. ", b" ..", b"..\n", b". ", b"a\\b", b"C:", b"con", b"..\\..", b"%2e%2e%2f", b"dev\x01null"}
    # And random bytes.
    for _ in range(200):
        length = generator.choice([1, 2, 3, 8, 40, 255])
        names.add(bytes(generator.choice(b"\x1b\x80\xc3\xa9\xff\n\"\\ a-.\xe2\x80\xae") for _ in range(length)))
    return sorted(names - {b"..", b"."})


def run(session):
    names = every_name(session.random)
    tree = session.directory()
    for index, name in enumerate(names):
        # Files, directories with a file of the same name, and symlinks to what the name says.
        if index % 3 == 0:
            os.mkdir(tree + b"/" + name)
            with open(tree + b"/" + name + b"/" + name, "wb") as file:
                file.write(name * (1 + index % 50))
        elif index % 3 == 1:
            with open(tree + b"/" + name, "wb") as file:
                file.write(name * (1 + index % 50))
        else:
            os.symlink(name, tree + b"/" + name)
    byte_for_byte(session, tree, names)
    as_paths(session, tree, names)
    on_a_terminal(session, tree, names)


def listed(tree):
    """Every path, listed by another program."""
    return set(subprocess.run(["find", tree, "-print0"], stdout=subprocess.PIPE, check=True).stdout.split(b"\0")[:-1])


def byte_for_byte(session, tree, names):
    expected = listed(tree)
    scans = 0
    for threads in ("1", "2", "8"):
        for more in ([], ["--sorted", "--hash", "sha256,git"]):
            result = session.scan(["--ndjson", "--threads", threads, *more, tree])
            records = session.records(result, f"names {more}", sample=2500) or []
            entries = [record for record in records if record["type"] == "entry"]
            paths = [support.path_of(record) for record in entries]
            session.check(set(paths) == expected and len(paths) == len(expected), f"names {more}: other paths than find")
            if "--sorted" in more:
                components = [path.split(b"/") for path in paths]
                session.check(components == sorted(components), "names --sorted: not in order")
            for record in entries:
                if record["kind"] == "symlink":
                    target = support.path_of(record, "target")
                    session.check(target == os.path.basename(support.path_of(record)), f"a symlink's target: {record}")
            scans += 1
    result = session.scan(["--json", "--depth", "5", "--top", "5000", "--hash", "sha256", tree])
    report = session.report(result, "names") or {"roots": [{"tree": {"children": []}}], "largest_files": []}
    directories = [support.path_of(node, "name") for node in report["roots"][0]["tree"]["children"]]
    session.check(directories == sorted(names[0::3]), "names: other directories in the tree")
    files = {support.path_of(item) for item in report["largest_files"]}
    session.check(files == {path for path in expected if os.path.isfile(path) and not os.path.islink(path)},
                  "names: other files in the list of the largest")
    session.row("names: each byte alone and inside, 255 bytes, invalid UTF-8, controls and escapes, right-to-left marks, "
                "options, JSON, paths, random ones; of files, directories, symlinks and targets",
                f"{len(expected)} entries, {scans + 1} scans", "each once, byte for byte (find), valid by the schema")


def as_paths(session, tree, names):
    """Names as PATHs: on the command line, after `--`, and in a list."""
    lists = session.directory() + b"/list"
    with open(lists, "wb") as file:
        file.write(b"".join(name + b"\0" for name in names))
    for arguments in (["--json", "--depth", "0", "--", *names], ["--json", "--depth", "0", "--files-from", lists]):
        result = session.scan(arguments, cwd=tree)
        report = session.report(result, "names as PATHs") or {"roots": []}
        session.check(result.status == 0 and [support.path_of(root) for root in report["roots"]] == names,
                      f"names as PATHs: {result.shown()}")
    # None of them was taken for an option: nothing was written.
    session.check(sorted(os.listdir(tree)) == names, "a name was taken for an option")
    session.row("the same as PATHs: behind `--`, in --files-from", f"{len(names)} PATHs, 2 scans", "each as it is")


def on_a_terminal(session, tree, names):
    """Text goes to a terminal: names in the summary, in errors, and in usage errors."""
    missing = [b"no such " + name for name in names if len(name) < 200]
    shown = 0
    for locale in ("C.UTF-8", "C"):
        environment = {**os.environ, "LC_ALL": locale, "TERM": "xterm-256color"}
        for arguments in (["--top", "5000", tree], ["--progress", "--", *missing], *[["--" + "x", name] for name in names[::40]],
                          *[["--threads", name] for name in names[::40]]):
            text = terminal_output([session.fsscan, *arguments], environment)
            shown += len(text)
            try:
                text = text.decode("utf-8" if locale == "C.UTF-8" else "ascii")
            except UnicodeDecodeError as error:
                session.check(False, f"{locale} {arguments[:2]}: invalid bytes reach the terminal: {error}")
                continue
            rest = OWN_SEQUENCES.sub("", text)
            raw = {character for character in rest
                   if (ord(character) < 32 and character not in "\r\n") or 0x7F <= ord(character) < 0xA0}
            raw |= BIDIRECTIONAL & set(rest)
            session.check(not raw, f"{locale} {arguments[:2]}: raw on the terminal: {sorted(raw)}")
    session.row("the same on a terminal: summary, errors, usage errors; UTF-8 and C locale", f"{shown:,} bytes of output",
                "no control, escape, invalid byte or right-to-left mark of a name reaches it raw")


def terminal_output(command, environment):
    """The output of a program whose standard output and standard error are a terminal."""
    controller, terminal = pty.openpty()
    process = subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal, env=environment)
    os.close(terminal)
    text = b""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if select.select([controller], [], [], 1)[0]:
            try:
                piece = os.read(controller, 1 << 16)
            except OSError:
                break
            text += piece
        elif process.poll() is not None:
            break
    os.close(controller)
    process.kill()
    process.wait()
    return text
