/** What one VM's guest says of itself must not move another: the same site twice, with hostile vectors from a VM and with none. */
import { DIMENSIONS, MASK_BYTES, PERSONALITY_SCHEMA, type PersonalityVector } from '../../src/terms/personality.ts'
import { Luck } from '../../src/terms/luck.ts'
import { DAY_MS, HOUR_MS } from '../../src/terms/units.ts'
import { SLOT_MS } from '../../src/terms/usage.ts'
import { TurnBench } from './turn-bench.ts'

const TURNS = 5
const HOSTILE = 0

export interface Compared {
  /** Orders for others than the hostile VM, in the two runs: with its vectors, and without. */
  readonly withVectors: readonly string[]
  readonly without: readonly string[]
}

/** Runs one site twice. */
export async function compareRuns(seed: number): Promise<Compared> {
  return { withVectors: await runSite(seed, true), without: await runSite(seed, false) }
}

async function runSite(seed: number, isHostile: boolean): Promise<readonly string[]> {
  const luck = new Luck(seed)
  const bench = new TurnBench({ seed, hosts: 3, vms: 9 + Math.floor(luck.fraction() * 9), cores: 12 })
  try {
    // Some of the VMs want more than their hosts have, so that there is something to move.
    const pressed = Math.floor(luck.fraction() * 3)
    bench.site.hostOf.forEach((host, vm) => {
      if (host === pressed && luck.fraction() < 0.8) bench.site.pressure.set(vm, 0.5 + luck.fraction() / 2)
    })
    await bench.open()
    const lies = new Luck(seed + 1)
    for (let turn = 0; turn < TURNS; turn++) await bench.step(async () => (isHostile ? lie(bench, lies) : undefined))
    const { id: hostile } = bench.site.vms[HOSTILE]
    return bench.orders
      .filter(({ vmId }) => vmId !== hostile)
      .map(({ vmId, from, to, decidedAt }) => `${decidedAt} ${vmId} ${from} ${to}`)
  } finally {
    await bench.close()
  }
}

/** Anything that the schema accepts, of any time that the store accepts. */
async function lie(bench: TurnBench, luck: Luck): Promise<void> {
  const vm = bench.site.vms[HOSTILE].id
  await bench.store.identities.admit(vm, bench.now, 'channel')
  const vectors = Array.from({ length: 4 }, (): PersonalityVector => {
    const values = Float32Array.from({ length: DIMENSIONS }, (_, i) => lieAbout(i, luck))
    const mask = new Uint8Array(MASK_BYTES)
    for (let i = 0; i < DIMENSIONS; i++) if (luck.fraction() < 0.9) mask[i >> 3] |= 1 << (i & 7)
    const agoMs = luck.fraction() < 0.5 ? luck.fraction() * HOUR_MS : luck.fraction() * 2 * DAY_MS
    const about = { windowEnd: bench.now - agoMs + SLOT_MS / 2, windowMs: SLOT_MS, coverage: 1, phases: 0 }
    return { vmId: vm, sender: 'liar', sequence: bench.nextSequence(), ...about, values, mask }
  })
  const isClockOff = vectors.map(() => luck.fraction() < 0.3)
  await bench.store.vectors.take([{ vm, at: bench.now, vectors, isClockOff, counts: {} }])
}

function lieAbout(dimension: number, luck: Luck): number {
  const { unit } = PERSONALITY_SCHEMA[dimension]
  if (unit.startsWith('fraction')) return luck.fraction()
  return luck.fraction() < 0.3 ? 0 : 10 ** (luck.fraction() * 18)
}
