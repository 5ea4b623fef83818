/** Names of the models that answers come from: another model has another name, and the answer keeps its form. */
import { CONTENTION_MODEL } from '../../engine/forecast/contention.ts'
import { COST_MODEL_SCHEMA } from '../../engine/migration/cost-model.ts'
import type { ModelsView } from './views/models.ts'

/** Money over the policy's horizon against staying: `score.ts`. */
export const SCORE_MODEL = 'money-over-horizon'
/** Rounds of pre-copy by the link and the share of memory that is written: `estimate.ts`. */
export const ESTIMATE_MODEL = 'pre-copy-rounds'

/** Smooth regressions on measured moves, corrected by what a pair of hosts taught: `cost-model.ts`. */
export const PROMISE_MODEL = `measured-moves-${COST_MODEL_SCHEMA}`

/** Of plans, rankings and previews. */
export const PLAN_MODELS: ModelsView = { forecast: CONTENTION_MODEL, suitability: SCORE_MODEL, cost: ESTIMATE_MODEL }
