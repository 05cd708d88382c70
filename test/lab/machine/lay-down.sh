#!/bin/sh
# lay-down.sh DISK SEED OS NAME [EXTRA]: writes a bootable system onto an empty disk.
# SEED holds authorized_keys and hosts; EXTRA, for a machine's first system, its host key and files of its role.
# DISK/os is written last: without it the disk has no boot loader.
set -eu
disk=$1 seed=$2 os=$3 name=$4 extra=${5:-}
root=$disk/upper
umask 022
mkdir -p "$root/etc/ssh" "$root/root" "$disk/work"
[ -z "$extra" ] || cp -R "$extra/." "$root/"
mkdir -p "$root/root/.ssh"
chmod 700 "$root/root" "$root/root/.ssh"
cp "$seed/authorized_keys" "$root/root/.ssh/authorized_keys"
cp "$seed/hosts" "$root/etc/hosts"
echo "${name%%.*}" >"$root/etc/hostname"
tr -d - </proc/sys/kernel/random/uuid >"$root/etc/machine-id"
key=$root/etc/ssh/ssh_host_ed25519_key
[ -e "$key" ] || ssh-keygen -q -t ed25519 -N '' -C "root@$name" -f "$key"
chmod 600 "$key"
echo "$os" >"$disk/os.new"
mv "$disk/os.new" "$disk/os"
