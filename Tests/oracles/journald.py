"""A journald for tests, as systemd.io/JOURNAL_NATIVE_PROTOCOL has it: journald.py COMMAND...

Runs the command, and prints each entry that it sends as a line of JSON: a list of [name, value, how it came]. Its exit status is
the command's. Needs a /run of its own: unshare -m sh -c 'mount -t tmpfs none /run; journald.py ...'
"""

import array, fcntl, json, os, socket, struct, subprocess, sys, threading

PATH = "/run/systemd/journal/socket"
SEALS = 0x0001 | 0x0002 | 0x0004 | 0x0008


def fields(entry, way):
    place = 0
    while place < len(entry):
        end = entry.index(b"\n", place)
        name, equals, value = entry[place:end].partition(b"=")
        if equals:
            place = end + 1
        else:
            (length,) = struct.unpack_from("<Q", entry, end + 1)
            value = entry[end + 9 : end + 9 + length]
            place = end + 9 + length + 1
            assert entry[place - 1 : place] == b"\n", entry
        yield [name.decode(), value.decode("utf-8", "surrogateescape"), way]


os.makedirs(os.path.dirname(PATH))
server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
server.bind(PATH)
entries = []


def listen():
    while True:
        data, ancillary, _, _ = server.recvmsg(1 << 24, socket.CMSG_SPACE(4))
        if data == b"end":
            return
        way = "datagram"
        for _, _, content in ancillary:
            (file,) = array.array("i", content[:4])
            assert not data
            assert fcntl.fcntl(file, fcntl.F_GET_SEALS) == SEALS, "journald takes no file that may still change"
            data = os.pread(file, os.fstat(file).st_size, 0)
            os.close(file)
            way = "file"
        entries.append(list(fields(data, way)))


thread = threading.Thread(target=listen)
thread.start()
status = subprocess.call(sys.argv[1:])
socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"end", PATH)
thread.join()
for entry in entries:
    print(json.dumps(entry))
sys.exit(status)
