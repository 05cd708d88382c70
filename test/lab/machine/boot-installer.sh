#!/bin/sh
# boot-installer.sh MACHINE_DIR INSTALLER LAB_INSTALLER: starts the installer from memory, with the machine's disk attached.
# LAB_INSTALLER holds what differs by lab: host key, authorized_keys, scripts. The boot's parameters are in MACHINE_DIR/boot.params.
set -eu
dir=$1 installer=$2 lab=$3
mount -t tmpfs tmpfs "$dir/root"
mkdir "$dir/root/upper" "$dir/root/work" "$dir/root/system"
system=$dir/root/system
mount -t overlay overlay -o "lowerdir=$lab:$installer,upperdir=$dir/root/upper,workdir=$dir/root/work" "$system"
cp "$dir/boot.params" "$system/etc/installer"
for share in disk seed faults; do mount --bind "$dir/$share" "$system/$share"; done
exec chroot "$system" /bin/sh /install
