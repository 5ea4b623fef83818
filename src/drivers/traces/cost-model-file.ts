/** The cost model that ships with Ethos, as it stands in its file. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseJson } from '../../terms/parse.ts'
import { PROJECT_FOLDER } from './data-folder.ts'

/** Read, but not yet checked: `parseCostModel` of the engine does. */
export function readCostModelFile(
  path = join(PROJECT_FOLDER, 'traces', 'live-migrations', 'cost-model.json'),
): unknown {
  return parseJson(readFileSync(path, 'utf8'), path)
}
