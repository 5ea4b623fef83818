import type { VmId } from '../../terms/ids.ts'
import type { EpochMs } from '../../terms/units.ts'
import type { KeptVector } from '../../world/site-store.ts'
import { type FullRow, keptVector } from './full-vectors.ts'
import type { Tables } from './tables.ts'

const GOOD = 'identities.isBanned = 0 AND identities.quarantine IS NULL'

/** The newest good vector of each VM that is neither banned nor in quarantine, by name. */
export function latestVectors({ database }: Tables, after: EpochMs = -Infinity): readonly KeptVector[] {
  const sql = `
    SELECT name, v.arrivedAt AS arrivedAt, v.flags AS flags, v.data AS data FROM identities
      JOIN vms ON vms.id = identities.vm JOIN fullVectors AS v ON v.id = identities.newest WHERE ${GOOD} AND v.arrivedAt > ?1
    UNION ALL SELECT name, s.arrivedAt, s.flags, s.data FROM identities
      JOIN vms ON vms.id = identities.vm JOIN staleVectors AS s ON s.vm = identities.vm
      WHERE ${GOOD} AND identities.newest = 0 AND s.arrivedAt > ?1
    ORDER BY name`
  return database
    .all(sql, after)
    .map((row) => keptVector(row as unknown as FullRow, row['name'] as VmId, database.path))
}

/** Of one VM, oldest first: what is kept at full detail, and before that one an hour. */
export function vectorHistory(
  { names, database, vectors, hourly }: Tables,
  vm: VmId,
  span: { readonly from: EpochMs; readonly to: EpochMs; readonly most: number },
): readonly KeptVector[] {
  const number = names.find(vm)
  if (number === undefined) return []
  const head = database.first('SELECT head FROM identities WHERE vm = ?', number)?.['head']
  const found = vectors.history(Number(head ?? 0), vm, span)
  for (const row of hourly.back(number)) {
    if (found.length >= span.most) break
    if (row.arrivedAt >= span.from && row.arrivedAt < span.to) found.push(keptVector(row, vm, database.path))
  }
  return found.toReversed()
}
