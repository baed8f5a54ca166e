/**
 * Commands that a Linux machine may have and the simulator has not. One of these stops a script with `hopscope: line N: NAME is
 * not simulated`; a name that is nowhere is a typing error, and answered as bash does.
 */
const KNOWN = new Set(`
7z adduser agetty anacron ansible ansible-playbook apk apt apt-cache apt-get apt-key aptitude ar arch arp arpspoof at autossh avahi-browse avahi-daemon
base32 base64 batch bash-completion bat bc bird bird6 birdc blkid bmon bond2team bpftool bpftrace brew btop bunzip2 busctl bzcat bzip2
c++ cal calicoctl capsh cc chage chattr chcon chgrp chown chpasswd chroot chrt chsh chvt cilium cksum clang clear clusterctl cmake cmp cnitool
column comm conntrack conntrackd consul containerd cp cpio cpufreq-set crictl cron crontab csplit ctr curl cut cvs
daemonize dash dbus-send dd deallocvt debootstrap delv depmod df dhclient dhcpcd diff diff3 dig dircolors dmesg dmidecode dnf dnsmasq docker
docker-compose dockerd dot dpkg dpkg-query dropwatch dtrace du dumpe2fs
ebtables ed egrep eject emacs env etcd etcdctl ethtool evtest ex exabgp expand expect expr
factor fallocate fdisk ffmpeg fgrep file find findmnt firewall-cmd firewalld flannel flock fmt fold fping free frr fsck ftp fuser
g++ gcc gdb genisoimage getcap getconf getent getfacl getopt git go gobgp gobgpd gpg groupadd groups gunzip gzip
halt haproxy hashcat hdparm hey hexdump host hostid hostnamectl hping3 htop httping httpd
ifconfig ifdown ifenslave ifplugd ifquery iftop ifup init insmod install instmod invoke-rc.d ionice iostat ip6tables ip6tables-save ip6tables-restore
ipcalc ipcmk ipcrm ipcs iperf iperf3 ipip ipset iptables iptables-apply iptables-legacy iptables-legacy-restore iptables-legacy-save iptables-nft iptables-restore iptables-save
iptables-translate iptraf iptraf-ng ipvsadm iw iwconfig
java jc jobs join journalctl jq
k3d k3s k6 k9s keepalived kexec kill killall kind kmod ksh kube-apiserver kube-proxy kubeadm kubectl kubelet
last lastlog ld ldconfig ldd less lessecho link lldpctl lldpd lnstat locale localectl locate logger login loginctl logname logrotate logsave look
losetup lsattr lsb_release lsblk lscpu lsipc lslocks lsmod lsns lsof lspci lsusb lua lvs lxc lxd lynx
m4 mail make man mdadm mii-tool minikube mininet mkfifo mkfs mknod mkswap mktemp mn modinfo modprobe more mount mountpoint mpstat mtr multitail mutt mv
nameif nano nc nc.openbsd nc.traditional ncat nerdctl netcat netperf netplan netserver netstat networkctl networkd-dispatcher nft nftables nginx ngrep
nice nl nload nmap nmcli node nohup nomad nping npm nproc nslookup nsenter nstat ntpd ntpdate numactl numfmt
od openssl openvpn ospfd ovs-appctl ovs-dpctl ovs-ofctl ovs-vsctl ovsdb-client ovsdb-server
pacman parallel parted passwd paste patch pathchk perf perl pfctl pgrep php ping6 pip pip3 pkg pkill pmap podman poweroff ppp pppd pr printenv prips
ps psql pstree ptx pv pwck pwdx python python2 python3
qemu-img qemu-system-x86_64
radvd rarpd rdma readelf readlink realpath reboot redis-cli redis-server rename renice resize2fs resolvconf resolvectl retis rev rfkill rkt rmmod route rp-pppoe rpcinfo
rpm rsync rtacct rtmon rtstat ruby rule run-parts runc runuser
sar sch scp screen script sed sensors service setarch setcap setfacl setpci setsid sfdisk sftp sha1sum sha256sum shred shuf shutdown sipcalc skopeo slattach
smbclient snap snmpwalk socat sockperf sockstat sort spf split sqlite3 ss ssh ssh-add ssh-agent ssh-copy-id ssh-keygen ssh-keyscan sshd sshpass start-stop-daemon stat
stdbuf strace strings strongswan stty su sum swapoff swapon sync sysctl systemctl systemd-analyze systemd-nspawn systemd-networkd systemd-resolve systemd-run
tac tar taskset tc tcpflow tcpreplay tcptraceroute tcsh teamd teamdctl telnet terraform tftp tig time tipc tmux top tput traceroute6 trafgen tree truncate
tshark tsort tty tunctl
ufw uldp unexpand unlink unshare unzip update-alternatives update-rc.d uptime useradd userdel usermod users uuidgen
vagrant vbox vconfig vdpa vi vim virsh visudo vmstat vtysh
w wall watch wg wg-quick wget whatis whereis who whois wireshark wpa_supplicant write
x86_64 xxd xz yq yum zebra zcat zgrep zip zsh
md5sum sha512sum b2sum dnsdomainname domainname nisdomainname ypdomainname arptables iptunnel ipmaddr mcast nping scapy bridge-utils iproute2
`.split(/\s+/).filter((name) => name !== ''));

/** True for a command that is known to exist on Linux machines. What the registry has is found before this is asked. */
export function isKnownCommand(name: string): boolean {
  return KNOWN.has(name);
}
