// Environment variables through which another user could control the program.

#include "CLinux.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/auxv.h>

/// Whether only root controls the file at `path`, which has no symlinks: each directory on the way belongs to root, and
/// other users can write only to sticky ones. Shortens `path`.
static int is_roots(char *path) {
    for (;;) {
        struct stat status;
        if (stat(path, &status) != 0 || !S_ISDIR(status.st_mode) || status.st_uid != 0) return 0;
        if ((status.st_mode & 022) != 0 && (status.st_mode & S_ISVTX) == 0) return 0;
        char *slash = strrchr(path, '/');
        if (path[1] == 0) return 1;
        slash[slash == path ? 1 : 0] = 0;
    }
}

/// Whether nothing exists at `value`, an absolute path, and only root can create something there: then the program
/// fails with the right message.
static int stays_missing(const char *value) {
    char path[PATH_MAX], checked[PATH_MAX];
    if (*value != '/' || strlen(value) >= sizeof path) return 0;
    strcpy(path, value);
    for (;;) {
        char *slash = strrchr(path, '/');
        slash[slash == path ? 1 : 0] = 0;
        if (realpath(path, checked) != NULL) break;
        if (errno != ENOENT || path[1] == 0) return 0;
    }
    struct stat status;
    // In a sticky directory any user can create a missing file.
    return stat(checked, &status) == 0 && (status.st_mode & 022) == 0 && is_roots(checked);
}

int clinux_is_in_roots_directories(const char *path) {
    char resolved[PATH_MAX];
    if (realpath(path, resolved) == NULL) return 0;
    char *slash = strrchr(resolved, '/');
    slash[slash == resolved ? 1 : 0] = 0;
    return is_roots(resolved);
}

const char *clinux_distrust_environment(int is_root) {
    int is_secure = getauxval(AT_SECURE) != 0;
    if (!is_secure && !is_root) return NULL;
    // Databases of libmagic ($HOME/.magic), and code that OpenSSL loads.
    static const char *const names[] = {"MAGIC", "HOME", "OPENSSL_CONF", "OPENSSL_CONF_INCLUDE", "OPENSSL_MODULES",
                                        "OPENSSL_ENGINES"};
    for (size_t index = 0; index < sizeof names / sizeof *names; index++) unsetenv(names[index]);
    // The directories for temporary files: SQLite's have names.
    static const char *const directories[] = {"SQLITE_TMPDIR", "TMPDIR"};
    const char *refused = NULL;
    for (size_t index = 0; index < sizeof directories / sizeof *directories; index++) {
        const char *value = getenv(directories[index]);
        if (value == NULL || *value == 0) continue;
        char path[PATH_MAX], checked[PATH_MAX];
        errno = 0;
        if (!is_secure && realpath(value, path) != NULL && is_roots(strcpy(checked, path))) {
            // Resolved now, in case a symlink in it changes.
            setenv(directories[index], path, 1);
        } else if (is_secure || errno != ENOENT || !stays_missing(value)) {
            unsetenv(directories[index]);
            refused = directories[index];
        }
    }
    return refused;
}
