/** A VM's life on several hosts, side by side: one row a quantity, with the side that is best in it and whether they differ at all. */
import type { PairView, SideView } from '../../../src/apps/server/views/judgement.ts'
import { SCORE_TERMS } from '../../../src/terms/ranking.ts'
import {
  addedWattsNumber,
  bytesText,
  factorText,
  hostCoresNumber,
  latencyText,
  moneyText,
  pauseText,
  percentText,
  spanText,
} from '../../../src/terms/shown.ts'
import { bandOf } from './vm-ranking.ts'

export interface Side {
  /** Such as `there` and `here`, where the host's name alone does not tell. */
  readonly title?: string
  readonly side: SideView
  /** What moving it there takes. Absent: it runs there, or nobody asked. */
  readonly migration?: PairView['migration']
}

export interface SideCell {
  readonly text: string
  /** Eight of ten cases lie in it; absent: the answer has none. */
  readonly band?: string
}

export interface SideRow {
  readonly name: string
  readonly unit: string
  readonly help: string
  /** Parallel to the sides. */
  readonly cells: readonly SideCell[]
  /** Which side is better than all others; absent: none, or nobody can say which is better. */
  readonly best?: number
  readonly isDifferent: boolean
}

interface Quantity {
  readonly name: string
  readonly unit?: string
  readonly help?: string
  readonly valueOf: (side: Side) => number | undefined
  readonly show: (value: number) => string
  readonly band?: (side: Side) => string
  /** Absent: neither is better. */
  readonly better?: 'more' | 'less'
}

export const NO_VALUE = '–'

/** @param currency that scores are in */
export function sideRows(sides: readonly Side[], currency: string): readonly SideRow[] {
  return [...scoreQuantities(currency), ...PERFORMANCE, ...OUTLOOK, ...MIGRATION].flatMap((quantity) => {
    const values = sides.map(quantity.valueOf)
    return values.every((value) => value === undefined) ? [] : [rowOf(quantity, sides, values)]
  })
}

function rowOf(quantity: Quantity, sides: readonly Side[], values: readonly (number | undefined)[]): SideRow {
  const { name, unit = '', help = '', show, band, better } = quantity
  const texts = values.map((value) => (value === undefined ? NO_VALUE : show(value)))
  const best = better === undefined ? undefined : bestOf(values, texts, better)
  return {
    name,
    unit,
    help,
    cells: texts.map((text, i) => {
      const around = band?.(sides[i]) ?? ''
      return around === '' ? { text } : { text, band: around }
    }),
    ...(best === undefined ? {} : { best }),
    isDifferent: new Set(texts).size > 1,
  }
}

/** The one side that is better as the figures are shown; what reads alike is alike. */
function bestOf(
  values: readonly (number | undefined)[],
  texts: readonly string[],
  better: 'more' | 'less',
): number | undefined {
  const sign = better === 'more' ? 1 : -1
  const known = values.flatMap((value, i) => (value === undefined ? [] : [{ i, value: sign * value }]))
  if (known.length < 2) return undefined
  const top = known.reduce((a, b) => (b.value > a.value ? b : a))
  return texts.filter((text) => text === texts[top.i]).length > 1 ? undefined : top.i
}

function scoreQuantities(currency: string): readonly Quantity[] {
  const base = { unit: currency, show: moneyText, better: 'more' } as const
  return [
    {
      ...base,
      name: 'score',
      help: 'Against staying, which is 0; more is better',
      valueOf: ({ side }) => side.score.total,
    },
    ...SCORE_TERMS.map((term) => ({
      ...base,
      name: `score: ${term}`,
      valueOf: ({ side }: Side) => side.score.terms[term],
    })),
  ]
}

const PERFORMANCE: readonly Quantity[] = [
  {
    name: 'latency',
    help: 'Mean slowdown of a request against an idle host',
    valueOf: ({ side }) => side.performance.latencyFactor,
    show: latencyText,
    band: ({ side }) => bandOf(side.performance, 'latencyFactor', latencyText),
    better: 'less',
  },
  {
    name: 'served',
    help: 'Throughput: share of its demand that it would be given',
    valueOf: ({ side }) => side.performance.throughput,
    show: percentText,
    band: ({ side }) => bandOf(side.performance, 'throughput', percentText),
    better: 'more',
  },
  {
    name: 'added',
    unit: 'W',
    help: 'Power that it adds there',
    valueOf: ({ side }) => side.performance.addedWatts,
    show: addedWattsNumber,
    band: ({ side }) => bandOf(side.performance, 'addedWatts', addedWattsNumber),
    better: 'less',
  },
  {
    name: 'speed',
    help: 'Of its kind of work, against the cluster’s median host',
    valueOf: ({ side }) => side.performance.speed?.factor,
    show: (value) => `x${factorText(value)}`,
    better: 'more',
  },
]

const OUTLOOK: readonly Quantity[] = [
  {
    name: 'host’s CPU, expected',
    unit: 'ref. cores',
    help: 'Mean demand of the host ahead, with the VM there',
    valueOf: ({ side }) => side.outlook.mean,
    show: hostCoresNumber,
  },
  {
    name: 'host’s CPU, at most',
    unit: 'ref. cores',
    help: 'Upper bound of the host’s demand ahead, with the VM there',
    valueOf: ({ side }) => side.outlook.bound,
    show: hostCoresNumber,
  },
  {
    name: 'host’s CPU bound',
    help: 'The same, as a share of what the host has',
    valueOf: ({ side }) => side.outlook.bound / side.outlook.capacity,
    show: percentText,
    better: 'less',
  },
  {
    name: 'filled to at most',
    help: 'What a target may be filled to, as a share of what the host has',
    valueOf: ({ side }) => side.outlook.fillLimit / side.outlook.capacity,
    show: percentText,
  },
  { name: 'VMs there', help: 'With this one', valueOf: ({ side }) => side.outlook.members, show: String },
]

const MIGRATION: readonly Quantity[] = [
  {
    name: 'moving takes',
    valueOf: ({ migration }) => migration?.durationMs,
    show: spanText,
    better: 'less',
  },
  {
    name: 'pause at the end',
    valueOf: ({ migration }) => migration?.downtimeMs,
    show: pauseText,
    better: 'less',
  },
  { name: 'copied', valueOf: ({ migration }) => migration?.copiedBytes, show: bytesText, better: 'less' },
  {
    name: 'copying ends',
    help: 'Whether the VM writes memory slower than it is copied',
    valueOf: ({ migration }) => (migration === undefined ? undefined : Number(migration.converges)),
    show: (value) => (value === 1 ? 'yes' : 'no'),
    better: 'more',
  },
]

/** What one rule says of each of several hosts. */
export interface RuleRow {
  readonly rule: string
  /** Parallel to the hosts. Absent text: the rule agrees. */
  readonly cells: readonly { readonly fits: boolean; readonly text?: string }[]
  readonly isDifferent: boolean
}

type Rules = PairView['rules']

/** Broken ones first, in the order in which they are asked. @param told what each host's answer says, all by the same rules */
export function ruleRows(told: readonly Rules[]): readonly RuleRow[] {
  const rows = (told[0] ?? []).map(({ rule }, i): RuleRow => {
    const cells = told.map((rules) => ruleCell(rules[i]))
    return { rule, cells, isDifferent: new Set(cells.map(({ fits }) => fits)).size > 1 }
  })
  const isBroken = ({ cells }: RuleRow): boolean => cells.some(({ fits }) => !fits)
  return [...rows.filter(isBroken), ...rows.filter((row) => !isBroken(row))]
}

function ruleCell(said: Rules[number] | undefined): RuleRow['cells'][number] {
  if (said === undefined || !('lacking' in said.verdict)) return { fits: true }
  const { verdict, remedy } = said
  return { fits: false, text: `${verdict.reason}${remedy === undefined ? '' : ` ${remedy}`}` }
}
