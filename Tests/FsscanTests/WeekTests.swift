// Seven days of one tree under rules: each day `verify` shows the lines that a person must see, and no others. Intended
// changes are accepted, and the next day is compared with the result.

import TestSupport
import Testing

@Suite(.enabled(if: isRoot, "only root can install with dpkg")) struct WeekTests {
    private static let setUp: ByteString = #"""
        set -euo pipefail
        package() {
          rm -rf p; mkdir -p p/DEBIAN p/usr/bin
          printf 'Package: tool\nVersion: %s\nArchitecture: all\nMaintainer: x <x@x.x>\nDescription: x\n' $1 >p/DEBIAN/control
          echo "$2" >p/usr/bin/tool; chmod 755 p/usr/bin/tool; (cd p; md5sum usr/bin/tool >DEBIAN/md5sums)
          dpkg-deb --root-owner-group -b p $1.deb >log 2>&1
          dpkg --root=$PWD/t --log=/dev/null -i $1.deb >log 2>&1
        }
        # Prints the day, the lines of changes without their details, and the status.
        day() {
          status=0
          $F verify --rules rules --expect $(cat evidence) "${@:2}" s.db >out 2>err || status=$?
          echo "day $1"; { grep -E '^([-+*!=?] |.* of these )' out || true; } | sed 's/  [a-z0-9]* .*//'; echo "status $status"
        }
        keep() { sed -n 's/.*evidence: //p' err >evidence; }
        # Accepts the changes that the last verify has shown, and no others. Then there are none.
        accept() {
          $F accept --rules rules --expect-changes $(sed -n 's/^Changes \([0-9a-f]*\) .*/\1/p' out) --reason "$1" s.db "${@:2}" \
            >accepted 2>err
          keep; $F verify --rules rules --expect $(cat evidence) s.db >again 2>err
        }
        if [ ! -e t ]; then
          mkdir -p t/var/lib/dpkg/info t/var/lib/dpkg/updates t/var/log t/etc t/srv/photos t/home/u t/tmp t/usr/sbin
          touch t/var/lib/dpkg/status; package 1 one
          echo start >t/var/log/syslog; echo start >t/var/log/auth.log; echo 127.0.0.1 >t/etc/hosts; echo 1 >t/etc/mtab
          echo notes >t/home/u/notes; echo sshd >t/usr/sbin/sshd; for i in 1 2 3; do echo photo $i >t/srv/photos/$i; done
          printf '%s\n' '/var/lib/dpkg/ ignore' '/var/log/** grows' '/etc/mtab kind' '/home/** -mtime -ctime' '/tmp/** ignore' >rules
          chmod 600 rules
          $F --save s.db --hash sha256 --xattrs t >out 2>err; keep
        fi

        """#

    @Test func eachDayHasTheLinesThatMatter() throws {
        let directory = try TemporaryDirectory()
        let days: [(script: ByteString, expected: [String])] = [
            // Logs grow, mtab is rewritten, something lies in /tmp, notes are touched.
            ("echo more >>t/var/log/syslog; echo 2 >t/etc/mtab; touch t/tmp/x t/home/u/notes; day 1", ["status 0"]),
            (
                """
                mv t/var/log/syslog t/var/log/syslog.1; echo new >t/var/log/syslog; echo more >>t/var/log/auth.log
                day 2; accept 'logs rotated' $PWD/t/var/log
                """, ["= t/var/log/syslog -> t/var/log/syslog.1", "status 1"]
            ),
            (
                "package 2 two; day 3 --known dpkg:t/var/lib/dpkg; accept upgrade $PWD/t/usr $PWD/t/var",
                ["* t/usr/bin/tool", "1 of these with the content of dpkg's packages.", "status 1"]
            ),
            (
                "mv t/srv/photos t/srv/pictures; day 4; accept 'photos moved' $PWD/t/srv",
                ["= t/srv/photos -> t/srv/pictures", "status 1"]
            ),
            // An intruder sets the time of what he changes back, and leaves a shell behind.
            (
                """
                touch -r t/usr/sbin/sshd ref; echo evil >t/usr/sbin/sshd; touch -r ref t/usr/sbin/sshd
                cp t/usr/bin/tool t/home/u/.tool; chmod 4755 t/home/u/.tool; day 5
                """, ["* t/usr/sbin/sshd", "+ t/home/u/.tool", "status 1"]
            ),
            // It is undone, and the next change is meant. That a file was restored shows in its ctime.
            (
                """
                echo sshd >t/usr/sbin/sshd; touch -r ref t/usr/sbin/sshd; rm t/home/u/.tool; echo 10.0.0.1 >>t/etc/hosts
                day 6; accept hosts $PWD/t/etc/hosts $PWD/t/usr/sbin/sshd
                """, ["* t/etc/hosts", "! t/usr/sbin/sshd", "status 1"]
            ),
            // A log that is cut hides something.
            (": >t/var/log/auth.log; echo more >>t/var/log/syslog; day 7", ["* t/var/log/auth.log", "status 1"]),
        ]
        for (index, day) in days.enumerated() {
            let outcome = try Fsscan.shell(Self.setUp + day.script, in: directory)
            #expect(outcome.status == 0, "\(outcome.errorText)")
            let lines = outcome.outputText.split(separator: "\n").map(String.init)
            // Changes come in the order of paths.
            #expect(lines.first == "day \(index + 1)" && Set(lines.dropFirst()) == Set(day.expected), "\(lines)")
            #expect(lines.count == day.expected.count + 1, "\(lines)")
        }
        let reasons = try Fsscan.shell("$F saved --json s.db | jq -c '[.scans[].reason]'", in: directory)
        #expect(reasons.outputText == #"[null,"logs rotated","upgrade","photos moved","hosts"]"# + "\n")
    }
}
