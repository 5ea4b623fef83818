#!/bin/busybox sh
# init of the test guests.  Kernel command line: testbed.name testbed.ip testbed.gw; testbed.debian (1: go on as the Debian guest);
# testbed.cpu (percent of one core), testbed.work (burn, or serve: see workload.c), testbed.slice (ms in which it is busy and idle once, 50);
# testbed.dirty (MiB rewritten per second), testbed.span (MiB it walks over); testbed.fill (MiB that it holds); testbed.beat (ms between beats, 200).
# The small guest prints "beat SEQ UPTIME" on the serial console: an unbroken sequence across a
# migration is the proof that the guest lived on.  It takes commands on virtio port org.ethos.testbed.0:
#   ping | set cpu N | set dirty N | set span N | stat | agent (the agent's last words, where there is one)
#   done (pages rewritten so far, and when)
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev; mount -t tmpfs run /run
for m in /modules/*.ko; do insmod "$m" 2>/dev/null; done
for word in $(cat /proc/cmdline); do
  case $word in testbed.*) key=${word#testbed.}; eval "testbed_${key%%=*}='${key#*=}'" ;; esac
done
hostname "${testbed_name:-guest}"
ip link set lo up; ip link set eth0 up
ip addr add "$testbed_ip/24" dev eth0; ip route add default via "$testbed_gw"

if [ "$testbed_debian" = 1 ]; then
  # The image is shared and read-only: what the guest writes to its root stays in memory, its data go to the second disk.
  mount -t ext4 -o ro /dev/vda /image && mount -t tmpfs -o size=64m fresh /fresh && mkdir /fresh/up /fresh/work
  mount -t overlay -o lowerdir=/image,upperdir=/fresh/up,workdir=/fresh/work root /root
  # The agent's units lie on the guest's own disk, so that the image does not change with them.
  mkdir -p /disk && mount -t ext4 /dev/vdb /disk && cp -a /disk/system/. /root/ && umount /disk
  for at in proc sys dev run; do mkdir -p "/root/$at"; mount --move "/$at" "/root/$at"; done
  cp /bin/busybox /bin/workload /root/usr/local/bin/
  exec switch_root /root /sbin/init
fi

echo "${testbed_slice:-50}" >/run/slice; echo "${testbed_cpu:-30}" >/run/cpu; echo "${testbed_dirty:-4}" >/run/dirty; echo "${testbed_span:-32}" >/run/span
echo "BOOTED $(uname -r) at $(cut -d' ' -f1 /proc/uptime)"

channel() {
  for port in /sys/class/virtio-ports/*; do
    [ "$(cat "$port/name")" = org.ethos.testbed.0 ] && dev=/dev/${port##*/}
  done
  while :; do
    while read -r verb key value; do
      case $verb in
        ping) echo "pong $(cat /run/beat)" ;;
        set)  echo "$value" >"/run/$key"; echo "ok $key $value" ;;
        done) echo "done $(cat /run/done-dirty)" ;;
        agent) tail -n 1 /run/agent.log 2>/dev/null ;;
        stat) head -1 /proc/stat; grep -E '^(MemTotal|MemAvailable)' /proc/meminfo ;;
      esac >&3
    done 3<>"$dev" <&3
    sleep 1
  done
}
# Only in the image with the agent; what it tells goes over its port.
agent() {
  mkdir -p /run/agent /tmp
  for port in /sys/class/virtio-ports/*; do
    [ "$(cat "$port/name")" = org.ethos.agent.0 ] && port=/dev/${port##*/} && break
  done
  printf 'vm = %s\nuplink = virtio\nvirtio-port = %s\nstate = /run/agent\nvector-every = 1min\n' "$testbed_name" "$port" >/run/agent.conf
  exec ethos-agent --config /run/agent.conf >/run/agent.log 2>&1
}
if [ -x /bin/ethos-agent ]; then agent & fi
workload beat "${testbed_beat:-200}" & workload "${testbed_work:-burn}" & workload dirty "${testbed_fill:-0}" & channel &
while :; do wait; sleep 1; done
