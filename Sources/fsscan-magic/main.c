// fsscan-magic: determines the content types of open files, in a process that can do nothing else.
//
// libmagic parses whatever bytes a file's owner wrote, and fsscan often runs as root. So fsscan asks this program,
// which it starts with a socket as descriptor 0, and sends it descriptors that are open for reading:
//
//   fsscan                                fsscan-magic SECONDS
//     │ ◀──── C, N or E ─────────────────── loads the database, then gives up all privileges
//     │ ───── count, descriptors ─────────▶ magic_descriptor(3) of each
//     │ ◀──── T, F or L for each ────────── in one packet
//     ┆                                     ends when the socket is closed at the other side
//
// Several at a time, because the round trip between the processes costs more than a tenth of libmagic's time for a
// file. An answer is a letter, an errno (four bytes), the length of a text (two bytes), and the text.
//
//   C  confined                           N  not confined; the text says why
//   E  ends: there is no database         T  the type
//   F  libmagic's reason for none         L  the file cannot be read from its beginning
//
// Confined means a seccomp filter that lets it read the files that it received, allocate memory, answer, and exit. It
// cannot open, execute, connect, signal, or trace anything. Calls unknown to the filter fail with EPERM. Then libmagic
// has no answer for one file; ending the process instead would take the type from every file on a machine whose C
// library makes another call.

#define _GNU_SOURCE 1

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <magic.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCHITECTURE AUDIT_ARCH_RISCV64
#endif

enum { PEER = 0, NOBODY = 65534, MOST_FILES = 16 };

/// Far more than libmagic needs: 40 MiB with its database, and the first 7 MiB of a file.
static const rlim_t address_space = 256 << 20;

/// On some machines the C library's fstat(3) is newfstatat(2), which also takes paths. The filter cannot check a
/// string, so libmagic gets a call that only takes a descriptor.
int fstat(int descriptor, struct stat *status) { return (int)syscall(SYS_fstat, descriptor, status); }

// ---- Reading -------------------------------------------------------------------------------------------------------

// libmagic reads ELF files in some hundred pieces of 50 or 64 bytes, for each a call, and a filter makes calls slower.
// So its pread(2) answers from two pieces of the file: the sections' headers and their names, for example.

#ifndef SANITIZED

enum { PART_SIZE = 16384, PART_MARGIN = 4096 };

static struct {
    int file;
    off_t start;
    size_t length;
    char bytes[PART_SIZE];
} parts[2] = {{.file = -1}, {.file = -1}};
static int last_part;

/// Another file will get this number.
static void forget_parts(void) { parts[0].file = parts[1].file = -1; }

static bool is_in_part(int index, int file, size_t count, off_t offset) {
    return parts[index].file == file && offset >= parts[index].start &&
           (size_t)(offset - parts[index].start) + count <= parts[index].length;
}

static ssize_t read_part(int file, char *buffer, size_t count, off_t offset) {
    if (count > PART_MARGIN || offset < 0) return syscall(SYS_pread64, file, buffer, count, offset);
    if (!is_in_part(last_part, file, count, offset)) {
        last_part = !last_part;
        if (!is_in_part(last_part, file, count, offset)) {
            // The next read may begin a little before this.
            off_t start = offset < PART_MARGIN ? 0 : offset - PART_MARGIN;
            parts[last_part].file = -1;
            ssize_t length = syscall(SYS_pread64, file, parts[last_part].bytes, (size_t)PART_SIZE, start);
            // Beyond the end, or an error: the kernel answers.
            if (length < offset - start + (ssize_t)count) return syscall(SYS_pread64, file, buffer, count, offset);
            parts[last_part].file = file;
            parts[last_part].start = start;
            parts[last_part].length = (size_t)length;
        }
    }
    memcpy(buffer, parts[last_part].bytes + (offset - parts[last_part].start), count);
    return (ssize_t)count;
}

ssize_t pread(int file, void *buffer, size_t count, off_t offset) { return read_part(file, buffer, count, offset); }

/// The same with the check of a library that was built with _FORTIFY_SOURCE.
ssize_t __pread_chk(int file, void *buffer, size_t count, off_t offset, size_t capacity) {
    if (count > capacity) abort();
    return read_part(file, buffer, count, offset);
}

#else  // A sanitizer has functions of these names.

static void forget_parts(void) {}

#endif

// ---- Messages ------------------------------------------------------------------------------------------------------

/// The answers of one packet.
static struct {
    size_t length;
    char bytes[8192];
} answers;

static void add(char letter, int error, const char *text) {
    unsigned short length = (unsigned short)strnlen(text, sizeof answers.bytes / MOST_FILES - 7);
    char *end = answers.bytes + answers.length;
    end[0] = letter;
    memcpy(end + 1, &error, 4);
    memcpy(end + 5, &length, 2);
    memcpy(end + 7, text, length);
    answers.length += 7 + length;
}

static void send_answers(void) {
    while (send(PEER, answers.bytes, answers.length, MSG_NOSIGNAL) < 0)
        if (errno != EINTR) _exit(1);
    answers.length = 0;
}

static void tell(char letter, int error, const char *text) {
    add(letter, error, text);
    send_answers();
}

/// Stores the next files, -1 for one that did not arrive, and returns their number. Ends the program when there will be
/// none.
static int next_files(int files[MOST_FILES]) {
    unsigned char count;
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(MOST_FILES * sizeof(int))];
    } control;
    struct iovec part = {&count, 1};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t received;
    do received = recvmsg(PEER, &message, MSG_CMSG_CLOEXEC);
    while (received < 0 && errno == EINTR);
    if (received <= 0 || count > MOST_FILES) _exit(received == 0 ? 0 : 1);
    memset(files, -1, MOST_FILES * sizeof *files);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header != NULL && header->cmsg_type == SCM_RIGHTS)
        memcpy(files, CMSG_DATA(header), header->cmsg_len - CMSG_LEN(0));
    return count;
}

// ---- Giving up -----------------------------------------------------------------------------------------------------

static void lower(int resource, rlim_t most) {
    struct rlimit limit;
    if (getrlimit((__rlimit_resource_t)resource, &limit) != 0) return;
    if (limit.rlim_max > most) limit.rlim_max = most;
    if (limit.rlim_cur > limit.rlim_max) limit.rlim_cur = limit.rlim_max;
    setrlimit((__rlimit_resource_t)resource, &limit);
}

/// Allows another `seconds` of processor time for the next file; then SIGXCPU ends the process, even if fsscan has
/// ended by then.
static void allow_time(rlim_t seconds) {
    static time_t told = -1;
    struct timespec used;
    if (seconds == 0 || clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) != 0 || used.tv_sec == told) return;
    told = used.tv_sec;
    struct rlimit limit = {.rlim_cur = (rlim_t)used.tv_sec + 1 + seconds, .rlim_max = RLIM_INFINITY};
    // Not setrlimit(3): the filter allows this call.
    syscall(SYS_prlimit64, 0, RLIMIT_CPU, &limit, NULL);
}

/// Drops every user, group and capability beyond an ordinary user's. If that is not permitted, the filter alone
/// confines the process.
static void drop_privileges(void) {
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (geteuid() == 0 && setgroups(0, NULL) == 0 && setresgid(NOBODY, NOBODY, NOBODY) == 0) {
        // A user namespace may have no such user.
        int ignored = setresuid(NOBODY, NOBODY, NOBODY);
        (void)ignored;
    }
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];
    if (syscall(SYS_capget, &header, sets) != 0 || (sets[0].permitted | sets[1].permitted) == 0) return;
    memset(sets, 0, sizeof sets);
    syscall(SYS_capset, &header, sets);
}

#if defined(ARCHITECTURE) && !defined(SANITIZED)

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
/// The lower half of an argument, which is all that the kernel uses of an int. These machines are little-endian.
#define LOAD_ARGUMENT(index) LOAD(args[index])
#define RETURN(action) BPF_STMT(BPF_RET | BPF_K, action)
#define REFUSE RETURN(SECCOMP_RET_ERRNO | EPERM)
#define ALLOW RETURN(SECCOMP_RET_ALLOW)
#define ALWAYS(call) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##call, 0, 1), ALLOW
/// The next `count` instructions are for this call, and end in a return.
#define FOR(call, count) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##call, 0, count)
#define REFUSE_UNLESS(value) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 1, 0), REFUSE
#define REFUSE_WITH(bits) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, 0, 1), REFUSE
#define REFUSE_WITHOUT(bits) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, 1, 0), REFUSE

/// NULL, or the reason for the lack of a filter.
static const char *filter_calls(void) {
    struct sock_filter program[] = {
        LOAD(arch),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0),
        RETURN(SECCOMP_RET_KILL_PROCESS),
        LOAD(nr),
        // The received files. On the socket, read and lseek can only wait.
        ALWAYS(read),
        ALWAYS(pread64),
        ALWAYS(lseek),
        ALWAYS(fstat),
        ALWAYS(close),
        // Memory: never executable, never a file's.
        ALWAYS(brk),
        ALWAYS(munmap),
        ALWAYS(mremap),
        ALWAYS(madvise),
        FOR(mmap, 7),
        LOAD_ARGUMENT(2),
        REFUSE_WITH(PROT_EXEC),
        LOAD_ARGUMENT(3),
        REFUSE_WITHOUT(MAP_ANONYMOUS),
        ALLOW,
        // Requests and answers.
        FOR(recvmsg, 4),
        LOAD_ARGUMENT(0),
        REFUSE_UNLESS(PEER),
        ALLOW,
        FOR(sendto, 4),
        LOAD_ARGUMENT(0),
        REFUSE_UNLESS(PEER),
        ALLOW,
        // Time.
        ALWAYS(clock_gettime),
        FOR(prlimit64, 7),
        LOAD_ARGUMENT(0),
        REFUSE_UNLESS(0),
        LOAD_ARGUMENT(1),
        REFUSE_UNLESS(RLIMIT_CPU),
        ALLOW,
        // The end.
        ALWAYS(exit_group),
        ALWAYS(exit),
        ALWAYS(rt_sigreturn),
        ALWAYS(restart_syscall),
        REFUSE,
    };
    struct sock_fprog filter = {.len = sizeof program / sizeof *program, .filter = program};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) {
        static char reason[128];
        snprintf(reason, sizeof reason, "the kernel refuses a seccomp filter: %s", strerror(errno));
        return reason;
    }
    return NULL;
}

#elif defined(SANITIZED)

static const char *filter_calls(void) { return "built with a sanitizer"; }

#else

static const char *filter_calls(void) { return "no seccomp filter is known for this kind of processor"; }

#endif

/// Closes descriptors that fsscan's own parent left open.
static void close_others(void) {
#ifdef SYS_close_range
    if (syscall(SYS_close_range, 3, ~0U, 0) == 0) return;
#endif
    struct rlimit limit;
    rlim_t end = getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < 65536 ? limit.rlim_cur : 65536;
    for (int descriptor = 3; descriptor < (int)end; descriptor++) close(descriptor);
}

static void look_at(int file, magic_t handle) {
    if (file < 0) return add('F', EMFILE, "the descriptor did not arrive");
    if (lseek(file, 0, SEEK_SET) != 0) {
        add('L', errno, "");
    } else {
        const char *type = magic_descriptor(handle, file);
        const char *text = type == NULL ? magic_error(handle) : type;
        int error = type == NULL ? magic_errno(handle) : 0;
        add(type == NULL ? 'F' : 'T', error, text == NULL ? "no reason given" : text);
    }
    forget_parts();
    // Before the answer, because the client may want to unmount.
    close(file);
}

int main(int count, char **arguments) {
    struct stat status;
    if (count != 2 || fstat(PEER, &status) != 0 || !S_ISSOCK(status.st_mode)) {
        fputs("fsscan-magic: is a part of fsscan, which starts it for --mime\n", stderr);
        return 64;
    }
    rlim_t seconds = strtoul(arguments[1], NULL, 10);
    close_others();

    // Resets changes to signals by a parent or a library: a crash must end the process.
    for (int number = 1; number < SIGSYS + 1; number++) signal(number, SIG_DFL);
    // A stop signal for the whole group is for fsscan, whose report waits for answers. The end of the socket ends this
    // process.
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (size_t index = 0; index < 5; index++)
        signal((const int[]){SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE}[index], SIG_IGN);

    lower(RLIMIT_CORE, 0);
    lower(RLIMIT_FSIZE, 0);
#ifndef SANITIZED
    lower(RLIMIT_AS, address_space);
#endif

    // libmagic prints thousands of lines about an invalid database. Its reason is in the answer.
    int nothing = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nothing >= 0) dup2(nothing, STDERR_FILENO);
    magic_t handle = magic_open(MAGIC_MIME_TYPE);
    if (handle == NULL) {
        tell('E', errno, "libmagic cannot be initialised: out of memory");
        return 1;
    }
    if (magic_load(handle, NULL) != 0) {
        char reason[400];
        const char *error = magic_error(handle);
        snprintf(reason, sizeof reason, "libmagic cannot load its database: %s", error ? error : "no reason given");
        tell('E', magic_errno(handle), reason);
        return 1;
    }
    // Reads the time zone file, which cannot be opened any more afterwards.
    tzset();

    // The terminal, the working directory and root are all closed.
    dup2(PEER, STDOUT_FILENO);
    dup2(PEER, STDERR_FILENO);
    int ignored = chdir("/");
    (void)ignored;
    drop_privileges();
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    const char *reason = filter_calls();
    tell(reason == NULL ? 'C' : 'N', 0, reason == NULL ? "" : reason);

    for (;;) {
        int files[MOST_FILES];
        int number = next_files(files);
        for (int index = 0; index < number; index++) {
            allow_time(seconds);
            look_at(files[index], handle);
        }
        send_answers();
    }
}
