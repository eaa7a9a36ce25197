// A file system on which every operation takes a given time: shows SOURCE, read-only, as a remote disk would.
//
//     delayfs SOURCE MOUNTPOINT DELAY [OPERATION=DELAY]...      delays in milliseconds, 0.25 is allowed
//
// OPERATION: lookup getattr readlink opendir readdir open read. It stays in the foreground; SIGTERM unmounts and ends it.
//
// A delay is latency, not bandwidth: any number of requests wait at the same time, as at a server behind a network. So
// requests do not sleep in threads of a pool, whose size would be a limit. One thread receives requests, answers them
// from SOURCE at once, and puts the answer into a queue; another hands out each answer when it is due. That also keeps
// this program's own need for processor time small, and the tables of inodes belong to the receiver alone.
//
// The kernel is told to remember nothing (entry and attribute timeouts of 0, direct I/O), so that every lookup, open and
// read comes here. What a network protocol would not ask for a second time is free: the attributes that came with a
// lookup (getattr), the end of a directory, and a read at or beyond the end of a file.

#define FUSE_USE_VERSION 312
#define _GNU_SOURCE
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

// MARK: Delays

enum Operation { LOOKUP, GETATTR, READLINK, OPENDIR, READDIR, OPEN, READ, OPERATIONS };
static const char *const operationNames[OPERATIONS] = {
    "lookup", "getattr", "readlink", "opendir", "readdir", "open", "read",
};
/// Nanoseconds. Written before the session starts.
static uint64_t delays[OPERATIONS];

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

// MARK: Answers

/// An answer that waits for its time. `send` says which member of the union it is.
struct Answer {
    struct Answer *earlier, *later;
    uint64_t due;
    fuse_req_t request;
    void (*send)(struct Answer *);
    union {
        int error;
        struct fuse_entry_param entry;
        struct stat attributes;
        struct fuse_file_info file;
        size_t size;
    };
    char bytes[];
};

static void sendError(struct Answer *answer) { fuse_reply_err(answer->request, answer->error); }
static void sendEntry(struct Answer *answer) { fuse_reply_entry(answer->request, &answer->entry); }
static void sendAttributes(struct Answer *answer) { fuse_reply_attr(answer->request, &answer->attributes, 0); }
static void sendFile(struct Answer *answer) { fuse_reply_open(answer->request, &answer->file); }
static void sendBytes(struct Answer *answer) { fuse_reply_buf(answer->request, answer->bytes, answer->size); }
static void sendTarget(struct Answer *answer) { fuse_reply_readlink(answer->request, answer->bytes); }

/// Answers in the order in which they are due, a ring with a head. The lock guards the links and nothing else.
static struct Answer queue = {.earlier = &queue, .later = &queue};
static pthread_mutex_t queueLock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t queueChanged;

static struct Answer *makeAnswer(fuse_req_t request, void (*send)(struct Answer *), size_t room) {
    struct Answer *answer = calloc(1, sizeof *answer + room);
    if (answer == NULL) err(1, "calloc");
    answer->request = request;
    answer->send = send;
    return answer;
}

/// Sends an answer after `delay` nanoseconds.
static void sendLater(struct Answer *answer, uint64_t delay) {
    if (delay == 0) {
        answer->send(answer);
        free(answer);
        return;
    }
    answer->due = now() + delay;
    pthread_mutex_lock(&queueLock);
    // From the end: with equal delays the place is found at once.
    struct Answer *before = queue.earlier;
    while (before != &queue && before->due > answer->due) before = before->earlier;
    answer->earlier = before;
    answer->later = before->later;
    before->later->earlier = answer;
    before->later = answer;
    if (queue.later == answer) pthread_cond_signal(&queueChanged);
    pthread_mutex_unlock(&queueLock);
}

static void failLater(fuse_req_t request, int error, enum Operation operation) {
    struct Answer *answer = makeAnswer(request, sendError, 0);
    answer->error = error;
    sendLater(answer, delays[operation]);
}

/// The thread that hands out answers. It ends with the process.
static void *handOut(void *unused) {
    (void)unused;
    pthread_mutex_lock(&queueLock);
    for (;;) {
        struct Answer *first = queue.later;
        if (first == &queue) {
            pthread_cond_wait(&queueChanged, &queueLock);
        } else if (first->due > now()) {
            struct timespec due = {(time_t)(first->due / 1000000000u), (long)(first->due % 1000000000u)};
            pthread_cond_timedwait(&queueChanged, &queueLock, &due);
        } else {
            queue.later = first->later;
            first->later->earlier = &queue;
            pthread_mutex_unlock(&queueLock);
            first->send(first);
            free(first);
            pthread_mutex_lock(&queueLock);
        }
    }
    return NULL;
}

// MARK: Inodes

/// The kernel's node numbers are the addresses. The receiver's alone, so no lock.
struct Inode {
    struct Inode *next;
    int descriptor;  // O_PATH
    dev_t device;
    ino_t number;
    uint64_t lookups;
};

static struct Inode root;
static struct Inode *inodes[1 << 16];

static struct Inode **bucket(dev_t device, ino_t number) {
    return &inodes[(number * 0x9E3779B97F4A7C15u ^ device) >> 48];
}

static struct Inode *inodeOf(fuse_ino_t number) {
    return number == FUSE_ROOT_ID ? &root : (struct Inode *)(uintptr_t)number;
}

static void forget(fuse_ino_t number, uint64_t lookups) {
    struct Inode *inode = inodeOf(number);
    if (inode == &root || (inode->lookups -= lookups) > 0) return;
    struct Inode **place = bucket(inode->device, inode->number);
    while (*place != inode) place = &(*place)->next;
    *place = inode->next;
    close(inode->descriptor);
    free(inode);
}

static void forgetOne(fuse_req_t request, fuse_ino_t number, uint64_t lookups) {
    forget(number, lookups);
    fuse_reply_none(request);
}

static void forgetMany(fuse_req_t request, size_t count, struct fuse_forget_data *forgets) {
    for (size_t index = 0; index < count; index++) forget(forgets[index].ino, forgets[index].nlookup);
    fuse_reply_none(request);
}

// MARK: Requests

static void lookup(fuse_req_t request, fuse_ino_t parent, const char *name) {
    int descriptor = openat(inodeOf(parent)->descriptor, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (descriptor < 0) return failLater(request, errno, LOOKUP);
    struct Answer *answer = makeAnswer(request, sendEntry, 0);
    struct stat *status = &answer->entry.attr;
    if (fstatat(descriptor, "", status, AT_EMPTY_PATH) != 0) err(1, "fstatat");
    struct Inode **place = bucket(status->st_dev, status->st_ino), *inode = *place;
    while (inode != NULL && (inode->device != status->st_dev || inode->number != status->st_ino)) inode = inode->next;
    if (inode != NULL) {
        close(descriptor);
    } else {
        if ((inode = calloc(1, sizeof *inode)) == NULL) err(1, "calloc");
        *inode = (struct Inode){*place, descriptor, status->st_dev, status->st_ino, 0};
        *place = inode;
    }
    inode->lookups++;
    answer->entry.ino = (uintptr_t)inode;
    sendLater(answer, delays[LOOKUP]);
}

static void getAttributes(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *file) {
    (void)file;
    struct Answer *answer = makeAnswer(request, sendAttributes, 0);
    if (fstatat(inodeOf(number)->descriptor, "", &answer->attributes, AT_EMPTY_PATH) != 0) err(1, "fstatat");
    sendLater(answer, delays[GETATTR]);
}

static void readLink(fuse_req_t request, fuse_ino_t number) {
    struct Answer *answer = makeAnswer(request, sendTarget, 4096);
    // One byte less: the zero behind the target.
    if (readlinkat(inodeOf(number)->descriptor, "", answer->bytes, 4095) < 0) {
        answer->send = sendError;
        answer->error = errno;
    }
    sendLater(answer, delays[READLINK]);
}

/// Opens what an O_PATH descriptor stands for.
static int reopen(fuse_ino_t number, int flags) {
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", inodeOf(number)->descriptor);
    return open(path, flags | O_RDONLY | O_CLOEXEC);
}

static void openDirectory(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *file) {
    int descriptor = reopen(number, O_DIRECTORY);
    if (descriptor < 0) return failLater(request, errno, OPENDIR);
    DIR *directory = fdopendir(descriptor);
    if (directory == NULL) err(1, "fdopendir");
    struct Answer *answer = makeAnswer(request, sendFile, 0);
    answer->file = *file;
    answer->file.fh = (uintptr_t)directory;
    sendLater(answer, delays[OPENDIR]);
}

static void readDirectory(
    fuse_req_t request, fuse_ino_t number, size_t size, off_t offset, struct fuse_file_info *file) {
    (void)number;
    DIR *directory = (DIR *)(uintptr_t)file->fh;
    struct Answer *answer = makeAnswer(request, sendBytes, size);
    if (offset != telldir(directory)) seekdir(directory, offset);
    struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        struct stat status = {.st_ino = entry->d_ino, .st_mode = DTTOIF(entry->d_type)};
        size_t length = fuse_add_direntry(
            request, answer->bytes + answer->size, size - answer->size, entry->d_name, &status, entry->d_off);
        if (length > size - answer->size) {
            // Full: the kernel comes back with the offset of the last entry that it got, and seekdir finds this one again.
            break;
        }
        answer->size += length;
    }
    sendLater(answer, answer->size == 0 ? 0 : delays[READDIR]);
}

static void releaseDirectory(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *file) {
    (void)number;
    closedir((DIR *)(uintptr_t)file->fh);
    fuse_reply_err(request, 0);
}

static void openFile(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *file) {
    if ((file->flags & O_ACCMODE) != O_RDONLY) return failLater(request, EROFS, OPEN);
    int descriptor = reopen(number, O_NONBLOCK);
    if (descriptor < 0) return failLater(request, errno, OPEN);
    struct Answer *answer = makeAnswer(request, sendFile, 0);
    answer->file = *file;
    answer->file.fh = (uint64_t)descriptor;
    answer->file.direct_io = 1;
    sendLater(answer, delays[OPEN]);
}

static void readFile(fuse_req_t request, fuse_ino_t number, size_t size, off_t offset, struct fuse_file_info *file) {
    (void)number;
    struct Answer *answer = makeAnswer(request, sendBytes, size);
    ssize_t length = pread((int)file->fh, answer->bytes, size, offset);
    if (length < 0) {
        answer->send = sendError;
        answer->error = errno;
    } else {
        answer->size = (size_t)length;
    }
    sendLater(answer, length == 0 ? 0 : delays[READ]);
}

static void releaseFile(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *file) {
    (void)number;
    close((int)file->fh);
    fuse_reply_err(request, 0);
}

static void start(void *unused, struct fuse_conn_info *connection) {
    (void)unused;
    // Asynchronous requests (those of an io_uring) beyond this number would wait in the kernel.
    connection->max_background = 4096;
    connection->congestion_threshold = 4096;
}

static const struct fuse_lowlevel_ops operations = {
    .init = start,
    .lookup = lookup,
    .forget = forgetOne,
    .forget_multi = forgetMany,
    .getattr = getAttributes,
    .readlink = readLink,
    .opendir = openDirectory,
    .readdir = readDirectory,
    .releasedir = releaseDirectory,
    .open = openFile,
    .read = readFile,
    .release = releaseFile,
};

// MARK: Command line

static uint64_t milliseconds(const char *text) {
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end != 0 || !(value >= 0 && value < 3600e3)) errx(64, "not a delay in milliseconds: %s", text);
    return (uint64_t)(value * 1e6);
}

static void readArguments(int count, char **arguments) {
    if (count < 4) errx(64, "usage: delayfs SOURCE MOUNTPOINT DELAY [OPERATION=DELAY]...");
    for (int operation = 0; operation < OPERATIONS; operation++) {
        delays[operation] = operation == GETATTR ? 0 : milliseconds(arguments[3]);
    }
    for (int index = 4; index < count; index++) {
        char *value = strchr(arguments[index], '=');
        int operation = 0;
        if (value != NULL) *value++ = 0;
        while (operation < OPERATIONS && strcmp(arguments[index], operationNames[operation]) != 0) operation++;
        if (value == NULL || operation == OPERATIONS) errx(64, "not OPERATION=DELAY: %s", arguments[index]);
        delays[operation] = milliseconds(value);
    }
}

int main(int count, char **arguments) {
    readArguments(count, arguments);
    // The kernel forgets inodes only when it needs memory, and each is a descriptor here.
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    if ((root.descriptor = open(arguments[1], O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0) err(1, "%s", arguments[1]);

    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&queueChanged, &monotonic);
    // SIGTERM is for the receiver: it interrupts its read.
    sigset_t all, none;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &none);
    pthread_t thread;
    if (pthread_create(&thread, NULL, handOut, NULL) != 0) errx(1, "pthread_create");
    pthread_sigmask(SIG_SETMASK, &none, NULL);

    char *options[] = {arguments[0], "-o", "ro,fsname=delayfs,subtype=delayfs", NULL};
    struct fuse_args fuseArguments = FUSE_ARGS_INIT(3, options);
    struct fuse_session *session = fuse_session_new(&fuseArguments, &operations, sizeof operations, NULL);
    if (session == NULL || fuse_set_signal_handlers(session) != 0) return 1;
    if (fuse_session_mount(session, arguments[2]) != 0) return 1;
    int result = fuse_session_loop(session);
    // Waiting requests end with the unmounting: no more answers are handed out.
    pthread_mutex_lock(&queueLock);
    fuse_session_unmount(session);
    // A signal that asks to end is a good end.
    return result < 0;
}
