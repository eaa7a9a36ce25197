#!/usr/bin/env python3
"""Validates the output of fsscan against the schema, and against rules that a schema cannot express.

    validate.py report [FILE]     a JSON report, from standard input without FILE
    validate.py records [FILE]    NDJSON records
    validate.py diff [FILE]       the JSON of a comparison, or its lines
    validate.py growth [FILE]     the JSON of `diff --growth`, or its lines
    validate.py saved [FILE]      the JSON list of saved scans
    validate.py duplicates [FILE] the JSON of `duplicates`, or its lines
    validate.py schemas           the schemas themselves: shared parts must agree, and the samples in fixtures/schema
                                  must be accepted or refused as they say

The schemas are open, so that users' programs accept fields that a later version adds. Here they are closed, so that
undescribed fields are found: every object schema with `properties` gets `"additionalProperties": false`.

Validators recurse, so nested NODEs are validated one by one: a report may nest deeper than their stack allows.
"""

import base64
import copy
import json
import pathlib
import sys

import jsonschema

import deepjson

SCHEMAS = pathlib.Path(__file__).resolve().parents[2] / "schema"
SAMPLES = SCHEMAS.parent / "fixtures" / "schema"
LARGEST_SUM = 2**63 - 1
KINDS = ["directories", "files", "symlinks", "fifos", "sockets", "block_devices", "character_devices"]


def load_schema(name):
    """The current schema: there is one file for each."""
    path, = SCHEMAS.glob(f"fsscan-{name}-*.schema.json")
    return json.loads(path.read_bytes())


def closed(schema):
    """The schema with no room for fields that it does not name. `if`, `then` and `not` only look at single fields."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: item if key in ("if", "then", "not") else closed(item) for key, item in schema.items()}
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
        result.setdefault("additionalProperties", False)
    return result


def validator(schema, definition=None):
    schema = closed(schema)
    if definition:
        schema = {"$schema": schema["$schema"], "$defs": schema["$defs"], "$ref": "#/$defs/" + definition}
    return jsonschema.Draft202012Validator(schema)


def messages(checker, value, place):
    for error in checker.iter_errors(value):
        deepest = jsonschema.exceptions.best_match([error])
        yield f"{place}{deepest.json_path[1:]}: {deepest.message[:500]}"


def text_problems(value, place):
    """`…_b64` stands beside its text exactly where the bytes are not UTF-8, and encodes the same name."""
    for key, encoded in value.items():
        if key.endswith("_b64"):
            bytes_ = base64.b64decode(encoded)
            text = bytes_.decode("utf-8", "replace")
            if text != value.get(key[:-4]):
                yield f"{place}.{key}: is {text!r}, beside it is {value.get(key[:-4])!r}"
            if text.encode() == bytes_:
                yield f"{place}.{key}: these bytes are valid UTF-8"


def totals_problems(totals, place):
    if sum(totals[kind] for kind in KINDS) != totals["entries"]:
        yield f"{place}: the kinds do not add up to {totals['entries']} entries"


def selected_problems(report, options):
    """The selected totals are a part of all totals."""
    if ("selected" in report) != ("select" in options):
        yield ".selected: is there without a selection, or is not there with one"
    if "selected" in report:
        yield from totals_problems(report["selected"], ".selected")
        for name, value in report["selected"].items():
            if value > report["totals"][name]:
                yield f".selected.{name}: {value} are more than {report['totals'][name]}"


def parts_problems(report):
    """Checks the parts that must add up to the totals, and those that must not exceed them."""
    totals = report["totals"]
    total = lambda items, key: min(sum(item[key] for item in items), LARGEST_SUM)
    for key in ("apparent_bytes", "disk_bytes"):
        for table in ("owners", "groups"):
            if total(report[table], key) != totals[key]:
                yield f".{table}: {key} do not add up to {totals[key]}"
        for table in ("mime_types", "pseudo_file_systems"):
            if total(report[table], key) > totals[key]:
                yield f".{table}: {key} are more than {totals[key]}"
    extensions = report["extensions"] + [report["other_extensions"]]
    if total(extensions, "files") != totals["files"]:
        yield f".extensions: files do not add up to {totals['files']}"
    for table in ("ages", "sizes"):
        if table in report and total(report[table], "files") != totals["files"]:
            yield f".{table}: files do not add up to {totals['files']}"
        for key in ("apparent_bytes", "disk_bytes"):
            if table in report and total(report[table], key) != total(extensions, key):
                yield f".{table}: {key} are not those of the extensions"
    if total(extensions, "apparent_bytes") > totals["apparent_bytes"]:
        yield f".extensions: apparent_bytes are more than {totals['apparent_bytes']}"


def bytes_of(item, key):
    return base64.b64decode(item[key + "_b64"]) if key + "_b64" in item else item[key].encode()


def order_problems(items, rank, place):
    for index, (one, next_one) in enumerate(zip(items, items[1:])):
        if rank(one) > rank(next_one):
            yield f"{place}: items {index} and {index + 1} are in the wrong order"


def place_in(rank, items):
    """The sort key of the list. Times without a year of four digits are not shown, so they have no key."""
    time = lambda item: item.get("mtime") or item.get("newest_mtime")
    if rank in ("newest", "oldest"):
        if not all(map(time, items)):
            return lambda item: 0
        sign = 1 if rank == "oldest" else -1
        return lambda item: (sign * int("".join(filter(str.isdigit, time(item)))), bytes_of(item, "path"))
    keys = {"disk": ("disk_bytes", "apparent_bytes"), "apparent": ("apparent_bytes", "disk_bytes"),
            "entries": ("entries", "disk_bytes")}[rank]
    if items and "entries" not in items[0] and rank == "entries":
        keys = ("disk_bytes", "apparent_bytes")
    return lambda item: (*(-item[key] for key in keys), bytes_of(item, "path"))


def report_problems(report):
    schema = load_schema("report")
    nodes = []
    outline = copy.copy(report)
    if isinstance(report, dict) and isinstance(report.get("roots"), list):
        outline["roots"] = roots = [copy.copy(root) for root in report["roots"]]
        for index, root in enumerate(roots):
            if isinstance(root, dict) and isinstance(root.get("tree"), dict):
                nodes.append((f".roots[{index}].tree", root["tree"]))
                root["tree"] = None
    problems = list(messages(validator(schema), outline, ""))
    checker = validator(schema, "node")
    while nodes and len(problems) < 20:
        place, node = nodes.pop()
        children = node.get("children", [])
        shallow = {key: [] if key == "children" and isinstance(item, list) else item for key, item in node.items()}
        found = list(messages(checker, shallow, place))
        if not found and all(isinstance(child, dict) for child in children):
            found += text_problems(node, place)
            found += totals_problems(node["totals"], place)
            nodes += [(f"{place}.children[{i}]"[-300:], child) for i, child in enumerate(children)]
            if all("name" in child for child in children):
                found += order_problems(children, lambda child: bytes_of(child, "name"), place + ".children")
        problems += found
    if problems:
        return problems

    problems += totals_problems(report["totals"], ".totals")
    problems += selected_problems(report, report["options"])
    lists = ("roots", "largest_files", "largest_directories", "errors", "owners", "groups")
    for key, items in [(key, report[key]) for key in lists] + [("options.exclude", report["options"]["exclude"])]:
        for index, item in enumerate(items):
            problems += text_problems(item, f".{key}[{index}]")
    problems += text_problems(report.get("saved", {}), ".saved")
    for index, root in enumerate(report["roots"]):
        problems += totals_problems(root["totals"], f".roots[{index}].totals")
        tree = root["tree"]
        if tree and (tree["totals"] != root["totals"] or bytes_of(tree, "name") != bytes_of(root, "path")):
            problems.append(f".roots[{index}]: the top NODE is not that of the PATH")
    for key in ("largest_files", "largest_directories"):
        problems += order_problems(report[key], place_in(report["options"].get("rank", "disk"), report[key]), "." + key)
        if len(report[key]) > report["options"]["top"]:
            problems.append(f".{key}: longer than --top")
    problems += parts_problems(report)
    for key, name in (("extensions", "extension"), ("mime_types", "type"), ("owners", "uid"), ("groups", "gid"),
                      ("pseudo_file_systems", "type")):
        problems += order_problems(report[key], lambda item: (-item["apparent_bytes"], item[name]), "." + key)
    rank = lambda error: (bytes_of(error, "path"), error["operation"])
    problems += order_problems(report["errors"], rank, ".errors")
    if len(report["errors"]) != min(report["totals"]["errors"], 10_000):
        problems.append(f".errors: {len(report['errors'])} records, totals say {report['totals']['errors']}")
    return problems


def records_problems(text):
    checkers = {kind: validator(load_schema("records"), definition) for kind, definition in (
        ("header", "header"), ("entry", "entry"), ("error", "error_record"), ("summary", "summary"))}
    problems = []
    lines = text.split(b"\n")
    if lines.pop() != b"":
        problems.append("the last line does not end in a newline")
    types = []
    for number, line in enumerate(lines, 1):
        record = deepjson.loads(line)
        kind = record.get("type") if isinstance(record, dict) else None
        types.append(kind)
        if kind not in checkers:
            problems.append(f"line {number}: no type of record: {kind!r}")
            continue
        found = list(messages(checkers[kind], record, f"line {number}: "))
        problems += found or text_problems(record, f"line {number}: ")
        if len(problems) > 20:
            break
    else:
        if not types or types[0] != "header" or types[-1] != "summary":
            problems.append("the first line is to be the header, the last one the summary")
        if types.count("header") > 1 or types.count("summary") > 1:
            problems.append("more than one header or summary")
    return problems


def diff_problems(data):
    schema = load_schema("diff")
    if data.startswith(b"{\n"):
        document = deepjson.loads(data)
        problems = list(messages(validator(schema, "document"), document, ""))
        changes, totals, ends = document.get("changes", []), document.get("totals", {}), (document, document)
    else:
        lines = [deepjson.loads(line) for line in data.splitlines()]
        checkers = {kind: validator(schema, definition) for kind, definition in (
            ("header", "header_record"), ("change", "change_record"), ("summary", "summary_record"))}
        problems = [f"line {number}: no type of line" for number, line in enumerate(lines, 1)
                    if line.get("type") not in checkers]
        if problems:
            return problems
        for number, line in enumerate(lines, 1):
            problems += messages(checkers[line["type"]], line, f"line {number}: ")
        types = [line["type"] for line in lines]
        if types != ["header"] + ["change"] * (len(lines) - 2) + ["summary"]:
            problems.append("the first line is to be the header, the last one the summary")
        changes, totals, ends = lines[1:-1], lines[-1].get("totals", {}), (lines[0], lines[-1])
    if problems:
        return problems
    for index, change in enumerate(changes):
        problems += text_problems(change, f".changes[{index}]")
        for field in change["fields"]:
            problems += text_problems(field, f".changes[{index}].fields")
            if field["old"] == field["new"]:
                problems.append(f".changes[{index}]: {field['field']} is the same on both sides")
        if "moved" in change["changes"] and "old_path" not in change:
            problems.append(f".changes[{index}]: moved from nowhere")
        if ("unknown" in change["changes"]) != ("reason" in change):
            problems.append(f".changes[{index}]: what is unknown has a reason, and nothing else has")
    header, summary = ends
    for kind in ("added", "removed", "content", "metadata", "kind", "moved", "unreadable", "unknown"):
        shown = sum(kind in change["changes"] for change in changes)
        if shown > totals[kind] or shown < totals[kind] and not totals["not_shown"]:
            problems.append(f".totals.{kind}: {totals[kind]}, but {shown} are shown")
    if totals["not_shown"] and not header["only"] and "select" not in header:
        problems.append(".totals.not_shown: nothing asked for that")
    for item in summary.get("verified", {}).get("paths", []):
        problems += text_problems(item, ".verified.paths")
    unchecked = [item for item in summary["not_compared"] if item["reason"] in ("new does not say", "cannot be checked")]
    if (unchecked or totals["unknown"] or totals["unreadable"] or totals["unreadable_entries"]) and summary["status"] != 2:
        problems.append(f".status: {summary['status']}, but something could not be compared")
    return problems


def growth_problems(data):
    schema = load_schema("growth")
    if data.startswith(b"{\n"):
        document = deepjson.loads(data)
        problems = list(messages(validator(schema, "growth_document"), document, ""))
        directories, summary = document.get("directories", []), document
    else:
        lines = [deepjson.loads(line) for line in data.splitlines()]
        kinds = ["header"] + ["directory"] * (len(lines) - 2) + ["summary"]
        if [line.get("type") for line in lines] != kinds:
            return ["the first line is to be the header, the last one the summary"]
        definitions = {"header": "growth_header", "directory": "directory_record", "summary": "growth_summary"}
        problems = [problem for number, (kind, line) in enumerate(zip(kinds, lines), 1)
                    for problem in messages(validator(schema, definitions[kind]), line, f"line {number}: ")]
        directories, summary = lines[1:-1], lines[-1]
    if problems:
        return problems
    for index, item in enumerate(directories + summary["roots"] + [summary["totals"]]):
        problems += text_problems(item, f".directories[{index}]")
        old, new = item.get("old"), item.get("new")
        if "old" in item and "path" in item and (old is None) != (item["change"] == "added"):
            problems.append(f".directories[{index}]: what was added was not there")
        none = {"entries": 0, "apparent_bytes": 0, "disk_bytes": 0}
        known = "path" in item and "old" in item or old and new and not summary["totals"]["directories_skipped"]
        for key, value in item["growth"].items() if known else ():
            if (new or none)[key] - (old or none)[key] != value:
                problems.append(f".directories[{index}]: {key} is not the difference")
    return problems


def duplicates_problems(data):
    schema = load_schema("duplicates")
    if data.startswith(b"{\n"):
        document = deepjson.loads(data)
        problems = list(messages(validator(schema, "duplicates_document"), document, ""))
        groups, errors, summary = document.get("groups", []), document.get("errors", []), document
        actions = document.get("actions", [])
    else:
        lines = [deepjson.loads(line) for line in data.splitlines()]
        kinds = [line.get("type") for line in lines]
        if kinds[:1] != ["header"] or kinds[-1:] != ["summary"]:
            return ["the first line is to be the header, the last one the summary"]
        definitions = {"header": "duplicates_header", "group": "group_record", "unique": "unique_record",
                       "action": "action_record", "directories": "directories_record", "error": "error_record", "summary": "duplicates_summary"}
        problems = [problem for number, (kind, line) in enumerate(zip(kinds, lines), 1)
                    for problem in messages(validator(schema, definitions[kind]), line, f"line {number}: ")]
        groups = [line for line in lines if line["type"] == "group"]
        actions = [line for line in lines if line["type"] == "action"]
        errors, summary = [line for line in lines if line["type"] == "error"], lines[-1]
    if problems:
        return problems
    for index, group in enumerate(groups):
        inodes = [(file["device"], file["inode"]) for file in group["files"]]
        runs = [inode for place, inode in enumerate(inodes) if place == 0 or inodes[place - 1] != inode]
        if len(set(inodes)) < 2:
            problems.append(f".groups[{index}]: one inode is no group")
        if len(runs) != len(set(inodes)):
            problems.append(f".groups[{index}]: the names of an inode do not follow each other")
        for file in group["files"]:
            problems += text_problems(file, f".groups[{index}].files")
    if groups and summary["totals"]["groups"] != len(groups):
        problems.append(".totals.groups: not so many are listed")
    for index, action in enumerate(actions):
        problems += text_problems(action, f".actions[{index}]")
        if ("bytes" in action) != action["done"] or ("reason" in action) == action["done"]:
            problems.append(f".actions[{index}]: what is done has bytes, what is left a reason")
    if actions and "reclaimed" not in summary:
        problems.append(".reclaimed is missing")
    if len(errors) != min(summary["totals"]["errors"], 10_000):
        problems.append(".totals.errors: not so many are listed")
    return problems


def saved_problems(document):
    problems = list(messages(validator(load_schema("saved")), document, ""))
    if problems:
        return problems
    for index, scan in enumerate(document["scans"]):
        problems += totals_problems(scan["totals"], f".scans[{index}].totals")
        for root in scan["roots"]:
            problems += text_problems(root, f".scans[{index}].roots")
    return problems + list(order_problems(document["scans"], lambda scan: scan["id"], ".scans"))


def schemas_problems():
    report, records = load_schema("report"), load_schema("records")
    schemas = [report, records, load_schema("diff"), load_schema("saved"), load_schema("growth"),
               load_schema("duplicates")]
    for schema in schemas:
        jsonschema.Draft202012Validator.check_schema(schema)
    problems = []
    for schema in schemas[1:]:
        for other in schemas[:schemas.index(schema)]:
            shared = schema["$defs"].keys() & other["$defs"].keys()
            problems += [f"$defs/{name} differs" for name in sorted(shared)
                         if schema["$defs"][name] != other["$defs"][name]]

    valid = (SAMPLES / "report-valid.json").read_bytes()
    problems += [f"a valid report is refused: {problem}" for problem in report_problems(deepjson.loads(valid))]
    for change in json.loads((SAMPLES / "report-invalid.json").read_bytes()):
        if not report_problems(changed(deepjson.loads(valid), change)):
            problems.append(f"an invalid report is accepted: {change['why']}")

    valid = (SAMPLES / "records-valid.ndjson").read_bytes()
    problems += [f"valid records are refused: {problem}" for problem in records_problems(valid)]
    lines = [deepjson.loads(line) for line in valid.splitlines()]
    for change in json.loads((SAMPLES / "records-invalid.json").read_bytes()):
        text = "".join(deepjson.dumps(line) + "\n" for line in changed(copy.deepcopy(lines), change))
        if not records_problems(text.encode()):
            problems.append(f"invalid records are accepted: {change['why']}")
    # Users' programs, which read the schema as it is, accept fields that a later version adds.
    later = {**deepjson.loads((SAMPLES / "report-valid.json").read_bytes()), "added_later": 1}
    if not jsonschema.Draft202012Validator(report).is_valid(later):
        problems.append("the schema refuses fields that a later version may add")
    return problems


def changed(document, change):
    """The document with the value at a place replaced, or removed where the change has none."""
    *way, last = change["at"]
    target = document
    for step in way:
        target = target[step]
    if "value" in change:
        target[last] = change["value"]
    else:
        del target[last]
    return document


def main():
    mode, *files = sys.argv[1:]
    data = b"" if mode == "schemas" else open(files[0], "rb").read() if files else sys.stdin.buffer.read()
    try:
        if mode == "schemas":
            problems = schemas_problems()
        elif mode == "report":
            problems = report_problems(deepjson.loads(data))
        elif mode == "diff":
            problems = diff_problems(data)
        elif mode == "growth":
            problems = growth_problems(data)
        elif mode == "duplicates":
            problems = duplicates_problems(data)
        elif mode == "saved":
            problems = saved_problems(deepjson.loads(data))
        else:
            problems = records_problems(data)
    except ValueError as error:  # not JSON, not UTF-8
        problems = [f"not valid JSON: {error}"]
    for problem in problems[:20]:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
