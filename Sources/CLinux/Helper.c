// Helper processes, each at the other end of a socket. See Sources/fsscan-magic.

#include "CLinux.h"

#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/socket.h>
#include <sys/wait.h>

extern char **environ;

long clinux_program_path(char *path, unsigned long capacity) {
    char real[PATH_MAX];
    // Without /proc, use the path that execve(2) got.
    if (realpath("/proc/self/exe", real) == NULL) {
        const char *executed = (const char *)getauxval(AT_EXECFN);
        if (executed == NULL || realpath(executed, real) == NULL) return -errno;
    }
    size_t length = strlen(real);
    if (length + 1 > capacity) return -ENAMETOOLONG;
    memcpy(path, real, length + 1);
    return (long)length;
}

int clinux_start_helper(const char *path, const char *argument, int timeout, int *process) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return -errno;
    struct timeval limit = {.tv_sec = timeout / 1000, .tv_usec = timeout % 1000 * 1000};
    setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 0);
    // Its output goes to standard error.
    posix_spawn_file_actions_adddup2(&actions, 2, 1);
    char *arguments[] = {(char *)path, (char *)argument, NULL};
    pid_t started;
    // Not fork(2): other threads may hold locks.
    int error = posix_spawn(&started, path, &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    if (error != 0) {
        close(ends[0]);
        return -error;
    }
    *process = started;
    return ends[0];
}

int clinux_send_descriptors(int socket, const int *descriptors, int count) {
    unsigned char request = (unsigned char)count;
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(CLINUX_MOST_DESCRIPTORS * sizeof(int))];
    } control;
    if (count < 1 || count > CLINUX_MOST_DESCRIPTORS) return -EINVAL;
    memset(&control, 0, sizeof control);
    size_t size = (size_t)count * sizeof *descriptors;
    struct iovec part = {&request, 1};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_SPACE(size)};
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN(size);
    memcpy(CMSG_DATA(&control.header), descriptors, size);
    while (sendmsg(socket, &message, MSG_NOSIGNAL) < 0)
        if (errno != EINTR) return -errno;
    return 0;
}

long clinux_receive(int socket, void *buffer, unsigned long capacity) {
    // Not poll(2) and recv(2): the socket has its own time limit. A signal restarts the wait; there are few.
    for (;;) {
        ssize_t count = recv(socket, buffer, capacity, 0);
        clinux_stop_if_abandoned();
        if (count >= 0) return count;
        if (errno != EINTR) return errno == EAGAIN ? -ETIMEDOUT : -errno;
    }
}

int clinux_end_helper(int process) {
    kill(process, SIGKILL);
    // At most about a second: a helper that hangs in a file system's call does not die, and must not block this
    // process.
    for (long pause = 20000, waited = 0; waited < 1000000000; waited += pause, pause *= 2) {
        int status;
        pid_t ended = waitpid(process, &status, WNOHANG);
        if (ended == process) return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
        if (ended < 0) return 0;
        nanosleep(&(struct timespec){.tv_nsec = pause < 100000000 ? pause : 100000000}, NULL);
    }
    return 0;
}
