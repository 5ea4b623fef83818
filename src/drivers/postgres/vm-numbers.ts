import type { VmId } from '../../terms/ids.ts'
import { texts } from './arrays.ts'
import type { Queries } from './database.ts'

const KNOWN = 'SELECT vm, id FROM vms WHERE vm = ANY ($1::text[])'
const ADD = 'INSERT INTO vms (vm) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING'

/** The numbers that stand for VMs, given now to those that are new. They are never given to another. */
export async function numbersOf(queries: Queries, vms: readonly VmId[]): Promise<ReadonlyMap<VmId, number>> {
  // In one order everywhere: two processes that add the same names wait for each other, and never both.
  const wanted = [...new Set(vms)].toSorted()
  const known = await knownNumbers(queries, wanted)
  const missing = wanted.filter((vm) => !known.has(vm))
  if (missing.length === 0) return known
  await queries.run(ADD, texts(missing))
  return new Map([...known, ...(await knownNumbers(queries, missing))])
}

/** Those that were heard of. */
export async function knownNumbers(
  queries: Pick<Queries, 'all'>,
  vms: readonly VmId[],
): Promise<ReadonlyMap<VmId, number>> {
  const rows = await queries.all(KNOWN, texts(vms))
  return new Map(rows.map((row) => [row['vm'] as VmId, Number(row['id'])]))
}
