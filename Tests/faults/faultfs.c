// A file system that fails on command: faultfs SPEC MOUNTPOINT COMMAND...
//
// Mounts, runs COMMAND, unmounts, and exits with COMMAND's status. SPEC is a file; each of its lines defines an entry:
//
//     PATH KIND [KEY=VALUE]...        KIND: dir file link fifo
//
//     size=N          st_size; a file's bytes are its offsets' lowest ones
//     count=N         N entries, named PATH0000, PATH0001 …
//     end=N           reading ends at byte N, whatever the size says
//     list=ERR@N      listing fails after N entries       list=endless   it never ends
//     lookup=ERR[@N]  finding the name fails (after N times)   stat=ERR       getattr fails, where the lookup did not
//     open=ERR[@N]    opening fails (N times)             read=ERR@N     reading beyond byte N fails
//     type=unknown    readdir's kind: DT_UNKNOWN, or a KIND other than the real one
//     ino=N           the inode number that readdir returns
//     ino=changing    another inode number at each stat
//     twice=1         readdir returns the name twice      xattr=NAME@N   an extended attribute, listed N times
//     delay=N         milliseconds before each answer
//
// The server is a separate process, $FAULTFS_SERVER, so that COMMAND can stop or kill it. The kernel caches nothing:
// each request comes here.

#define FUSE_USE_VERSION 312
#include <errno.h>
#include <fuse_lowlevel.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

struct node {
    fuse_ino_t parent;
    char name[256];
    mode_t mode;
    unsigned claimed;  // type bits in readdir
    off_t size, end;
    long list_after, read_after;  // -1: never
    int list_error, lookup_error, stat_error, open_error, read_error;
    bool endless, twice, changing, has_listed_inode;
    ino_t listed_inode;
    long delay, lookups_left, open_failures;  // -1: for ever
    char xattr[64];
    long xattr_times;
};

static struct node *nodes;  // nodes[1] is the root: FUSE's inode numbers
static size_t node_count = 2;

static void fail(const char *what) {
    fprintf(stderr, "faultfs: %s: %s\n", what, strerror(errno));
    exit(70);
}

static int error_number(const char *name) {
    for (int number = 1; number < 512; number++) {
        const char *known = strerrorname_np(number);
        if (known != NULL && strcmp(known, name) == 0) return number;
    }
    fprintf(stderr, "faultfs: no such error: %s\n", name);
    exit(64);
}

static mode_t type_bits(const char *kind) {
    if (strcmp(kind, "dir") == 0) return S_IFDIR;
    if (strcmp(kind, "file") == 0) return S_IFREG;
    if (strcmp(kind, "link") == 0) return S_IFLNK;
    if (strcmp(kind, "fifo") == 0) return S_IFIFO;
    if (strcmp(kind, "unknown") == 0) return 0;
    fprintf(stderr, "faultfs: no such kind: %s\n", kind);
    exit(64);
}

static fuse_ino_t child(fuse_ino_t parent, const char *name) {
    for (size_t index = 2; index < node_count; index++)
        if (nodes[index].parent == parent && strcmp(nodes[index].name, name) == 0) return index;
    return 0;
}

static void set(struct node *node, char *key) {
    char *value = strchr(key, '=');
    if (value == NULL) exit(64);
    *value++ = 0;
    char *at = strchr(value, '@');
    if (at != NULL) *at++ = 0;
    if (strcmp(key, "size") == 0) node->size = atoll(value), node->end = node->size;
    else if (strcmp(key, "end") == 0) node->end = atoll(value);
    else if (strcmp(key, "lookup") == 0) node->lookup_error = error_number(value), node->lookups_left = at ? atol(at) : 0;
    else if (strcmp(key, "stat") == 0) node->stat_error = error_number(value);
    else if (strcmp(key, "open") == 0) node->open_error = error_number(value), node->open_failures = at ? atol(at) : -1;
    else if (strcmp(key, "delay") == 0) node->delay = atol(value);
    else if (strcmp(key, "twice") == 0) node->twice = true;
    else if (strcmp(key, "type") == 0) node->claimed = type_bits(value);
    else if (strcmp(key, "ino") == 0 && strcmp(value, "changing") == 0) node->changing = true;
    else if (strcmp(key, "ino") == 0) node->has_listed_inode = true, node->listed_inode = strtoull(value, NULL, 10);
    else if (strcmp(key, "list") == 0 && strcmp(value, "endless") == 0) node->endless = true;
    else if (strcmp(key, "list") == 0 && at) node->list_error = error_number(value), node->list_after = atol(at);
    else if (strcmp(key, "xattr") == 0 && at)
        snprintf(node->xattr, sizeof node->xattr, "%s", value), node->xattr_times = atol(at);
    else if (strcmp(key, "read") == 0 && at) node->read_error = error_number(value), node->read_after = atol(at);
    else {
        fprintf(stderr, "faultfs: no such key: %s\n", key);
        exit(64);
    }
}

static void add(const char *path, mode_t type, char **keys, int key_count, long number) {
    fuse_ino_t parent = FUSE_ROOT_ID;
    char copy[4096], *rest = copy, *component;
    snprintf(copy, sizeof copy, number < 0 ? "%s" : "%s%04ld", path, number);
    bool is_root = strcmp(copy, ".") == 0;
    while ((component = strsep(&rest, "/")) != NULL && rest != NULL)
        if ((parent = child(parent, component)) == 0) exit(64);
    nodes = realloc(nodes, (node_count + 1) * sizeof *nodes);
    if (nodes == NULL) fail("realloc");
    struct node *node = &nodes[is_root ? FUSE_ROOT_ID : node_count++];
    if (!is_root) {
        *node = (struct node){.parent = parent, .list_after = -1, .read_after = -1};
        snprintf(node->name, sizeof node->name, "%s", component);
        node->mode = type | (type == S_IFDIR ? 0755 : 0644);
        node->claimed = type;
    }
    for (int index = 0; index < key_count; index++) {
        char key[256];
        snprintf(key, sizeof key, "%s", keys[index]);
        if (strncmp(key, "count=", 6) != 0) set(node, key);
    }
}

static void read_spec(const char *path) {
    nodes = calloc(2, sizeof *nodes);
    nodes[1] = (struct node){.mode = S_IFDIR | 0755, .list_after = -1, .read_after = -1};
    FILE *file = fopen(path, "re");
    if (file == NULL) fail(path);
    char line[4096];
    while (fgets(line, sizeof line, file) != NULL) {
        char *words[16], *rest = line;
        int word_count = 0;
        for (char *word; word_count < 16 && (word = strsep(&rest, " \n")) != NULL;)
            if (*word != 0) words[word_count++] = word;
        if (word_count < 2) continue;
        long count = 0;
        for (int index = 2; index < word_count; index++)
            if (strncmp(words[index], "count=", 6) == 0) count = atol(words[index] + 6);
        for (long number = count > 0 ? 0 : -1; number < count; number++) {
            add(words[0], type_bits(words[1]), words + 2, word_count - 2, number);
            if (number < 0) break;
        }
    }
    fclose(file);
}

static void take_time(const struct node *node) {
    if (node->delay > 0) usleep((useconds_t)node->delay * 1000);
}

static struct stat status(fuse_ino_t number) {
    static ino_t next = 1000000;
    const struct node *node = &nodes[number];
    return (struct stat){
        .st_ino = node->changing ? next++ : number,
        .st_mode = node->mode,
        .st_nlink = 1,
        .st_size = node->size,
        .st_blocks = (node->size + 511) / 512,
        .st_blksize = 4096,
        .st_mtim = {.tv_sec = 1000000000},
        .st_ctim = {.tv_sec = 1000000000},
    };
}

static void on_init(void *data, struct fuse_conn_info *connection) {
    (void)data;
    // Kernels use attributes from READDIRPLUS instead of asking again: then no error of getattr would ever be seen.
    connection->want &= ~(unsigned)(FUSE_CAP_READDIRPLUS | FUSE_CAP_READDIRPLUS_AUTO);
}

// Names of an endless directory are not in the table: all are the file of its first entry.
static void on_lookup(fuse_req_t request, fuse_ino_t parent, const char *name) {
    fuse_ino_t number = child(parent, name);
    if (number == 0 && nodes[parent].endless) number = child(parent, "0");
    if (number == 0) {
        fuse_reply_err(request, ENOENT);
        return;
    }
    take_time(&nodes[number]);
    if (nodes[number].lookup_error != 0 && nodes[number].lookups_left-- <= 0) {
        fuse_reply_err(request, nodes[number].lookup_error);
        return;
    }
    struct fuse_entry_param entry = {.ino = number, .attr = status(number)};
    fuse_reply_entry(request, &entry);
}

static void on_getattr(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *file) {
    (void)file;
    take_time(&nodes[number]);
    struct stat answer = status(number);
    if (nodes[number].stat_error != 0) fuse_reply_err(request, nodes[number].stat_error);
    else fuse_reply_attr(request, &answer, 0);
}

static void on_open(fuse_req_t request, fuse_ino_t number, struct fuse_file_info *file) {
    struct node *node = &nodes[number];
    take_time(node);
    if (node->open_error == 0 || node->open_failures == 0) {
        fuse_reply_open(request, file);
        return;
    }
    if (node->open_failures > 0) node->open_failures--;
    fuse_reply_err(request, node->open_error);
}

// The offset after an entry is its index in the listing plus one.
static void on_readdir(fuse_req_t request, fuse_ino_t number, size_t size, off_t offset, struct fuse_file_info *file) {
    (void)file;
    const struct node *directory = &nodes[number];
    take_time(directory);
    char buffer[1 << 16];
    size_t used = 0, room = size < sizeof buffer ? size : sizeof buffer;
    off_t place = 0;
    if (directory->endless) {
        for (place = offset;; place++) {
            char name[32];
            snprintf(name, sizeof name, "%lld", (long long)place);
            struct stat entry = {.st_ino = 1, .st_mode = S_IFREG};
            size_t needed = fuse_add_direntry(request, buffer + used, room - used, name, &entry, place + 1);
            if (needed > room - used) break;
            used += needed;
        }
        fuse_reply_buf(request, buffer, used);
        return;
    }
    for (size_t index = 2; index < node_count; index++) {
        const struct node *node = &nodes[index];
        if (node->parent != number) continue;
        for (int time = 0; time < (node->twice ? 2 : 1); time++, place++) {
            if (directory->list_error != 0 && place >= directory->list_after) goto full;
            if (place < offset) continue;
            struct stat entry = {
                .st_ino = node->has_listed_inode ? node->listed_inode : index, .st_mode = node->claimed};
            size_t needed = fuse_add_direntry(request, buffer + used, room - used, node->name, &entry, place + 1);
            if (needed > room - used) goto full;
            used += needed;
        }
    }
full:
    if (used == 0 && directory->list_error != 0 && place >= directory->list_after)
        fuse_reply_err(request, directory->list_error);
    else fuse_reply_buf(request, buffer, used);
}

static void on_read(fuse_req_t request, fuse_ino_t number, size_t size, off_t offset, struct fuse_file_info *file) {
    (void)file;
    const struct node *node = &nodes[number];
    take_time(node);
    off_t last = offset + (off_t)size;
    if (last > node->end) last = node->end;
    // The whole request: the kernel takes a short answer for the end of the file, and asks page by page after an error.
    if (node->read_error != 0 && last > node->read_after) {
        fuse_reply_err(request, node->read_error);
        return;
    }
    size_t amount = last > offset ? (size_t)(last - offset) : 0;
    char *bytes = malloc(amount + 1);
    for (size_t index = 0; index < amount; index++) bytes[index] = (char)(offset + (off_t)index);
    fuse_reply_buf(request, bytes, amount);
    free(bytes);
}

static void on_readlink(fuse_req_t request, fuse_ino_t number) {
    if (nodes[number].read_error != 0) fuse_reply_err(request, nodes[number].read_error);
    else fuse_reply_readlink(request, "target");
}

// A request without room asks for the required size.
static void reply_attribute(fuse_req_t request, const char *bytes, size_t length, size_t room) {
    if (room == 0) fuse_reply_xattr(request, length);
    else if (room < length) fuse_reply_err(request, ERANGE);
    else fuse_reply_buf(request, bytes, length);
}

static void on_listxattr(fuse_req_t request, fuse_ino_t number, size_t room) {
    const struct node *node = &nodes[number];
    char list[1024];
    size_t used = 0, length = strlen(node->xattr) + 1;
    for (long time = 0; time < node->xattr_times && used + length <= sizeof list; time++, used += length)
        memcpy(list + used, node->xattr, length);
    reply_attribute(request, list, used, room);
}

static void on_getxattr(fuse_req_t request, fuse_ino_t number, const char *name, size_t room) {
    const struct node *node = &nodes[number];
    if (node->xattr_times == 0 || strcmp(node->xattr, name) != 0) fuse_reply_err(request, ENODATA);
    else reply_attribute(request, "value", 5, room);
}

static const struct fuse_lowlevel_ops operations = {
    .init = on_init, .lookup = on_lookup, .getattr = on_getattr, .open = on_open, .opendir = on_open,
    .readdir = on_readdir, .read = on_read, .readlink = on_readlink, .listxattr = on_listxattr, .getxattr = on_getxattr,
};

int main(int count, char **arguments) {
    if (count < 4) {
        fputs("usage: faultfs SPEC MOUNTPOINT COMMAND...\n", stderr);
        return 64;
    }
    read_spec(arguments[1]);
    char *options[] = {"faultfs", "-oallow_other,fsname=faultfs", NULL};
    struct fuse_args list = FUSE_ARGS_INIT(2, options);
    struct fuse_session *session = fuse_session_new(&list, &operations, sizeof operations, NULL);
    if (session == NULL || fuse_session_mount(session, arguments[2]) != 0) return 70;

    pid_t server = fork();
    if (server < 0) fail("fork");
    if (server == 0) _exit(fuse_session_loop(session) < 0 ? 70 : 0);
    char number[16];
    snprintf(number, sizeof number, "%d", (int)server);
    setenv("FAULTFS_SERVER", number, 1);
    // The connection ends when the server's descriptor is the only one and is closed.
    close(fuse_session_fd(session));

    pid_t command = fork();
    if (command < 0) fail("fork");
    if (command == 0) {
        execvp(arguments[3], arguments + 3);
        _exit(127);
    }
    int result;
    while (waitpid(command, &result, 0) != command) {}
    umount2(arguments[2], MNT_DETACH);
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    return WIFEXITED(result) ? WEXITSTATUS(result) : 128 + WTERMSIG(result);
}
