/** What a demo writes into its folder beside the store: with what it began, and where its VMs run by now. */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ParseError, parseBoolean, parseFields, parseJson, parseNumber, parseWord } from '../../terms/parse.ts'
import type { EpochMs } from '../../terms/units.ts'
import { storePath } from '../server/data-folder.ts'
import { UsageError } from '../usage-error.ts'
import type { Beginning } from './beginning.ts'
import { type DemoCluster, demoCluster } from './cluster.ts'
import type { DemoWorld } from './world.ts'

const MARK = 'demo.json'

export interface Mark extends Beginning {
  /** By the site's time. */
  readonly begunAt: EpochMs
  /** Its past is in the store. False: whoever told it was ended meanwhile, and it is told again. */
  readonly isTold: boolean
  /** Hosts of VMs that run elsewhere than at first. A host's newest report is older than a move that has just ended. */
  readonly moved: Readonly<Record<string, string>>
}

/** Undefined: no demo ran with the folder. Throws a `UsageError` where another site lives there: what is imagined has no place beside what is real; and
 *  where it can't be read. */
export function readMark(folder: string): Mark | undefined {
  const path = join(folder, MARK)
  if (existsSync(path))
    try {
      return parseMark(readFileSync(path, 'utf8'))
    } catch (error) {
      if (!(error instanceof ParseError)) throw error
      const remedy = `What a demo wrote there is damaged (${error.message}). Another folder, or delete this one?`
      throw new UsageError('--data', folder, remedy)
    }
  if (!existsSync(storePath(folder))) return undefined
  throw new UsageError(
    '--data',
    folder,
    'A site that is no demo lives there, and imagined hosts would be among its own. Another folder?',
  )
}

function parseMark(text: string): Mark {
  const fields = parseFields(parseJson(text, MARK), MARK)
  const whole = (name: string): number => parseNumber(fields[name], `${MARK}.${name}`, { min: 0, integer: true })
  const seed = whole('seed')
  const hosts = demoCluster(seed).hosts.map(({ id }) => id)
  const moved = Object.entries(parseFields(fields['moved'], `${MARK}.moved`)).map(([vm, host]) => [
    vm,
    parseWord(host, `${MARK}.moved.${vm}`, hosts),
  ])
  return {
    begunAt: whole('begunAt'),
    seed,
    slot: whole('slot'),
    isTold: parseBoolean(fields['isTold'], `${MARK}.isTold`),
    moved: Object.fromEntries(moved),
  }
}

/** As a whole or not at all. */
export function writeMark(folder: string, mark: Mark): void {
  const path = join(folder, MARK)
  writeFileSync(`${path}.new`, `${JSON.stringify(mark)}\n`, { mode: 0o600, flush: true })
  renameSync(`${path}.new`, path)
}

export function movedOf({ cluster, hostOf }: Pick<DemoWorld, 'cluster' | 'hostOf'>): Mark['moved'] {
  const moved = cluster.vms.flatMap(({ id }, vm) =>
    hostOf[vm] === cluster.placed[vm] ? [] : [[id, cluster.hosts[hostOf[vm]].id]],
  )
  return Object.fromEntries(moved)
}

/** Index of the host of each VM, after those moves. */
export function placedAfter({ hosts, vms, placed }: DemoCluster, moved: Mark['moved']): Int32Array {
  const indexOf = new Map<string, number>(hosts.map(({ id }, host) => [id, host]))
  return Int32Array.from(vms, ({ id }, vm) => indexOf.get(moved[id] ?? '') ?? placed[vm])
}
