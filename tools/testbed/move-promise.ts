/** What the cost model promises of a guest's move, from what its host tells before it starts. */
import { loadavg } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import { DOMAIN_STATS, type Domain, type Libvirt, openLibvirt } from '../../src/drivers/libvirt/rpc/libvirt.ts'
import { readCostModelFile } from '../../src/drivers/traces/cost-model-file.ts'
import { parseCostModel } from '../../src/engine/migration/cost-model-codec.ts'
import { promiseMove } from '../../src/engine/migration/cost-model.ts'
import type { PromisedMove } from '../../src/terms/intent.ts'
import type { MoveFacts } from '../../src/terms/move-facts.ts'
import { MiB } from '../../src/terms/units.ts'

const WINDOW_SEC = 1
/** QEMU's own. */
const DOWNTIME_LIMIT_MS = 300
const TIMEOUT_SEC = 240
const MEASURED = 2
/** Measuring takes a second, and on a busy machine longer. */
const TRIES = 40
const LOOK_MS = 250

export async function promiseOf(uri: string, vm: string, bandwidthMibPerSec: number): Promise<PromisedMove> {
  const host = await openLibvirt(uri)
  try {
    const facts = await factsOf(host, await host.domainByName(vm), bandwidthMibPerSec)
    const { totalMs, downtimeMs, bytesMib, pConverge } = promiseMove(parseCostModel(readCostModelFile()), facts)
    return { totalMs, downtimeMs, copiedBytes: bytesMib * MiB, pConverge }
  } finally {
    await host.close()
  }
}

async function factsOf(host: Libvirt, domain: Domain, bandwidthMibPerSec: number): Promise<MoveFacts> {
  const before = await statsOf(host, domain)
  const beganAt = performance.now()
  await host.startDirtyRate(domain, WINDOW_SEC)
  for (let tries = 0; tries < TRIES; tries++) {
    await pause(LOOK_MS)
    const now = await statsOf(host, domain)
    const unused = now.get('balloon.unused')
    // The guest's balloon driver tells every two seconds, once it is there.
    if (now.get('dirtyrate.calc_status') !== MEASURED || unused === undefined) continue
    const passedSec = (performance.now() - beganAt) / 1000
    const cpuNs = (now.get('cpu.time') ?? 0) - (before.get('cpu.time') ?? 0)
    return {
      memoryMib: (now.get('balloon.maximum') ?? 0) / 1024,
      linkMbitPerSec: (bandwidthMibPerSec * MiB * 8) / 1e6,
      mode: 'precopy',
      downtimeLimitMs: DOWNTIME_LIMIT_MS,
      timeoutSec: TIMEOUT_SEC,
      probeBytesPerSec: bandwidthMibPerSec * MiB,
      dirtyMibPerSec: now.get('dirtyrate.megabytes_per_second') ?? 0,
      dirtyWindowSec: WINDOW_SEC,
      load1: loadavg()[0],
      cpuMsPerSec: cpuNs / 1e6 / passedSec,
      residentMib: (now.get('balloon.rss') ?? 0) / 1024,
      unusedMib: unused / 1024,
    }
  }
  throw new Error(`${domain.name} did not tell how fast it writes`)
}

async function statsOf(host: Libvirt, domain: Domain): Promise<ReadonlyMap<string, number>> {
  const groups = DOMAIN_STATS.cpu | DOMAIN_STATS.balloon | DOMAIN_STATS.dirtyRate
  const [record] = await host.domainStats(groups, { of: [domain] })
  return new Map(record.parameters.map(({ field, value }) => [field, Number(value)]))
}
