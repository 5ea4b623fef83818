/** Builders for tests: unremarkable things of which a test names only what it is about. */
import type { HostCharacteristics } from '../src/terms/host.ts'
import { parseHostId, parseOrderId, parseVmId } from '../src/terms/ids.ts'
import type { MigrationEstimate, MigrationOrder, Move, Outcome } from '../src/terms/move.ts'
import {
  DIMENSIONS,
  type DimensionName,
  dimensionIndex,
  MASK_BYTES,
  type PersonalityVector,
} from '../src/terms/personality.ts'
import { GiB, MINUTE_MS } from '../src/terms/units.ts'
import type { Vm } from '../src/terms/vm.ts'

export function aVm(rest: Partial<Vm> = {}): Vm {
  return { id: parseVmId('vm-1'), vcpus: 2, refCoresPerVcpu: 1, memoryBytes: 4 * GiB, ...rest }
}

/** 100 W idle, 10 W more for each tenth of load. */
export function aHost(rest: Partial<HostCharacteristics> = {}): HostCharacteristics {
  return {
    id: parseHostId('host-1'),
    model: 'Example R1',
    cpuType: 'Example 16-core',
    cpuFlags: ['avx2'],
    cores: 16,
    refCoresPerCore: 1,
    memoryBytes: 64 * GiB,
    storageType: 'ssd',
    networkBytesPerSec: 1.25e9,
    powerWatts: Array.from({ length: 11 }, (_, tenth) => 100 + 10 * tenth),
    benchmarks: {},
    ...rest,
  }
}

/** Every dimension absent. */
export function aVector(rest: Partial<PersonalityVector> = {}): PersonalityVector {
  return {
    vmId: parseVmId('vm-1'),
    sender: 'agent-1',
    sequence: 0,
    windowEnd: 5 * MINUTE_MS,
    windowMs: 5 * MINUTE_MS,
    coverage: 1,
    phases: 0,
    values: new Float32Array(DIMENSIONS),
    mask: new Uint8Array(MASK_BYTES),
    ...rest,
  }
}

export function anEstimate(rest: Partial<MigrationEstimate> = {}): MigrationEstimate {
  return { copiedBytes: 5 * GiB, durationMs: 43_000, downtimeMs: 120, rounds: 4, converges: true, ...rest }
}

export function aMove(rest: Partial<Move> = {}): Move {
  return {
    vmId: parseVmId('vm-1'),
    from: parseHostId('host-1'),
    to: parseHostId('host-2'),
    class: 'contention',
    reason: 'host-1 is expected to be short of CPU in 20 minutes',
    gain: 0.4,
    cost: 0.01,
    confidence: 0.93,
    estimate: anEstimate(),
    ...rest,
  }
}

export function anOrder(rest: Partial<MigrationOrder> = {}): MigrationOrder {
  const { vmId, from, to, reason } = aMove()
  return { id: parseOrderId('order-1'), vmId, from, to, decidedAt: 0, class: 'contention', reason, ...rest }
}

export function anOutcome(rest: Partial<Outcome> = {}): Outcome {
  return {
    orderId: parseOrderId('order-1'),
    vmId: parseVmId('vm-1'),
    settledAt: 3_600_000,
    promisedGain: 0.4,
    promisedCost: 0.01,
    realisedCost: 0.012,
    ...rest,
  }
}

/** A vector in which so much was measured, and nothing else. */
export function aVectorOf(
  measured: Readonly<Partial<Record<DimensionName, number>>>,
  rest: Partial<PersonalityVector> = {},
): PersonalityVector {
  const values = new Float32Array(DIMENSIONS)
  const mask = new Uint8Array(MASK_BYTES)
  for (const [name, value] of Object.entries(measured)) {
    const index = dimensionIndex(name as DimensionName)
    values[index] = value
    mask[index >> 3] |= 1 << (index & 7)
  }
  return aVector({ ...rest, values, mask })
}
