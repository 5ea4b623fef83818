#!/usr/bin/env bash
# build-debian-guest.sh DIR - make the second guest's disk from Debian's packages:
#   DIR/debian.img   read-only ext4: Debian 12 with systemd, nginx, PostgreSQL and bpftrace, in some 650 MB; shared by all guests
#   DIR/data/        what each such guest's own disk begins with: the database
# It boots with the small guest's initrd.gz.  Needs root, and from apt: mmdebstrap e2fsprogs.  No loop device is used.  Takes a minute on two
# cores; what is there already and was made by the same scripts is kept.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=${1:?usage: build-debian-guest.sh DIR}
units=$HERE/../packaging/systemd
made_of=$(cat "${BASH_SOURCE[0]}" "$HERE"/debian/* "$units/ethos-agent.sysusers" | sha256sum | cut -c1-64)
if [[ -e $out/debian.img && -d $out/data && $(cat "$out/debian.made-of" 2>/dev/null) == "$made_of" ]]; then exit 0; fi
mkdir -p "$out"
work=$(mktemp -d --tmpdir="$(cd "$out" && pwd)"); trap 'rm -rf "$work"' EXIT
root=$work/root

# Nothing that Debian installs starts here: mmdebstrap sees to that.
mmdebstrap --quiet --mode=root --variant=minbase --aptopt='APT::Install-Recommends "false"' \
  --include=systemd-sysv,udev,procps,nginx-light,postgresql,bpftrace,linux-libc-dev \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
  --customize-hook="copy-in $HERE/debian/prepare-database.sh /root" \
  --customize-hook='chroot "$1" bash /root/prepare-database.sh' \
  bookworm "$root"
install -m 644 "$units/ethos-agent.sysusers" "$root/usr/lib/sysusers.d/ethos-agent.conf"
systemd-sysusers --root="$root" ethos-agent.conf

install -m 755 "$HERE/debian/testbed-guest.sh" "$root/usr/local/sbin/testbed-guest"
install -m 644 "$HERE/debian/testbed-guest.service" "$root/etc/systemd/system/"
install -m 644 "$HERE/debian/nginx.conf" "$root/etc/nginx/nginx.conf"
install -m 644 "$HERE/debian/fstab" "$root/etc/fstab"
mkdir -p "$root/data" "$root/etc/ethos" "$root/var/lib/ethos-agent" "$root/etc/systemd/journald.conf.d" "$root/srv/www"
printf '[Journal]\nStorage=volatile\nRuntimeMaxUse=8M\nRateLimitBurst=0\n' >"$root/etc/systemd/journald.conf.d/testbed.conf"
head -c 4096 /dev/zero | tr '\0' e >"$root/srv/www/page"
ln -s /data/bin/ethos-agent "$root/usr/bin/ethos-agent"          # from seed-guest.sh
systemctl --root="$root" --quiet enable testbed-guest.service
systemctl --root="$root" --quiet mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service \
  fstrim.timer getty@tty1.service serial-getty@ttyS0.service systemd-networkd-wait-online.service systemd-random-seed.service 2>/dev/null

# What each guest keeps on a disk of its own.
ids() { awk -F: -v name="$1" '$1==name{print $3}' "$root/etc/$2"; }
rm -rf "$out/data"; mkdir -p "$out/data/bin"
mv "$root/var/lib/postgresql" "$out/data/postgresql"; mkdir "$root/var/lib/postgresql"
install -d -m 750 -o 0 -g "$(ids ethos-agent group)" "$out/data/ethos"
install -d -m 700 -o "$(ids ethos-agent passwd)" -g "$(ids ethos-agent group)" "$out/data/ethos-agent"

rm -rf "${root:?}"/var/cache/apt/* "$root"/var/lib/apt/lists/*
size=$(($(du -sm "$root" | cut -f1) * 108 / 100 + 32))
mkfs.ext4 -q -m 0 -O ^has_journal -E root_owner=0:0 -d "$root" "$work/debian.img" "${size}M"
mv "$work/debian.img" "$out/debian.img"
echo "$made_of" >"$out/debian.made-of"
ls -ls "$out/debian.img"
