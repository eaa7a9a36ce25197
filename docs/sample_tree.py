#!/usr/bin/env python3
"""Makes a server's tree of 190 MiB for the pictures of docs/: sample_tree.py DIRECTORY

The same names and sizes each time; blocks are allocated, and hold zeros. Ages are relative to now.
"""

import os
import pathlib
import random
import sys
import time

top = pathlib.Path(sys.argv[1])
chance = random.Random(1)
now = time.time()


def file(name, kib, days):
    path = top / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as output:
        os.posix_fallocate(output.fileno(), 0, max(1, int(kib * 1024)))
    moment = now - days * 86400 - chance.uniform(0, 40_000)
    os.utime(path, (moment, moment))


def many(folder, ending, count, kib, days):
    for number in range(count):
        file(f"{folder}/{number:04}.{ending}", kib * chance.lognormvariate(0, 0.9), chance.uniform(*days))


for month in range(6):
    file(f"backup/2026-{11 - month:02}/full.tar", 7000 - 400 * month, 30 * month + 1)
    many(f"backup/2026-{11 - month:02}/incremental", "tar.zst", 25, 70, (30 * month, 30 * month + 28))
for name, kib, days in (("mail", 14_000, 0), ("web", 11_000, 0), ("build", 9_000, 2), ("old-wiki", 6_000, 900)):
    file(f"vm/{name}.qcow2", kib, days)
many("vm/images", "iso", 6, 900, (100, 800))
many("www/shop/pictures", "jpg", 420, 28, (10, 1200))
many("www/shop/video", "mp4", 14, 420, (30, 500))
many("www/shop/code", "php", 260, 6, (5, 700))
many("www/static", "js", 90, 22, (20, 400))
many("www/docs", "pdf", 60, 80, (40, 2400))
for user in ("ada", "grace", "linus"):
    many(f"home/{user}/photos", "jpg", 130, 32, (30, 2600))
    many(f"home/{user}/src", "c", 120, 9, (1, 900))
    many(f"home/{user}/papers", "pdf", 20, 90, (60, 2000))
    many(f"home/{user}/.cache", "so", 16, 60, (0, 90))
file("db/shop.sqlite", 8_000, 0)
many("db/journal", "log", 30, 60, (0, 30))
many("cache/packages", "deb", 110, 60, (1, 400))
many("cache/thumbnails", "png", 300, 8, (0, 200))
many("log", "log.gz", 80, 26, (1, 365))
