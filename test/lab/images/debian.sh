#!/bin/sh
# debian.sh OUT SUITE MIRROR: the root of a machine's operating system: a small Debian with systemd and sshd.
set -eu
out=$1 suite=$2 mirror=$3
include=systemd,systemd-sysv,openssh-server,iproute2
[ "$suite" != bookworm ] || include=$include,etcd-server,etcd-client,isc-dhcp-server # of the etcd members and the install server
debootstrap --variant=minbase --include="$include" "$suite" "$out" "$mirror"
rm -f "$out"/etc/ssh/ssh_host_* "$out"/var/cache/apt/archives/*.deb "$out"/var/lib/apt/lists/*_*
rm -f "$out"/etc/systemd/system/multi-user.target.wants/etcd.service # started only where a machine is a member
rm -f "$out"/etc/rc?.d/*isc-dhcp-server
for unit in console-getty.service getty@.service systemd-networkd.service apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer; do
  ln -sf /dev/null "$out/etc/systemd/system/$unit"
done
touch "$out/etc/.updated" "$out/var/.updated" # or each first boot rebuilds caches
