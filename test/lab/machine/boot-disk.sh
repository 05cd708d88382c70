#!/bin/sh
# boot-disk.sh MACHINE_DIR TEMPLATE NETNS CGROUP NAME [NSPAWN_OPTION ...]: starts the system on a machine's disk.
# Runs as the first process of the machine's own mount, pid and time namespaces: they end together.
set -eu
dir=$1 template=$2 netns=$3 cgroup=$4 name=$5
shift 5
# Two machines in one cgroup would both be its systemd.
for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/systemd /sys/fs/cgroup/unified; do
  [ -e "$hierarchy/cgroup.procs" ] || continue
  mkdir -p "$hierarchy/$cgroup"
  echo 0 >"$hierarchy/$cgroup/cgroup.procs"
done
unified=0
[ ! -e /sys/fs/cgroup/cgroup.controllers ] || unified=1
mount -t overlay overlay -o "lowerdir=$template,upperdir=$dir/disk/upper,workdir=$dir/disk/work" "$dir/root"
export EXIT_ON_REBOOT=1 SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=$unified SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1
exec systemd-nspawn --quiet --register=no --keep-unit --boot --directory="$dir/root" --machine="$name" \
  --network-namespace-path="/run/netns/$netns" --console=pipe --link-journal=no --resolv-conf=off --timezone=off \
  --setenv=SYSTEMD_PROC_CMDLINE="SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1" "$@"
