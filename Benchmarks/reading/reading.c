// Reads the content of many files, with blocking calls or through an io_uring: which of them keeps a disk busy?
//
//     reading [--sha256] threads COUNT ROOT LIST          COUNT threads, each: openat, fstat, read, close
//     reading [--sha256] ring COUNT DEPTH ROOT LIST       COUNT threads, each with a ring and DEPTH files in flight
//     reading [--sha256] try-ring COUNT DEPTH ROOT LIST   the same, but what would not block is done at once, by a call
//     reading probe                                       exit status 0 if this kernel and sandbox allow a ring
//
// LIST holds paths below ROOT, each followed by a NUL: find ROOT -type f -printf '%P\0'. With --sha256 the processor has
// real work beside the waiting. Prints files, bytes and, so that the ways can be compared, the XOR of all digests.
//
// All ways do the same calls for a file, apart from where they wait. fstat is never sent through the ring: the inode of an
// open file is in memory, and a ring would hand it to a thread of the kernel.

#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <liburing.h>
#include <linux/openat2.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { BUFFER_SIZE = 128 * 1024, DIGEST_SIZE = 32, OPEN_FLAGS = O_RDONLY | O_NOFOLLOW | O_CLOEXEC };

// MARK: What all threads share, written before they start

static bool digesting, trying;
static unsigned depth;
static int root;
static const char **names;
static size_t nameCount;
/// The next name to take. One addition for a file is nothing beside its system calls.
static atomic_size_t nextName;

static const char *takeName(void) {
    size_t index = atomic_fetch_add_explicit(&nextName, 1, memory_order_relaxed);
    return index < nameCount ? names[index] : NULL;
}

/// A thread's sum, added up when it has ended.
struct Sum {
    uint64_t files, bytes;
    unsigned char digests[DIGEST_SIZE];
};

// MARK: One file

struct File {
    const char *name;
    int descriptor;
    uint64_t offset;
    EVP_MD_CTX *digest;
    char *buffer;
};

static void prepare(struct File *file) {
    file->buffer = aligned_alloc(4096, BUFFER_SIZE);
    file->digest = EVP_MD_CTX_new();
    if (file->buffer == NULL || file->digest == NULL) err(1, "prepare");
}

static void opened(struct File *file, int descriptor) {
    struct stat status;
    if (descriptor < 0) errx(1, "open %s: %s", file->name, strerror(-descriptor));
    if (fstat(descriptor, &status) != 0) err(1, "fstat %s", file->name);
    file->descriptor = descriptor;
    file->offset = 0;
    if (digesting && EVP_DigestInit_ex(file->digest, EVP_sha256(), NULL) != 1) errx(1, "EVP_DigestInit_ex");
}

/// Takes the bytes of a read. True at the end of the file, which a read shows that did not fill the buffer.
static bool took(struct File *file, int length, struct Sum *sum) {
    if (length < 0) errx(1, "read %s: %s", file->name, strerror(-length));
    if (digesting && EVP_DigestUpdate(file->digest, file->buffer, (size_t)length) != 1) errx(1, "EVP_DigestUpdate");
    file->offset += (uint64_t)length;
    if (length == BUFFER_SIZE) return false;
    sum->files++;
    sum->bytes += file->offset;
    if (digesting) {
        unsigned char digest[DIGEST_SIZE];
        if (EVP_DigestFinal_ex(file->digest, digest, NULL) != 1) errx(1, "EVP_DigestFinal_ex");
        for (int index = 0; index < DIGEST_SIZE; index++) sum->digests[index] ^= digest[index];
    }
    return true;
}

// MARK: Blocking calls

static int result(ssize_t value) { return value < 0 ? -errno : (int)value; }

static void *readBlocking(void *argument) {
    struct Sum *sum = argument;
    struct File file;
    prepare(&file);
    while ((file.name = takeName()) != NULL) {
        opened(&file, result(openat(root, file.name, OPEN_FLAGS)));
        while (!took(&file, result(read(file.descriptor, file.buffer, BUFFER_SIZE)), sum)) {}
        close(file.descriptor);
    }
    return NULL;
}

// MARK: A ring

// For each file: an openat, when that has completed a read, when that has completed another one or a close. The close
// reports nothing, so its file's slot takes the next name at once. The low bits of a completion's user data have its
// meaning: slots are aligned.

enum Step { OPENED = 0, TOOK = 1 };

/// 0, or the errno with which the kernel refuses a ring.
static int makeRing(struct io_uring *ring, unsigned entries) {
    // Completions only when this thread asks for them: no interrupts, and no locks. Linux 6.1.
    int failure = io_uring_queue_init(entries, ring, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
    if (failure == -EINVAL) failure = io_uring_queue_init(entries, ring, 0);
    return -failure;
}

static struct io_uring_sqe *request(struct io_uring *ring) {
    struct io_uring_sqe *entry = io_uring_get_sqe(ring);
    // Each file in flight has two at most, and the ring was made for that.
    if (entry == NULL) errx(1, "the submission queue is full");
    return entry;
}

static void requestRead(struct io_uring *ring, struct File *file) {
    struct io_uring_sqe *entry = request(ring);
    io_uring_prep_read(entry, file->descriptor, file->buffer, BUFFER_SIZE, file->offset);
    io_uring_sqe_set_data64(entry, (uintptr_t)file | TOOK);
}

/// Reads on without waiting. True if the file is finished, false if the ring has to wait for its next piece.
static bool tryRead(struct io_uring *ring, struct File *file, struct Sum *sum) {
    for (;;) {
        struct iovec piece = {file->buffer, BUFFER_SIZE};
        int length = result(preadv2(file->descriptor, &piece, 1, (off_t)file->offset, RWF_NOWAIT));
        if (length == -EAGAIN || length == -EOPNOTSUPP) {
            requestRead(ring, file);
            return false;
        }
        if (took(file, length, sum)) {
            close(file->descriptor);
            return true;
        }
    }
}

/// Begins with the next names until one of them has to wait. False if there are no more.
static bool begin(struct io_uring *ring, struct File *file, struct Sum *sum) {
    unsigned finished = 0;
    while ((file->name = takeName()) != NULL) {
        if (trying) {
            struct open_how how = {.flags = OPEN_FLAGS, .resolve = RESOLVE_CACHED};
            int descriptor = result(syscall(SYS_openat2, root, file->name, &how, sizeof how));
            if (descriptor != -EAGAIN) {
                opened(file, descriptor);
                if (!tryRead(ring, file, sum)) return true;
                // While this goes well, what was requested before must not wait for it.
                if (++finished % 16 == 0) io_uring_submit(ring);
                continue;
            }
        }
        struct io_uring_sqe *entry = request(ring);
        io_uring_prep_openat(entry, root, file->name, OPEN_FLAGS, 0);
        io_uring_sqe_set_data64(entry, (uintptr_t)file | OPENED);
        return true;
    }
    return false;
}

static void *readThroughRing(void *argument) {
    struct Sum *sum = argument;
    struct io_uring ring;
    int refused = makeRing(&ring, 4 * depth);
    if (refused != 0) errx(1, "io_uring: %s", strerror(refused));
    // Opening what is not in memory is done by threads of the kernel, by default four for each processor.
    unsigned workers[2] = {depth, depth};
    io_uring_register_iowq_max_workers(&ring, workers);

    struct File *files = calloc(depth, sizeof *files);
    if (files == NULL) err(1, "calloc");
    unsigned inFlight = 0;
    for (unsigned index = 0; index < depth; index++) {
        prepare(&files[index]);
        inFlight += begin(&ring, &files[index], sum);
    }
    while (inFlight > 0) {
        int submitted = io_uring_submit_and_wait(&ring, 1);
        if (submitted < 0 && submitted != -EINTR) errx(1, "io_uring_submit_and_wait: %s", strerror(-submitted));
        struct io_uring_cqe *completion;
        while (io_uring_peek_cqe(&ring, &completion) == 0) {
            enum Step step = io_uring_cqe_get_data64(completion) & 1;
            struct File *file = (struct File *)(uintptr_t)(io_uring_cqe_get_data64(completion) & ~(uint64_t)1);
            int value = completion->res;
            io_uring_cqe_seen(&ring, completion);
            if (file == NULL) continue;  // a close, on a kernel before 5.17
            if (step == OPENED) {
                opened(file, value);
                if (!trying) requestRead(&ring, file);
                else if (tryRead(&ring, file, sum)) inFlight -= !begin(&ring, file, sum);
            } else if (!took(file, value, sum)) {
                requestRead(&ring, file);
            } else {
                struct io_uring_sqe *entry = request(&ring);
                io_uring_prep_close(entry, file->descriptor);
                io_uring_sqe_set_flags(entry, IOSQE_CQE_SKIP_SUCCESS);
                inFlight -= !begin(&ring, file, sum);
            }
        }
    }
    io_uring_submit(&ring);  // the last closes
    io_uring_queue_exit(&ring);
    return NULL;
}

// MARK: Command line

static unsigned number(const char *text) {
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (end == text || *end != 0 || value < 1 || value > 4096) errx(64, "not a number from 1 to 4096: %s", text);
    return (unsigned)value;
}

static void readNames(const char *path) {
    FILE *list = fopen(path, "r");
    if (list == NULL) err(1, "%s", path);
    size_t room = 0, nameRoom = 0;
    for (char *name = NULL; getdelim(&name, &nameRoom, 0, list) > 0; name = NULL) {
        if (nameCount == room) {
            room = room == 0 ? 1024 : 2 * room;
            if ((names = realloc(names, room * sizeof *names)) == NULL) err(1, "realloc");
        }
        names[nameCount++] = name;
    }
    if (ferror(list)) err(1, "%s", path);
    fclose(list);
}

int main(int count, char **arguments) {
    static const char usage[] =
        "usage: reading [--sha256] threads COUNT | ring COUNT DEPTH | try-ring COUNT DEPTH  ROOT LIST";
    arguments++, count--;
    if (count == 1 && strcmp(arguments[0], "probe") == 0) {
        struct io_uring ring;
        int refused = makeRing(&ring, 8);
        if (refused != 0) warnx("io_uring: %s", strerror(refused));
        return refused != 0;
    }
    if (count > 0 && strcmp(arguments[0], "--sha256") == 0) digesting = true, arguments++, count--;
    if (count < 4) errx(64, usage);
    bool ring = strcmp(arguments[0], "threads") != 0;
    trying = strcmp(arguments[0], "try-ring") == 0;
    if (count != 4 + ring || (ring && !trying && strcmp(arguments[0], "ring") != 0)) errx(64, usage);
    unsigned threadCount = number(arguments[1]);
    if (ring) depth = number(arguments[2]);
    if ((root = open(arguments[2 + ring], O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0) err(1, "%s", arguments[2 + ring]);
    readNames(arguments[3 + ring]);

    pthread_t *threads = calloc(threadCount, sizeof *threads);
    struct Sum *sums = calloc(threadCount, sizeof *sums), all = {0};
    if (threads == NULL || sums == NULL) err(1, "calloc");
    for (unsigned index = 0; index < threadCount; index++) {
        errno = pthread_create(&threads[index], NULL, ring ? readThroughRing : readBlocking, &sums[index]);
        if (errno != 0) err(1, "pthread_create");
    }
    for (unsigned index = 0; index < threadCount; index++) {
        pthread_join(threads[index], NULL);
        all.files += sums[index].files;
        all.bytes += sums[index].bytes;
        for (int byte = 0; byte < DIGEST_SIZE; byte++) all.digests[byte] ^= sums[index].digests[byte];
    }
    printf("%" PRIu64 " files %" PRIu64 " bytes ", all.files, all.bytes);
    for (int byte = 0; byte < DIGEST_SIZE; byte++) printf("%02x", all.digests[byte]);
    putchar('\n');
    return 0;
}
