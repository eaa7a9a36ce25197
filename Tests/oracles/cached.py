"""What the page cache holds: cached.py prepare|show DIRECTORY

prepare: makes files of many sizes, writes them to the disk, and leaves each second one in the cache.
show: which files are cached in whole, in part, and not at all, by cachestat(2).
"""

import ctypes, os, sys

libc = ctypes.CDLL(None, use_errno=True)
PAGE = os.sysconf("SC_PAGESIZE")
SIZES = [1, 4095, 4096, 4097, 20_000, 65_536, 131_072, 300_000, 1 << 20, (1 << 20) + 1, 3_000_000, 20 << 20]


def cached_pages(path):
    """Pages of a file that are in the cache, and pages that it has."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        whole = (ctypes.c_uint64 * 2)(0, 0)
        counts = (ctypes.c_uint64 * 5)()
        if libc.syscall(451, descriptor, whole, counts, 0) != 0:
            sys.exit(f"cachestat: {os.strerror(ctypes.get_errno())}")
        return counts[0], -(-os.fstat(descriptor).st_size // PAGE)
    finally:
        os.close(descriptor)


def files(directory):
    return sorted(os.path.join(place, name) for place, _, names in os.walk(directory) for name in names)


def prepare(directory):
    for number, size in enumerate(SIZES):
        for state in ["hot", "cold"]:
            # Pairs of one content, and others of that size that differ in the middle alone.
            for name in ["one", "same", "other"]:
                place = f"{directory}/{state}/{name}"
                os.makedirs(place, exist_ok=True)
                content = bytearray((bytes(range(251)) * (size // 251 + 1))[:size])
                if name == "other":
                    content[size // 2] ^= 0xFF
                with open(f"{place}/{number:02}", "wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                    if state == "cold":
                        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


if sys.argv[1] == "prepare":
    prepare(sys.argv[2])
elif sys.argv[1] == "show":
    for path in files(sys.argv[2]):
        cached, all_pages = cached_pages(path)
        word = "cached" if cached == all_pages else "not" if cached == 0 else f"{cached} of {all_pages}"
        print(os.path.relpath(path, sys.argv[2]), word)
