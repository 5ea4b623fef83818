#!/usr/bin/env bash
# seed-guest.sh DIR SEED AGENT - gather in SEED what a Debian guest's own disk is to hold: the database of DIR/data (build-debian-guest.sh),
# AGENT (the single-file executable), and its units as they ship.  Settings go to SEED/ethos/agent.conf, a join token to
# SEED/ethos/join-token; then: testbed.sh data-disk FILE MB SEED.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
built=${1:?usage: seed-guest.sh DIR SEED AGENT} seed=${2:?} agent=${3:?}
units=$HERE/../packaging/systemd
cp -a --no-target-directory "$built/data" "$seed"
install -D -m 755 "$agent" "$seed/bin/ethos-agent"
system=$seed/system
mkdir -p "$system/usr/lib/systemd/system" "$system/etc/systemd/system"
install -m 644 "$units"/ethos-agent*.service "$units"/ethos-agent*.timer "$system/usr/lib/systemd/system/"
install -D -m 644 "$units/ethos-agent.rules" "$system/usr/lib/udev/rules.d/60-ethos-agent.rules"
systemctl --root="$system" --quiet enable ethos-agent.service ethos-agent-probes.timer
