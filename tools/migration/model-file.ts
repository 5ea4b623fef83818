/** The fitted cost model that ships, beside the moves that it was learned from. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CostModel } from '../../src/engine/migration/cost-model.ts'
import { type FinishedMove, MOVES_FOLDER } from './finished-moves.ts'
import { fitCostModel } from './fit.ts'

export const COST_MODEL_PATH = join(MOVES_FOLDER, 'cost-model.json')
const PROVENANCE =
  'Fitted by npm run bench:migration -- --fit on the recorded moves in traces/live-migrations: QEMU 7.2 under TCG, libvirt 9.0, one machine.'

export function keepCostModel(moves: readonly FinishedMove[], path = COST_MODEL_PATH): CostModel {
  const model = fitCostModel(moves, PROVENANCE)
  writeFileSync(path, `${JSON.stringify(model)}\n`)
  return model
}
