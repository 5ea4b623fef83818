#!/usr/bin/env bash
# pingpong.sh COUNT [k=v...] - move one guest host1 -> host2 -> host1 ... and report whether it survives.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd); STATE=${TESTBED_STATE:-/tmp/ethos-testbed}; VM=${TESTBED_VM:-vm30}
n=$1; shift; from=host1 to=host2
rm -f "$STATE"/hosts/*/log/qemu/$VM.serial
"$HERE/testbed.sh" vm-start $from $VM "$@" >/dev/null
until grep -aq '^beat 20 ' "$STATE/hosts/$from/log/qemu/$VM.serial" 2>/dev/null; do sleep 0.3; done
for ((i = 1; i <= n; i++)); do
  "$HERE/testbed.sh" migrate $VM $from $to >"$STATE/pp-$VM.txt" 2>&1 || { echo "migration $i failed: $(head -1 "$STATE/pp-$VM.txt")"; break; }
  a=$(grep -ac '^beat' "$STATE/hosts/$to/log/qemu/$VM.serial" || true); sleep 2
  b=$(grep -ac '^beat' "$STATE/hosts/$to/log/qemu/$VM.serial" || true)
  if grep -aq 'Kernel panic' "$STATE/hosts/$to/log/qemu/$VM.serial"; then echo "panic after migration $i"; break; fi
  ((b > a)) || { sleep 5; b=$(grep -ac '^beat' "$STATE/hosts/$to/log/qemu/$VM.serial" || true); ((b > a)) || { echo "silent after migration $i"; break; }; }
  t=$from; from=$to; to=$t
done
echo "$VM: $((i - 1)) of $n moves survived; last: $(awk -F: '/Time elapsed:/{e=$2} /Total downtime/{d=$2} END{print "elapsed" e ", downtime" d}' "$STATE/pp-$VM.txt" | tr -s ' ')"
timeout 10 "$HERE/testbed.sh" virsh $from destroy $VM >/dev/null 2>&1 || timeout 10 "$HERE/testbed.sh" virsh $to destroy $VM >/dev/null 2>&1 || true
