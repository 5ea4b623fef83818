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

/** Names in the order in which help and tables show them. */
export const POLICY_NAMES = [
  'ethos',
  'none',
  'npa',
  'dvfs',
  'thr-mmt',
  'mad-mmt',
  'iqr-mmt',
  'lr-mmt',
  'proxmox-crs',
  'proxlb',
  'watcher-stabilization',
  'oracle-1h',
  'oracle-24h',
] as const
export type PolicyName = (typeof POLICY_NAMES)[number]

/** The policies of CloudSim 3.0.3, which have published numbers to be held against. */
export const CLOUDSIM_POLICIES: readonly string[] = ['npa', 'dvfs', 'thr-mmt', 'mad-mmt', 'iqr-mmt', 'lr-mmt']

/** Balancers keep states of different types; whoever runs one treats it as sealed. */
// biome-ignore lint/suspicious/noExplicitAny: the state's type is known to the balancer alone
export type AnyBalancer = Balancer<any>

/** @param demand what is to come: only the oracles are given it */
export function balancerNamed(name: PolicyName, demand: DemandSeries): AnyBalancer {
  switch (name) {
    case 'ethos':
      return ethos
    case 'none':
      return none
    case 'npa':
      return npa
    case 'dvfs':
      return dvfs
    case 'thr-mmt':
      return thrMmt
    case 'mad-mmt':
      return madMmt
    case 'iqr-mmt':
      return iqrMmt
    case 'lr-mmt':
      return lrMmt
    case 'proxmox-crs':
      return proxmoxCrs
    case 'proxlb':
      return proxlb
    case 'watcher-stabilization':
      return watcherStabilization
    case 'oracle-1h':
      return oracle(demand, HOUR_MS)
    case 'oracle-24h':
      return oracle(demand, DAY_MS)
  }
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
