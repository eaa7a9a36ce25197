"""Counts regular files for which fsscan and `file` give different types: mime_agreement.py LIST RECORDS

LIST is the output of `file --no-pad --print0 --mime-type --files-from …`, RECORDS that of `fsscan --mime --ndjson`.
Prints the number; names the first differences on standard error.
"""

import base64
import json
import sys


def answers_of_file(path: str) -> dict[bytes, str]:
    """`NAME NUL ": " TYPE` a line; names may hold anything but NUL and, as the list is one a line, newlines."""
    answers = {}
    with open(path, "rb") as listing:
        for line in listing.read().split(b"\n"):
            name, separator, answer = line.partition(b"\0")
            if separator:
                answers[name] = answer.removeprefix(b":").strip().decode()
    return answers


def answers_of_fsscan(path: str) -> dict[bytes, str]:
    answers = {}
    with open(path, encoding="utf-8") as records:
        for line in records:
            record = json.loads(line)
            if record["type"] == "entry" and record["kind"] == "file":
                name = base64.b64decode(record["path_b64"]) if "path_b64" in record else record["path"].encode()
                answers[name] = record.get("mime", "")
    return answers


def main() -> None:
    theirs, ours = answers_of_file(sys.argv[1]), answers_of_fsscan(sys.argv[2])
    different = sorted(name for name in theirs.keys() | ours.keys() if theirs.get(name) != ours.get(name))
    for name in different[:10]:
        print(f"{name!r}: file says {theirs.get(name)}, fsscan {ours.get(name)}", file=sys.stderr)
    print(len(different))


if __name__ == "__main__":
    main()
