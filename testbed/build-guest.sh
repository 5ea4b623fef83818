#!/usr/bin/env bash
# build-guest.sh DIR [AGENT] - make the small guest:
#   DIR/kernel/     Debian's cloud kernel and its modules, fetched and unpacked, not installed: nobody's machine is to start it
#   DIR/initrd.gz   busybox, virtio modules, the workloads and guest-init.sh: a whole diskless guest (about 1.5 MB), and what
#                   boots the Debian guest of build-debian-guest.sh
#   DIR/initrd-agent   where AGENT (the single-file executable) is given: the same guest with it, and what it is linked to
# No mount and no loop device is used, so this works in any container.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=${1:?usage: build-guest.sh DIR [AGENT]} agent=${2:-}
mkdir -p "$out"
out=$(cd "$out" && pwd)
work=$(mktemp -d --tmpdir="$out"); trap 'rm -rf "$work"' EXIT
if [[ ! -d $out/kernel ]]; then
  versioned() { apt-cache depends linux-image-cloud-amd64 2>/dev/null | awk '/Depends: linux-image-[0-9]/{print $2}' | head -n 1; }
  package=$(versioned || true)
  [[ -n $package ]] || { apt-get update -qq; package=$(versioned); }
  (cd "$work" && apt-get -o APT::Sandbox::User=root download -qq "$package" && dpkg-deb -x "$package"_*.deb kernel)
  depmod -b "$work/kernel" "${package#linux-image-}"
  mv "$work/kernel" "$out/kernel"
fi
kernel=$(ls -1 "$out"/kernel/boot/vmlinuz-* | sort -V | tail -1)
version=${kernel##*/vmlinuz-}

root=$work/root
mkdir -p "$root"/{bin,dev,proc,sys,run,tmp,modules,etc,image,fresh,root}
cp "$(command -v busybox)" "$root/bin/busybox"
gcc -O2 -static -o "$root/bin/workload" "$HERE/workload.c"
install -m 755 "$HERE/guest-init.sh" "$root/init"
n=10
for module in virtio_pci virtio_net virtio_console virtio_balloon virtio_blk virtio_rng overlay; do
  while read -r _ path _; do                                       # "insmod /lib/modules/....ko"
    name=$(basename "$path"); ls "$root/modules" | grep -q -- "-$name\$" && continue
    cp "$path" "$root/modules/$n-$name"; n=$((n + 1))
  done < <(modprobe -d "$out/kernel" -S "$version" --show-depends "$module" | grep ^insmod)
done
(cd "$root" && find . | cpio --quiet -o -H newc | gzip -9) >"$out/initrd.gz"
ls -l "$out/initrd.gz"
[[ -n $agent ]] || exit 0

# A second archive behind the first, not compressed: to unpack a hundred megabytes would take an emulated guest a minute.
with=$work/agent
install -D -m 755 "$agent" "$with/bin/ethos-agent"
while read -r library; do install -D -m 755 "$library" "$with$library"; done < <(ldd "$agent" | grep -o '/[^ ]*')
cp "$out/initrd.gz" "$work/initrd-agent"; truncate -s %4 "$work/initrd-agent"
(cd "$with" && find . | cpio --quiet -o -H newc) >>"$work/initrd-agent"
mv "$work/initrd-agent" "$out/initrd-agent"
ls -l "$out/initrd-agent"
