// What threads on several processors pay for what they share: cache lines, fences, and the kernel's own counts.
//
//   cores THREADS SECONDS
//
// One thread on each of THREADS processors repeats one operation for SECONDS; each line has the nanoseconds that an
// operation takes its thread (median of five). docs/PERFORMANCE.md, "More cores", says where fsscan does each of them.

#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 1024, ROUNDS = 5, LINE = 128 };

struct line {
    _Alignas(LINE) atomic_ulong number;
};

static struct line lines[MOST];
static struct line shared;
static atomic_int phase;
static int threads;
static double seconds;
static cpu_set_t allowed;
static int shared_directory;
static int processors[MOST];

struct work {
    const char *name;
    void (*step)(int thread, int directory);
    // Each thread has a table of descriptors, as a process has.
    int own_table;
    // Each thread has a descriptor of the directory.
    int own_directory;
    // Only the first thread does the work; the others compute.
    int first_only;
};

static void full_fence(int thread, int directory) {
    (void)directory;
    atomic_store_explicit(&lines[thread].number, 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_seq_cst);
}

static void add_own(int thread, int directory) {
    (void)directory;
    atomic_fetch_add(&lines[thread].number, 1);
}

static void add_shared(int thread, int directory) {
    (void)thread, (void)directory;
    atomic_fetch_add(&shared.number, 1);
}

// A line written by the others in turn: the threads hand it around.
static void pass_on(int thread, int directory) {
    (void)directory;
    unsigned long seen;
    while ((seen = atomic_load_explicit(&shared.number, memory_order_acquire)) % threads != (unsigned long)thread)
        if (atomic_load_explicit(&phase, memory_order_relaxed) != 1) return;
    atomic_store_explicit(&shared.number, seen + 1, memory_order_release);
}

static void barrier(int thread, int directory) {
    (void)thread, (void)directory;
    syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
}

static void stat_name(int thread, int directory) {
    struct stat status;
    (void)thread;
    if (fstatat(directory, "name", &status, AT_SYMLINK_NOFOLLOW) != 0) abort();
}

static void open_close(int thread, int directory) {
    (void)thread;
    int opened = openat(directory, "inner", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (opened < 0) abort();
    close(opened);
}

static const struct work works[] = {
    {"atomic addition, a line of its own", add_own, 0, 0, 0},
    {"atomic addition, one line", add_shared, 0, 0, 0},
    {"a line handed around, each way", pass_on, 0, 0, 0},
    {"full fence after a store", full_fence, 0, 0, 0},
    {"membarrier, the other threads running", barrier, 0, 0, 1},
    {"stat of a name, one descriptor", stat_name, 0, 0, 0},
    {"stat of a name, a descriptor each", stat_name, 0, 1, 0},
    {"open and close of a directory, one table", open_close, 0, 1, 0},
    {"open and close of a directory, a table each", open_close, 1, 1, 0},
};

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec * 1e-9;
}

struct thread {
    pthread_t thread;
    const struct work *work;
    int number;
    // Nanoseconds for each operation.
    double cost;
};

static void *body(void *argument) {
    struct thread *self = argument;
    cpu_set_t mine;
    CPU_ZERO(&mine);
    CPU_SET(processors[self->number], &mine);
    sched_setaffinity(0, sizeof mine, &mine);
    if (self->work->own_table) unshare(CLONE_FILES);
    int directory = shared_directory;
    if (self->work->own_directory) directory = openat(shared_directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (atomic_load(&phase) == 0) {}
    double begun = now();
    unsigned long steps = 0;
    int works = !self->work->first_only || self->number == 0;
    while (atomic_load_explicit(&phase, memory_order_relaxed) == 1) {
        for (int step = 0; works && step < 64; step++) self->work->step(self->number, directory);
        steps += 64;
    }
    self->cost = (now() - begun) * 1e9 / steps;
    if (self->work->own_directory) close(directory);
    return NULL;
}

static double measure(const struct work *work) {
    static struct thread all[MOST];
    atomic_store(&phase, 0);
    atomic_store(&shared.number, 0);
    for (int number = 0; number < threads; number++) {
        all[number].work = work;
        all[number].number = number;
        if (pthread_create(&all[number].thread, NULL, body, &all[number]) != 0) abort();
    }
    struct timespec pause = {(time_t)seconds, (long)((seconds - (time_t)seconds) * 1e9)};
    atomic_store(&phase, 1);
    nanosleep(&pause, NULL);
    atomic_store(&phase, 2);
    double sum = 0;
    for (int number = 0; number < threads; number++) {
        pthread_join(all[number].thread, NULL);
        sum += all[number].cost;
    }
    return work->first_only ? all[0].cost : sum / threads;
}

static int ascending(const void *left, const void *right) {
    double difference = *(const double *)left - *(const double *)right;
    return (difference > 0) - (difference < 0);
}

int main(int count, char **arguments) {
    threads = count > 1 ? atoi(arguments[1]) : 2;
    seconds = count > 2 ? atof(arguments[2]) : 0.2;
    sched_getaffinity(0, sizeof allowed, &allowed);
    int found = 0;
    for (int processor = 0; processor < CPU_SETSIZE && found < MOST; processor++)
        if (CPU_ISSET(processor, &allowed)) processors[found++] = processor;
    if (threads < 1 || threads > found) {
        fprintf(stderr, "cores: %d threads on %d processors\n", threads, found);
        return 64;
    }
    char path[] = "/tmp/fsscan-cores-XXXXXX";
    if (!mkdtemp(path)) return 71;
    shared_directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    mkdirat(shared_directory, "inner", 0700);
    close(openat(shared_directory, "name", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0);
    for (size_t index = 0; index < sizeof works / sizeof *works; index++) {
        double costs[ROUNDS];
        for (int round = 0; round < ROUNDS; round++) costs[round] = measure(&works[index]);
        qsort(costs, ROUNDS, sizeof *costs, ascending);
        printf("%s\t%.1f\n", works[index].name, costs[ROUNDS / 2]);
    }
    unlinkat(shared_directory, "name", 0);
    unlinkat(shared_directory, "inner", AT_REMOVEDIR);
    rmdir(path);
    return 0;
}
