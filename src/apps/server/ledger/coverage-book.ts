/** How often what came lay where it was foreseen: by model, by how far ahead, by hour. */
import { type EpochMs, HOUR_MS } from '../../../terms/units.ts'
import type { CoverageRow, LedgerSpan } from '../views/ledger.ts'
import { HORIZONS_MS } from './foresight-line.ts'
import type { Foresight, HostRow } from './foresight-read.ts'
import { type HostPast, isContended } from './host-past.ts'

/** What an interval is to hold. */
const NOMINAL = 0.9
/** Demand that differs by less, as a share of capacity, is the same: as `engine/learn/coverage.ts` has it. */
const NOISE_SHARE = 0.005
const KEPT_HOURS = 7 * 24 + 1

interface Checks {
  checks: number
  held: number
}
type Foresighted = Omit<LedgerSpan['foresight'], 'model'>

interface Hour {
  readonly byModel: Map<string, Checks>
  readonly foresight: { -readonly [Name in keyof Foresighted]: number }
}

export class CoverageBook {
  private readonly hours = new Map<number, Hour>()
  private contentionModel = ''

  /** @param past with this slot */
  take(foresight: Foresight, past: HostPast): void {
    const { at, rows, horizonMs, models } = foresight
    this.contentionModel = models.contention
    const hour = this.hourOf(at)
    for (const [host, row] of rows) {
      if (!row.isSampled || Number.isNaN(row.demand)) continue
      for (const [i, aheadMs] of HORIZONS_MS.entries()) {
        const was = aheadMs > horizonMs ? undefined : past.at(host, at - aheadMs)
        if (was === undefined || !isSameHost(was, row)) continue
        // The expected demand and its spread hold for each window of the horizon; the intervals step by step have their own.
        count(hour, `${models.demand} ${aheadMs}`, [2 * was.p50 - was.p95, was.p95], row)
        count(hour, `${models.ahead} ${aheadMs}`, [was.ahead?.[2 * i] ?? NaN, was.ahead?.[2 * i + 1] ?? NaN], row)
      }
      this.checkContention(hour, foresight, past.of(host))
    }
  }

  /** Coverage over the hours that end after an instant. */
  coverage(from: EpochMs): CoverageRow[] {
    const sums = new Map<string, Checks>()
    for (const [number, { byModel }] of this.hours) {
      if ((number + 1) * HOUR_MS <= from) continue
      for (const [key, { checks, held }] of byModel) {
        const sum = sums.get(key) ?? { checks: 0, held: 0 }
        sums.set(key, { checks: sum.checks + checks, held: sum.held + held })
      }
    }
    return [...sums]
      .map(([key, { checks, held }]) => {
        const [model, horizonMs] = key.split(' ')
        return { model, horizonMs: Number(horizonMs), nominal: NOMINAL, checks, held, share: held / checks }
      })
      .sort((a, b) => a.model.localeCompare(b.model) || a.horizonMs - b.horizonMs)
  }

  /** Forecasts of contention against what came. */
  foresight(from: EpochMs): LedgerSpan['foresight'] {
    const sums = { foreseenCame: 0, foreseenNotCame: 0, missed: 0, quiet: 0 }
    for (const [number, { foresight }] of this.hours) {
      if ((number + 1) * HOUR_MS <= from) continue
      for (const name of Object.keys(sums) as (keyof typeof sums)[]) sums[name] += foresight[name]
    }
    return { model: this.contentionModel, ...sums }
  }

  /** The forecast whose horizon ends with this slot. Where its VMs are others by now, something was done about it: it says nothing. */
  private checkContention(hour: Hour, { at, horizonMs, highFraction, trigger }: Foresight, known: readonly HostRow[]) {
    const row = known.at(-1)
    const was = known.find((one) => one.at === at - horizonMs)
    if (row === undefined || was === undefined || !isSameHost(was, row) || Number.isNaN(was.contention)) return
    const came = known.some((one) => one.at > was.at && isContended(one, highFraction))
    const isForeseen = was.contention >= trigger
    const name = isForeseen ? (came ? 'foreseenCame' : 'foreseenNotCame') : came ? 'missed' : 'quiet'
    hour.foresight[name]++
  }

  private hourOf(at: EpochMs): Hour {
    const number = Math.floor((at - 1) / HOUR_MS)
    let hour = this.hours.get(number)
    if (hour === undefined) {
      hour = { byModel: new Map(), foresight: { foreseenCame: 0, foreseenNotCame: 0, missed: 0, quiet: 0 } }
      this.hours.set(number, hour)
      for (const oldest of this.hours.keys()) if (oldest <= number - KEPT_HOURS) this.hours.delete(oldest)
    }
    return hour
  }
}

/** It has the VMs that the forecast was made for. */
function isSameHost(was: HostRow, row: HostRow): boolean {
  return was.members !== undefined && was.members === row.members
}

/** Counts one interval; one that nobody told is none. */
function count({ byModel }: Hour, key: string, [low, high]: readonly [number, number], row: HostRow): void {
  if (Number.isNaN(low) || Number.isNaN(high)) return
  const slack = NOISE_SHARE * row.capacity
  const checks = byModel.get(key) ?? { checks: 0, held: 0 }
  checks.checks++
  if (row.demand >= low - slack && row.demand <= high + slack) checks.held++
  byModel.set(key, checks)
}
