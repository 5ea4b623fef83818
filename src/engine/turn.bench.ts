import assert from 'node:assert/strict'
import { bench } from '../../tools/benchmark.ts'
import type { Inventory } from '../terms/cluster.ts'
import { Luck } from '../terms/luck.ts'
import { MiB } from '../terms/units.ts'
import type { Vm } from '../terms/vm.ts'
import { aHost, aPolicy, aVm, STEP_MS } from './builders.ts'
import type { EngineState } from './state.ts'
import { ethos, initialState, takeTurn } from './turn.ts'

/** As many as PlanetLab's VMs have on CloudSim's hosts. */
const HOSTS_PER_VM = 800 / 1052
/** Turns of which a life consists: an hour, and the personalities of all VMs four times. */
const TURNS = 12

/** The cluster of the paper, so many times over. */
interface Fleet {
  readonly inventory: Inventory
  readonly levels: Float32Array
}

const POLICY = aPolicy({
  consolidation: { hostsPerTurnMax: 1000, hostOnMsMin: 0 },
  gates: { movesPerTurnMax: null },
  limits: { cpuAllocationMax: null, memoryAllocationMax: null, migrationsPerHostMax: null },
})
const fleets = new Map<number, Fleet>()

function fleetOf(size: number): Fleet {
  const known = fleets.get(size)
  if (known !== undefined) return known
  const luck = new Luck(size)
  const hosts = Array.from({ length: Math.round(size * HOSTS_PER_VM) }, (_, h) =>
    aHost(h, h % 2 === 0 ? { cores: 2, refCoresPerCore: 1.86 } : { model: 'Large', cores: 2, refCoresPerCore: 2.66 }),
  )
  const vms: readonly Vm[] = Array.from({ length: size }, (_, v) =>
    aVm(v, { vcpus: 1, refCoresPerVcpu: [2.5, 2, 1, 0.5][v % 4], memoryBytes: 870 * MiB }),
  )
  const bare = { at: 0, hosts, hostStates: hosts.map(() => 'on' as const), vms, migrations: [], ended: [] }
  const newVms = Int32Array.from(vms, (_, v) => v)
  const unplaced = { ...bare, hostOf: new Int32Array(size).fill(-1) }
  const hostOf = ethos.placeNew({ inventory: unplaced, newVms, policy: POLICY })
  const fleet = { inventory: { ...bare, hostOf }, levels: Float32Array.from(vms, () => 0.3 * luck.fraction()) }
  fleets.set(size, fleet)
  return fleet
}

/** An hour's turns in which every order is carried out before the next; returns moves, by where they went. */
function liveAnHour(size: number): number {
  const { inventory, levels } = fleetOf(size)
  const luck = new Luck(1)
  const hostOf = Int32Array.from(inventory.hostOf)
  let state: EngineState = initialState()
  let checksum = 0
  for (let k = 0; k < TURNS; k++) {
    const at = k * STEP_MS
    const cpu = levels.map((level, v) => (level + 0.1 * luck.fraction()) * inventory.vms[v].refCoresPerVcpu)
    const samples = { at, windowMs: STEP_MS, columns: { cpu } }
    const observation = { at, inventory: { ...inventory, at, hostOf: hostOf.slice() }, samples, personalities: [] }
    const turn = takeTurn(state, observation, POLICY)
    state = turn.state
    for (const { vmId, to } of turn.orders) {
      const host = state.hostIndex.get(to) ?? -1
      const vm = state.vmIndex.get(vmId) ?? -1
      assert.ok(host >= 0 && vm >= 0)
      hostOf[vm] = host
      checksum += host + 1
    }
  }
  return checksum
}

for (const full of [1000, 2000, 4000, 8000]) {
  bench(`${TURNS} turns of ${full} VMs; cost per VM must not grow`, { smoke: 40, full }, liveAnHour)
}
