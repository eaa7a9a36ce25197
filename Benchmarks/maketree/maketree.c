// Makes the trees that the benchmarks scan, and removes them again.
//
//     maketree PATH tree ENTRIES DIRECTORIES       a branching tree of empty files, exactly so many of each
//     maketree PATH small-dirs ENTRIES             the same with 89 directories in 300 entries
//     maketree PATH chain DEPTH                    one directory in the other; paths grow far beyond PATH_MAX
//     maketree PATH wide FILES                     one directory with so many empty files
//     maketree PATH files COUNT MIN MAX PER_DIR    files of MIN to MAX random bytes, PER_DIR in a directory
//     maketree PATH remove
//
// ENTRIES counts as `find PATH -mindepth 1 | wc -l` does. The same arguments give the same tree, names and bytes
// included, on every machine: one seeded generator decides everything.
//
// Beside the tree stands PATH.made, which holds the arguments. A tree that is already there with the same arguments is
// left alone, so a benchmark can ask for its tree each time; a directory without that file is never removed or
// overwritten, so a slip in PATH costs nothing.
//
// One descriptor for each level at most while making (a balanced tree is some twenty levels deep; the chain keeps only
// one), and one in all while removing: it climbs back through `..`, because a chain is deeper than any limit.

#define _GNU_SOURCE
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// MARK: Chance

/// splitmix64 (Steele, Lea, Flood 2014): small, seedable, good enough to shape trees and to defeat compression.
static uint64_t state = 20180710;

static uint64_t chance(void) {
    uint64_t z = (state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/// A number in 0...most.
static uint64_t upTo(uint64_t most) { return most == UINT64_MAX ? chance() : chance() % (most + 1); }

// MARK: Making

static int enter(int parent, const char *name) {
    int directory = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (directory < 0) err(1, "open %s", name);
    return directory;
}

static int makeDirectory(int parent, const char *name) {
    if (mkdirat(parent, name, 0755) != 0) err(1, "mkdir %s", name);
    return enter(parent, name);
}

/// mknodat, not openat and close: one call for a file that stays empty.
static void makeEmptyFiles(int directory, uint64_t count) {
    char name[32];
    for (uint64_t index = 0; index < count; index++) {
        snprintf(name, sizeof name, "file%" PRIu64 ".txt", index);
        if (mknodat(directory, name, S_IFREG | 0644, 0) != 0) err(1, "mknod %s", name);
    }
}

/// Fills a directory with exactly `directories` and `files` at all levels below it.
///
/// Both are dealt out among two to eight children at random places, so that subtrees differ in size as they do in real
/// trees. Recursion is safe: each child gets a share, and the depth is logarithmic for all but absurd luck.
static void makeTree(int directory, uint64_t directories, uint64_t files) {
    uint64_t children = 2 + upTo(6);
    if (children > directories) children = directories;
    uint64_t restDirectories = directories - children, restFiles = files;
    char name[32];
    for (uint64_t index = 0; index < children; index++) {
        uint64_t left = children - index;
        // The last child takes the rest; the others take between nothing and twice an equal share.
        uint64_t share = left == 1 ? restDirectories : upTo(2 * (restDirectories / left));
        // Files go where directories are: in proportion to the subtree, this directory itself counting as one.
        double weight = (double)(share + 1) / (double)(restDirectories + left + 1);
        uint64_t shareFiles = (uint64_t)((double)restFiles * weight);
        if (share == 0) {
            // Leaves would otherwise all hold the same number.
            shareFiles = upTo(2 * shareFiles + 1);
            if (shareFiles > restFiles) shareFiles = restFiles;
        }
        snprintf(name, sizeof name, "directory%" PRIu64, index);
        int child = makeDirectory(directory, name);
        makeTree(child, share, shareFiles);
        close(child);
        restDirectories -= share;
        restFiles -= shareFiles;
    }
    makeEmptyFiles(directory, restFiles);
}

static void makeChain(int root, uint64_t depth) {
    int directory = dup(root);
    for (uint64_t level = 0; level < depth; level++) {
        int child = makeDirectory(directory, "d");
        close(directory);
        directory = child;
    }
    close(directory);
}

static void makeFiles(int root, uint64_t count, uint64_t least, uint64_t most, uint64_t perDirectory) {
    static uint64_t buffer[16 * 1024];
    if (least > most) errx(64, "MIN is larger than MAX");
    if (perDirectory == 0) errx(64, "PER_DIR is 0");
    int directory = -1;
    char name[32];
    for (uint64_t index = 0; index < count; index++) {
        if (index % perDirectory == 0) {
            if (directory >= 0) close(directory);
            snprintf(name, sizeof name, "directory%" PRIu64, index / perDirectory);
            directory = makeDirectory(root, name);
        }
        snprintf(name, sizeof name, "file%" PRIu64 ".bin", index);
        int file = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        if (file < 0) err(1, "create %s", name);
        for (uint64_t rest = least + upTo(most - least); rest > 0;) {
            size_t piece = rest < sizeof buffer ? (size_t)rest : sizeof buffer;
            for (size_t word = 0; word < (piece + 7) / 8; word++) buffer[word] = chance();
            if (write(file, buffer, piece) != (ssize_t)piece) err(1, "write %s", name);
            rest -= piece;
        }
        close(file);
    }
    if (directory >= 0) close(directory);
}

// MARK: Removing

/// Names of subdirectories that are still to be removed, NUL-terminated; the last is the one that is entered next, and
/// an empty name marks where a directory's list begins.
static struct {
    char *bytes;
    size_t count, capacity;
} pending;

static void remember(const char *name) {
    size_t length = strlen(name) + 1;
    if (pending.count + length > pending.capacity) {
        pending.capacity = (pending.count + length) * 2;
        pending.bytes = realloc(pending.bytes, pending.capacity);
        if (pending.bytes == NULL) err(1, "realloc");
    }
    memcpy(pending.bytes + pending.count, name, length);
    pending.count += length;
}

/// The last remembered name: where the bytes after the NUL before the last one begin.
static const char *lastName(void) {
    size_t start = pending.count - 1;
    while (start > 0 && pending.bytes[start - 1] != 0) start--;
    return pending.bytes + start;
}

static void forgetLast(void) { pending.count -= strlen(lastName()) + 1; }

/// Unlinks what is not a directory and remembers what is.
///
/// A directory that shrinks while it is read may hide entries on some file systems, hence the second look: it ends when
/// a pass unlinked nothing.
static void empty(int directory) {
    static char buffer[64 * 1024] __attribute__((aligned(8)));
    remember("");
    size_t start = pending.count;
    for (bool again = true; again;) {
        again = false;
        pending.count = start;
        if (lseek(directory, 0, SEEK_SET) < 0) err(1, "lseek");
        ssize_t filled;
        while ((filled = getdents64(directory, buffer, sizeof buffer)) > 0) {
            for (ssize_t offset = 0; offset < filled;) {
                struct dirent64 *entry = (struct dirent64 *)(buffer + offset);
                offset += entry->d_reclen;
                const char *name = entry->d_name;
                if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) continue;
                if (unlinkat(directory, name, 0) == 0) {
                    again = true;
                } else if (errno == EISDIR || errno == EPERM) {
                    remember(name);
                } else {
                    err(1, "unlink %s", name);
                }
            }
        }
        if (filled < 0) err(1, "getdents64");
    }
}

static void removeTree(const char *path) {
    int directory = enter(AT_FDCWD, path);
    size_t depth = 0;
    empty(directory);
    for (;;) {
        const char *name = lastName();
        if (name[0] != 0) {
            int child = enter(directory, name);
            close(directory);
            directory = child;
            depth++;
            empty(directory);
            continue;
        }
        forgetLast();
        if (depth == 0) break;
        int parent = enter(directory, "..");
        close(directory);
        directory = parent;
        depth--;
        if (unlinkat(directory, lastName(), AT_REMOVEDIR) != 0) err(1, "rmdir %s", lastName());
        forgetLast();
    }
    close(directory);
    if (rmdir(path) != 0) err(1, "rmdir %s", path);
}

// MARK: The note beside the tree

static char notePath[PATH_MAX];

/// Whether the note says `text`. A note that is there at all, unfinished or different, allows removal.
static bool noteSays(const char *text, bool *exists) {
    char found[512] = "";
    FILE *note = fopen(notePath, "re");
    *exists = note != NULL;
    if (note == NULL) return false;
    size_t length = fread(found, 1, sizeof found - 1, note);
    found[length] = 0;
    fclose(note);
    return strcmp(found, text) == 0;
}

static void writeNote(const char *text) {
    FILE *note = fopen(notePath, "we");
    if (note == NULL || fputs(text, note) < 0 || fclose(note) != 0) err(1, "%s", notePath);
}

// MARK: Arguments

static int argumentCount;
static char **arguments;

static uint64_t number(int index) {
    if (index >= argumentCount) errx(64, "an argument is missing; see the head of maketree.c");
    char *end;
    errno = 0;
    uint64_t value = strtoull(arguments[index], &end, 10);
    if (errno != 0 || *end != 0 || end == arguments[index] || arguments[index][0] == '-')
        errx(64, "not a number: %s", arguments[index]);
    return value;
}

int main(int count, char **values) {
    argumentCount = count;
    arguments = values;
    if (count < 3) errx(64, "usage: maketree PATH SHAPE NUMBER...; see the head of maketree.c");
    const char *path = arguments[1], *shape = arguments[2];
    if ((size_t)snprintf(notePath, sizeof notePath, "%s.made", path) >= sizeof notePath) errx(64, "PATH is too long");

    char wanted[512] = "";
    for (int index = 2; index < count; index++) {
        strncat(wanted, arguments[index], sizeof wanted - strlen(wanted) - 1);
        strncat(wanted, index + 1 < count ? " " : "\n", sizeof wanted - strlen(wanted) - 1);
    }

    bool ours;
    struct stat status;
    bool present = lstat(path, &status) == 0;
    bool same = noteSays(wanted, &ours);
    if (present && same) return 0;
    if (present && !ours) errx(1, "%s was not made by maketree (no %s): left alone", path, notePath);
    if (present) removeTree(path);
    if (strcmp(shape, "remove") == 0) {
        if (ours && unlink(notePath) != 0) err(1, "%s", notePath);
        return 0;
    }

    writeNote("unfinished\n");
    int root = makeDirectory(AT_FDCWD, path);
    if (strcmp(shape, "tree") == 0) {
        uint64_t all = number(3), directories = number(4);
        if (directories > all) errx(64, "more DIRECTORIES than ENTRIES");
        makeTree(root, directories, all - directories);
    } else if (strcmp(shape, "small-dirs") == 0) {
        uint64_t all = number(3), directories = all * 89 / 300;
        makeTree(root, directories, all - directories);
    } else if (strcmp(shape, "chain") == 0) {
        makeChain(root, number(3));
    } else if (strcmp(shape, "wide") == 0) {
        makeEmptyFiles(root, number(3));
    } else if (strcmp(shape, "files") == 0) {
        makeFiles(root, number(3), number(4), number(5), number(6));
    } else {
        errx(64, "unknown shape: %s", shape);
    }
    close(root);
    writeNote(wanted);
    return 0;
}
