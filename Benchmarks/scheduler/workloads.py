"""Three workloads of WorkloadBench on asyncio: workloads.py pingpong|fanin|chain SIZE. Prints `RESULT SECONDS PEAK_KIB`.

The fork-join ones would show only that a task of asyncio costs ten microseconds.
"""

import asyncio
import sys
import time

from coroutines import peak_kib

SENDERS = 1000


async def pingpong(count: int) -> int:
    there, back = asyncio.Queue(1), asyncio.Queue(1)

    async def pong() -> int:
        answers = 0
        while (value := await there.get()) is not None:
            await back.put(value)
            answers += 1
        return answers

    task = asyncio.create_task(pong())
    sent = 0
    while sent < count // 2:
        await there.put(sent)
        sent += 1
        await back.get()
    await there.put(None)
    return sent + await task


async def fanin(count: int) -> int:
    sink = asyncio.Queue(64)

    async def sender() -> None:
        for _ in range(count // SENDERS):
            await sink.put(1)

    tasks = [asyncio.create_task(sender()) for _ in range(SENDERS)]
    total = sum([await sink.get() for _ in range(count)])
    await asyncio.gather(*tasks)
    return total


async def chain(count: int) -> int:
    end = asyncio.get_running_loop().create_future()
    # The loop keeps only weak references to tasks.
    alive = set()

    def link(left: int) -> None:
        async def body() -> None:
            if left > 1:
                link(left - 1)
            else:
                end.set_result(count)

        task = asyncio.create_task(body())
        alive.add(task)
        task.add_done_callback(alive.discard)

    link(count)
    return await end


def main() -> None:
    workload = {"pingpong": pingpong, "fanin": fanin, "chain": chain}[sys.argv[1]]
    started = time.perf_counter()
    result = asyncio.run(workload(int(sys.argv[2])))
    print(result, time.perf_counter() - started, peak_kib())


if __name__ == "__main__":
    main()
