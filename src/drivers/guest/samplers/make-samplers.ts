import type { Machine } from '../machine.ts'
import type { Sampler, SamplerName } from '../sampler.ts'
import { CgroupSampler } from './cgroup.ts'
import { CpuSampler } from './cpu.ts'
import { DirtyPagesSampler } from './dirty-pages.ts'
import { DiskSampler } from './disk.ts'
import { MemorySampler } from './memory.ts'
import { NetworkSampler } from './network.ts'
import { pageBytesOf } from './page-size.ts'
import { PressureSampler } from './pressure.ts'
import { ProcessesSampler } from './processes.ts'
import { SocketsSampler } from './sockets.ts'

/** Bytes of the key of peers' names. It is drawn anew in each run and never kept: names can't be compared between runs, or between guests. */
const SALT_BYTES = 16

/** The samplers that read /proc and /sys, those of them that are switched on. */
export function makeSamplers(machine: Machine, names: ReadonlySet<SamplerName>): readonly Sampler[] {
  const pageBytes = pageBytesOf(machine)
  const makers: Readonly<Partial<Record<SamplerName, () => Sampler>>> = {
    cpu: () => new CpuSampler(machine),
    pressure: () => new PressureSampler(machine),
    memory: () => new MemorySampler(machine, pageBytes),
    disk: () => new DiskSampler(machine),
    network: () => new NetworkSampler(machine),
    cgroup: () => new CgroupSampler(machine),
    processes: () => new ProcessesSampler(machine),
    sockets: () => new SocketsSampler(machine, peerNames(machine)),
    'dirty-pages': () => new DirtyPagesSampler(machine, pageBytes),
  }
  return Object.entries(makers).flatMap(([name, make]) => (names.has(name as SamplerName) ? [make()] : []))
}

/** Six digits tell a handful of peers apart; who knows the address can't find it without the key. */
function peerNames(machine: Machine): (address: string) => string {
  let salt: Uint8Array | undefined
  return (address) => {
    salt ??= machine.secrets.randomBytes(SALT_BYTES)
    const hash = machine.secrets.hmacSha256(
      salt,
      Uint8Array.from(address, (letter) => letter.charCodeAt(0)),
    )
    return `peer ${[...hash.subarray(0, 3)].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`
  }
}
