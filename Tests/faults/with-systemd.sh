#!/bin/sh
# Lets a systemd of its own run the units in contrib/: with-systemd.sh FSSCAN DIRECTORY
#
# It is process 1 of new namespaces, on a view of this machine's files that is thrown away afterwards (overlayfs on
# tmpfs), with a control group of its own and /proc/sys read-only. The units are unchanged, except for their order in a
# boot and for the scanned tree: /etc, and a file in /tmp, with MIME types, too. A journald of its own runs as well.
# DIRECTORY/result holds the outcome. With --check instead of FSSCAN it says whether this machine allows all that.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
systemd=/lib/systemd/systemd
groups=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)

if [ "$1" = --check ]; then
    [ "$(id -u)" -eq 0 ] && [ -x $systemd ] && [ -n "$groups" ] && [ -w "$groups/cgroup.procs" ] || exit 1
    exec unshare -m sh -c 'mount -t tmpfs none /mnt && mkdir /mnt/u /mnt/w /mnt/r &&
        mount -t overlay none -o lowerdir=/,upperdir=/mnt/u,workdir=/mnt/w /mnt/r && test -x "/mnt/r$0"' $systemd 2>/dev/null
fi

if [ "$1" != inside ]; then
    group=$groups/fsscan-test-$$
    mkdir "$group"
    sh -c 'echo $$ >"$0/cgroup.procs"; exec unshare -m -p -u -i -n -C -f "$@"' "$group" "$0" inside "$1" "$2" &
    unshare=$!
    # systemd freezes when it cannot go on.
    for _ in $(seq 200); do
        kill -0 $unshare 2>/dev/null || break
        sleep 1
    done
    kill -KILL $(cat "/proc/$unshare/task/$unshare/children" 2>/dev/null) 2>/dev/null || true
    wait $unshare || true
    find "$group" -depth -type d -exec rmdir {} \; 2>/dev/null || sleep 1
    [ ! -d "$group" ] || find "$group" -depth -type d -exec rmdir {} \;
    exit 0
fi

program=$2 result=$3
mount --make-rprivate /
mount -t tmpfs none /mnt
cp "$program" "$(dirname "$program")/fsscan-magic" /mnt/
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay none -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work /mnt/root
root=/mnt/root
mount -t proc none $root/proc
mount --bind $root/proc/sys $root/proc/sys
mount -o remount,bind,ro $root/proc/sys
mount -t sysfs -o ro none $root/sys
mount -t cgroup2 none $root/sys/fs/cgroup
mount --rbind /dev $root/dev
mount -t tmpfs none $root/run
mount --bind "$result" $root/mnt
install -m 755 /mnt/fsscan $root/usr/local/bin/fsscan
install -D -m 755 /mnt/fsscan-magic $root/usr/local/libexec/fsscan/fsscan-magic
install -m 755 "$here/../../contrib/fsscan-alert" $root/usr/local/libexec/fsscan/fsscan-alert
systemd-sysusers --root=$root "$here/../../contrib/fsscan-sysusers.conf"
# A unit with a /tmp of its own would not see it.
touch $root/tmp/seen
# The toolchain's libraries may lie on a mount of their own, which the view does not show.
ldd "$program" | sed -n 's/.* => \(\/.*\) (.*/\1/p' | while read -r library; do
    [ -e "$root$library" ] || install -D -m 644 "$library" "$root$library"
done

units=$root/etc/systemd/system
rm -rf "${units:?}"
mkdir -p $units
cp "$here"/../../contrib/*.service "$here"/../../contrib/*.timer $units
# The journal in memory, without the kernel's messages and the audit's.
mkdir -p $root/etc/systemd/journald.conf.d
printf '[Journal]\nStorage=volatile\nReadKMsg=no\nAudit=no\nForwardToWall=no\n' >$root/etc/systemd/journald.conf.d/test.conf
for unit in fsscan fsscan-verify fsscan-verify@ fsscan-alert@; do
    mkdir $units/$unit.service.d
    printf '[Unit]\nDefaultDependencies=no\n' >$units/$unit.service.d/test.conf
done
printf '[Service]\nExecStart=\n%s\n' "$(sed -n 's|^\(ExecStart=.*\) /$|\1 --mime /etc /tmp/seen|p' $units/fsscan.service)" \
    >>$units/fsscan.service.d/test.conf
cat >$units/check.service <<'EOF'
[Unit]
DefaultDependencies=no
SuccessAction=exit-force
FailureAction=exit-force
[Service]
Type=oneshot
TimeoutStartSec=190
ExecStart=/bin/sh /check.sh
EOF
cat >$root/check.sh <<'EOF'
exec >/mnt/result 2>&1
systemctl start fsscan.service
echo "scan $?"
systemctl show fsscan.service -p Result -p ExecMainStatus -p DynamicUser
report=/var/lib/fsscan/report.json
echo "listed $(find /etc /tmp/seen -xdev | wc -l)"
grep -m 1 -o '"entries": [0-9]*' $report
grep -o '"complete": [a-z]*' $report
stat -c '%a' $report
# The journal says which unit an entry is of.
systemctl start systemd-journald.socket systemd-journald.service
mkdir -p /var/lib/fsscan-saved
echo 'FSSCAN_VERIFY=--ignore mtime,ctime' >/etc/default/fsscan-verify
fsscan --save /var/lib/fsscan-saved/usr.db --hash sha256 --xattrs /etc >/dev/null 2>&1
systemctl start fsscan-verify.service
echo "verify $?"
for number in $(seq 10 21); do echo changed >/etc/changed$number; done
systemctl start fsscan-verify.service
echo "changed $?"
systemctl show fsscan-verify.service -p ExecMainStatus
# The alert of a unit, without what differs each time.
alert() {
    for _ in $(seq 100); do
        case $(systemctl show --value -p ActiveState "$1") in inactive | failed)
            [ "$(systemctl show --value -p ExecMainStartTimestampMonotonic "$1")" = 0 ] || break ;;
        esac
        sleep 0.3
    done
    journalctl --sync
    journalctl -q -o cat -t fsscan-alert | sed 's/_ID=[0-9a-f]*$/_ID=ID/'
}
alert fsscan-alert@fsscan-verify.service
journalctl --rotate; journalctl --vacuum-size=1 >/dev/null 2>&1

mkdir -p "/srv/my data"; echo two >"/srv/my data/f"
unit=$(systemd-escape -p --template=fsscan-verify@.service "/srv/my data")
echo "escaped $unit"
instance=${unit#fsscan-verify@}; instance=${instance%.service}
mkdir "/run/systemd/system/$unit.d"
printf '[Service]\nEnvironment="FSSCAN_VERIFY=--ignore mtime,ctime"\n' >"/run/systemd/system/$unit.d/options.conf"
systemctl daemon-reload
fsscan --save "/var/lib/fsscan-saved/$instance.db" --hash sha256 --xattrs "/srv/my data" >/dev/null 2>&1
systemctl start "$unit"
echo "instance $?"
echo three >"/srv/my data/f"; chmod 600 "/srv/my data/f"
systemctl start "$unit"
echo "instance changed $?"
alert=$(alert "fsscan-alert@${unit%.service}.service")
journalctl -q -o cat FSSCAN_CHANGE=content | sed 's/^/searched content: /'
journalctl -q -o cat FSSCAN_CHANGE=metadata | sed 's/^/searched metadata: /'
journalctl -q --output-fields=FSSCAN_PATH -o cat FSSCAN_CHANGE=content | sed 's/^/path /'
journalctl -q --output-fields=_SYSTEMD_UNIT -o cat FSSCAN_CHANGE=content | sed 's/^/unit /'
echo "summary $(journalctl -q -o cat --output-fields=FSSCAN_STATUS MESSAGE_ID=16c26904dbbf41119d60df4a185e51e8 | tail -1)"
echo "$alert" | head -1
EOF
exec env -i container=namespace PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    chroot $root $systemd --system --unit=check.service --log-target=null --show-status=0
