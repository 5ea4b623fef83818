/** Every policy that can be measured, by the name that `--policy` takes. */
import { ethos } from '../../engine/turn.ts'
import { dvfs, iqrMmt, lrMmt, madMmt, npa, thrMmt } from '../../rivals/cloudsim/balancers.ts'
import { none } from '../../rivals/none.ts'
import { oracle } from '../../rivals/oracle.ts'
import { proxlb } from '../../rivals/proxlb.ts'
import { proxmoxCrs } from '../../rivals/proxmox-crs.ts'
import { watcherStabilization } from '../../rivals/watcher-stabilization.ts'
import type { DemandSeries } from '../../terms/trace.ts'
import type { Balancer } from '../../terms/turn.ts'
import { DAY_MS, HOUR_MS } from '../../terms/units.ts'
import { UsageError } from '../usage-error.ts'
import { POLICY_NAMES, type PolicyName } from './policy-names.ts'

/** Balancers keep states of different types; whoever runs one hands its state back unseen. */
// oxlint-disable-next-line typescript/no-explicit-any -- only the balancer itself knows the type of its state
export type AnyBalancer = Balancer<any>

/** Only the oracles are given what is to come. */
const BALANCERS = {
  ethos: () => ethos,
  none: () => none,
  npa: () => npa,
  dvfs: () => dvfs,
  'thr-mmt': () => thrMmt,
  'mad-mmt': () => madMmt,
  'iqr-mmt': () => iqrMmt,
  'lr-mmt': () => lrMmt,
  'proxmox-crs': () => proxmoxCrs,
  proxlb: () => proxlb,
  'watcher-stabilization': () => watcherStabilization,
  'oracle-1h': (demand: DemandSeries) => oracle(demand, HOUR_MS),
  'oracle-24h': (demand: DemandSeries) => oracle(demand, DAY_MS),
} as const satisfies Readonly<Record<PolicyName, (demand: DemandSeries) => AnyBalancer>>

/** The policies of CloudSim 3.0.3, which have published numbers to be held against. */
export const CLOUDSIM_POLICIES: readonly string[] = ['npa', 'dvfs', 'thr-mmt', 'mad-mmt', 'iqr-mmt', 'lr-mmt']

/** @param demand what is to come */
export function balancerNamed(name: PolicyName, demand: DemandSeries): AnyBalancer {
  return BALANCERS[name](demand)
}

/** `ethos,lr-mmt` as a list; `all` names every one. */
export function parsePolicyNames(text: string): readonly PolicyName[] {
  if (text === 'all') return POLICY_NAMES
  const names = text.split(',').map((name) => name.trim())
  return [...new Set(names.map(parsePolicyName))]
}

function parsePolicyName(name: string): PolicyName {
  const known = POLICY_NAMES.find((candidate) => candidate === name)
  if (known !== undefined) return known
  throw new UsageError('--policy', name, `Expected a list of: ${POLICY_NAMES.join(', ')}; or all.`)
}
