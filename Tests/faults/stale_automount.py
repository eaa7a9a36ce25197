"""Mounts automount points whose daemon is gone, or refuses, and runs a command: stale_automount.py DIRECTORY COMMAND...

DIRECTORY gets two direct automounts: `stale`, whose daemon has closed its pipe, and `refused`, whose daemon answers that it
cannot mount. To be run in a mount namespace of its own.
"""

import ctypes
import fcntl
import os
import struct
import subprocess
import sys
import threading

AUTOFS_IOC_FAIL = 0x9361
PACKET = struct.Struct("<iiIQIIIII256s")  # autofs_v5_packet: version, type, token, device, inode, uid, gid, pid, tgid, length …

libc = ctypes.CDLL(None, use_errno=True)


def mount(place, pipe):
    os.makedirs(place, exist_ok=True)
    options = f"fd={pipe},pgrp={os.getpgrp()},minproto=5,maxproto=5,direct"
    if libc.mount(b"automount", place.encode(), b"autofs", 0, options.encode()) != 0:
        sys.exit(f"autofs: {os.strerror(ctypes.get_errno())}")
    return os.open(place, os.O_RDONLY)


def refuse(pipe, root):
    """Answers each request with a failure."""
    while packet := os.read(pipe, 304):
        fcntl.ioctl(root, AUTOFS_IOC_FAIL, struct.unpack_from("<I", packet, 8)[0])


base = sys.argv[1]
for name in ("stale", "refused"):
    reading, writing = os.pipe2(os.O_DIRECT | os.O_CLOEXEC)
    root = mount(os.path.join(base, name), writing)
    os.close(writing)
    if name == "stale":
        os.close(reading)
    else:
        threading.Thread(target=refuse, args=(reading, root), daemon=True).start()
# The daemon's own process group never triggers a mount.
sys.exit(subprocess.run(sys.argv[2:], process_group=0).returncode)
