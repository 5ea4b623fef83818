/** The scoreboard of a backtest, column by column, as every place shows it: the command line's table and the page. Formulas: docs/backtest.md. */
import { type Fraction, GiB } from './units.ts'

/** What a scoreboard tells of one policy. Less is better in every column. */
export interface ScoreboardFigures {
  readonly energyKwh: number
  readonly overloadTimeFraction: Fraction
  readonly unservedFraction: Fraction
  readonly migrationDegradationFraction: number
  readonly migrationsPerVmDay: number
  readonly copiedBytes: number
  readonly hostsOnMean: number
  readonly cpuSeconds: number
}

/** One column: its figure as it is written, and the number that it is compared by. */
export interface ScoreboardColumn {
  readonly title: string
  readonly unit: string
  readonly valueOf: (figures: ScoreboardFigures) => number
  readonly cell: (figures: ScoreboardFigures) => string
}

export const SCOREBOARD_COLUMNS: readonly ScoreboardColumn[] = [
  column('energy', 'kWh', ({ energyKwh }) => energyKwh, 2),
  column('overload', '% host time', ({ overloadTimeFraction }) => overloadTimeFraction * 100, 3),
  column('unserved', '% demand', ({ unservedFraction }) => unservedFraction * 100, 4),
  column('degraded', '% demand', ({ migrationDegradationFraction }) => migrationDegradationFraction * 100, 4),
  column('migrations', 'per VM-day', ({ migrationsPerVmDay }) => migrationsPerVmDay, 3),
  column('copied', 'GiB', ({ copiedBytes }) => copiedBytes / GiB, 1),
  column('hosts on', 'mean', ({ hostsOnMean }) => hostsOnMean, 1),
  column('CPU', 's', ({ cpuSeconds }) => cpuSeconds, 2),
]

function column(title: string, unit: string, valueOf: ScoreboardColumn['valueOf'], digits: number): ScoreboardColumn {
  return { title, unit, valueOf, cell: (figures) => valueOf(figures).toFixed(digits) }
}
