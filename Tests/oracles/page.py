#!/usr/bin/env python3
"""Checks a page of fsscan in Chromium, as a user would.

    page.py check PAGE REPORT          a scan's page, and the JSON report (--depth 1000) of the same tree
    page.py check-growth PAGE REPORT   a comparison's page, and the JSON of `diff --growth`
    page.py screenshots PAGE PREFIX    PREFIX-light.png and PREFIX-dark.png

Prints the problems on standard output. Exit status 1 if there are any.
"""

import hashlib
import json
import os
import pathlib
import re
import shutil
import sys

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

# Marks, embeddings, overrides and isolates: characters that change the direction of text.
DIRECTION = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
WINDOWS = [(width, scheme) for width in (1600, 360) for scheme in ("light", "dark")]


class Problems(list):
    def expect(self, is_so, text):
        if not is_so:
            self.append(text)


def opened(browser, path, width, scheme, problems, address=""):
    """The page. Its dialogs, requests and console messages count as problems."""
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.on("dialog", lambda dialog: (problems.append(f"a dialog: {dialog.message}"), dialog.dismiss()))
    page.on("console", lambda message: problems.append(f"on the console: {message.text}"))
    page.on("pageerror", lambda error: problems.append(f"an error of the script: {error}"))
    url = pathlib.Path(path).resolve().as_uri() + address
    page.on("request", lambda request: request.url == url.split("#")[0] or problems.append(f"a request: {request.url[:100]}"))
    page.goto(url)
    # Not wait_for_function, whose code the page's policy does not let run.
    page.wait_for_selector(".cell, .empty", state="attached", timeout=10_000)
    return page


def look(page, width, scheme, problems):
    """Checks that apply to every page."""
    where = f"{width} pixels, {scheme}"
    problems.expect(page.evaluate("document.documentElement.scrollWidth") <= width, f"{where}: scrolls sideways")
    allowed = "HTML HEAD META TITLE STYLE BODY HEADER DIV H1 P B FORM LABEL INPUT MAIN SECTION NAV BUTTON FIELDSET LEGEND ASIDE" \
        " H2 DL DT DD SPAN I OL LI TABLE CAPTION THEAD TBODY TR TH TD PRE NOSCRIPT SCRIPT".split()
    tags = page.evaluate("[...new Set([...document.querySelectorAll('*')].map((element) => element.tagName))]")
    problems.expect(set(tags) <= set(allowed), f"{where}: markup from nowhere: {set(tags) - set(allowed)}")
    text = page.evaluate("document.body.innerText + [...document.querySelectorAll('[aria-label]')].map((e) => e.ariaLabel)")
    problems.expect(not DIRECTION.search(text + page.title()), f"{where}: a name changes the direction of text")
    for violation in Axe().run(page).response["violations"]:
        if violation["impact"] in ("serious", "critical"):
            targets = [node["target"] for node in violation["nodes"][:3]]
            problems.append(f"{where}: axe: {violation['id']}: {violation['help']} {targets}")


def drill(browser, path, problems):
    """In and out, by mouse and by keyboard."""
    page = opened(browser, path, 1600, "light", problems)
    here = lambda: page.evaluate("view.root === tree.root ? '' : pathOf(view.root)")
    chosen = lambda: page.evaluate("view.here && pathOf(view.here)")
    directory = page.evaluate(
        "(view.root.children.filter((node) => node.isDirectory && view.cells.has(node))[0] ?? null) && pathOf(view.root.children"
        ".filter((node) => node.isDirectory && view.cells.has(node))[0])")
    if directory is None:
        page.close()
        return
    cell = page.locator(".cell.directory").first
    box = cell.bounding_box()
    page.mouse.move(box["x"] + 4, box["y"] + 4)
    hovered = page.evaluate(
        "([x, y]) => pathOf(document.elementFromPoint(x, y).closest('.cell').node)", [box["x"] + 4, box["y"] + 4])
    problems.expect(chosen() == hovered, f"hovering chooses: {chosen()!r}, not {hovered!r}")
    problems.expect(page.locator("#details h2").inner_text().strip() != "", "the panel tells of the cell")
    page.mouse.click(box["x"] + 4, box["y"] + 4)
    inside = here()
    problems.expect(inside != "", "a click goes in")
    address = page.evaluate("location.hash")
    problems.expect(address.startswith("#/") and len(address) > 2, "the address has the place")
    page.locator("#trail button").first.click()
    problems.expect(here() == "", "the trail leads back")
    page.go_back()
    for _ in range(100):
        if here() != "":
            break
        page.wait_for_timeout(50)
    problems.expect(here() == inside, "so does the browser's own history")
    page.go_back()

    linked = opened(browser, path, 1600, "light", problems, address)
    problems.expect(linked.evaluate("pathOf(view.root)") == inside, "an address leads to its place")
    linked.close()

    page.locator("#map").focus()
    page.keyboard.press("Home")
    start = chosen()
    visited = {start}
    for key in ["ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp"] * 3:
        page.keyboard.press(key)
        visited.add(chosen())
        active = page.evaluate("document.getElementById(document.querySelector('#map').getAttribute('aria-activedescendant')).node")
        problems.expect(active is not None, "a screen reader is told of the cell")
    cells = page.evaluate("view.root.children.filter((node) => view.cells.has(node)).length")
    problems.expect(len(visited) > 1 or cells < 2, "arrows move")
    page.evaluate("choose(view.root.children.find((node) => node.isDirectory && view.cells.has(node)))")
    page.keyboard.press("Enter")
    problems.expect(here() == directory, f"Enter goes in: {here()!r}, not {directory!r}")
    page.keyboard.press("Backspace")
    problems.expect(here() == "" and chosen() == directory, "Backspace goes out, and what was entered is chosen")
    page.keyboard.press("/")
    problems.expect(page.evaluate("document.activeElement.id") == "query", "/ searches")
    name = page.evaluate("tree.nodes[Math.min(3, tree.nodes.length - 1)].name")
    page.keyboard.type(name)
    found = page.locator("#results button")
    problems.expect(found.count() > 0, f"a name is found: {name!r}")
    page.keyboard.press("Escape")
    problems.expect(page.evaluate("document.activeElement.id") == "map", "Escape ends the search")
    page.keyboard.press("Tab")
    problems.expect(page.evaluate("document.activeElement.id") != "map", "Tab leaves the map")
    for tab in range(page.locator("#tabs button").count()):
        page.locator("#tabs button").nth(tab).click()
        problems.expect(page.locator("#tables").inner_text().strip() != "", "a table has something to say")
    page.close()


# Every directory of the map by its shown path, and the total.
SUMS = """() => ({
  root: [tree.root.entries, tree.root.apparent, tree.root.disk],
  before: [tree.root.entriesBefore, tree.root.was],
  directories: tree.nodes.filter((node) => node.isDirectory).map((node) => [
    pathOf(node), node.entries, node.apparent, node.disk, node.was ?? 0,
    node.children.reduce((sum, child) => sum + child.entries, 1),
    node.children.reduce((sum, child) => sum + child.disk, node.own),
    node.children.some((child) => child.isLinked || child.isDirectory)]),
})"""


def directories_of(report):
    """Directories by path, with the names of the report; without those that the page shows differently."""
    found = {}
    pending = [(root["tree"]["name"], root["tree"]) for root in report["roots"] if root["tree"]]
    while pending:
        path, node = pending.pop()
        totals = node["totals"]
        found[path] = (totals["entries"], totals["apparent_bytes"], totals["disk_bytes"])
        pending += [(path.rstrip("/") + "/" + child["name"], child) for child in node.get("children", [])]
    return found


def check_sums(page, report, problems):
    sums = page.evaluate(SUMS)
    totals = report["totals"]
    expected = [totals["entries"], totals["apparent_bytes"], totals["disk_bytes"]]
    problems.expect(sums["root"] == expected, f"the sums are {sums['root']}, not {expected}")
    known = directories_of(report)
    compared = 0
    for path, entries, apparent, disk, _, entries_below, disk_below, _ in sums["directories"]:
        problems.expect(entries_below == entries, f"{path}: {entries_below} entries in cells, not {entries}")
        linked = totals["hard_linked_files"] > 0
        problems.expect(disk_below == disk or linked and disk_below > disk, f"{path}: cells of {disk_below} bytes, not {disk}")
        if path in known:
            compared += 1
            problems.expect((entries, apparent, disk) == known[path], f"{path}: {(entries, apparent, disk)}, not {known[path]}")
    problems.expect(compared > 0, "no directory of the page is in the report")
    if report["options"]["hash"]:
        check_digests(page, report, problems)


def digests_of(report):
    """The digests of directories by path, as in the report: null if they are not known."""
    found = {}
    pending = [(root["tree"]["name"], root["tree"]) for root in report["roots"] if root["tree"]]
    while pending:
        path, node = pending.pop()
        found[path] = node["digests"]
        pending += [(path.rstrip("/") + "/" + child["name"], child) for child in node.get("children", [])]
    return found


def check_digests(page, report, problems):
    """Those of directories are the report's, those of files hashlib's, and the panel and the heading show them."""
    max_read = report["options"]["max_read"]
    directories = digests_of(report)
    nodes = page.evaluate("tree.nodes.map((node) => [pathOf(node), node.isDirectory, Object.fromEntries(digestsOf(node))])")
    compared = {True: 0, False: 0}
    for path, is_directory, shown in nodes:
        if is_directory and path in directories:
            expected = directories[path]
        elif not is_directory and os.path.isfile(path):
            expected = None
            if os.path.getsize(path) <= max_read:
                expected = {name: hashlib.new(name, pathlib.Path(path).read_bytes()).hexdigest() for name in report["options"]["hash"]}
        else:
            continue
        compared[is_directory] += 1
        is_right = shown["digests"].startswith("not known") if expected is None and "digests" in shown else shown == expected
        problems.expect(is_right, f"{path}: {shown}, not {expected}")
    problems.expect(all(compared.values()), f"directories and files whose digests were compared: {compared}")
    page.evaluate("for (const node of view.cells.keys()) if (!node.isRest) { choose(node); break; }")
    panel = page.locator("#details").inner_text()
    problems.expect(
        all(text in panel for text in page.evaluate("digestsOf(view.here).flat()")), f"the panel has digests: {panel!r}")
    heading = page.locator("#digests").inner_text()
    problems.expect(
        all(text in heading for text in page.evaluate("digestsOf(tree.root).flat()")), f"the heading has them: {heading!r}")


def check_growth(page, report, problems):
    sums = page.evaluate(SUMS)
    old, new = report["totals"]["old"], report["totals"]["new"]
    expected = [new["entries"], new["apparent_bytes"], new["disk_bytes"]]
    problems.expect(sums["root"] == expected, f"the sums are {sums['root']}, not {expected}")
    expected = [old["entries"], old["disk_bytes"]]
    problems.expect(sums["before"] == expected, f"the sums were {sums['before']}, not {expected}")
    shown = {path: disk - was for path, _, _, disk, was, *_ in sums["directories"]}
    for item in report["directories"]:
        if item["path"] in shown:
            problems.expect(shown[item["path"]] == item["growth"]["disk_bytes"], f"{item['path']}: {shown[item['path']]}")
    problems.expect(any(item["path"] in shown for item in report["directories"]), "nothing that changed is on the page")


def check(browser, path, report, sums):
    problems = Problems()
    size = pathlib.Path(path).stat().st_size
    problems.expect(size <= 3_000_000, f"{size} bytes")
    for width, scheme in WINDOWS:
        page = opened(browser, path, width, scheme, problems)
        if (width, scheme) == WINDOWS[0]:
            sums(page, report, problems)
        look(page, width, scheme, problems)
        page.close()
    page = opened(browser, path, 1600, "light", problems)
    sheets = len(re.findall(rb"/Type\s*/Page\b", page.pdf(prefer_css_page_size=True)))
    problems.expect(sheets == 1, f"it prints on {sheets} pages")
    page.close()
    drill(browser, path, problems)
    return problems


def screenshots(browser, path, prefix):
    problems = Problems()
    for scheme in ("light", "dark"):
        page = opened(browser, path, 1280, scheme, problems)
        page.screenshot(path=f"{prefix}-{scheme}.png")
        page.close()
    return problems


def main():
    command, path, other = sys.argv[1:]
    with sync_playwright() as playwright:
        # This tests the page, not Chromium's sandbox, which is not available to root.
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        if command == "screenshots":
            problems = screenshots(browser, path, other)
        else:
            sums = {"check": check_sums, "check-growth": check_growth}[command]
            problems = check(browser, path, json.loads(pathlib.Path(other).read_bytes()), sums)
        browser.close()
    print("\n".join(problems[:30]), end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
