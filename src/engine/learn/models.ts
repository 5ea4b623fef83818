import { CONTENTION_MODEL } from '../forecast/contention.ts'
import { DEMAND_MODEL } from '../forecast/futures.ts'

/** Names of what figures of the ledger come from. One that is replaced by a better one gets another name; the fields stay. */
export const LEDGER_MODELS = {
  /** Expected demand and spread of a host: docs/engine.md, loads of a host. */
  demand: 'host-loads',
  /** Demand of a host step by step, as the outlook shows it: `demandAhead`. */
  ahead: DEMAND_MODEL,
  /** Probability of contention within the horizon: `predictContention`. */
  contention: CONTENTION_MODEL,
  /** What a move is worth: docs/engine.md, relief and consolidation. */
  gain: 'expected-risk',
  /** What a migration is priced by: `priceMigration`. */
  cost: 'pre-copy-rounds',
  /** Single moves, as the pair of hosts corrects it: docs/migration-cost.md. */
  promise: 'migration-cost',
  /** The world in which a VM had stayed, or gone elsewhere: `lookBackOn`. */
  hindsight: 'others-as-they-were',
  /** Bands, margins, trust: docs/engine.md, learning. */
  trust: 'online-tracking',
} as const
