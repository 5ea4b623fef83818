#!/usr/bin/env bash
# build-guest.sh DIR - make the small guest from what is installed on this machine:
#   DIR/initrd.gz   busybox, virtio modules, the workloads and guest-init.sh: a whole diskless guest (about 1.5 MB), and what
#                   boots the Debian guest of build-debian-guest.sh
# No mount and no loop device is used, so this works in any container.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=${1:?usage: build-guest.sh DIR}
kernel=${TESTBED_KERNEL:-$(ls -1 /boot/vmlinuz-*-cloud-amd64 | sort -V | tail -1)}
version=${kernel#/boot/vmlinuz-}
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
mkdir -p "$out"

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
  done < <(modprobe -S "$version" --show-depends "$module" | grep ^insmod)
done
(cd "$root" && find . | cpio --quiet -o -H newc | gzip -9) >"$out/initrd.gz"
ls -l "$out/initrd.gz"
