/** Names of the models that plans and previews come from: another model has another name, and the answer keeps its form. */
import { LEDGER_MODELS } from '../../engine/learn/models.ts'
import type { ModelsView } from './views/models.ts'

export const PLAN_MODELS: ModelsView = {
  forecast: LEDGER_MODELS.contention,
  suitability: LEDGER_MODELS.gain,
  cost: LEDGER_MODELS.cost,
}
