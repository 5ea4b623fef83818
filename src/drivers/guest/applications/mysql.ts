import type { Address, Machine } from '../machine.ts'
import { CollectError, type Collector, type Counts, known } from './application.ts'
import { MysqlError, notMysql, query, signIn } from './mysql-wire.ts'
import { readPassword } from './password.ts'
import { Session, showAddress } from './session.ts'
import type { ServerSettings } from './settings.ts'
import type { Wire } from './wire.ts'

const ANSWER_BYTES_MAX = 256 * 1024

const READS = ['Com_select', 'Qcache_hits']
const WRITES = [
  'Com_insert',
  'Com_insert_select',
  'Com_update',
  'Com_update_multi',
  'Com_delete',
  'Com_delete_multi',
  'Com_replace',
  'Com_replace_select',
  'Com_load',
]
const OTHERS = [
  'Questions',
  'Slow_queries',
  'Connections',
  'Threads_connected',
  'Threads_running',
  'Innodb_buffer_pool_read_requests',
  'Innodb_buffer_pool_reads',
  'Innodb_row_lock_time',
  'Uptime',
]
const STATUS = `SHOW GLOBAL STATUS WHERE Variable_name IN ('${[...READS, ...WRITES, ...OTHERS].join("', '")}')`

/** Statements that read or write data, by the names of the performance schema, and those of our own connection among them. Its timers count
 *  picoseconds. */
const EVENTS = 'select insert insert_select update update_multi delete delete_multi replace replace_select load'
const OURS = `FROM performance_schema.events_statements_summary_by_thread_by_event_name WHERE EVENT_NAME = 'statement/sql/select'
  AND THREAD_ID = (SELECT THREAD_ID FROM performance_schema.threads WHERE PROCESSLIST_ID = CONNECTION_ID())`
const TIMES = `SELECT SUM(COUNT_STAR), SUM(SUM_TIMER_WAIT), (SELECT COUNT_STAR ${OURS}), (SELECT SUM_TIMER_WAIT ${OURS})
  FROM performance_schema.events_statements_summary_global_by_event_name WHERE EVENT_NAME IN (${EVENTS.split(' ')
    .map((name) => `'statement/sql/${name}'`)
    .join(', ')})`
const PICOSECONDS_PER_MS = 1e9

interface Features {
  /** Each connection counts its own statements from none: what is left of the totals without them is not the same as before. */
  readonly connection: number
  hasTimes: boolean
  timesLack: { readonly because: string; readonly remedy: string } | undefined
}

/** MySQL and MariaDB: `SHOW GLOBAL STATUS`, which every user may ask, and the performance schema where it is on. */
export class MysqlCollector implements Collector {
  readonly title: string
  readonly place: string
  private readonly session: Session<Features>
  /** SELECTs of ours so far, which the server counts too. */
  private selects = 0
  private connections = 0
  private missing: { readonly because: string; readonly remedy: string } | undefined

  constructor(machine: Machine, settings: ServerSettings & { readonly user: string }, address: Address) {
    this.title = `MySQL ${settings.name}`.trim()
    this.place = showAddress(address)
    const { user, passwordFile } = settings
    this.session = new Session(machine, { address, bytesMax: ANSWER_BYTES_MAX }, async (wire) => {
      const password = passwordFile === undefined ? undefined : await readPassword(machine, passwordFile)
      const who = { user, isLocalSocket: 'path' in address, ...(password === undefined ? {} : { password }) }
      await explained(user, signIn(wire, machine.secrets, who))
      const rows = await query(wire, "SHOW GLOBAL VARIABLES LIKE 'performance_schema'")
      const hasTimes = rows[0]?.[1] === 'ON'
      return { connection: ++this.connections, hasTimes, timesLack: hasTimes ? undefined : OFF }
    })
  }

  collect(): Promise<Counts> {
    return this.session.use((wire, features) => this.ask(wire, features))
  }

  lacks(): { readonly because: string; readonly remedy: string } | undefined {
    return this.missing
  }

  close(): void {
    this.session.close()
  }

  private async ask(wire: Wire, features: Features): Promise<Counts> {
    const status = readStatus(await query(wire, STATUS))
    const times = await this.times(wire, features)
    this.missing = features.timesLack
    const counts = toCounts(status, { ...times, ownSelects: this.selects - (times.ms === undefined ? 0 : 1) })
    return { ...counts, countedAs: `over connection ${features.connection}` }
  }

  private async times(wire: Wire, features: Features): Promise<{ readonly ms?: number; readonly count?: number }> {
    if (!features.hasTimes) return {}
    try {
      const [row = []] = await query(wire, TIMES)
      this.selects++
      const [count, time, ownCount, ownTime] = row.map(toNumber)
      return {
        ...known('count', count - (ownCount || 0)),
        ...known('ms', (time - (ownTime || 0)) / PICOSECONDS_PER_MS),
      }
    } catch (error) {
      if (!(error instanceof MysqlError) || !error.isRefusal) throw error
      features.hasTimes = false
      features.timesLack = DENIED
      return {}
    }
  }
}

const OFF = {
  because: 'latency is not told: the performance schema is off',
  remedy: 'performance_schema = ON in the server settings, and a restart',
}
const DENIED = {
  because: 'latency is not told: the performance schema may not be read',
  remedy: 'GRANT SELECT ON performance_schema.* TO the user of the agent;',
}

async function explained(user: string, signingIn: Promise<void>): Promise<void> {
  try {
    await signingIn
  } catch (error) {
    if (!(error instanceof MysqlError) || !error.isRefusal) throw error
    const name = `'${user.replaceAll("'", "''")}'@'localhost'`
    const create = `CREATE USER ${name} IDENTIFIED VIA unix_socket; (MySQL: IDENTIFIED WITH auth_socket)`
    const remedy = `${create}; for the latency the grants of docs/applications.md too`
    throw new CollectError(`MySQL does not let ${user} in (${error.code})`, { cause: error, isRefusal: true, remedy })
  }
}

function readStatus(rows: readonly (readonly (string | null)[])[]): ReadonlyMap<string, number> {
  const status = new Map<string, number>()
  for (const [name, value] of rows) if (typeof name === 'string') status.set(name, toNumber(value))
  if (!status.has('Questions')) throw notMysql()
  return status
}

/** @param ownSelects SELECTs of ours among those that the status counts */
function toCounts(
  status: ReadonlyMap<string, number>,
  { ms, count, ownSelects }: { readonly ms?: number; readonly count?: number; readonly ownSelects: number },
): Counts {
  const get = (name: string): number => status.get(name) ?? Number.NaN
  // Not every server knows every counter: MySQL 8 has no query cache. None is none of that kind.
  const sum = (names: readonly string[]): number => names.reduce((total, name) => total + (status.get(name) ?? 0), 0)
  const reads = sum(READS) - ownSelects
  const requests = reads + sum(WRITES)
  const lookups = get('Innodb_buffer_pool_read_requests')
  return {
    ...known('uptimeSec', get('Uptime')),
    ...known('requests', requests),
    ...known('reads', reads),
    ...known('classified', requests),
    ...known('timedMs', ms),
    ...known('timedRequests', count),
    ...known('cacheHits', lookups - get('Innodb_buffer_pool_reads')),
    ...known('cacheLookups', lookups),
    ...known('lockWaitMs', get('Innodb_row_lock_time')),
    ...known('runningSessions', get('Threads_running') - 1),
    totals: { ...known('questions', get('Questions')), ...known('slow queries', get('Slow_queries')) },
    details: [
      { name: 'connections', unit: 'connections', value: get('Threads_connected') },
      { name: 'threads at work', unit: 'threads', value: get('Threads_running') },
    ].filter(({ value }) => Number.isFinite(value)),
  }
}

function toNumber(text: string | null | undefined): number {
  return typeof text === 'string' && /^\d{1,30}(\.\d{1,10})?$/.test(text) ? Number(text) : Number.NaN
}
