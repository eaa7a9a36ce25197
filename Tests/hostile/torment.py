"""Programs that change a tree while it is scanned. Each is a seeded loop in a process of its own, killed at the end.

Each changes only its own part. Everything else below the root is `still`, and must be reported exactly once.
"""

import ctypes
import multiprocessing
import os
import random
import stat

import support

RENAME_EXCHANGE = 2
AT_FDCWD = -100


def exchange(first, second):
    """Swaps two names in one step, so that neither is ever missing."""
    if support.libc.renameat2(AT_FDCWD, first, AT_FDCWD, second, RENAME_EXCHANGE) != 0:
        raise OSError(ctypes.get_errno(), "renameat2")


def quietly(call, *arguments):
    try:
        call(*arguments)
    except OSError:
        pass


def rename_directories(root, generator):
    """root/moving: directories are renamed, into each other too."""
    place = root + b"/moving"
    names = [b"d%d" % i for i in range(8)]
    for name in names:
        os.makedirs(place + b"/" + name + b"/inner/deep")
        for index in range(5):
            write(place + b"/" + name + b"/inner/deep/f%d" % index, b"moving")
    yield
    while True:
        one, other = generator.sample(names, 2)
        quietly(os.rename, place + b"/" + one, place + b"/" + other + b"/inner/" + one)
        quietly(os.rename, place + b"/" + other + b"/inner/" + one, place + b"/" + one)
        quietly(exchange, place + b"/" + one, place + b"/" + other)
        yield


def swap_directory(root, generator):
    """root/swap/victim: a directory, and in turn a symlink to the forbidden tree."""
    place = root + b"/swap"
    os.makedirs(place + b"/victim/a/b")
    for index in range(20):
        write(place + b"/victim/f%d" % index, b"innocent")
        write(place + b"/victim/a/b/f%d" % index, b"innocent")
    os.symlink(os.path.dirname(root) + b"/forbidden", place + b"/other")
    yield
    while True:
        exchange(place + b"/victim", place + b"/other")
        for _ in range(generator.randrange(20)):
            pass
        yield


def swap_file(root, generator):
    """root/files: regular files, and in turn a FIFO, a symlink to the forbidden tree, a socket, a device."""
    place = root + b"/files"
    os.mkdir(place)
    others = [place + b"/x-fifo", place + b"/x-link", place + b"/x-socket"]
    os.mkfifo(others[0])
    os.symlink(os.path.dirname(root) + b"/forbidden/FORBIDDEN-file", others[1])
    os.mknod(others[2], stat.S_IFSOCK | 0o600)
    if support.makes_devices():
        others.append(place + b"/x-device")
        os.mknod(others[3], stat.S_IFCHR | 0o600, os.makedev(1, 5))
    victims = [place + b"/victim%d" % index for index in range(10)]
    for index, victim in enumerate(victims):
        write(victim, b"innocent" * 100)
        if index >= 5:
            # Read by an actor of its own, long after it was stat'ed.
            os.link(victim, place + b"/linked%d" % index)
            victims[index] = place + b"/linked%d" % index
    yield
    while True:
        victim, other = generator.choice(victims), generator.choice(others)
        exchange(victim, other)
        yield
        exchange(victim, other)
        yield


def recreate(root, generator):
    """root/recreate: subtrees are deleted and made again, beside entries that stay."""
    place = root + b"/recreate"
    os.mkdir(place)
    for index in range(400):
        write(place + b"/stays%03d" % index, b"")
    yield
    while True:
        name = place + b"/sub%d" % generator.randrange(6)
        quietly(os.makedirs, name + b"/x/y/z")
        for index in range(4):
            quietly(write, name + b"/x/y/f%d" % index, b"new")
            quietly(os.symlink, b"/", name + b"/x/l%d" % index)
        yield
        for base in (b"/x/y/f%d", b"/x/l%d"):
            for index in range(4):
                quietly(os.unlink, name + base % index)
        for below in (b"/x/y/z", b"/x/y", b"/x", b""):
            quietly(os.rmdir, name + below)
        yield


def change_content(root, generator):
    """root/content: files are truncated, grown, overwritten and replaced while they are hashed."""
    place = root + b"/content"
    os.mkdir(place)
    names = [place + b"/c%d" % index for index in range(6)]
    for name in names:
        write(name, b"x" * 300_000)
    large = place + b"/large"
    with open(large, "wb") as file:
        file.truncate(40 << 20)
    names.append(large)
    yield
    while True:
        name = generator.choice(names)
        action = generator.randrange(4)
        if action == 0:
            os.truncate(name, generator.randrange(1 << 20))
        elif action == 1:
            with open(name, "ab") as file:
                file.write(b"more" * generator.randrange(1, 1000))
        elif action == 2:
            with open(name, "r+b") as file:
                file.write(b"other")
        else:
            write(name + b".new", b"y" * generator.randrange(400_000))
            os.rename(name + b".new", name)
        if os.stat(large).st_size < 40 << 20:
            os.truncate(large, 40 << 20)
        yield


ALL = [rename_directories, swap_directory, swap_file, recreate, change_content]


def write(path, content):
    with open(path, "wb") as file:
        file.write(content)


def start(root, seed, torments=tuple(ALL)):
    """Prepares the places of all torments, then lets each run. Returns the processes and counters of their steps."""
    running = []
    for torment in torments:
        steps = torment(root, random.Random(f"{seed}/{torment.__name__}"))
        next(steps)
        counter = multiprocessing.Value("q", 0, lock=False)
        process = multiprocessing.Process(target=_loop, args=(steps, counter), daemon=True)
        running.append((torment.__name__, process, counter))
    for _, process, _ in running:
        process.start()
    return running


def stop(running):
    """Ends them; returns a sentence about what each did."""
    for _, process, _ in running:
        process.kill()
        process.join()
    return ", ".join(f"{name.replace('_', ' ')} {counter.value:,}" for name, _, counter in running)


def _loop(steps, counter):
    support.end_with_parent()
    for _ in steps:
        counter.value += 1
