#!/bin/sh
# Lets a systemd of its own run the units in contrib/: with-systemd.sh FSSCAN DIRECTORY
#
# It is process 1 of new namespaces, on a view of this machine's files that is thrown away afterwards (overlayfs on
# tmpfs), with a control group of its own and /proc/sys read-only. The units are unchanged, except for their order in a
# boot and for the scanned tree: /etc, and a file in /tmp, with MIME types, too. DIRECTORY/result holds the outcome.
# With --check instead of FSSCAN it says whether this machine allows all that.
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
    for _ in $(seq 90); do
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
for unit in fsscan fsscan-verify fsscan-alert; do
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
TimeoutStartSec=80
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
mkdir -p /var/lib/fsscan-saved
fsscan --save /var/lib/fsscan-saved/usr.db --hash sha256 --xattrs /etc >/dev/null 2>&1
systemctl start fsscan-verify.service
echo "verify $?"
echo changed >/etc/changed
systemctl start fsscan-verify.service
echo "changed $?"
systemctl show fsscan-verify.service -p ExecMainStatus
for _ in $(seq 30); do
    systemctl show fsscan-alert.service -p ExecMainStartTimestampMonotonic | grep -q '=0$' || { echo "alert"; break; }
    sleep 1
done
EOF
exec env -i container=namespace PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    chroot $root $systemd --system --unit=check.service --log-target=null --show-status=0
