#!/usr/bin/env python3
"""A table of the changes that each tool found, from lines `tool TAB change TAB yes|no`.

    found.py FILE TOOL...
"""

import sys

from bench import markdown, read_tabs
import pathlib

NAMES = {"verify": "fsscan verify", "quick": "verify --quick", "hashdeep": "hashdeep -a"}


def main():
    found = {(tool, change): answer for tool, change, answer in read_tabs(pathlib.Path(sys.argv[1]))}
    tools = sys.argv[2:]
    changes = list(dict.fromkeys(change for _, change in found))
    rows = [[change, *(found.get((tool, change), "") for tool in tools)] for change in changes]
    print("\n**Found**\n\n" + markdown(["change", *(NAMES.get(tool, tool) for tool in tools)], rows))


main()
