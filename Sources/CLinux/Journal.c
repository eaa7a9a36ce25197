// journald's native protocol: an entry is a datagram, or, where it is too large for one, a sealed file without a name whose
// descriptor is sent. https://systemd.io/JOURNAL_NATIVE_PROTOCOL

#include "CLinux.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

static const struct sockaddr_un journal = {.sun_family = AF_UNIX, .sun_path = CLINUX_JOURNAL_SOCKET};

int clinux_open_journal(void) {
    int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -errno;
    // Detects a missing journald before a scan that may take hours. Closes the connection again: it would not survive a
    // restart of journald.
    static const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    if (connect(descriptor, (const struct sockaddr *)&journal, sizeof journal) < 0 ||
        connect(descriptor, &nobody, sizeof nobody) < 0) {
        int error = errno;
        close(descriptor);
        return -error;
    }
    // A journald that hangs is an error, not a reason to wait forever.
    struct timeval limit = {.tv_sec = 60};
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    return descriptor;
}

static int send_file(int socket, const void *entry, size_t length) {
    int file = memfd_create("journal-entry", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (file < 0) return -errno;
    int error = 0;
    for (size_t done = 0; done < length;) {
        ssize_t count = write(file, (const char *)entry + done, length - done);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) {
            error = errno;
            break;
        }
        done += (size_t)count;
    }
    if (error == 0 && fcntl(file, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0) error = errno;
    if (error == 0) {
        union {
            struct cmsghdr header;
            char room[CMSG_SPACE(sizeof file)];
        } control;
        memset(&control, 0, sizeof control);
        struct msghdr message = {
            .msg_name = (void *)&journal,
            .msg_namelen = sizeof journal,
            .msg_control = &control,
            .msg_controllen = sizeof control,
        };
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof file);
        memcpy(CMSG_DATA(header), &file, sizeof file);
        if (sendmsg(socket, &message, MSG_NOSIGNAL) < 0) error = errno;
    }
    close(file);
    return -error;
}

int clinux_send_to_journal(int socket, const void *entry, unsigned long length) {
    if (sendto(socket, entry, length, MSG_NOSIGNAL, (const struct sockaddr *)&journal, sizeof journal) >= 0) return 0;
    // Larger than a datagram, or than the socket's buffer.
    if (errno == EMSGSIZE || errno == ENOBUFS) return send_file(socket, entry, length);
    return -errno;
}
