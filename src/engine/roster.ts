/** VMs and hosts come and go; the engine's columns follow. */
import type { Inventory } from '../terms/cluster.ts'
import { DIMENSIONS, MASK_BYTES } from '../terms/personality.ts'
import { emptyProfiles, type Profiles } from './profile/profiles.ts'
import type { EngineState } from './state.ts'
import { measureFleet } from './suitability/fleet.ts'

/** The state with its columns in the order of today's rosters. The lists are the same objects while nothing changed, and
 *  then nothing is done. */
export function alignRosters(state: EngineState, inventory: Inventory): EngineState {
  const withHosts = inventory.hosts === state.hosts ? state : alignHosts(state, inventory)
  return inventory.vms === state.vms ? withHosts : alignVms(withHosts, inventory)
}

function alignVms(state: EngineState, inventory: Inventory): EngineState {
  const from = Int32Array.from(inventory.vms, (vm) => state.vmIndex.get(vm.id) ?? -1)
  return {
    ...state,
    vms: inventory.vms,
    vmIndex: new Map(inventory.vms.map((vm, v) => [vm.id, v])),
    cpuHistory: state.cpuHistory.map((column) => Float32Array.from(from, (v) => (v < 0 ? NaN : column[v]))),
    movedAt: Float64Array.from(from, (v) => (v < 0 ? -Infinity : state.movedAt[v])),
    profiles: alignProfiles(state.profiles, from),
    threshold: forgetForecasts(state.threshold),
  }
}

function alignProfiles(profiles: Profiles, from: Int32Array): Profiles {
  const next = emptyProfiles(from.length)
  from.forEach((v, i) => {
    if (v < 0) return
    next.values.set(profiles.values.subarray(v * DIMENSIONS, (v + 1) * DIMENSIONS), i * DIMENSIONS)
    next.mask.set(profiles.mask.subarray(v * MASK_BYTES, (v + 1) * MASK_BYTES), i * MASK_BYTES)
    next.phase[i] = profiles.phase[v]
    next.phaseSince[i] = profiles.phaseSince[v]
  })
  return { ...profiles, values: next.values, mask: next.mask, phase: next.phase, phaseSince: next.phaseSince }
}

function alignHosts(state: EngineState, inventory: Inventory): EngineState {
  const hostIndex = new Map<string, number>(inventory.hosts.map((host, h) => [host.id, h]))
  const from = Int32Array.from(inventory.hosts, (host) => state.hostIndex.get(host.id) ?? -1)
  return {
    ...state,
    hosts: inventory.hosts,
    hostIndex,
    fleet: measureFleet(inventory.hosts),
    busySince: Float64Array.from(from, (h) => (h < 0 ? -Infinity : state.busySince[h])),
    triggerHistory: Uint8Array.from(from, (h) => (h < 0 ? 0 : state.triggerHistory[h])),
    draining: state.draining.flatMap(({ host, vms }) => {
      const now = hostIndex.get(state.hosts[host].id)
      return now === undefined ? [] : [{ host: now, vms }]
    }),
    threshold: forgetForecasts(state.threshold),
  }
}

/** Forecasts of other rosters can't be checked. */
function forgetForecasts(threshold: EngineState['threshold']): EngineState['threshold'] {
  const none = new Float32Array(0)
  return { ...threshold, lastBound: none, coverage: { ...threshold.coverage, lastMean: none, lastSd: none } }
}
