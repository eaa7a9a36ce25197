"""JSON of any depth. The report of a tree 20,000 directories deep nests 40,000 levels. Python's json module then ends in
a RecursionError, and so does == on dictionaries. Nothing here recurses.

Strict where json is lax: duplicate keys, NaN, raw control characters and text after the document are errors.
"""

import json
import json.decoder
import re

_SPACE = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_LITERALS = {"true": True, "false": False, "null": None}


def loads(data):
    """The value of a JSON document given as UTF-8 bytes or as text."""
    text = data.decode("utf-8") if isinstance(data, (bytes, bytearray)) else data
    containers = []  # the open arrays and objects
    keys = []  # beside each open object the key that its next value belongs to, beside an array None
    result = None
    at = _SPACE.match(text, 0).end()

    def fail(what):
        raise ValueError(f"{what} at offset {at}: {text[at:at + 40]!r}")

    def key():
        nonlocal at
        at = _SPACE.match(text, at).end()
        if text[at:at + 1] != '"':
            fail("a key was expected")
        name, at = json.decoder.scanstring(text, at + 1, True)
        at = _SPACE.match(text, at).end()
        if text[at:at + 1] != ":":
            fail("a colon was expected")
        if name in containers[-1]:
            fail(f"duplicate key {name!r}")
        at += 1
        keys[-1] = name

    while True:
        at = _SPACE.match(text, at).end()
        first = text[at:at + 1]
        is_new = False
        if first == '"':
            value, at = json.decoder.scanstring(text, at + 1, True)
        elif first in ("{", "["):
            value = {} if first == "{" else []
            at = _SPACE.match(text, at + 1).end()
            if text[at:at + 1] == ("}" if first == "{" else "]"):
                at += 1
            else:
                is_new = True
        elif match := _NUMBER.match(text, at):
            value = float(match.group()) if match.group(1) or match.group(2) else int(match.group())
            at = match.end()
        else:
            for word in _LITERALS:
                if text.startswith(word, at):
                    value = _LITERALS[word]
                    at += len(word)
                    break
            else:
                fail("a value was expected")
        if not containers:
            result = value
        elif keys[-1] is None:
            containers[-1].append(value)
        else:
            containers[-1][keys[-1]] = value
        if is_new:
            containers.append(value)
            keys.append(None)
            if first == "{":
                key()
            continue
        # Behind a value: commas and closing brackets.
        while containers:
            at = _SPACE.match(text, at).end()
            mark = text[at:at + 1]
            at += 1
            if mark == ",":
                if isinstance(containers[-1], dict):
                    key()
                break
            if mark != ("}" if isinstance(containers[-1], dict) else "]"):
                at -= 1
                fail("a comma or a closing bracket was expected")
            containers.pop()
            keys.pop()
        else:
            at = _SPACE.match(text, at).end()
            if at != len(text):
                fail("text behind the document")
            return result


def dumps(value):
    """One line of JSON."""
    out = []
    pending = [(value,)]  # a tuple holds a value, a string is written as it is
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            out.append(item)
            continue
        value = item[0]
        if isinstance(value, dict):
            pending.append("}")
            for index, (key, member) in reversed(list(enumerate(value.items()))):
                pending += [(member,), (", " if index else "") + json.dumps(key) + ": "]
            pending.append("{")
        elif isinstance(value, list):
            pending.append("]")
            for index, member in reversed(list(enumerate(value))):
                pending += [(member,), ", " if index else ""]
            pending.append("[")
        else:
            out.append(json.dumps(value))
    return "".join(out)


def differences(left, right, limit=20):
    """The differences of two values, as "place: left | right", at most `limit` lines."""
    found = []
    pending = [("", left, right)]
    while pending and len(found) < limit:
        place, a, b = pending.pop()
        place_shown = place if len(place) < 300 else place[:100] + "…" + place[-180:]
        if type(a) is not type(b):
            found.append(f"{place_shown}: {_short(a)} | {_short(b)}")
        elif isinstance(a, dict):
            for key in sorted(a.keys() - b.keys()):
                found.append(f"{place_shown}.{key}: {_short(a[key])} | absent")
            for key in sorted(b.keys() - a.keys()):
                found.append(f"{place_shown}.{key}: absent | {_short(b[key])}")
            pending += [(f"{place}.{key}", a[key], b[key]) for key in sorted(a.keys() & b.keys(), reverse=True)]
        elif isinstance(a, list):
            if len(a) != len(b):
                found.append(f"{place_shown}: {len(a)} items | {len(b)} items")
            pending += [(f"{place}[{i}]", x, y) for i, (x, y) in reversed(list(enumerate(zip(a, b))))]
        elif a != b:
            found.append(f"{place_shown}: {_short(a)} | {_short(b)}")
    return found


def _short(value):
    if isinstance(value, (dict, list)):
        return f"a {type(value).__name__} of {len(value)}"
    text = repr(value)
    return text if len(text) <= 200 else text[:80] + "…" + text[-110:]
