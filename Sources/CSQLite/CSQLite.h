#include <sqlite3.h>

// Casts of integers to function pointers, which Swift does not import. SQLite copies the bytes.
static inline int csqlite_bind_blob(sqlite3_stmt *statement, int index, const void *bytes, int count) {
    return sqlite3_bind_blob(statement, index, bytes, count, SQLITE_TRANSIENT);
}

static inline int csqlite_bind_text(sqlite3_stmt *statement, int index, const char *bytes, int count) {
    return sqlite3_bind_text(statement, index, bytes, count, SQLITE_TRANSIENT);
}

// SQLite does not copy the bytes: they must not move until the statement is reset or rebound.
static inline int csqlite_bind_borrowed_blob(sqlite3_stmt *statement, int index, const void *bytes, int count) {
    return sqlite3_bind_blob(statement, index, bytes, count, SQLITE_STATIC);
}

static inline int csqlite_bind_borrowed_text(sqlite3_stmt *statement, int index, const char *bytes, int count) {
    return sqlite3_bind_text(statement, index, bytes, count, SQLITE_STATIC);
}

// Variadic.
static inline int csqlite_set_defensive(sqlite3 *database) {
    return sqlite3_db_config(database, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)0);
}

// ---- How files are opened ------------------------------------------------------------------------------------------

/// Makes SQLite open and remove files with these functions, in the whole process. Call it before any file is opened.
static inline int csqlite_open_by(int (*_Nonnull open)(const char *_Nonnull, int, int),
                                  int (*_Nonnull unlink)(const char *_Nonnull)) {
    sqlite3_vfs *vfs = sqlite3_vfs_find(0);
    if (!vfs || vfs->iVersion < 3 || !vfs->xSetSystemCall) return SQLITE_ERROR;
    int status = vfs->xSetSystemCall(vfs, "unlink", (sqlite3_syscall_ptr)unlink);
    return status != SQLITE_OK ? status : vfs->xSetSystemCall(vfs, "open", (sqlite3_syscall_ptr)open);
}

// ---- The file that SQLite has open ---------------------------------------------------------------------------------

/// Reads from the file behind a connection: the same file that SQLite reads, whatever its name refers to now. Bytes
/// beyond the end are zeros.
static inline int csqlite_read(sqlite3 *database, void *buffer, int count, sqlite3_int64 offset) {
    sqlite3_file *file = 0;
    int status = sqlite3_file_control(database, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    if (status != SQLITE_OK) return status;
    if (!file || !file->pMethods) return SQLITE_CANTOPEN;
    status = file->pMethods->xRead(file, buffer, count, offset);
    return status == SQLITE_IOERR_SHORT_READ ? SQLITE_OK : status;
}

static inline int csqlite_size(sqlite3 *database, sqlite3_int64 *size) {
    sqlite3_file *file = 0;
    sqlite3_int64 bytes = 0;
    int status = sqlite3_file_control(database, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    if (status != SQLITE_OK) return status;
    if (!file || !file->pMethods) return SQLITE_CANTOPEN;
    status = file->pMethods->xFileSize(file, &bytes);
    *size = bytes;
    return status;
}

/// Whether the name with which the file behind a connection was opened now refers to another file.
static inline int csqlite_has_moved(sqlite3 *database) {
    int moved = 1;
    return sqlite3_file_control(database, "main", SQLITE_FCNTL_HAS_MOVED, &moved) != SQLITE_OK || moved;
}
