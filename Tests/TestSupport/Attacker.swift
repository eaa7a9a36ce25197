/// An attacker's actions, as bash functions and lines of Python, for test scripts.
package enum Attacker {
    /// `user COMMAND...` runs it as an ordinary user, without privileges.
    package static let user: ByteString =
        "user() { setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all -- \"$@\"; }\n"

    /// `interrupt SOURCE TARGET SQL` creates a database in the middle of a change, and its journal, as a killed program
    /// leaves them. SQL is the change. SOURCE stays unchanged.
    package static let interrupt: ByteString = """
        interrupt() { python3 - "$@" <<'END'
        import shutil, sqlite3, sys
        source, target, sql = sys.argv[1:]
        c = sqlite3.connect(source, isolation_level=None)
        for s in ('PRAGMA cache_size = 1', 'PRAGMA cache_spill = ON', 'BEGIN IMMEDIATE', sql): c.execute(s)
        shutil.copy(source, target); shutil.copy(source + '-journal', target + '-journal')
        END
        }

        """

    /// A change that does not fit into the page cache, so that half of it is on disk.
    package static let longRows: ByteString = "UPDATE entries SET mime = printf('%.5000c', 'x')"

    /// `log SOURCE TARGET SQL` leaves a write-ahead log beside TARGET, in which SQL has changed SOURCE.
    package static let log: ByteString = """
        log() { python3 - "$@" <<'END'
        import shutil, sqlite3, sys
        source, target, sql = sys.argv[1:]
        c = sqlite3.connect(source, isolation_level=None)
        for s in ('PRAGMA journal_mode = WAL', sql): c.execute(s).fetchone()
        shutil.copy(source + '-wal', target + '-wal')
        END
        }

        """

    /// `lease FILE...` keeps them leased, in the background, until `$holder` ends.
    package static let lease: ByteString = """
        lease() {
            python3 -c '
        import fcntl, os, signal, sys, time
        signal.signal(signal.SIGIO, signal.SIG_IGN)
        held = [os.open(name, os.O_RDWR) for name in sys.argv[1:]]
        for descriptor in held:
            if os.fstat(descriptor).st_uid: os.setuid(os.fstat(descriptor).st_uid)
            fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        print("held", flush=True); time.sleep(300)' "$@" > leases & holder=$!
            while ! [ -s leases ]; do sleep 0.05; done
        }

        """

    /// `attributes FILE COUNT` gives it that many extended attributes of 60,000 bytes.
    package static let attributes: ByteString = """
        attributes() { python3 - "$@" <<'END'
        import os, sys
        for i in range(int(sys.argv[2])): os.setxattr(sys.argv[1], b"user.%02d" % i, bytes([i]) * 60000)
        END
        }

        """

    /// ext4 has no room for them, tmpfs has since Linux 6.6.
    package static let takesLargeAttributes =
        (try? run(["python3", "-c", "import os; os.setxattr(os.memfd_create('x'), b'user.a', b'1' * 60000)"]))?.status
        == 0
}
