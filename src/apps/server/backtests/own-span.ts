/** The site's own past as a trace for the simulator: VMs and hosts as they are known now, usage as it was kept. */
import type { Fleet } from '../../../drivers/fleets.ts'
import { ReportedHypervisor } from '../../../drivers/reported/reported-hypervisor.ts'
import { boundedUse } from '../../../drivers/reported/reported-telemetry.ts'
import { demandSeries } from '../../../drivers/traces/demand-series.ts'
import { countTrace } from '../../../drivers/traces/trace-counts.ts'
import { HONEST_RULES } from '../../../simulator/rules.ts'
import type { HostCharacteristics } from '../../../terms/host.ts'
import { RESOURCES, type Resource } from '../../../terms/sample.ts'
import type { Trace } from '../../../terms/trace.ts'
import { type EpochMs, HOUR_MS } from '../../../terms/units.ts'
import { SLOT_MS, type UsageSeries } from '../../../terms/usage.ts'
import { type Vm, vmSizeRefCores } from '../../../terms/vm.ts'
import type { SiteStore } from '../../../world/site-store.ts'
import type { BacktestSetup } from '../../backtest/setup.ts'
import { UsageError } from '../../usage-error.ts'
import { readSettings } from '../site-settings.ts'
import { VM_STEPS_MAX } from './job.ts'

/** VMs whose past is read at a time. */
const VMS_AT_ONCE = 500
const NOTES = [
  'own past: usage in means of five minutes as the server keeps it; hosts and sizes of VMs are those of now',
  'own past: VMs that no host reports any more are left out, and what hosts do beside their VMs is not imagined',
]

export interface OwnSite {
  readonly hosts: readonly HostCharacteristics[]
  readonly vms: readonly Vm[]
}

/** Hosts that are registered with all that is needed, and VMs that they report. Rejects with a `StoreError`. */
export async function ownSite(store: SiteStore, now: EpochMs): Promise<OwnSite> {
  const { hosts, vms } = await new ReportedHypervisor(store, { now: () => now }).inventory()
  return { hosts, vms }
}

/** What `ethos backtest` would be given, of a span of the site's own past. Rejects with a `StoreError`, and with a `UsageError` for what can't be run. */
export async function ownSetup(
  store: SiteStore,
  site: OwnSite,
  about: { readonly from: EpochMs; readonly to: EpochMs; readonly seed: number },
): Promise<BacktestSetup> {
  const steps = (about.to - about.from) / SLOT_MS
  const fleet = ownFleet(site)
  refuseTooMany(site.vms.length, steps)
  const { trace, vms } = await readTrace(store, site.vms, about)
  if (vms.length === 0)
    throw new UsageError('source', 'own', 'No VM that runs now was measured in this span: choose a later one.')
  const { policy } = await readSettings(store)
  return { trace, demand: demandSeries(trace, vms), fleet, rules: HONEST_RULES, policy, seed: about.seed }
}

/** The site's hosts as a fleet. Throws a `UsageError` where there is none. */
export function ownFleet({ hosts }: OwnSite): Fleet {
  if (hosts.length === 0)
    throw new UsageError('fleet', 'own', 'No host is registered with all that is needed: see `ethos hosts add`.')
  return { name: 'own', comment: 'As registered.', seed: 0, sources: [], arrangement: 'blocks', groups: [], hosts }
}

/** Throws a `UsageError` where a backtest would be larger than one may be. */
export function refuseTooMany(vms: number, steps: number): void {
  if (vms * steps <= VM_STEPS_MAX) return
  const most = Math.floor(VM_STEPS_MAX / vms)
  const hours = ((most * SLOT_MS) / HOUR_MS).toFixed(1)
  const remedy = `${vms} VMs times ${steps} are more than ${VM_STEPS_MAX}: ask for ${most} steps (${hours} h) at most.`
  throw new UsageError('span', `${steps} steps`, remedy)
}

async function readTrace(
  store: SiteStore,
  known: readonly Vm[],
  { from, to }: { readonly from: EpochMs; readonly to: EpochMs },
): Promise<{ readonly trace: Trace; readonly vms: readonly Vm[] }> {
  const series: UsageSeries[] = []
  for (let begin = 0; begin < known.length; begin += VMS_AT_ONCE) {
    const ids = known.slice(begin, begin + VMS_AT_ONCE).map(({ id }) => id)
    series.push(...(await store.usage.seriesOf(ids, { from, to })))
  }
  const rows = known.flatMap((vm, i) => {
    const isMeasured = series[i].mean.cpu?.some((value) => !Number.isNaN(value)) === true
    return isMeasured ? [{ vm, mean: series[i].mean }] : []
  })
  const steps = (to - from) / SLOT_MS
  const columns = Object.fromEntries(
    RESOURCES.filter((resource) => rows.some(({ mean }) => mean[resource] !== undefined)).map((resource) => [
      resource,
      columnOf(rows, resource, steps),
    ]),
  ) as Partial<Record<Resource, Float32Array>>
  const cpu = columns.cpu ?? new Float32Array(0)
  const trace: Trace = {
    name: `own/${new Date(from).toISOString()}`,
    stepMs: SLOT_MS,
    steps,
    vmNames: rows.map(({ vm }) => vm.id),
    columns: { ...columns, cpu },
    synthetic: [],
    notes: NOTES,
    counts: countTrace(cpu, steps),
  }
  return { trace, vms: rows.map(({ vm }) => vm) }
}

/** Row-major; CPU and memory as shares of the VM's size. */
function columnOf(
  rows: readonly { readonly vm: Vm; readonly mean: UsageSeries['mean'] }[],
  resource: Resource,
  steps: number,
): Float32Array {
  const column = new Float32Array(rows.length * steps).fill(NaN)
  for (const [row, { vm, mean }] of rows.entries()) {
    const unit = unitOf(vm, resource)
    mean[resource]?.forEach((value, step) => {
      if (step < steps) column[row * steps + step] = boundedUse(vm, resource, value) / unit
    })
  }
  return column
}

function unitOf(vm: Vm, resource: Resource): number {
  if (resource === 'cpu') return vmSizeRefCores(vm)
  return resource === 'memory' ? Math.max(1, vm.memoryBytes) : 1
}
