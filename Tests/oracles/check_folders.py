#!/usr/bin/env python3
"""Within a module, a folder knows only folders below it in the layout of CONTRIBUTING.md. Run in the project's root.

The compiler keeps modules apart, and nothing keeps folders apart. So this reads the sources as text: a folder *knows*
another if it names a type that only the other declares. `*.swift` stands for the files beside the folders, `*/` for
folders that may not know each other. Members that a folder adds to a type of another are not looked at.
"""

import collections
import pathlib
import re
import sys

MODIFIERS = r"(?:@\w+(?:\([^)]*\))?\s+|(?:public|package|internal|final|indirect|nonisolated)\s+)*"
TYPE = r"(?:struct|class|enum|actor|protocol|typealias)\s+([A-Z]\w*)"
DECLARED = re.compile(rf"^{MODIFIERS}{TYPE}", re.M)
ANY_DECLARED = re.compile(rf"\b{TYPE}")
# Comments and literals; what a literal interpolates is not read, either.
NO_CODE = re.compile(r'//[^\n]*|""".*?"""|"(?:\\.|[^"\\\n])*"', re.S)
NAME = re.compile(r"(?<![.\w])[A-Z]\w*")


def layout(text):
    """The folders of each module with folders, from the top."""
    modules, module = collections.defaultdict(list), None
    for line in re.search(r"## Layout\n\n```\n(.*?)```", text, re.S)[1].splitlines():
        name = line.split()[0]
        indent = len(line) - len(line.lstrip())
        if indent == 2:
            module = name.rstrip("/")
        elif indent == 4 and re.fullmatch(r"\w+/|\*/|\*\.swift", name):
            modules[module].append(name.rstrip("/"))
        elif indent == 0:
            module = None
    return modules


def check(module, order):
    root = pathlib.Path("Sources", module)
    texts, owners = {}, collections.defaultdict(set)
    for path in sorted(root.rglob("*.swift")):
        parts = path.relative_to(root).parts
        folder = parts[0] if len(parts) > 1 else "*.swift"
        if folder not in order and "*" not in order:
            yield f"{path}: {folder}/ is not in the layout of CONTRIBUTING.md"
            continue
        texts[path] = folder, NO_CODE.sub(" ", path.read_text())
        for name in DECLARED.findall(texts[path][1]):
            owners[name].add(folder)

    def rank(folder):
        return order.index(folder if folder in order else "*")

    for path, (folder, text) in texts.items():
        own = set(ANY_DECLARED.findall(text))
        for name in sorted(set(NAME.findall(text)) - own):
            others = owners[name]
            if len(others) != 1 or folder in others:
                continue
            other = next(iter(others))
            if rank(other) <= rank(folder):
                yield f"{path}: {folder} may not know {name} of {other}"


def main():
    modules = layout(pathlib.Path("CONTRIBUTING.md").read_text())
    if len(modules) < 4:
        sys.exit("CONTRIBUTING.md: the layout has no folders")
    faults = [fault for module, order in modules.items() for fault in check(module, order)]
    if faults:
        sys.exit("\n".join(faults))


main()
