// The fork-join workloads of WorkloadBench, the loop and the chain, on oneTBB: workloads WORKLOAD SIZE THREADS. Prints
// `RESULT SECONDS PEAK_KIB`. oneTBB's tasks send no messages: ping-pong and fan-in have no counterpart.

#include <oneapi/tbb/blocked_range.h>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_reduce.h>
#include <oneapi/tbb/task_group.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

using tbb::task_group;

static long fib(long number) {
    if (number < 2) return number;
    long half;
    task_group group;
    group.run([&half, number] { half = fib(number - 1); });
    long other = fib(number - 2);
    group.wait();
    return half + other;
}

struct Board { uint32_t size, columns, left, right; };

static long place(Board board) {
    uint32_t all = (1u << board.size) - 1;
    if (board.columns == all) return 1;
    std::array<long, 32> sums;
    int children = 0;
    task_group group;
    for (uint32_t free = ~(board.columns | board.left | board.right) & all; free != 0;) {
        uint32_t one = free & -free;
        free ^= one;
        Board next{board.size, board.columns | one, (board.left | one) << 1, (board.right | one) >> 1};
        long *sum = &sums[children++];
        group.run([sum, next] { *sum = place(next); });
    }
    group.wait();
    long total = 0;
    for (int child = 0; child < children; child++) total += sums[child];
    return total;
}

static long grow(uint64_t hash, long children) {
    if (children == 0) return 1;
    std::vector<long> sums(children);
    task_group group;
    for (long number = 0; number < children; number++) {
        uint64_t mixed = hash + uint64_t(number + 1) * 0x9E3779B97F4A7C15;
        mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9;
        mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB;
        mixed ^= mixed >> 31;
        long of = mixed < UINT64_MAX / 1000 * 123 ? 8 : 0;
        long *sum = &sums[number];
        group.run([sum, mixed, of] { *sum = grow(mixed, of); });
    }
    group.wait();
    long total = 1;
    for (long sum : sums) total += sum;
    return total;
}

static void link(task_group &group, long left, long count, long &end) {
    group.run([&group, left, count, &end] {
        if (left > 1) link(group, left - 1, count, end);
        else end = count;
    });
}

static long chain(long count) {
    task_group group;
    long end = 0;
    link(group, count, count, end);
    group.wait();
    return end;
}

static long hashed(long number) {
    uint64_t mixed = uint64_t(number);
    for (long round = 0; round <= number % 32; round++) {
        mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9;
        mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB;
    }
    return long(mixed >> 40);
}

static long loop(long count) {
    return tbb::parallel_reduce(
        tbb::blocked_range<long>(0, count), 0L,
        [](const tbb::blocked_range<long> &part, long sum) {
            for (long number = part.begin(); number < part.end(); number++) sum += hashed(number);
            return sum;
        },
        [](long one, long other) { return one + other; });
}

static long peak_kib() {
    FILE *status = fopen("/proc/self/status", "re");
    char line[256];
    while (status && fgets(line, sizeof line, status))
        if (!strncmp(line, "VmHWM:", 6)) return atol(line + 6);
    return 0;
}

int main(int argc, char **argv) {
    if (argc != 4) return 64;
    long size = atol(argv[2]);
    tbb::global_control threads(tbb::global_control::max_allowed_parallelism, atol(argv[3]));
    auto started = std::chrono::steady_clock::now();
    long result = -1;
    if (!strcmp(argv[1], "fib")) result = fib(size);
    else if (!strcmp(argv[1], "queens")) result = place(Board{uint32_t(size), 0, 0, 0});
    else if (!strcmp(argv[1], "uts")) result = grow(19, size);
    else if (!strcmp(argv[1], "chain")) result = chain(size);
    else if (!strcmp(argv[1], "for")) result = loop(size);
    else return 64;
    std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - started;
    printf("%ld %.9f %ld\n", result, seconds.count(), peak_kib());
}
