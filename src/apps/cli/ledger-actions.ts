/** What `ethos ledger` prints. */
import {
  bytesText,
  factorText,
  hostCoresNumber,
  minuteText,
  moneyText,
  numberText,
  pauseText,
  percentTenthsText,
  percentText,
  spanText,
  threeDigits,
} from '../../terms/shown.ts'
import type {
  CoverageRow,
  LedgerMovesView,
  LedgerMoveView,
  LedgerSpan,
  LedgerStaysView,
  LedgerStayView,
  LedgerView,
  TrustView,
} from '../server/views/ledger.ts'
import { UsageError } from '../usage-error.ts'
import type { LedgerOptions } from './ledger-command.ts'
import { show } from './site-actions.ts'
import { type Column, tableText } from './table-text.ts'

const LIMIT_MAX = 100

export async function ledger({ moves, stays, verdict, limit, before, ...options }: LedgerOptions): Promise<void> {
  if (moves === true && stays === true) throw new UsageError('--stays', true, 'Ask for one of --moves and --stays.')
  if (verdict !== undefined && stays !== true)
    throw new UsageError('--verdict', verdict, 'It goes with --stays: moves have a regret instead.')
  if (moves !== true && stays !== true) return void (await show<LedgerView>(options, { path: '/v1/ledger' }, sumsText))
  const query = new URLSearchParams({ limit: parseLimit(limit) })
  if (before !== undefined) query.set('before', before)
  if (verdict !== undefined) query.set('verdict', verdict)
  const name = moves === true ? 'moves' : 'stays'
  const question = { path: `/v1/ledger/${name}?${query.toString()}` }
  if (moves === true) await show<LedgerMovesView>(options, question, ledgerMovesText)
  else await show<LedgerStaysView>(options, question, staysText)
}

function parseLimit(text: string): string {
  const number = Number(text)
  if (Number.isInteger(number) && number >= 1 && number <= LIMIT_MAX) return String(number)
  throw new UsageError('--limit', text, `Expected a whole number from 1 to ${LIMIT_MAX}.`)
}

/** A day and a week, side by side. */
function sumsText(answer: LedgerView): string {
  const { day, week, trust, unknown, currency, since } = answer
  const rows = SUMS.map(({ name, of }) => ({ name, day: of(day), week: of(week) }))
  return [
    `Since ${minuteText(since)} UTC; money in ${currency}, demand in reference core-hours.\n\n`,
    tableText<(typeof rows)[number]>(
      [
        { head: '', cell: ({ name }) => name },
        { head: 'last day', cell: (row) => row.day, align: 'right' },
        { head: 'last week', cell: (row) => row.week, align: 'right' },
      ],
      rows,
    ),
    coverageText(day.coverage, week.coverage),
    promisesText(answer),
    trust === undefined ? '' : trustText(trust),
    unknown.length === 0 ? '' : `\n${unknown.join('\n')}\n`,
  ].join('')
}

const SUMS: readonly { readonly name: string; readonly of: (span: LedgerSpan) => string }[] = [
  { name: 'moves ordered', of: ({ moves }) => String(moves.ordered) },
  { name: 'moves carried out', of: ({ moves }) => String(moves.carriedOut) },
  { name: 'moves settled, of these paid', of: ({ moves }) => `${moves.settled}, ${moves.paid}` },
  { name: 'gain realised (promised)', of: ({ gain }) => bothText(gain) },
  { name: 'cost realised (promised)', of: ({ cost }) => bothText(cost) },
  {
    name: 'unserved with moves (had they stayed)',
    of: ({ unserved: { moves, withMoves, hadTheyStayed } }) =>
      moves === 0 ? '' : `${threeDigits(withMoves)} (${threeDigits(hadTheyStayed)})`,
  },
  { name: 'regret', of: ({ regret }) => (regret.moves === 0 ? '' : moneyText(regret.sum)) },
  { name: 'stays right, wrong', of: ({ stays }) => `${stays.right}, ${stays.wrong}` },
  { name: 'stays not yet known, unknown', of: ({ stays }) => `${stays.notYetKnown}, ${stays.unknown}` },
  {
    name: 'contention foreseen that came, that did not',
    of: ({ foresight }) => `${foresight.foreseenCame}, ${foresight.foreseenNotCame}`,
  },
  { name: 'contention missed; quiet as foreseen', of: ({ foresight }) => `${foresight.missed}, ${foresight.quiet}` },
]

function bothText({ moves, promised, realised }: LedgerSpan['gain']): string {
  return moves === 0 ? '' : `${moneyText(realised)} (${moneyText(promised)})`
}

function coverageText(day: readonly CoverageRow[], week: readonly CoverageRow[]): string {
  if (week.length === 0) return '\nNo forecast has been checked yet.\n'
  const table = tableText<CoverageRow>(
    [
      { head: 'model', cell: ({ model }) => model },
      { head: 'ahead', cell: ({ horizonMs }) => spanText(horizonMs), align: 'right' },
      {
        head: 'last day',
        cell: (row) => shareOf(day.find((one) => one.model === row.model && one.horizonMs === row.horizonMs)),
        align: 'right',
      },
      { head: 'last week', cell: shareOf, align: 'right' },
    ],
    week,
  )
  return `\nForecasts: how much of what came lay in the interval of ${percentText(week[0].nominal)}:\n${table}`
}

function shareOf(row: CoverageRow | undefined): string {
  return row?.share === undefined ? '' : `${percentTenthsText(row.share)} of ${row.checks}`
}

function promisesText({ promises: { model, ...figures } }: LedgerView): string {
  const rows = (['total', 'downtime', 'bytes'] as const).flatMap((name) => {
    const told = figures[name]
    return told === undefined ? [] : [{ name, ...told }]
  })
  if (rows.length === 0) return ''
  const table = tableText<(typeof rows)[number]>(
    [
      { head: 'figure', cell: ({ name }) => name },
      { head: 'median error', cell: ({ medianError }) => percentText(medianError), align: 'right' },
      { head: 'within range', cell: ({ coverage }) => percentTenthsText(coverage), align: 'right' },
    ],
    rows,
  )
  return `\nPromises of single moves (${model}):\n${table}`
}

function trustText({ isTrusted, coverage, bandSd, marginFactor, strikes, strikesMax, isDemoted }: TrustView): string {
  const held = `${percentTenthsText(coverage.share)} of ${coverage.checked} intervals held`
  const most = strikesMax === undefined ? '' : ` of ${strikesMax}`
  const lines = [
    `Forecasts are ${isTrusted ? '' : 'not '}trusted: one turn ahead, ${held}.`,
    ...(bandSd === undefined
      ? []
      : [`Upper bounds stand ${numberText(bandSd)} standard deviations above what is expected.`]),
    `Gain must be ${factorText(marginFactor)} times what the policy asks.`,
    `${strikes}${most} verdicts in a row are against our own judgement${isDemoted ? ': orders are advice' : ''}.`,
  ]
  return `\n${lines.join('\n')}\n`
}

const MOVES: readonly Column<LedgerMoveView>[] = [
  { head: 'ordered (UTC)', cell: ({ decidedAt }) => minuteText(decidedAt) },
  { head: 'VM', cell: ({ vm }) => vm },
  { head: 'from > to', cell: ({ from, to }) => `${from} > ${to}` },
  { head: 'class', cell: (move) => move.class },
  { head: 'state', cell: ({ state }) => state },
  { head: 'gain (promised)', cell: ({ gain }) => beside(gain, moneyText), align: 'right' },
  { head: 'cost (promised)', cell: ({ cost }) => beside(cost, moneyText), align: 'right' },
  { head: 'took', cell: ({ migration }) => beside(migration.totalMs, spanText), align: 'right' },
  { head: 'paused', cell: ({ migration }) => beside(migration.downtimeMs, pauseText), align: 'right' },
  { head: 'copied', cell: ({ migration }) => beside(migration.copiedBytes, bytesText), align: 'right' },
  { head: 'regret', cell: regretText, align: 'right' },
]

/** What came, and what was promised; what is not known is `?`. */
function beside(
  figure: { readonly promised?: number; readonly realised?: number } | undefined,
  textOf: (value: number) => string,
): string {
  if (figure === undefined) return ''
  const { promised, realised } = figure
  const came = realised === undefined ? '?' : textOf(realised)
  return promised === undefined ? came : `${came} (${textOf(promised)})`
}

function regretText({ regret }: LedgerMoveView): string {
  if (regret === undefined) return ''
  const than = regret.best === 'another-host' ? (regret.host ?? 'another host') : regret.best
  return regret.best === 'this-move' ? moneyText(regret.value) : `${moneyText(regret.value)} (${than})`
}

function ledgerMovesText({ moves, next, currency }: LedgerMovesView): string {
  if (moves.length === 0) return 'No move was ordered in the last week.\n'
  return `Money in ${currency}; in brackets what was promised, and what would have been better.\n${tableText(MOVES, moves)}${onText(next, 'moves')}`
}

const STAYS: readonly Column<LedgerStayView>[] = [
  { head: 'from (UTC)', cell: ({ firstAt }) => minuteText(firstAt) },
  { head: 'for', cell: ({ firstAt, lastAt }) => spanText(lastAt - firstAt), align: 'right' },
  { head: 'VM', cell: ({ vm, vms }) => vm ?? (vms === undefined ? '' : `(${vms} VMs)`) },
  { head: 'host', cell: ({ host }) => host },
  { head: 'reason', cell: ({ reason }) => reason },
  {
    head: 'foreseen',
    cell: ({ foreseen }) => (foreseen === undefined ? '' : percentText(foreseen.contention)),
    align: 'right',
  },
  {
    head: 'wanted of',
    cell: ({ came }) =>
      came === undefined ? '' : `${hostCoresNumber(came.demandMost)} of ${hostCoresNumber(came.capacity)}`,
    align: 'right',
  },
  { head: 'unserved', cell: ({ came }) => (came === undefined ? '' : threeDigits(came.unserved)), align: 'right' },
  { head: 'verdict', cell: ({ verdict }) => verdict },
]

function staysText({ stays, next }: LedgerStaysView): string {
  if (stays.length === 0) return 'Nothing was left undone in the last week that anything is known of.\n'
  return `Demand in reference cores, unserved in core-hours.\n${tableText(STAYS, stays)}${onText(next, 'stays')}`
}

function onText(next: string | undefined, name: string): string {
  return next === undefined ? '' : `There are more: ethos ledger --${name} --before ${next}\n`
}
