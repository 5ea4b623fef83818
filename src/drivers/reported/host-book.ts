import type { HostCharacteristics } from '../../terms/host.ts'
import { readHostRecord } from '../../terms/host-record.ts'
import type { HostId } from '../../terms/ids.ts'
import { ParseError } from '../../terms/parse.ts'
import type { HostRow } from '../../world/site-store.ts'

interface Entry {
  readonly row: HostRow
  /** Absent: the record can't be read. */
  readonly host?: HostCharacteristics
  /** Why it can't. */
  readonly problem?: string
}

/** The registered hosts as they count. Hosts and their list are the same objects for as long as no record changed. */
export class HostBook {
  private entries = new Map<HostId, Entry>()
  private list: readonly HostCharacteristics[] = []
  private found: ReadonlyMap<HostId, string> = new Map()

  /** Hosts whose record can be read, by name. */
  get hosts(): readonly HostCharacteristics[] {
    return this.list
  }

  /** Hosts that are registered and can't be counted on, with the reason: what is missing in their record. */
  get problems(): ReadonlyMap<HostId, string> {
    return this.found
  }

  /** Takes in what is registered now. */
  update(rows: readonly HostRow[]): void {
    const next = new Map<HostId, Entry>()
    for (const row of rows) {
      const was = this.entries.get(row.hostId)
      next.set(row.hostId, was !== undefined && isSameRow(was.row, row) ? was : readRow(row))
    }
    this.entries = next
    const all = [...next.values()].sort((a, b) => (a.row.hostId < b.row.hostId ? -1 : 1))
    const hosts = all.flatMap(({ host }) => (host === undefined ? [] : [host]))
    if (hosts.length !== this.list.length || hosts.some((host, h) => host !== this.list[h])) this.list = hosts
    this.found = new Map(
      all.flatMap(({ row, problem }) => (problem === undefined ? [] : [[row.hostId, problem] as const])),
    )
  }
}

function readRow(row: HostRow): Entry {
  try {
    return { row, host: readHostRecord(row) }
  } catch (error) {
    if (!(error instanceof ParseError)) throw error
    return { row, problem: error.message }
  }
}

function isSameRow(a: HostRow, b: HostRow): boolean {
  return a.measurement === b.measurement && a.corrections === b.corrections
}
