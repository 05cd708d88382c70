#!/bin/sh
# installer.sh OUT: the root of the network-booted installer: busybox, dropbear, ssh-keygen.
set -eu
out=$1
mkdir -p "$out/bin" "$out/etc/dropbear" "$out/root/.ssh" "$out/proc" "$out/dev" "$out/tmp" "$out/run" "$out/var/log" \
  "$out/disk" "$out/seed" "$out/faults"
cp "$(command -v busybox)" "$out/bin/busybox"
for applet in $(busybox --list); do [ -e "$out/bin/$applet" ] || ln -s busybox "$out/bin/$applet"; done
copy() { # a file and the libraries it is linked with
  cp "$1" "$out/bin/"
  ldd "$1" | grep -oE '/[^ ]+' | while read -r library; do
    mkdir -p "$out${library%/*}"
    cp -L "$library" "$out$library"
  done
}
copy "$(command -v dropbear || echo /usr/sbin/dropbear)"
copy "$(command -v ssh-keygen)"
libraries=/lib/$(uname -m)-linux-gnu
mkdir -p "$out$libraries"
cp -L "$libraries/libnss_files.so.2" "$out$libraries/"
echo 'root:x:0:0:root:/root:/bin/sh' >"$out/etc/passwd"
echo 'root:*:19000:0:99999:7:::' >"$out/etc/shadow"
echo 'root:x:0:' >"$out/etc/group"
echo /bin/sh >"$out/etc/shells"
echo 'passwd: files' >"$out/etc/nsswitch.conf"
printf 'PRETTY_NAME="Lab installer"\nID=lab-installer\n' >"$out/etc/os-release"
chmod 700 "$out/root" "$out/root/.ssh"
