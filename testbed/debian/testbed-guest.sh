#!/usr/bin/env bash
# In the Debian guest: "beat SEQ UPTIME" on the serial console once a second, and commands from the host on virtio port
# org.ethos.testbed.0.  A line "ID COMMAND..." runs COMMAND as root; the answer is "ID STATUS OUTPUT", the output in base64.
set -u
beat() {
  local seq=0 up rest
  while :; do
    read -r up rest </proc/uptime
    echo "beat $seq $up" >/dev/ttyS0
    seq=$((seq + 1))
    sleep 1
  done
}
commands() {
  local port=/dev/virtio-ports/org.ethos.testbed.0 id command output status last="" answer=""
  while [[ ! -e $port ]]; do sleep 0.2; done
  # Held open: what the host says while nobody has the port open is lost.
  exec 3<>"$port"
  while :; do
    while read -r id command; do
      # Said again because the answer was lost: done once, answered twice.
      if [[ $id != "$last" ]]; then
        output=$(timeout 60 bash -c "$command" 2>&1 </dev/null); status=$?
        last=$id answer="$id $status $(base64 -w0 <<<"$output")"
      fi
      echo "$answer" >&3
    done <&3
    sleep 0.2
  done
}
echo "BOOTED $(uname -r) at $(cut -d' ' -f1 /proc/uptime)" >/dev/ttyS0
beat & commands
