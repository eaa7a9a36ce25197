#!/usr/bin/env python3
"""Puts results/NAME.md into docs/PERFORMANCE.md, between `<!-- results: NAME -->` and `<!-- end -->`.

A table that was not measured here stays as it is, and is named. The first line of a result, its heading, is omitted:
the document has its own.
"""

import pathlib
import re
import sys

BENCHMARKS = pathlib.Path(__file__).resolve().parent.parent
MARKED = re.compile(r"(<!-- results: (?P<name>[a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def main() -> None:
    document = BENCHMARKS.parent / "docs" / "PERFORMANCE.md"
    missing = []

    def renewed(marked: re.Match[str]) -> str:
        result = BENCHMARKS / "results" / f"{marked['name']}.md"
        if not result.exists():
            missing.append(marked["name"])
            return marked[0]
        tables = re.sub(r"\A### .*\n+", "", result.read_text()).strip()
        return f"{marked[1]}\n{tables}\n\n{marked[3]}"

    text = document.read_text()
    opened = text.count("<!-- results: ")
    if opened != len(MARKED.findall(text)) or opened != text.count("<!-- end -->"):
        sys.exit(f"{document}: a mark has no end")
    document.write_text(MARKED.sub(renewed, text))
    for name in missing:
        print(f"not measured here, left as it was: {name}", file=sys.stderr)


if __name__ == "__main__":
    main()
