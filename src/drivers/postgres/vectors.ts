import type { VmId } from '../../terms/ids.ts'
import { ParseError } from '../../terms/parse.ts'
import { personalityFromBytes } from '../../terms/personality-bytes.ts'
import type { EpochMs } from '../../terms/units.ts'
import { StoreError } from '../../world/errors.ts'
import type { AdmissionRule, Arrivals, Intake, KeptVector, Vectors } from '../../world/site-store.ts'
import { FLAG_CLOCK_OFF } from '../site-store/vector-flags.ts'
import type { Database, Row } from './database.ts'
import { take } from './take.ts'
import { readVectorDays } from './vector-days.ts'

const LATEST = `
  SELECT vms.vm, v.arrived_at, v.is_clock_off, v.body FROM identities i
  JOIN vms ON vms.id = i.vm_id JOIN vectors v ON v.vm_id = i.vm_id AND v.id = i.newest_id
  WHERE NOT i.is_banned AND i.quarantine IS NULL AND i.newest_at > $1 ORDER BY vms.vm`
const HISTORY = `
  SELECT v.arrived_at, v.is_clock_off, v.body FROM vectors v
  WHERE v.vm_id = (SELECT id FROM vms WHERE vm = $1) AND NOT v.is_apart AND NOT v.is_stale AND v.arrived_at >= $2 AND v.arrived_at < $3
  ORDER BY v.id DESC LIMIT $4`

export class PostgresVectors implements Vectors {
  private readonly database: Database
  private readonly admit: AdmissionRule

  constructor(database: Database, admit: AdmissionRule) {
    this.database = database
    this.admit = admit
  }

  async take(arrivals: readonly Arrivals[]): Promise<readonly Intake[]> {
    if (arrivals.length === 0) return []
    return this.database.write((queries) => take(queries, this.admit, arrivals))
  }

  async latest(after = Number.NEGATIVE_INFINITY): Promise<readonly KeptVector[]> {
    return (await this.database.all(LATEST, after)).map((row) => this.read(row, row['vm'] as VmId))
  }

  /** In full detail first; the packed days are asked where that is not enough. */
  async history(
    vm: VmId,
    span: { readonly from: EpochMs; readonly to: EpochMs; readonly most: number },
  ): Promise<readonly KeptVector[]> {
    const { from, to, most } = span
    const rows = await this.database.all(HISTORY, vm, from, to, most)
    const found = rows.map((row) => this.read(row, vm)).toReversed()
    if (found.length >= most) return found
    const hourly = (await readVectorDays(this.database, vm, span)).flatMap((day) => {
      if (day === undefined) throw this.damaged(vm, 'hourly vectors')
      return day.filter(({ arrivedAt }) => arrivedAt >= from && arrivedAt < to)
    })
    const packed = hourly.map(({ arrivedAt, flags, data }) =>
      this.read({ arrived_at: arrivedAt, is_clock_off: (flags & FLAG_CLOCK_OFF) !== 0, body: data }, vm),
    )
    return [...packed, ...found].toSorted((a, b) => a.arrivedAt - b.arrivedAt).slice(-most)
  }

  private damaged(vm: VmId, what: string, cause?: unknown): StoreError {
    const message = `${this.database.name}: ${what} of ${vm} can't be read. Bring the data back from a copy.`
    return new StoreError('corrupt', message, { cause })
  }

  private read(row: Row, vm: VmId): KeptVector {
    try {
      return {
        vector: personalityFromBytes(row['body'] as Uint8Array, vm),
        arrivedAt: Number(row['arrived_at']),
        isClockOff: row['is_clock_off'] === true,
      }
    } catch (cause) {
      if (!(cause instanceof ParseError)) throw cause
      throw this.damaged(vm, 'a vector', cause)
    }
  }
}
