// Runs a command under a seccomp filter that refuses system calls: refuse ERRNO CALL[,CALL]... COMMAND...
// CALL is a name, or RWF_DONTCACHE: preadv2 with this flag.

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct {
    const char *name;
    int number;
} calls[] = {
    {"fadvise64", SYS_fadvise64}, {"fstatfs", SYS_fstatfs},           {"fsync", SYS_fsync},
    {"getdents64", SYS_getdents64}, {"io_uring_setup", SYS_io_uring_setup}, {"lseek", SYS_lseek},
    {"membarrier", SYS_membarrier}, {"prlimit64", SYS_prlimit64},     {"readlinkat", SYS_readlinkat},
    {"prctl", SYS_prctl}, {"preadv2", SYS_preadv2}, {"sched_getaffinity", SYS_sched_getaffinity}, {"statx", SYS_statx}, {"clone3", SYS_clone3},
};

static int error_number(const char *name) {
    for (int number = 1; number < 512; number++) {
        const char *known = strerrorname_np(number);
        if (known != NULL && strcmp(known, name) == 0) return number;
    }
    exit(64);
}

static int call_number(const char *name) {
    for (size_t index = 0; index < sizeof calls / sizeof *calls; index++)
        if (strcmp(calls[index].name, name) == 0) return calls[index].number;
    fprintf(stderr, "refuse: no such call: %s\n", name);
    exit(64);
}

int main(int count, char **arguments) {
    if (count < 4) return 64;
    unsigned refused = SECCOMP_RET_ERRNO | (unsigned)error_number(arguments[1]);
    struct sock_filter program[64] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    };
    unsigned short length = 1;
    char *rest = arguments[2], *name;
    while ((name = strsep(&rest, ",")) != NULL && length < 57) {
        if (strcmp(name, "RWF_DONTCACHE") == 0) {
            // The flags are the sixth argument; these machines are little-endian. The number is loaded again behind it.
            const struct sock_filter flagged[] = {
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_preadv2, 0, 4),
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[5])),
                BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x80, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, refused),
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
            };
            memcpy(program + length, flagged, sizeof flagged);
            length += sizeof flagged / sizeof *flagged;
            continue;
        }
        program[length++] =
            (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)call_number(name), 0, 1);
        program[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, refused);
    }
    program[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog filter = {.len = length, .filter = program};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) {
        perror("refuse");
        return 70;
    }
    execvp(arguments[3], arguments + 3);
    perror(arguments[3]);
    return 127;
}
