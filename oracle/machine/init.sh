#!/bin/bash
# PID 1 of one machine of a lab, started in its own net, mount, UTS and PID namespaces: init.sh NAME FOLDER_OF_THIS_FILE.
# Says "ready <its pid outside>" and lives until its stdin closes; with it die all processes of the machine.
set -e
name=$1 files=$2

while read -r key value; do [[ $key == Pid: ]] && pid=$value; done </proc/self/status
# The checkout may lie under /tmp, which is about to be covered.
exec 4<"$files/tell.sh" 5<"$files/ip" 6<"$files/brctl" 7<"$files/sudo" 8<"$files/sysctl"

mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/netns /run/lock /run/hopscope/{bin,real,etc/upper,etc/work}
mount -t tmpfs -o mode=1777 tmpfs /tmp
cat <&4 >/run/hopscope/tell.sh
cat <&5 >/run/hopscope/bin/ip
cat <&6 >/run/hopscope/bin/brctl
cat <&7 >/run/hopscope/bin/sudo
cat <&8 >/run/hopscope/bin/sysctl
exec 4<&- 5<&- 6<&- 7<&- 8<&-
chmod 755 /run/hopscope/bin/*
for tool in ip brctl sysctl; do
  path=$(type -P "$tool") && ln -s "$path" "/run/hopscope/real/$tool"
done
mkfifo /run/hopscope/requests

# A lab may write /etc/hosts or /etc/iproute2/rt_tables: never the ones of this computer.
if ! mount -t overlay overlay -o lowerdir=/etc,upperdir=/run/hopscope/etc/upper,workdir=/run/hopscope/etc/work /etc 2>/dev/null; then
  cp -a /etc/. /run/hopscope/etc/upper/
  mount --bind /run/hopscope/etc/upper /etc
fi
# As on a fresh Debian, and as in the simulator (core/shell/files/etc.ts).
rm -f /etc/hosts /etc/hostname /etc/resolv.conf
printf '127.0.0.1\tlocalhost\n127.0.1.1\t%s\n\n' "$name" >/etc/hosts
printf '%s\n' '# The following lines are desirable for IPv6 capable hosts' '::1     localhost ip6-localhost ip6-loopback' 'ff02::1 ip6-allnodes' \
  'ff02::2 ip6-allrouters' >>/etc/hosts
echo "$name" >/etc/hostname
: >/etc/resolv.conf

mount -t proc proc /proc
mount -t sysfs sysfs /sys
hostname "$name"
echo "ready $pid"
while read -r _; do :; done
