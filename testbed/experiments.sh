#!/usr/bin/env bash
# experiments.sh [CASE...] - migrate a guest in every way and break things; one result line per case.
# Needs `testbed.sh up 2`.  Each case boots a fresh guest on host1, acts, and checks that the guest
# lived on: one boot only, and beats that keep counting.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tb() { "$HERE/testbed.sh" "$@"; }
STATE=${TESTBED_STATE:-/tmp/ethos-testbed}
H1=$(tb uri host1 tcp) H2=$(tb uri host2 tcp)
VM=vm9 VMIP=${TESTBED_NET:-10.77.0}.109

serial() { cat "$STATE/hosts/$1/log/qemu/$VM.serial" 2>/dev/null || true; }
last_beat() { serial "$1" | grep -a '^beat' | tail -1 | cut -d' ' -f2; }
boot() {                                  # boot [k=v...] and wait until its workload runs
  local h
  for h in host1 host2; do timeout 20 virsh -q -c "$(tb uri $h)" destroy $VM >/dev/null 2>&1 || true; rm -f "$STATE/hosts/$h/log/qemu/$VM.serial"; done
  tb vm-start host1 $VM "$@" >/dev/null
  for _ in $(seq 300); do [[ $(last_beat host1) -ge 25 ]] && return; sleep 0.2; done 2>/dev/null
  echo "$VM did not boot" >&2; return 1
}
where() { local h; for h in host1 host2; do timeout 8 virsh -q -c "$(tb uri $h)" domstate $VM 2>/dev/null | sed "/^$/d;s/^/$h:/"; done | paste -sd' '; }
job() {                                   # job HOST: figures of the last completed migration
  virsh -q -c "$1" domjobinfo $VM --completed 2>/dev/null | awk -F: -v OFS=: '
    {gsub(/^ +/,"",$2)} /^Time elapsed:/{t=$2} /^Total downtime/{d=$2} /^Data processed/{p=$2} /^Iteration/{i=$2} /^Postcopy req/{q=$2} /^Auto conv/{a=$2}
    END{printf "elapsed %s downtime %s moved %s rounds %s postcopy-faults %s throttle %s", t,d,p,i,q,a}' | tr -s ' '
}
verdict() {                               # verdict HOST: does the guest live there?
  local a b boots; a=$(last_beat "$1"); sleep 3; b=$(last_beat "$1")
  boots=$( { serial host1; serial host2; } | grep -ac '^BOOTED' || true)
  if [[ -n $b && ${a:-0} -lt $b && $boots == 1 ]]; then echo "alive on $1 (beat $a -> $b, boots $boots)"; else echo "NOT ALIVE on $1 (beat $a -> $b, boots $boots) $(serial "$1" | grep -a 'BUG:\|panic' | head -2 | tr '\r\n' ' ')"; fi
}
probe_start() { busybox ping -i 0.05 "$VMIP" >"$STATE/ping.txt" 2>&1 & PROBE=$!; }
probe_stop() {                            # longest run of lost echoes, in milliseconds
  kill -INT "$PROBE" 2>/dev/null || true; wait "$PROBE" 2>/dev/null || true
  awk 'match($0,/seq=[0-9]+/){s=substr($0,RSTART+4,RLENGTH-4)+0; if(n++&&s-p>m)m=s-p; p=s} END{printf "%d ms", (m>1?(m-1):0)*50}' "$STATE/ping.txt"
}
move() {                                  # move NAME "guest options" virsh-options...
  local name=$1 guest=$2 begun took rc=0; shift 2
  boot $guest; probe_start; sleep 1
  begun=$(date +%s%N)
  timeout 120 virsh -q -c "$H1" migrate --live $VM "$H2" "$@" >"$STATE/out.txt" 2>&1 || rc=$?
  took=$((($(date +%s%N) - begun) / 1000000))
  sleep 1
  printf '%-24s rc=%s wall %s ms | %s | net gap %s | %s %s\n' "$name" $rc $took "$(job "$H2")" "$(probe_stop)" "$(if [[ $rc == 0 ]]; then verdict host2; else verdict host1; fi)" "$(tr '\n' ' ' <"$STATE/out.txt" | cut -c1-160)"
}
broken() {                                # broken NAME ACTION UNDO: ACTION two seconds into a slow migration
  local name=$1 act=$2 undo=$3 begun took rc=0
  tb link host2 60mbit; boot cpu=30 dirty=2
  begun=$(date +%s%N)
  timeout 90 virsh -q -c "$H1" migrate --live --p2p $VM "$H2" >"$STATE/out.txt" 2>&1 & local job=$!
  sleep 2; eval "$act" || true
  wait $job || rc=$?
  took=$((($(date +%s%N) - begun) / 1000000))
  printf '%-24s rc=%s after %s ms | %s | %s | ' "$name" $rc $took "$(where)" "$(verdict host1)"
  tr '\n' ' ' <"$STATE/out.txt" | cut -c1-200; echo
  eval "$undo" || true; tb link host2 off
  sleep 3; echo "$(printf '%-24s' '') after repair: $(where)"
}

c_p2p()          { move "p2p" "dirty=4" --p2p; }
c_direct()       { move "managed direct" "dirty=4"; }
c_tunnelled()    { move "p2p tunnelled" "dirty=4" --p2p --tunnelled; }
c_parallel()     { move "multifd x2" "dirty=4" --p2p --parallel --parallel-connections 2; }
c_xbzrle()       { move "xbzrle" "dirty=4" --p2p --compressed; }
c_bandwidth()    { move "bandwidth 20 MiB/s" "dirty=2" --p2p --bandwidth 20; }
c_limited()      { tb link host2 200mbit; move "link 200mbit" "dirty=4" --p2p; tb link host2 off; }
c_stuck()        { tb link host2 100mbit; move "no converge, 20 s limit" "dirty=25 span=60 cpu=60" --p2p --timeout 20 --timeout-suspend; tb link host2 off; }
c_autoconverge() { tb link host2 100mbit; move "auto-converge" "dirty=25 span=60 cpu=60" --p2p --auto-converge --auto-converge-initial 50 --auto-converge-increment 20; tb link host2 off; }
c_postcopy()     { tb link host2 100mbit; move "post-copy" "dirty=25 span=60 cpu=60" --p2p --postcopy --postcopy-after-precopy; tb link host2 off; }
c_abort()        { broken "domjobabort" "virsh -q -c '$H1' domjobabort $VM" true; }
c_dstdaemon()    { broken "kill dst libvirtd" "tb daemon host2 kill" "tb daemon host2 start"; }
c_srcdaemon()    { broken "kill src libvirtd" "tb daemon host1 kill; sleep 1; tb daemon host1 start" true; }
c_cut()          { broken "cut dst link" "tb cut host2" "tb mend host2"; }
c_power()        { broken "dst power off" "tb power-off host2" "tb host-up host2"; }

[[ $# -gt 0 ]] || set -- p2p direct tunnelled parallel xbzrle bandwidth limited stuck autoconverge postcopy abort dstdaemon srcdaemon cut power
for case in "$@"; do "c_$case"; done
