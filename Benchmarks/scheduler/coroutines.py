"""Empty coroutines, for comparison with empty actors: coroutines.py asyncio|uvloop|gevent COUNT

Spawning creates all tasks. Running awaits each in turn, the cheapest way to wait for all of them: the first await lets
the loop run every task (asyncio.gather would add a callback to each). Garbage collection stays on, as by default.
"""

import asyncio
import sys
import time


def asyncio_tasks(count: int, new_event_loop) -> tuple[float, float, float]:
    async def empty() -> None:
        pass

    async def everything() -> tuple[float, float, float]:
        loop = asyncio.get_running_loop()
        started = time.perf_counter()
        tasks = [loop.create_task(empty()) for _ in range(count)]
        spawned = time.perf_counter()
        for task in tasks:
            await task
        return started, spawned, time.perf_counter()

    loop = new_event_loop()
    try:
        return loop.run_until_complete(everything())
    finally:
        loop.close()


def greenlets(count: int) -> tuple[float, float, float]:
    import gevent

    def empty() -> None:
        pass

    started = time.perf_counter()
    spawned_greenlets = [gevent.spawn(empty) for _ in range(count)]
    spawned = time.perf_counter()
    for greenlet in spawned_greenlets:
        greenlet.join()
    return started, spawned, time.perf_counter()


def peak_kib() -> int:
    """VmHWM and not ru_maxrss: a new process inherits the latter from its parent."""
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))


def main() -> None:
    name, count = sys.argv[1], int(sys.argv[2])
    if name == "asyncio":
        started, spawned, ended = asyncio_tasks(count, asyncio.new_event_loop)
    elif name == "uvloop":
        import uvloop

        started, spawned, ended = asyncio_tasks(count, uvloop.new_event_loop)
    elif name == "gevent":
        started, spawned, ended = greenlets(count)
    else:
        sys.exit(f"unknown: {name}")
    print(name, 1, spawned - started, ended - spawned, ended - started, peak_kib())


if __name__ == "__main__":
    main()
