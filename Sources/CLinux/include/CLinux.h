// Shims for what Swift cannot import: variadic system calls, system calls without a glibc wrapper, thread-local
// storage, macros. All names are prefixed `clinux_`. Most functions are `static inline`. The others are in CLinux.c,
// with the thread-local variables, in Attributes.c, and in Stop.c (stop signals).

#ifndef CLINUX_H
#define CLINUX_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <pwd.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <linux/stat.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

// ---- Thread-local storage ------------------------------------------------------------------------------------------

/// The worker that runs on this thread, or NULL. WorkStealing owns it and defines its type.
extern _Thread_local void *_Nullable clinux_current_worker;

static inline void *_Nullable clinux_get_current_worker(void) { return clinux_current_worker; }
static inline void clinux_set_current_worker(void *_Nullable worker) { clinux_current_worker = worker; }

/// The mailbox whose actor ends on this thread without a worker, or NULL. WorkStealing owns it and defines its type.
extern _Thread_local const void *_Nullable clinux_ending_mailbox;

static inline const void *_Nullable clinux_get_ending_mailbox(void) { return clinux_ending_mailbox; }
static inline void clinux_set_ending_mailbox(const void *_Nullable mailbox) { clinux_ending_mailbox = mailbox; }

/// The test conductor that decides when this thread takes its next step, or NULL. Only WorkStealing's tests set it.
extern _Thread_local void *_Nullable clinux_conductor;

static inline void *_Nullable clinux_get_conductor(void) { return clinux_conductor; }
static inline void clinux_set_conductor(void *_Nullable conductor) { clinux_conductor = conductor; }

// ---- The command line ----------------------------------------------------------------------------------------------

/// The arguments of `main`, including the program name. Written before `main` begins. Never from /proc, which may be
/// missing.
extern int clinux_argument_count;
extern char *_Nullable *_Nonnull clinux_arguments;

static inline int clinux_get_argument_count(void) { return clinux_argument_count; }
static inline const char *_Nullable clinux_get_argument(int index) { return clinux_arguments[index]; }

// ---- Stuck threads -------------------------------------------------------------------------------------------------

/// The calling thread continues without the others: each of them stops forever when its current system call returns.
void clinux_abandon_threads(void);
extern int clinux_threads_are_abandoned;
void clinux_stop_for_ever(void) __attribute__((cold));

/// Call it after each system call that may take long.
static inline void clinux_stop_if_abandoned(void) {
    if (__builtin_expect(__atomic_load_n(&clinux_threads_are_abandoned, __ATOMIC_RELAXED), 0)) clinux_stop_for_ever();
}

// ---- Stacks (StackGuard.c) -----------------------------------------------------------------------------------------

/// Calls `body` with `argument`. If the calling thread's stack overflows meanwhile, prints a message on standard error
/// before the process ends, unless the process already has a handler for SIGSEGV.
void clinux_with_stack_guard(void (*_Nonnull body)(void *_Nonnull), void *_Nonnull argument);

// ---- The Swift runtime (SwiftRuntime.c) -----------------------------------------------------------------------------

/// Whether the last reference to an object is gone: its `deinit` runs, or is about to. Exported by libswiftCore.
extern _Bool swift_isDeallocating(void *_Nonnull object);

/// The reference count of an object. Exported by libswiftCore.
extern size_t swift_retainCount(void *_Nonnull object);

/// Whether an object is an actor with the default executor. The layout is that of ClassMetadata and
/// TypeContextDescriptor in Swift's ABI/Metadata.h, without Objective-C: the description of the class is its sixth
/// word, and begins with flags, of which bit 24 is Class_IsDefaultActor. (A test checks an actor of either kind.)
static inline _Bool clinux_is_default_actor(const void *_Nonnull object) {
    const void *const *class = *(const void *const *const *)object;
    return (*(const uint32_t *)class[5] >> 24 & 1) != 0;
}

/// Whether the caller is isolated to an executor, given by its two words; for the main actor's, also whether it is on
/// the main thread.
_Bool clinux_is_current_executor(uintptr_t object, uintptr_t kind);

/// The task of the calling thread; NULL outside tasks. Not retained.
void *_Nullable clinux_current_task(void);

/// Whether work is queued for the main thread, which dispatches nothing: 1 or 0. -1 if unknown.
int clinux_main_queue_waits(void);

// ---- Futexes -------------------------------------------------------------------------------------------------------

/// Sleeps while `*word` is `expected`, for at most `timeout` if that is not NULL. Returns 0, or a negated errno
/// (EAGAIN, EINTR, ETIMEDOUT).
static inline int clinux_futex_wait(const void *_Nonnull word, uint32_t expected,
                                    const struct timespec *_Nullable timeout) {
    long result = syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, timeout, NULL, 0);
    return result < 0 ? -errno : 0;
}

/// Wakes up to `count` threads that sleep on `word`.
static inline void clinux_futex_wake(const void *_Nonnull word, int count) {
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}

// ---- Asymmetric fences ---------------------------------------------------------------------------------------------

/// Keeps the compiler from moving memory accesses across it. The processor may still do so: see clinux_membarrier.
static inline void clinux_compiler_fence(void) { __asm__ volatile("" ::: "memory"); }

/// Call this once before clinux_membarrier. Returns 0, or a negated errno (ENOSYS, EINVAL, EPERM).
static inline int clinux_membarrier_register(void) {
    return syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) < 0 ? -errno : 0;
}

/// Makes each running thread of this process execute a full fence. Returns 0 after that, or a negated errno (ENOMEM,
/// EPERM). The corresponding system call is membarrier(2).
static inline int clinux_membarrier(void) {
    return syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) < 0 ? -errno : 0;
}

/// Tells the core that this thread is spinning.
static inline void clinux_pause(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
}

// ---- Clocks --------------------------------------------------------------------------------------------------------

static inline struct timespec clinux_now(clockid_t clock) {
    struct timespec now = {0, 0};
    clock_gettime(clock, &now);
    return now;
}

/// Sleeps for less than a second, given in nanoseconds; a signal may end it sooner.
static inline void clinux_sleep(int64_t nanoseconds) {
    struct timespec time = {0, (long)nanoseconds};
    nanosleep(&time, NULL);
    clinux_stop_if_abandoned();
}

/// The CPU time of a thread of this process in nanoseconds, or -1 if there is no such thread. `thread` is its kernel
/// thread ID. The clock ID is computed from it as in pthread_getcpuclockid(3).
static inline int64_t clinux_thread_time(int thread) {
    struct timespec used;
    if (clock_gettime((clockid_t)((~(unsigned int)thread) << 3) | 6, &used) != 0) return -1;
    return (int64_t)used.tv_sec * 1000000000 + used.tv_nsec;
}

/// Processor time that a process has used, in nanoseconds; -1 if there is no such process.
static inline int64_t clinux_process_time(int process) {
    struct timespec used;
    if (clock_gettime((clockid_t)((~(unsigned int)process) << 3) | 2, &used) != 0) return -1;
    return (int64_t)used.tv_sec * 1000000000 + used.tv_nsec;
}

/// The state of a thread of this process, as in /proc/self/task/N/stat: 'R' is running or runnable, 'S' and 'D' sleep.
/// 0 if the state is unknown.
int clinux_thread_state(int thread);
/// The same for another process's first thread.
int clinux_process_state(int process);

// ---- Limits --------------------------------------------------------------------------------------------------------

/// Raises the soft limit on open files to the hard one. Returns the new soft limit. (In C, because glibc's declarations
/// of resource limits differ with _GNU_SOURCE, and a Swift file may see both.)
unsigned long clinux_raise_open_files_limit(void);

/// How many descriptors below `limit` are open: a system call for each, and no /proc.
int clinux_open_descriptors(int limit);

/// Bytes of address space that RLIMIT_AS leaves to this process, or UINT64_MAX if it sets no limit. Under a limit, the
/// call also restricts malloc to one arena.
uint64_t clinux_address_space_left(void);

// ---- Errors --------------------------------------------------------------------------------------------------------

/// "EACCES", or NULL. (glibc 2.32 and newer.)
static inline const char *_Nullable clinux_errno_name(int error) { return strerrorname_np(error); }

/// "Permission denied", or NULL. The text is never translated.
static inline const char *_Nullable clinux_errno_description(int error) { return strerrordesc_np(error); }

/// A flag that one thread sets once. Others read it or sleep on it. Setting it releases all earlier writes of the
/// thread; reading it acquires them.
static inline void clinux_set_flag(uint32_t *_Nonnull word) { __atomic_store_n(word, 1, __ATOMIC_RELEASE); }
static inline int clinux_flag_is_set(const uint32_t *_Nonnull word) {
    return __atomic_load_n(word, __ATOMIC_ACQUIRE) != 0;
}

/// Prefixes each line that a library prints on the C library's stderr (libmagic: remarks about its database) with the
/// program's name. Call it once, before there are other threads.
void clinux_prefix_standard_error(void);

/// Withholds the output of libraries from here on. Does nothing to a stream without the prefix. For one thread at a
/// time.
void clinux_hold_standard_error(void);
/// Ends that, and returns the first withheld line, or an empty one: valid until output is withheld again.
const char *_Nonnull clinux_release_standard_error(void);

// ---- The files beside an SQLite database ---------------------------------------------------------------------------
//
// When SQLite opens FILE it plays back FILE-journal or FILE-wal beside it: perhaps pages forged by a user who can
// create files there. A check beforehand would leave an attacker the time until SQLite opens them, so the check is in
// the call that opens: a journal is opened only if it belongs to root, the caller or the owner of FILE, is a regular
// file with one name, and can be written to by no more users than FILE. A write-ahead log is never opened: no file of
// saved scans has one.

/// open(2) for SQLite. With O_NONBLOCK: a FIFO under such a name, or under FILE's own, is opened without waiting; for a
/// file it makes no difference.
int clinux_open_database_file(const char *_Nonnull path, int flags, int mode);

/// unlink(2) for SQLite: for journals. A forged journal can name any other file as the master journal of several
/// databases, and SQLite would remove it.
int clinux_unlink_database_file(const char *_Nonnull path);

/// With a descriptor's number appended, the name under which `clinux_open_database_file` reopens that file: SQLite only
/// knows names, and a copy needs none. No file has such a name; SQLite would resolve symlinks like those in /proc.
const char *_Nonnull clinux_descriptor_prefix(void);

/// Whether a journal may be played back into a database.
int clinux_may_play_back(const struct stat *_Nonnull journal, const struct stat *_Nonnull database);

// ---- Files: each returns the result of the system call, or a negated errno -----------------------------------------

/// GNU macros, which Swift does not see.
static const int CLINUX_O_NOATIME = O_NOATIME;
static const int CLINUX_O_PATH = O_PATH;

static inline int clinux_openat(int directory, const char *_Nonnull name, int flags) {
    int result = openat(directory, name, flags);
    return result < 0 ? -errno : result;
}

static inline long clinux_getdents64(int descriptor, void *_Nonnull buffer, unsigned long capacity) {
    long result = syscall(SYS_getdents64, descriptor, buffer, capacity);
    return result < 0 ? -errno : result;
}

/// Stores the type of an open file's file system, as in linux/magic.h.
int clinux_file_system_type(int descriptor, uint64_t *_Nonnull type);

static inline long clinux_read(int descriptor, void *_Nonnull buffer, unsigned long capacity) {
    long result = read(descriptor, buffer, capacity);
    return result < 0 ? -errno : result;
}

static inline long clinux_pread(int descriptor, void *_Nonnull buffer, unsigned long capacity, int64_t offset) {
    long result = pread(descriptor, buffer, capacity, (off_t)offset);
    return result < 0 ? -errno : result;
}

/// Flags of preadv2: glibc's headers may be older than the kernel.
static const int CLINUX_RWF_NOWAIT = 0x08;
static const int CLINUX_RWF_DONTCACHE = 0x80;

// In CLinux.c: <sys/uio.h> defines types that Swift's other modules know from Glibc.
long clinux_preadv2(int descriptor, void *_Nonnull buffer, unsigned long capacity, int64_t offset, int flags);

/// Unlike most, it returns the error.
static inline int clinux_fadvise(int descriptor, int64_t offset, int64_t length, int advice) {
    return -posix_fadvise(descriptor, (off_t)offset, (off_t)length, advice);
}

/// GNU macros, which Swift does not see.
static const int CLINUX_SEEK_DATA = SEEK_DATA;
static const int CLINUX_SEEK_HOLE = SEEK_HOLE;

static inline int64_t clinux_lseek(int descriptor, int64_t offset, int whence) {
    int64_t result = lseek(descriptor, (off_t)offset, whence);
    return result < 0 ? -errno : result;
}

static inline long clinux_readlinkat(int directory, const char *_Nonnull name, void *_Nonnull buffer,
                                     unsigned long capacity) {
    long result = readlinkat(directory, name, buffer, capacity);
    return result < 0 ? -errno : result;
}

static inline int clinux_statx(int directory, const char *_Nonnull name, int flags, unsigned int mask,
                               struct statx *_Nonnull out) {
    int result = statx(directory, name, flags, mask, out);
    return result < 0 ? -errno : result;
}

static inline int clinux_openat_create(int directory, const char *_Nonnull name, int flags, unsigned int mode) {
    int result = openat(directory, name, flags, (mode_t)mode);
    return result < 0 ? -errno : result;
}

/// `O_TMPFILE` is a compound macro, which Swift does not import.
static inline int clinux_open_unnamed(int directory, unsigned int mode) {
    return clinux_openat_create(directory, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, mode);
}

/// Opens a file in `directory` for reading and writing. It has no name and never gets one.
static inline int clinux_open_temporary(const char *_Nonnull directory) {
    return clinux_openat_create(AT_FDCWD, directory, O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);
}

/// Creates a file with a new name. The name replaces the six X at the end of `name`. (In C, because stdlib.h here would
/// define types that other modules know from Glibc.)
int clinux_make_temporary(char *_Nonnull name);

static inline long clinux_pwrite(int descriptor, const void *_Nonnull bytes, unsigned long count, int64_t offset) {
    long result = pwrite(descriptor, bytes, count, (off_t)offset);
    return result < 0 ? -errno : result;
}

/// Frees the blocks of a part of a file. The file keeps its size.
static inline int clinux_punch_hole(int descriptor, int64_t offset, int64_t length) {
    int result = fallocate(descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)length);
    return result < 0 ? -errno : result;
}

// ---- Terminals and processors ---------------------------------------------------------------------------------------

/// Counts the events that wake the progress thread: SIGUSR1 and `clinux_tell_progress`.
extern uint32_t clinux_progress_events;

static inline uint32_t clinux_progress_event_count(void) {
    return __atomic_load_n(&clinux_progress_events, __ATOMIC_ACQUIRE);
}

/// Wakes the progress thread. Async-signal-safe.
static inline void clinux_tell_progress(void) {
    __atomic_fetch_add(&clinux_progress_events, 1, __ATOMIC_RELEASE);
    clinux_futex_wake(&clinux_progress_events, 1);
}

/// Sleeps until an event after the first `seen`, or for `timeout`.
static inline void clinux_wait_for_progress(uint32_t seen, const struct timespec *_Nullable timeout) {
    (void)clinux_futex_wait(&clinux_progress_events, seen, timeout);
}

/// Makes SIGUSR1 an event from now on, instead of ending the process, unless the parent changed its disposition.
void clinux_install_progress_handler(void);

/// The width of the terminal `descriptor` in columns. 0 if it is not a terminal or does not know its width.
static inline int clinux_terminal_columns(int descriptor) {
    struct winsize size;
    return ioctl(descriptor, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

/// How many columns a character takes in the locale of the process; -1 if it is not printable there.
int clinux_character_width(uint32_t character);

/// The number of processors in the calling thread's affinity mask, or a negated errno.
static inline int clinux_affinity_count(void) {
    // The kernel returns EINVAL while the mask is smaller than its own, so double it, up to 2^19 processors.
    for (int processors = 1024; processors <= 1 << 19; processors *= 2) {
        cpu_set_t *set = CPU_ALLOC(processors);
        if (set == NULL) return -ENOMEM;
        size_t size = CPU_ALLOC_SIZE(processors);
        int failure = sched_getaffinity(0, size, set) == 0 ? 0 : errno;
        int count = failure == 0 ? CPU_COUNT_S(size, set) : 0;
        CPU_FREE(set);
        if (failure == 0) return count;
        if (failure != EINVAL) return -failure;
    }
    return -EINVAL;
}

// ---- Memory --------------------------------------------------------------------------------------------------------

/// Starts to load 256 bytes into the processor's caches. Harmless for any address.
static inline void clinux_prefetch(const void *_Nonnull address) {
    for (int offset = 0; offset < 256; offset += 64) __builtin_prefetch((const char *)address + offset);
}

// ---- Stop signals: SIGHUP, SIGINT, SIGTERM (Stop.c) -----------------------------------------------------------------

/// The first stop signal that arrived, or 0. The handler writes it once. It publishes nothing else, so a relaxed load
/// is enough.
extern int clinux_stop_signal_number;

static inline int clinux_stop_signal(void) { return __atomic_load_n(&clinux_stop_signal_number, __ATOMIC_RELAXED); }

/// Installs handlers for SIGHUP, SIGINT and SIGTERM. The first signal only sets `clinux_stop_signal()`. The second of
/// the same kind ends the process as if it had no handler. A signal that was ignored (nohup, a background job) stays
/// ignored. Signals interrupt system calls (no SA_RESTART), so that a blocked call notices.
void clinux_install_stop_handler(void);

/// Names a temporary file in an open directory. If a second signal ends the process, the handler removes the file.
/// `directory` -1 names none. `name` must stay valid until a call with -1 takes it back.
void clinux_remove_when_stopped(int directory, const char *_Nullable name);

/// Sets a function to call before a second signal or lack of memory ends the process; NULL for none. It must be safe in
/// a signal handler.
void clinux_call_at_abrupt_end(void (*_Nullable function)(void));

/// Ends the program with a plain line and status 71, and removes the file that `clinux_remove_when_stopped` names.
/// Allocates nothing.
void clinux_end_out_of_memory(void) __attribute__((noreturn));

/// Copies the attributes of stat(2) into the fields of statx(2). Fields that only statx has (birth time,
/// attribute flags) are left out of `stx_mask`, or zero.
///
/// fstatat and fstat are faster than statx: 4 % of a scan on tmpfs, 2 % on ext4.
static inline void clinux_copy_stat(const struct stat *_Nonnull from, struct statx *_Nonnull to) {
    to->stx_mask = STATX_BASIC_STATS;
    to->stx_attributes = 0;
    to->stx_attributes_mask = 0;
    to->stx_nlink = (uint32_t)from->st_nlink;
    to->stx_uid = from->st_uid;
    to->stx_gid = from->st_gid;
    to->stx_mode = (uint16_t)from->st_mode;
    to->stx_ino = from->st_ino;
    to->stx_size = (uint64_t)from->st_size;
    to->stx_blocks = (uint64_t)from->st_blocks;
    to->stx_blksize = (uint32_t)from->st_blksize;
    to->stx_atime.tv_sec = from->st_atim.tv_sec;
    to->stx_atime.tv_nsec = (uint32_t)from->st_atim.tv_nsec;
    to->stx_mtime.tv_sec = from->st_mtim.tv_sec;
    to->stx_mtime.tv_nsec = (uint32_t)from->st_mtim.tv_nsec;
    to->stx_ctime.tv_sec = from->st_ctim.tv_sec;
    to->stx_ctime.tv_nsec = (uint32_t)from->st_ctim.tv_nsec;
    // 0 for everything but devices, which saves two calls of the C library for most entries.
    to->stx_rdev_major = from->st_rdev == 0 ? 0 : major(from->st_rdev);
    to->stx_rdev_minor = from->st_rdev == 0 ? 0 : minor(from->st_rdev);
    to->stx_dev_major = major(from->st_dev);
    to->stx_dev_minor = minor(from->st_dev);
}

static inline int clinux_fstatat(int directory, const char *_Nonnull name, int flags, struct statx *_Nonnull out) {
    struct stat status;
    if (fstatat(directory, name, &status, flags) < 0) return -errno;
    clinux_copy_stat(&status, out);
    return 0;
}

static inline int clinux_fstat(int descriptor, struct statx *_Nonnull out) {
    struct stat status;
    if (fstat(descriptor, &status) < 0) return -errno;
    clinux_copy_stat(&status, out);
    return 0;
}

// ---- The environment (Environment.c) -------------------------------------------------------------------------------

/// Whether only root decides which file `path` names: each directory on the way, symlinks resolved, belongs to root,
/// and other users can write only to sticky ones. The file itself is not checked.
int clinux_is_in_roots_directories(const char *_Nonnull path);

/// For root, and if the program has more privileges than its caller (AT_SECURE): unsets the variables that name another
/// user's databases, configurations, code and directories. Root keeps a TMPDIR that only root can redirect. Returns the
/// last directory variable that was unset, or NULL. Call it before there are threads.
const char *_Nullable clinux_distrust_environment(int is_root);

// ---- Helpers (Helper.c) ---------------------------------------------------------------------------------------------

/// Stores the path of this process's program without symlinks, and a NUL. Returns its length, or a negated errno. Works
/// without /proc.
long clinux_program_path(char *_Nonnull path, unsigned long capacity);

/// Starts a program with `argument`, a packet socket as its descriptor 0 and standard error as 1 and 2. Returns the
/// other end of the socket, on which no wait takes longer than `timeout` milliseconds, or a negated errno.
int clinux_start_helper(const char *_Nonnull path, const char *_Nonnull argument, int timeout, int *_Nonnull process);

/// How many descriptors can be sent at a time: the limit of fsscan-magic.
enum { CLINUX_MOST_DESCRIPTORS = 16 };

/// Sends a packet of one byte, the number of descriptors, with these descriptors. 0, or a negated errno.
int clinux_send_descriptors(int socket, const int *_Nonnull descriptors, int count);

/// Waits for a packet, for the `timeout` that the socket was made with. Returns its length, 0 at the end, or a negated
/// errno (ETIMEDOUT). Descriptors that come with it are closed by the kernel.
long clinux_receive(int socket, void *_Nonnull buffer, unsigned long capacity);

/// Kills a helper if it has not ended yet. Returns the signal that ended it, 0 if there was none or it is unknown.
int clinux_end_helper(int process);

// ---- Extended attributes --------------------------------------------------------------------------------------------

/// Reads the names of the extended attributes of the inode that `descriptor` refers to, each ended by a NUL. (Not
/// inline, because <sys/xattr.h> declares types differently from other modules.)
long clinux_listxattr(int descriptor, int is_path_only, void *_Nonnull buffer, unsigned long capacity);
long clinux_getxattr(int descriptor, int is_path_only, const char *_Nonnull name, void *_Nonnull buffer,
                     unsigned long capacity);

// ---- Extents (Extents.c) -------------------------------------------------------------------------------------------

/// A contiguous part of a file on the disk: `struct fiemap_extent` of linux/fiemap.h.
struct clinux_extent {
    uint64_t logical, physical, length;
    uint32_t flags;
};

enum {
    /// How many `clinux_extents` stores at a time.
    CLINUX_MOST_EXTENTS = 128,
    CLINUX_EXTENT_LAST = 0x1,
    /// Its place is unknown, or not decided yet.
    CLINUX_EXTENT_UNKNOWN = 0x2 | 0x4 | 0x200,
    /// It may be shared with other files.
    CLINUX_EXTENT_SHARED = 0x2000,
};

/// Stores extents from `offset` on and returns their number, or a negated errno. The corresponding ioctl is
/// FS_IOC_FIEMAP.
int clinux_extents(int descriptor, uint64_t offset, struct clinux_extent *_Nonnull extents);

/// The place of a file's first extent on the disk, in bytes; 0 if it is unknown, or not decided yet. The corresponding
/// ioctl is FS_IOC_FIEMAP.
uint64_t clinux_first_place(int descriptor);

// ---- Sharing the space of equal files (Sharing.c) ------------------------------------------------------------------

/// Makes a part of `target` share the extents of the same part of `source`, if the bytes are equal: the kernel compares
/// and shares in one step. Stores the number of shared bytes. Returns 0, 1 if the bytes differ, or a negated errno. The
/// corresponding ioctl is FIDEDUPERANGE.
int clinux_share_range(int source, int target, uint64_t offset, uint64_t length, uint64_t *_Nonnull shared);

/// Takes a write lease on an open file: no other process has it open, and one that opens it waits until the lease is
/// released. 0, or a negated errno (EAGAIN: another process has it open). The corresponding call is fcntl(2) with
/// F_SETLEASE.
int clinux_take_write_lease(int descriptor);
/// Whether no process has tried to open the file since.
int clinux_has_write_lease(int descriptor);

/// Adds a name to an open file. Needs /proc.
int clinux_link_descriptor(int descriptor, int directory, const char *_Nonnull name);

/// Exchanges two names of one directory in one step. The corresponding system call is renameat2(2) with
/// RENAME_EXCHANGE.
int clinux_exchange(int directory, const char *_Nonnull one, const char *_Nonnull other);

/// The flags of FS_IOC_GETFLAGS, except those about how a file is stored. 0, or a negated errno.
int clinux_inode_flags(int descriptor, uint32_t *_Nonnull flags);

/// Whether the caller may add and remove names in an open directory. 0, or a negated errno.
int clinux_confirm_writable(int directory);

int clinux_unlink(int directory, const char *_Nonnull name);

// ---- The journal (Journal.c) ---------------------------------------------------------------------------------------------

#define CLINUX_JOURNAL_SOCKET "/run/systemd/journal/socket"

/// A socket for sending entries, or a negated errno: ENOENT or ECONNREFUSED without a journald.
int clinux_open_journal(void);

/// Sends an entry of any size, its fields encoded. Waits while journald is busy, for a minute at most (EAGAIN). 0, or a
/// negated errno.
int clinux_send_to_journal(int socket, const void *_Nonnull entry, unsigned long length);

#endif
