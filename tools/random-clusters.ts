/** Random small clusters for property tests of the whole of suitability: every rule refuses now and then. */
import * as fc from 'fast-check'
import { finiteNumber } from './property.ts'
import { type Barriers, HOST_STATES, type VmBarrier } from '../src/terms/cluster.ts'
import { type HostCharacteristics, WORKLOAD_TYPES } from '../src/terms/host.ts'
import { parseHostId } from '../src/terms/ids.ts'
import { GiB, MINUTE_MS } from '../src/terms/units.ts'
import { parsePolicy } from '../src/terms/policy.ts'
import { aFlight, aHost, aVm, type SmallCluster } from '../src/engine/builders.ts'

const WINDOWS_MAX = 12
const NOW_MS = 300 * MINUTE_MS

const HOST = fc.record({
  state: fc.constantFrom('on' as const, 'on' as const, 'on' as const, ...HOST_STATES),
  cores: fc.integer({ min: 2, max: 16 }),
  gib: fc.integer({ min: 4, max: 32 }),
  link: fc.constantFrom(1e7, 125e6),
  flags: fc.constantFrom<readonly string[]>([], ['sse2'], ['sse2', 'avx2']),
  /** Shares of CPU and memory that it measures itself; NaN: not. */
  busy: fc.constantFrom(NaN, 0, 0.2, 0.5, 0.9, 1.3),
  used: fc.constantFrom(NaN, 0.1, 0.6, 0.95),
  scores: fc.dictionary(fc.constantFrom(...WORKLOAD_TYPES), finiteNumber({ min: 0.2, max: 5 }), { maxKeys: 4 }),
})

const VM = fc.record({
  host: fc.integer({ min: -1, max: 7 }),
  vcpus: fc.integer({ min: 1, max: 4 }),
  gib: fc.integer({ min: 1, max: 8 }),
  group: fc.constantFrom(undefined, 'a', 'b'),
  flags: fc.constantFrom<readonly string[] | undefined>(undefined, ['avx2']),
  isHostPassthrough: fc.constantFrom(undefined, true),
  demand: fc.array(finiteNumber({ min: 0, max: 1 }), { minLength: WINDOWS_MAX, maxLength: WINDOWS_MAX }),
  movedFrom: fc.constantFrom(undefined, 0, 1),
  hasArrived: fc.boolean(),
  /** What the platform bars it from. */
  barred: fc.constantFrom(undefined, undefined, undefined, 'all' as const, 0, 1),
  flightTo: fc.constantFrom(undefined, undefined, undefined, 0, 1),
})

function benchmarksOf(scores: Readonly<Record<string, number>>): HostCharacteristics['benchmarks'] {
  return Object.fromEntries(Object.entries(scores).map(([type, score]) => [type, { score, unit: 'x reference' }]))
}

function barriersOf(barred: readonly (number | 'all' | undefined)[], isApart: boolean): Barriers {
  const apart = { lacking: 'cpu-flags', reason: 'Another maker.' } as const
  const own = barred.flatMap((host, v) => {
    const hosts = typeof host === 'number' ? { hosts: new Set([aHost(host).id]) } : {}
    const barrier: VmBarrier = { lacking: 'network', reason: 'It is on br7.', ...hosts }
    return host === undefined ? [] : [[aVm(v).id, [barrier]] as const]
  })
  return {
    pairs: new Map(isApart ? [[aHost(0).id, new Map([[aHost(1).id, apart]])]] : []),
    vms: new Map(own),
  }
}

/** Two to eight hosts of several kinds and states, with up to a dozen VMs of any size, some moved lately, some on their way. */
export const RANDOM_CLUSTERS: fc.Arbitrary<SmallCluster> = fc
  .record({
    hosts: fc.array(HOST, { minLength: 2, maxLength: 8 }),
    vms: fc.array(VM, { minLength: 1, maxLength: 12 }),
    windows: fc.constantFrom(0, 1, 2, 3, WINDOWS_MAX),
    cpuAllocationMax: fc.constantFrom(null, 1, 4),
    memoryAllocationMax: fc.constantFrom(null, 0.9, 1),
    migrationsPerHostMax: fc.constantFrom(null, 1, 8),
    safety: fc.constantFrom(null, {}, { movesPerHostHourMax: 1, settleWindows: 12 }),
    isEnabled: fc.boolean(),
    isMeasured: fc.boolean(),
    isBenchmarked: fc.boolean(),
    /** The platform bars some VMs, and one of the first two hosts from the other. */
    isBarring: fc.constantFrom(false, false, false, true),
    isApart: fc.boolean(),
  })
  .map(({ hosts, vms, windows, isEnabled, isMeasured, isBenchmarked, isBarring, isApart, safety, ...limits }) => {
    const hostOf = vms.map(({ host }) => (host < 0 ? -1 : host % hosts.length))
    return {
      at: NOW_MS,
      hosts: hosts.map(({ cores, gib, link, flags, scores }, h) =>
        aHost(h, {
          cores,
          memoryBytes: gib * GiB,
          networkBytesPerSec: link,
          cpuFlags: flags,
          benchmarks: isBenchmarked ? benchmarksOf(scores) : {},
        }),
      ),
      hostStates: hosts.map(({ state }) => state),
      vms: vms.map(({ vcpus, gib, group, flags, isHostPassthrough }, v) =>
        aVm(v, {
          vcpus,
          memoryBytes: gib * GiB,
          ...(group === undefined ? {} : { antiAffinityGroup: group }),
          ...(flags === undefined ? {} : { cpuFlags: flags }),
          ...(isHostPassthrough === undefined ? {} : { isHostPassthrough }),
        }),
      ),
      ...(isBarring
        ? {
            barriers: barriersOf(
              vms.map(({ barred }) => barred),
              isApart,
            ),
          }
        : {}),
      hostOf,
      demand: vms.map(({ demand, vcpus }) => demand.slice(0, windows).map((share) => share * vcpus)),
      migrations: vms.flatMap(({ flightTo }, v) =>
        flightTo === undefined || hostOf[v] < 0 || hostOf[v] === flightTo ? [] : [aFlight(v, hostOf[v], flightTo)],
      ),
      ...(isMeasured
        ? {
            hostSamples: {
              cpuRefCores: Float32Array.from(hosts, ({ busy, cores }) => busy * cores),
              memoryUsedBytes: Float64Array.from(hosts, ({ used, gib }) => used * gib * GiB),
            },
          }
        : {}),
      policy: parsePolicy({ limits, safety, consolidation: { isEnabled } }),
      state: {
        moveLog: vms.flatMap(({ movedFrom, host, hasArrived }, v) => {
          if (movedFrom === undefined) return []
          const at = NOW_MS - (v + 1) * 30 * MINUTE_MS
          const entry = { vmId: aVm(v).id, from: parseHostId(`host-${movedFrom}`), at }
          if (!hasArrived) return [entry]
          const end = { at: at + MINUTE_MS, tookMs: MINUTE_MS, isDone: true }
          return [{ ...entry, to: parseHostId(`host-${Math.max(0, host) % hosts.length}`), end }]
        }),
      },
    }
  })
