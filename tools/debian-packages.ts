/** Real components for tests, from Debian's packages: installed where we may, else their tests are skipped by name. */
import { spawnSync } from 'node:child_process'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { arch } from 'node:os'

/** What tests need beside the npm packages: a file that is there once the package is. */
const COMPONENTS = [
  { packageName: 'chromium', file: '/usr/bin/chromium' },
  { packageName: 'systemd', file: '/usr/bin/systemd-analyze' },
  { packageName: 'bpftrace', file: '/usr/bin/bpftrace' },
  { packageName: 'postgresql', file: '/usr/share/postgresql-common/pg_wrapper' },
  { packageName: 'mariadb-server', file: '/usr/sbin/mariadbd' },
  { packageName: 'redis-server', file: '/usr/bin/redis-server' },
  { packageName: 'nginx', file: '/usr/sbin/nginx' },
  { packageName: 'apache2', file: '/usr/sbin/apache2' },
  { packageName: 'prometheus', file: '/usr/bin/prometheus' },
  { packageName: 'prometheus-node-exporter', file: '/usr/bin/prometheus-node-exporter' },
  { packageName: 'sysbench', file: '/usr/bin/sysbench' },
  { packageName: 'fio', file: '/usr/bin/fio' },
  { packageName: 'stress-ng', file: '/usr/bin/stress-ng' },
  { packageName: 'iperf3', file: '/usr/bin/iperf3' },
  { packageName: 'strace', file: '/usr/bin/strace' },
  { packageName: 'libvirt-daemon-system', file: '/usr/sbin/libvirtd' },
  { packageName: 'libvirt-clients', file: '/usr/bin/virsh' },
  { packageName: 'linux-libc-dev', file: '/usr/include/asm-generic/unistd.h' },
] as const

/** What the testbed is made of (testbed/README.md), where its guests can run. Its kernel is fetched, and not installed: nobody's machine is to start it. */
const TESTBED = [
  { packageName: 'qemu-system-x86', file: '/usr/bin/qemu-system-x86_64' },
  { packageName: 'qemu-utils', file: '/usr/bin/qemu-img' },
  { packageName: 'iproute2', file: '/usr/bin/ip' },
  { packageName: 'busybox-static', file: '/usr/bin/busybox' },
  { packageName: 'kmod', file: '/usr/sbin/modprobe' },
  { packageName: 'cpio', file: '/usr/bin/cpio' },
  { packageName: 'e2fsprogs', file: '/usr/sbin/mkfs.ext4' },
  { packageName: 'mmdebstrap', file: '/usr/bin/mmdebstrap' },
  { packageName: 'gcc', file: '/usr/bin/gcc' },
  { packageName: 'libc6-dev', file: '/usr/include/stdio.h' },
  { packageName: 'openssl', file: '/usr/bin/openssl' },
] as const

/** Asked by Debian before a package starts its service; 101 says no. */
const POLICY = '/usr/sbin/policy-rc.d'

/** Installs what is missing if this is Debian and we are root. Returns a line per package: what was done, or why not. */
export function installComponents(): readonly string[] {
  // Apart, for one name that a distribution does not have fails the whole call.
  return [COMPONENTS, ...(arch() === 'x64' ? [TESTBED] : [])].flatMap(install)
}

function install(components: readonly { readonly packageName: string; readonly file: string }[]): readonly string[] {
  const missing = components.filter(({ file }) => !existsSync(file))
  if (missing.length === 0) return []
  const names = missing.map(({ packageName }) => packageName)
  const command = `apt-get install ${names.join(' ')}`
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    return [`missing: ${names.join(', ')}; their tests are skipped. Maybe: sudo ${command}`]
  }
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  spawnSync('apt-get', ['update', '-qq'], { env: environment })
  // Debian starts what it installs, unless this file forbids it: tests start servers of their own, and nothing of theirs stays.
  const isPolicyOurs = !existsSync(POLICY)
  if (isPolicyOurs) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  const words = ['install', '-qq', '--yes', '--no-install-recommends', ...names]
  const { status, stderr } = spawnSync('apt-get', words, { env: environment, encoding: 'utf8' })
  if (isPolicyOurs) rmSync(POLICY)
  return [status === 0 ? `installed: ${names.join(', ')}` : `${command} failed: ${stderr.trim().split('\n').at(-1)}`]
}
