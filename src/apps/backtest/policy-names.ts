/** In the order in which help and tables show them. By themselves here: who checks a name need not load every policy. */
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

/** Whom a backtest compares where nobody says whom. */
export const POLICIES_DEFAULT = [
  'ethos',
  'lr-mmt',
  'proxmox-crs',
  'oracle-24h',
] as const satisfies readonly PolicyName[]
