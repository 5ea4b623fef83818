#!/usr/bin/env bash
# build-debian-guest.sh DIR AGENT - make the second guest's disk from Debian's packages:
#   DIR/debian.img   read-only ext4: Debian 12 with systemd, nginx, PostgreSQL, bpftrace, and AGENT (the single-file executable) with
#                    its units as they ship, in some 600 MB; shared by all guests
#   DIR/data/        what each such guest's own disk begins with: the database, the agent's settings and state
# It boots with the small guest's initrd.gz.  Needs root, and from apt: mmdebstrap e2fsprogs.  No loop device is used.  The Debian part is
# kept in DIR/debian.tar and made anew only when it is missing: about 40 s on two cores.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=${1:?usage: build-debian-guest.sh DIR AGENT} agent=${2:?usage: build-debian-guest.sh DIR AGENT}
units=$HERE/../packaging/systemd
work=$(mktemp -d --tmpdir="$(mkdir -p "$out" && cd "$out" && pwd)"); trap 'rm -rf "$work"' EXIT

if [[ ! -e $out/debian.tar ]]; then
  # Nothing that Debian installs starts here: mmdebstrap sees to that.
  mmdebstrap --quiet --mode=root --variant=minbase --aptopt='APT::Install-Recommends "false"' \
    --include=systemd-sysv,udev,procps,nginx-light,postgresql,bpftrace \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --customize-hook='copy-in '"$HERE/debian/prepare-database.sh"' /root' \
    --customize-hook='chroot "$1" bash /root/prepare-database.sh' \
    bookworm "$work/debian.tar"
  mv "$work/debian.tar" "$out/debian.tar"
fi

root=$work/root
mkdir "$root"
tar -xf "$out/debian.tar" -C "$root" --numeric-owner --exclude=./dev/* --exclude=./var/cache/apt/* --exclude=./var/lib/apt/lists/*

# ---- the agent, as its package would put it there
install -m 755 "$agent" "$root/usr/bin/ethos-agent"
install -m 644 "$units"/*.service "$units"/*.timer "$root/usr/lib/systemd/system/"
rm -f "$root/usr/lib/systemd/system/ethos-server.service"
install -m 644 "$units/ethos-agent.sysusers" "$root/usr/lib/sysusers.d/ethos-agent.conf"
install -m 644 "$units/ethos-agent.rules" "$root/usr/lib/udev/rules.d/60-ethos-agent.rules"
systemd-sysusers --root="$root" ethos-agent.conf

# ---- this guest's own
install -m 755 "$HERE/debian/testbed-guest.sh" "$root/usr/local/sbin/testbed-guest"
install -m 644 "$HERE/debian/testbed-guest.service" "$root/etc/systemd/system/"
install -m 644 "$HERE/debian/nginx.conf" "$root/etc/nginx/nginx.conf"
install -m 644 "$HERE/debian/fstab" "$root/etc/fstab"
mkdir -p "$root/data" "$root/etc/ethos" "$root/var/lib/ethos-agent" "$root/etc/systemd/journald.conf.d" "$root/srv/www"
printf '[Journal]\nStorage=volatile\nRuntimeMaxUse=8M\nRateLimitBurst=0\n' >"$root/etc/systemd/journald.conf.d/testbed.conf"
head -c 4096 /dev/zero | tr '\0' e >"$root/srv/www/page"
systemctl --root="$root" --quiet enable testbed-guest.service ethos-agent.service ethos-agent-probes.timer
systemctl --root="$root" --quiet mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service \
  fstrim.timer getty@tty1.service serial-getty@ttyS0.service systemd-networkd-wait-online.service systemd-random-seed.service 2>/dev/null

# ---- what each guest keeps on a disk of its own
rm -rf "$out/data"; mkdir -p "$out/data"
mv "$root/var/lib/postgresql" "$out/data/postgresql"; mkdir "$root/var/lib/postgresql"
install -d -m 750 -o 0 -g "$(awk -F: '$1=="ethos-agent"{print $3}' "$root/etc/group")" "$out/data/ethos"
install -d -m 700 -o "$(awk -F: '$1=="ethos-agent"{print $3}' "$root/etc/passwd")" -g "$(awk -F: '$1=="ethos-agent"{print $3}' "$root/etc/group")" "$out/data/ethos-agent"

size=$(($(du -sm "$root" | cut -f1) * 108 / 100 + 32))
mkfs.ext4 -q -m 0 -O ^has_journal -E root_owner=0:0 -d "$root" "$work/debian.img" "${size}M"
mv "$work/debian.img" "$out/debian.img"
ls -ls "$out/debian.img"
