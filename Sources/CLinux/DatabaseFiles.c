#include "CLinux.h"

static int is_beside(const char *path, const char *suffix, struct stat *database) {
    size_t length = strlen(path), tail = strlen(suffix);
    char name[4096];
    if (length <= tail || length - tail >= sizeof name || strcmp(path + length - tail, suffix) != 0) return 0;
    memcpy(name, path, length - tail);
    name[length - tail] = 0;
    return stat(name, database) == 0 && S_ISREG(database->st_mode);
}

int clinux_may_play_back(const struct stat *journal, const struct stat *database) {
    // If root reads the database, its owner does not count: a journal can name files to be changed and removed.
    int is_known_owner = journal->st_uid == 0 || journal->st_uid == geteuid() ||
                         (geteuid() != 0 && journal->st_uid == database->st_uid);
    // One without a name is being removed just now, at the end of a change.
    return S_ISREG(journal->st_mode) && journal->st_nlink <= 1 && is_known_owner &&
           (journal->st_mode & ~database->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

static const char prefix[] = "/.fsscan-descriptor-";

const char *clinux_descriptor_prefix(void) { return prefix; }

/// The N of a name that is the prefix and N; -1 for any other.
static int descriptor_of(const char *path) {
    size_t length = sizeof prefix - 1;
    if (strncmp(path, prefix, length) != 0 || path[length] == 0) return -1;
    int number = 0;
    for (const char *digit = path + length; *digit != 0; digit++) {
        if (*digit < '0' || *digit > '9' || number > 100000000) return -1;
        number = 10 * number + (*digit - '0');
    }
    return number;
}

int clinux_unlink_database_file(const char *path) {
    size_t length = strlen(path);
    if (length >= 8 && strcmp(path + length - 8, "-journal") == 0) return unlink(path);
    errno = EPERM;
    return -1;
}

int clinux_open_database_file(const char *path, int flags, int mode) {
    int number = descriptor_of(path);
    if (number >= 0) return fcntl(number, F_DUPFD_CLOEXEC, 3);
    struct stat database, journal;
    if (is_beside(path, "-wal", &database) || is_beside(path, "-shm", &database)) {
        errno = EPERM;
        return -1;
    }
    int descriptor = open(path, flags | O_NONBLOCK | O_NOCTTY, mode);
    if (descriptor < 0 || !is_beside(path, "-journal", &database)) return descriptor;
    if (fstat(descriptor, &journal) == 0 && clinux_may_play_back(&journal, &database)) return descriptor;
    close(descriptor);
    errno = EPERM;
    return -1;
}
