"""Mounts automount points and runs a command: stale_automount.py DIRECTORY COMMAND...

DIRECTORY gets two direct automounts: `stale`, whose daemon has closed its pipe, and `refused`, whose daemon answers that it
cannot mount. Where DIRECTORY has a `source`, it gets one that works instead: `bound`, where the daemon binds `source`.
To be run in a mount namespace of its own.
"""

import ctypes
import fcntl
import os
import struct
import subprocess
import sys
import threading

AUTOFS_IOC_READY = 0x9360
AUTOFS_IOC_FAIL = 0x9361
MS_BIND = 4096
PACKET = struct.Struct("<iiIQIIIII256s")  # autofs_v5_packet: version, type, token, device, inode, uid, gid, pid, tgid, length …

libc = ctypes.CDLL(None, use_errno=True)


def mount(place, pipe):
    os.makedirs(place, exist_ok=True)
    options = f"fd={pipe},pgrp={os.getpgrp()},minproto=5,maxproto=5,direct"
    if libc.mount(b"automount", place.encode(), b"autofs", 0, options.encode()) != 0:
        sys.exit(f"autofs: {os.strerror(ctypes.get_errno())}")
    return os.open(place, os.O_RDONLY)


def answer(pipe, root, name):
    """Answers each request: with a failure, or, for `bound`, when that is mounted."""
    while packet := os.read(pipe, 304):
        result = AUTOFS_IOC_FAIL
        if name == "bound":
            source, target = (os.path.join(base, place).encode() for place in ("source", name))
            if libc.mount(source, target, None, MS_BIND, None) == 0:
                result = AUTOFS_IOC_READY
        fcntl.ioctl(root, result, struct.unpack_from("<I", packet, 8)[0])


base = sys.argv[1]
for name in ("bound",) if os.path.exists(os.path.join(base, "source")) else ("stale", "refused"):
    reading, writing = os.pipe2(os.O_DIRECT | os.O_CLOEXEC)
    root = mount(os.path.join(base, name), writing)
    os.close(writing)
    if name == "stale":
        os.close(reading)
    else:
        threading.Thread(target=answer, args=(reading, root, name), daemon=True).start()
# The daemon's own process group never triggers a mount.
sys.exit(subprocess.run(sys.argv[2:], process_group=0).returncode)
