#!/usr/bin/env bash
# testbed.sh - several libvirt/QEMU "hosts" on one Linux machine, for real live migration.
#
# A host is a set of namespaces (mount, network, PID, UTS, IPC, cgroup) around its own
# libvirtd, held by one init process; killing that init removes the host and all it runs,
# as a power cut would.  All hosts sit on one bridge, as does the machine itself:
#
#     root namespace 10.77.0.1 (bridge ethosbr) ──┬── veth ── br0 10.77.0.11  host1 (+ guests)
#                                              ├── veth ── br0 10.77.0.12  host2 (+ guests)
#                                              └── ...
#
# Guests are emulated (TCG): no KVM is needed.  Needs root, and from apt:
#   libvirt-daemon-system libvirt-clients qemu-system-x86 qemu-utils iproute2 busybox-static
#   kmod cpio gcc libc6-dev openssl                  (build-guest.sh fetches a kernel and makes the small guest)
#   mmdebstrap e2fsprogs                           (build-debian-guest.sh and seed-guest.sh make the other)
#
# Usage:
#   testbed.sh up [N]                      start N hosts (default 2)
#   testbed.sh down                        stop everything this testbed started
#   testbed.sh status                      hosts, daemons, domains
#   testbed.sh uri HOST [tcp|tls|unix]     libvirt URI of HOST, usable from the root namespace
#   testbed.sh virsh HOST ARGS...          virsh against HOST
#   testbed.sh exec HOST CMD...            run a command inside HOST
#   testbed.sh vm-start HOST VM [k=v...]   boot a guest: the small one (mem=192 vcpus=1 cpu=30 dirty=4 span=32), or with
#                                          debian=1 mem=512 Debian with agent, nginx and PostgreSQL, and data=FILE as its disk;
#                                          agent=1 is the small one with the agent (build-guest.sh DIR AGENT), in 320 MB;
#                                          defined=1 leaves a definition where it runs, as operators' VMs have
#   testbed.sh data-disk FILE MB FOLDER    make such a disk: a file system that holds what is in FOLDER
#   testbed.sh channel HOST VM NAME        path of the host's end of a virtio-serial channel of VM
#   testbed.sh migrate VM FROM TO [virsh migrate options]
#   testbed.sh link HOST RATE|off          limit HOST's link both ways, e.g. "200mbit"
#   testbed.sh cut HOST | mend HOST        unplug / plug in HOST's network cable
#   testbed.sh cpu-cap HOST PERCENT|off [BURST]   limit HOST's CPU (100 = one core); unused, it may keep as much as BURST per cent for
#                                          100 ms: without, a guest that works in pushes waits for a host that is half idle
#   testbed.sh daemon HOST start|stop|kill libvirtd only; guests go on without it
#   testbed.sh vm-kill HOST VM             kill a guest's QEMU, as a crash does
#   testbed.sh qemus HOST                  guests that have a QEMU process on HOST, whatever its libvirt says
#   testbed.sh cpu-time HOST               CPU time that HOST and all it runs have used so far, in ns
#   testbed.sh power-off HOST | host-up HOST   kill HOST and all it runs; boot it again
#   testbed.sh vm-xml VM [k=v...]          print the domain XML vm-start would use
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
STATE=${TESTBED_STATE:-/tmp/ethos-testbed}              # keep short: UNIX socket paths end at 107 characters
NET=${TESTBED_NET:-10.77.0}                  # a /24
BRIDGE=${TESTBED_BRIDGE:-ethosbr}
WEIGHT=${TESTBED_WEIGHT:-10}                 # CPU weight of a host, in ordinary processes of this machine; 100 at most
GUEST=${TESTBED_GUEST:-$STATE/guest}         # kernel and initrd.gz from build-guest.sh, debian.img from build-debian-guest.sh
KERNEL=${TESTBED_KERNEL:-$({ ls -1 "$GUEST"/kernel/boot/vmlinuz-* 2>/dev/null || true; } | sort -V | tail -1)}

die() { echo "testbed: $*" >&2; exit 1; }
num() { [[ $1 =~ ^host([0-9]+)$ ]] || die "not a host name: $1"; echo "${BASH_REMATCH[1]}"; }
ip_of() { echo "$NET.$((10 + $(num "$1")))"; }
veth_of() { echo "$BRIDGE-h$(num "$1")"; }
hosts() { ls -1 "$STATE/hosts" 2>/dev/null | sort -V; }
init_pid() { cat "$STATE/hosts/$1/init.pid" 2>/dev/null || die "$1 is not up"; }
inside() {                               # inside HOST CMD...: in its namespaces and its cgroup
  local pid; pid=$(init_pid "$1")
  (cgroup_join "$1" "$BASHPID"; shift; exec nsenter -t "$pid" -m -u -i -n -p -C -- "$@")
}
wait_for() {                             # wait_for SECONDS WHAT CMD...: poll until CMD succeeds
  local n=$(($1 * 20)) what=$2; shift 2
  while ! "$@" >/dev/null 2>&1; do ((n-- > 0)) || die "gave up waiting for $what"; sleep 0.05; done
}
uri() {
  case ${2:-unix} in
    tcp)  echo "qemu+tcp://$(ip_of "$1")/system" ;;
    tls)  echo "qemu+tls://$(ip_of "$1")/system?pkipath=$STATE/hosts/$1/etc/pki" ;;
    unix) echo "qemu+unix:///system?socket=$STATE/hosts/$1/run/libvirt/libvirt-sock" ;;
    *)    die "transport is tcp, tls or unix" ;;
  esac
}

# ---- cgroups: one group per host, so libvirt's groups do not collide and a CPU cap is possible
cgroup_roots() { awk '$3=="cgroup"||$3=="cgroup2"{print $2}' /proc/mounts; }
cgroup_create() {
  local root dir f
  for root in $(cgroup_roots); do
    dir=$root/$BRIDGE-$1; mkdir -p "$dir" 2>/dev/null || continue
    # A host weighs as a machine, not as one process among those of the machine it is on.
    if [[ -e $dir/cpu.shares ]]; then echo $((1024 * WEIGHT)) >"$dir/cpu.shares"; fi
    if [[ -e $dir/cpu.weight ]]; then echo $((100 * WEIGHT)) >"$dir/cpu.weight"; fi
    for f in cpuset.cpus cpuset.mems; do          # cgroup v1: empty until copied from the parent
      if [[ -e $dir/$f && -z $(cat "$dir/$f") && -n $(cat "$root/$f" 2>/dev/null) ]]; then cat "$root/$f" >"$dir/$f"; fi
    done
  done
}
cgroup_join() {
  local root
  for root in $(cgroup_roots); do if [[ -d $root/$BRIDGE-$1 ]]; then echo "$2" >"$root/$BRIDGE-$1/cgroup.procs"; fi; done
}
cgroup_remove() {
  local root
  for root in $(cgroup_roots); do
    [[ -d $root/$BRIDGE-$1 ]] && find "$root/$BRIDGE-$1" -depth -type d -exec rmdir {} + 2>/dev/null || true
  done
}

# ---- hosts
write_pki() {                            # write_pki HOST: its key and certificate, under the names that libvirt and QEMU look for
  local pki=$STATE/hosts/$1/etc/pki ca=$STATE/ca name
  mkdir -p "$pki" "$ca"
  if [[ ! -e $ca/cert.pem ]]; then
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj '/CN=testbed' \
      -keyout "$ca/key.pem" -out "$ca/cert.pem" 2>/dev/null
  fi
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj "/CN=$1" \
    -addext "subjectAltName=DNS:$1,IP:$(ip_of "$1")" -addext 'extendedKeyUsage=serverAuth,clientAuth' \
    -addext 'basicConstraints=critical,CA:FALSE' -CA "$ca/cert.pem" -CAkey "$ca/key.pem" \
    -keyout "$pki/key.pem" -out "$pki/cert.pem" 2>/dev/null
  for name in server client; do
    ln -sf key.pem "$pki/${name}key.pem"; ln -sf key.pem "$pki/$name-key.pem"
    ln -sf cert.pem "$pki/${name}cert.pem"; ln -sf cert.pem "$pki/$name-cert.pem"
  done
  cp "$ca/cert.pem" "$pki/cacert.pem"; ln -sf cacert.pem "$pki/ca-cert.pem"
}

write_config() {                         # write_config HOST: its /etc/libvirt and /etc/hosts
  local host=$1 dir=$STATE/hosts/$1 n h
  n=$(num "$host")
  mkdir -p "$dir"/{etc,run,lib,log/qemu} "$STATE/cache"
  write_pki "$host"
  cat >"$dir/etc/libvirtd.conf" <<CONF
listen_tls = 1
auth_tls = "none"
ca_file = "/etc/libvirt/pki/cacert.pem"
cert_file = "/etc/libvirt/pki/servercert.pem"
key_file = "/etc/libvirt/pki/serverkey.pem"
listen_tcp = 1
auth_tcp = "none"
auth_unix_rw = "none"
tcp_port = "16509"
host_uuid = "$(printf 'e7405000-0000-4000-8000-%012d' "$n")"
# every call of a client, so that calls can be counted
log_filters = "1:libvirt.domain"
log_outputs = "1:file:/var/log/libvirt/libvirtd.log"
keepalive_interval = ${TESTBED_KEEPALIVE_INTERVAL:-2}
keepalive_count = ${TESTBED_KEEPALIVE_COUNT:-3}
CONF
  cat >"$dir/etc/qemu.conf" <<CONF
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
namespaces = []
default_tls_x509_cert_dir = "/etc/libvirt/pki"
stdio_handler = "file"
lock_manager = "lockd"
migration_host = "$(ip_of "$host")"
migration_address = "0.0.0.0"
keepalive_interval = ${TESTBED_KEEPALIVE_INTERVAL:-2}
keepalive_count = ${TESTBED_KEEPALIVE_COUNT:-3}
CONF
  # Who wants to run a VM must hold its lease: else libvirt may let it run on at the source while it runs at the
  # target, where the target's daemon dies in the instant of handing over
  echo 'file_lockspace_dir = "/var/lib/libvirt/lockd/testbed"' >"$dir/etc/qemu-lockd.conf"
  mkdir -p "$dir/lib/lockd/testbed" "$STATE/leases"
  { echo "127.0.0.1 localhost"; for h in $(hosts); do echo "$(ip_of "$h") $h"; done; } >"$STATE/hosts.txt"
}

host_init() {                            # PID 1 of a host (runs inside the new namespaces)
  local host=$1 dir=$STATE/hosts/$1 groups root type opts
  while [[ ! -e $dir/go ]]; do sleep 0.02; done
  mount --make-rprivate /
  hostname "$host"
  mount -t proc proc /proc
  mount --bind "$dir/run" /run
  mount --bind "$dir/etc" /etc/libvirt
  mount --bind "$dir/lib" /var/lib/libvirt
  mount --bind "$STATE/leases" /var/lib/libvirt/lockd/testbed    # shared, as an NFS share would be
  mount --bind "$dir/log" /var/log/libvirt
  mount --bind "$STATE/cache" /var/cache/libvirt    # shared: QEMU is probed once (3 s) for all hosts
  mount --bind "$STATE/hosts.txt" /etc/hosts
  if [[ -e /dev/kvm ]]; then                                # hide KVM.  libvirt trusts access(R|W): with a
    : >"$dir/no-kvm"; mount --bind "$dir/no-kvm" /dev/kvm   # /dev/kvm it may open but QEMU cannot use, it
    mount -o remount,bind,ro /dev/kvm                       # probes QEMU again (3 to 30 s) at every call
  fi
  groups=$(awk '$3=="cgroup"||$3=="cgroup2"{print $2,$3,$4}' /proc/mounts)
  umount -R /sys 2>/dev/null || true
  mount -t sysfs sysfs /sys                                  # this network namespace's devices
  if grep -q ' cgroup ' <<<"$groups"; then mount -t tmpfs cgroup /sys/fs/cgroup; fi
  while read -r root type opts; do                           # cgroups, rooted at this host's group
    opts=${opts#rw,}; opts=${opts#nosuid,}; opts=${opts#nodev,}; opts=${opts#noexec,}; opts=${opts#relatime,}
    mkdir -p "$root" 2>/dev/null || continue
    if [[ $type == cgroup ]]; then mount -t cgroup -o "$opts" cgroup "$root"; else mount -t cgroup2 cgroup2 "$root"; fi ||
      echo "no cgroup at $root: libvirt does without"
  done <<<"$groups"
  # without this a connection starts at the speed an earlier, limited one to the same host ended with
  sysctl -qw net.ipv4.tcp_no_metrics_save=1 2>/dev/null || echo 1 >/proc/sys/net/ipv4/tcp_no_metrics_save || true
  ip link set lo up
  # a fixed address, as a real host has: a new one after power-off leaves stale ARP entries on the
  # others, and their first migration back waits 12 s
  ip link add br0 address "$(printf '52:54:00:78:00:%02x' "$(num "$host")")" type bridge forward_delay 0
  ip link set uplink master br0
  ip link set uplink up; ip link set br0 up
  ip addr add "$(ip_of "$host")/24" dev br0
  ip route add default via "$NET.1"
  virtlockd --daemon
  libvirtd --daemon --listen
  touch "$dir/ready"
  trap 'exit 0' TERM                     # PID 1 leaving ends every process of the host
  while :; do sleep 3600 & wait $! || true; done   # bash as PID 1 reaps the orphans (QEMU)
}

child_of() { tr -d ' ' <"/proc/$1/task/$1/children"; }
forked_init() { [[ $(tr '\0' ' ' <"/proc/$1/cmdline") == unshare* ]] && [[ -n $(child_of "$1") ]]; }

host_up() {
  local host=$1 dir=$STATE/hosts/$1 veth outer pid
  [[ -e $dir/init.pid ]] && die "$host is already up"
  veth=$(veth_of "$host")
  rm -f "$dir/go" "$dir/ready"
  rm -rf "${dir:?}/run"; mkdir -p "$dir/run"
  # The starter joins the host's cgroup first, so that the new cgroup namespace is rooted there.
  # setsid + closed descriptors: the host must outlive this script and hold none of its pipes.
  setsid bash -c 'while [[ ! -e $1/cg ]]; do sleep 0.02; done
    exec unshare --mount --uts --ipc --net --pid --cgroup --fork --kill-child "${@:2}"' \
    starter "$dir" bash "$HERE/testbed.sh" __init "$host" </dev/null >"$dir/log/init.log" 2>&1 &
  outer=$!
  cgroup_create "$host"; cgroup_join "$host" "$outer"
  touch "$dir/cg"
  wait_for 10 "$host's init" forked_init "$outer"
  pid=$(child_of "$outer")
  echo "$pid" >"$dir/init.pid"; rm -f "$dir/cg"
  ip link add "$veth" type veth peer name uplink netns "$pid"
  ip link set "$veth" master "$BRIDGE" up
  touch "$dir/go"
  wait_for 20 "$host" test -e "$dir/ready"
  wait_for 20 "$host's libvirtd" virsh -c "$(uri "$host" tcp)" version
}

host_down() {
  local host=$1 dir=$STATE/hosts/$1 pid
  if pid=$(cat "$dir/init.pid" 2>/dev/null); then
    # the pid is ours only if it is still this host's init
    if grep -qs "__init" "/proc/$pid/cmdline"; then kill -KILL "$pid"; fi
    wait_for 10 "$host to end" test ! -e "/proc/$pid"
    rm -f "$dir/init.pid"
  fi
  ip link del "$(veth_of "$host")" 2>/dev/null || true     # normally gone with the namespace
  cgroup_remove "$host"
}

up() {
  local n=${1:-2} i
  [[ $EUID == 0 ]] || die "must be root"
  [[ ! -e $STATE || -O $STATE ]] || die "$STATE belongs to somebody else"
  mkdir -p "$STATE/hosts"
  if [[ ! -e $GUEST/initrd.gz ]]; then
    "$HERE/build-guest.sh" "$GUEST"
    KERNEL=$(ls -1 "$GUEST"/kernel/boot/vmlinuz-* | sort -V | tail -1)
  fi
  if ! ip link show "$BRIDGE" >/dev/null 2>&1; then
    ip link add "$BRIDGE" type bridge forward_delay 0
    ip addr add "$NET.1/24" dev "$BRIDGE"
    ip link set "$BRIDGE" up
  fi
  for ((i = 1; i <= n; i++)); do mkdir -p "$STATE/hosts/host$i"; done
  for ((i = 1; i <= n; i++)); do write_config "host$i"; done
  for ((i = 1; i <= n; i++)); do host_up "host$i"; echo "host$i  $(uri "host$i" tcp)  $(uri "host$i")"; done
}

down() {
  local host
  for host in $(hosts); do host_down "$host"; rm -rf "${STATE:?}/hosts/$host"; done
  ip link del "$BRIDGE" 2>/dev/null || true
  rm -rf "${STATE:?}/hosts" "$STATE/hosts.txt" "$STATE/ca" "$STATE/leases"
}

status() {
  local host
  for host in $(hosts); do
    if [[ -e $STATE/hosts/$host/init.pid ]]; then
      echo "$host  init=$(init_pid "$host")  $(uri "$host" tcp)"
      timeout 5 virsh -c "$(uri "$host")" list --all 2>&1 | sed '/^$/d; s/^/    /'
    else echo "$host  down"; fi
  done
}

# ---- guests
vm_xml() {                               # vm_xml VM [key=value...]
  local vm=$1 n mem=192 vcpus=1 cpu=30 dirty=4 span=32 debian=0 data="" extra="" defined=0 agent=0 initrd=initrd.gz; shift
  n=${vm//[!0-9]/}; [[ -n $n ]] || die "a guest name must hold a number, as vm1"
  local kv; for kv in "$@"; do
    case ${kv%%=*} in mem|vcpus|cpu|dirty|span|debian|data|extra|defined|agent) printf -v "${kv%%=*}" '%s' "${kv#*=}" ;; *) die "unknown guest option $kv" ;; esac
  done
  if [[ $agent == 1 ]]; then initrd=initrd-agent; fi
  local disks=""
  if [[ $debian == 1 ]]; then disks="<disk type='file' device='disk'><driver name='qemu' type='raw' cache='none'/>
      <source file='$GUEST/debian.img'/><target dev='vda' bus='virtio'/><readonly/><shareable/></disk>"; fi
  if [[ -n $data ]]; then disks+="<disk type='file' device='disk'><driver name='qemu' type='raw' cache='none'/>
      <source file='$data'/><target dev='vdb' bus='virtio'/></disk>"; fi
  cat <<XML
<domain type='qemu'>
  <name>$vm</name>
  <uuid>$(printf 'e7405001-0000-4000-8000-%012d' "$n")</uuid>
  <memory unit='MiB'>$mem</memory>
  <vcpu>$vcpus</vcpu>
  <os>
    <type arch='x86_64' machine='${TESTBED_MACHINE:-pc-q35-7.2}'>hvm</type>
    <kernel>$KERNEL</kernel>
    <initrd>$GUEST/$initrd</initrd>
    <cmdline>console=ttyS0 quiet panic=0 mitigations=off no_timer_check net.ifnames=0 systemd.hostname=$vm testbed.name=$vm testbed.ip=$NET.$((100 + n)) testbed.gw=$NET.1 testbed.cpu=$cpu testbed.dirty=$dirty testbed.span=$span testbed.debian=$debian $extra</cmdline>
  </os>
  <features><acpi/></features>
  <cpu mode='custom' match='exact' check='none'><model fallback='forbid'>${TESTBED_CPU:-EPYC}</model></cpu>
  <on_poweroff>destroy</on_poweroff><on_reboot>destroy</on_reboot><on_crash>destroy</on_crash>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <controller type='usb' model='none'/>
    $disks
    <lease><lockspace>testbed</lockspace><key>$vm</key><target path='/var/lib/libvirt/lockd'/></lease>
    <interface type='bridge'><mac address='$(printf '52:54:00:77:00:%02x' "$n")'/><source bridge='br0'/><model type='virtio'/></interface>
    <serial type='file'><source path='/var/log/libvirt/qemu/$vm.serial' append='on'/></serial>
    <channel type='unix'><target type='virtio' name='org.ethos.testbed.0'/></channel>
    <channel type='unix'><target type='virtio' name='org.ethos.agent.0'/></channel>
    <rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>
    <memballoon model='virtio'><stats period='2'/></memballoon>
  </devices>
</domain>
XML
}

# The file keeps its holes: what the guest never wrote takes no room.
data_disk() { rm -f "$1"; mkfs.ext4 -q -m 0 -E root_owner=0:0 -d "$3" "$1" "${2}M"; }

channel() {
  local socket
  for socket in "$STATE/hosts/$1"/lib/qemu/channel/target/domain-*-"$2/$3"; do
    if [[ -S $socket ]]; then echo "$socket"; return; fi
  done
  die "no channel $3 of $2 on $1"
}

vm_start() {
  local host=$1 vm=$2; shift 2
  touch "$STATE/leases/$vm"
  if [[ " $* " == *" defined=1 "* ]]; then
    vm_xml "$vm" "$@" | virsh -c "$(uri "$host")" define /dev/stdin
    virsh -c "$(uri "$host")" start "$vm"
  else vm_xml "$vm" "$@" | virsh -c "$(uri "$host")" create /dev/stdin; fi
}

migrate() {                              # migrate VM FROM TO [options]: managed peer-to-peer by default
  local vm=$1 from=$2 to=$3; shift 3
  [[ $# -gt 0 ]] || set -- --p2p
  virsh -c "$(uri "$from" tcp)" migrate --live "$vm" "$(uri "$to" tcp)" "$@"
  virsh -c "$(uri "$to" tcp)" domjobinfo "$vm" --completed
}

# ---- disturbances
link() {
  local host=$1 rate=$2 veth; veth=$(veth_of "$host")
  tc qdisc del dev "$veth" root 2>/dev/null || true
  inside "$host" tc qdisc del dev uplink root 2>/dev/null || true
  [[ $rate == off ]] && return
  tc qdisc add dev "$veth" root tbf rate "$rate" burst 256kb latency 50ms
  inside "$host" tc qdisc add dev uplink root tbf rate "$rate" burst 256kb latency 50ms
}
cpu_cap() {
  local quota=-1 burst=$((${3:-0} * 1000)) dir=/sys/fs/cgroup/cpu/$BRIDGE-$1 keep=cpu.cfs_burst_us
  [[ $2 == off ]] || quota=$(($2 * 1000))
  [[ -e $dir/cpu.cfs_quota_us ]] || { dir=/sys/fs/cgroup/$BRIDGE-$1 keep=cpu.max.burst; }
  # What is kept may never exceed the limit, the old one or the new. Kernels before 5.14 keep nothing.
  if [[ -e $dir/$keep ]]; then echo 0 >"$dir/$keep"; fi
  if [[ -e $dir/cpu.cfs_quota_us ]]; then echo "$quota" >"$dir/cpu.cfs_quota_us"
  else [[ $quota == -1 ]] && quota=max; echo "$quota 100000" >"$dir/cpu.max"; fi
  if [[ -e $dir/$keep && $burst -gt 0 ]]; then echo "$burst" >"$dir/$keep"; fi
}
vm_kill() { inside "$1" kill -KILL "$(cat "$STATE/hosts/$1/run/libvirt/qemu/$2.pid")"; }
qemus() {                                # read from /proc alone: true also while libvirtd is dead or wrong
  inside "$1" sh -c 'for file in /proc/[0-9]*/cmdline; do
    tr "\0" " " <"$file" 2>/dev/null | sed -n "s/^[^ ]*qemu-system[^ ]* -name guest=\([^, ]*\).*/\1/p"; done'
}
cpu_time() {
  local group; group=/sys/fs/cgroup/cpuacct/$BRIDGE-$1
  if [[ -e $group/cpuacct.usage ]]; then cat "$group/cpuacct.usage"
  else awk '$1=="usage_usec"{print $2 "000"}' "/sys/fs/cgroup/$BRIDGE-$1/cpu.stat"; fi
}
daemon() {
  local pidfile=$STATE/hosts/$1/run/libvirtd.pid
  case $2 in
    start) inside "$1" libvirtd --daemon --listen; wait_for 20 libvirtd virsh -c "$(uri "$1" tcp)" version ;;
    stop)  inside "$1" kill -TERM "$(cat "$pidfile")" ;;
    kill)  inside "$1" kill -KILL "$(cat "$pidfile")" ;;
    *)     die "daemon HOST start|stop|kill" ;;
  esac
}

cmd=${1:-}; shift || true
case $cmd in
  up|down|status|migrate|link|daemon|uri) "$cmd" "$@" ;;
  virsh)     host=$1; shift; exec virsh -c "$(uri "$host")" "$@" ;;
  exec)      inside "$@" ;;
  vm-xml)    vm_xml "$@" ;;
  vm-start)  vm_start "$@" ;;
  data-disk) data_disk "$@" ;;
  channel)   channel "$@" ;;
  cut)       ip link set "$(veth_of "$1")" down ;;
  mend)      ip link set "$(veth_of "$1")" up ;;
  cpu-cap)   cpu_cap "$@" ;;
  vm-kill)   vm_kill "$@" ;;
  qemus)     qemus "$@" ;;
  cpu-time)  cpu_time "$@" ;;
  power-off) host_down "$1" ;;
  host-up)   host_up "$1" ;;
  __init)    host_init "$@" ;;
  *)         sed -n '2,/^set -/{/^set -/d;s/^# \{0,1\}//;p}' "$HERE/testbed.sh"; exit 2 ;;
esac
