/** What VMs of this machine took of its CPUs, by the kernel's own account: cgroups of libvirt's QEMUs, versions 1 and 2. It counts what libvirt does not see
 *  as a VM's: vhost threads, helpers in a VM's cgroup. Only where this process runs on the host itself. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** CPU time so far by cgroup, in µs. */
export interface CgroupLook {
  /** Of a clock that never goes back. */
  readonly atMs: number
  /** The folder above the VMs' own. */
  readonly folder: string
  readonly usageUsec: ReadonlyMap<string, number>
}

/** Where systemd, or libvirt without it, puts VMs: below the root of the hierarchy. */
const PARTITIONS = ['machine.slice', 'machine']
/** Roots: version 2 alone; version 2 beside 1; version 1's controller, alone and mounted with its neighbour. */
const ROOTS = ['', 'unified', 'cpuacct', 'cpu,cpuacct']
/** `machine-qemu\x2d3\x2dweb.scope` by systemd, `qemu-3-web.libvirt-qemu` without it. Containers are in the same folder. */
const OF_QEMU = /^(machine-qemu\\x2d.*\.scope|qemu-.*\.libvirt-qemu)$/
const CGROUPS_MAX = 20_000

/** Undefined where no VM of libvirt has a cgroup with an account. @param root where cgroups are mounted */
export function lookAtCgroups(atMs: number, root = '/sys/fs/cgroup'): CgroupLook | undefined {
  for (const partition of PARTITIONS) {
    for (const hierarchy of ROOTS) {
      const folder = join(root, hierarchy, partition)
      const usageUsec = usagesBelow(folder)
      if (usageUsec.size > 0) return { atMs, folder, usageUsec }
    }
  }
  return undefined
}

/** Cores that were busy between two looks. Undefined where a VM went meanwhile (what it took is not known), an account went back, or no time passed. */
export function cgroupCores(before: CgroupLook, after: CgroupLook): number | undefined {
  const spanMs = after.atMs - before.atMs
  if (!(spanMs > 0) || before.folder !== after.folder) return undefined
  let usec = 0
  for (const name of before.usageUsec.keys()) if (!after.usageUsec.has(name)) return undefined
  for (const [name, usage] of after.usageUsec) {
    // One that came in between began at zero.
    const rise = usage - (before.usageUsec.get(name) ?? 0)
    if (rise < 0) return undefined
    usec += rise
  }
  return usec / 1000 / spanMs
}

function usagesBelow(folder: string): ReadonlyMap<string, number> {
  const usages = new Map<string, number>()
  for (const name of namesIn(folder).slice(0, CGROUPS_MAX)) {
    if (!OF_QEMU.test(name)) continue
    const usec = usageOf(join(folder, name))
    if (usec !== undefined) usages.set(name, usec)
  }
  return usages
}

function usageOf(folder: string): number | undefined {
  const stat = /^usage_usec (\d{1,18})$/m.exec(contentOf(join(folder, 'cpu.stat')))?.[1]
  if (stat !== undefined) return Number(stat)
  const nanoseconds = contentOf(join(folder, 'cpuacct.usage')).trim()
  return /^\d{1,20}$/.test(nanoseconds) ? Number(nanoseconds) / 1000 : undefined
}

/** VMs come and go while they are read. */
function contentOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
