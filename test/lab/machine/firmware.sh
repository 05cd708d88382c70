#!/bin/sh
# firmware.sh OUT: what a network card's boot ROM does, in the machine's network namespace.
# Asks by DHCP for 3 s, fetches the boot script that the answer names, leaves it in OUT. Fails when nobody answers.
# Called again by udhcpc as its lease script: then $1 is the event.
set -eu
case $1 in
deconfig | leasefail | nak) exit 0 ;;
bound | renew)
  ip addr replace "$ip/${mask:-24}" dev "$interface"
  printf '%s\n' "${boot_file:-}" >"$LAB_LEASE"
  exit 0
  ;;
esac
out=$1
export LAB_LEASE="$out.lease"
rm -f "$out" "$LAB_LEASE"
busybox udhcpc -f -n -q -t 3 -T 1 -A 1 -i eth0 -s "$0" >&2
read -r file <"$LAB_LEASE"
[ -n "$file" ] || { echo 'DHCP answered without a boot file' >&2; exit 1; }
echo "boot file: ${file%%\?*}" >&2
busybox timeout 5 busybox wget -q -O "$out" "$file" # its -T crashes
