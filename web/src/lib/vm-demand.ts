/** What a VM used and what it will want, as one chart; and its moves, as one list. */
import type { VmForecastView, WhyView } from '../../../src/apps/server/views/judgement.ts'
import type { MigrationsView, MigrationView } from '../../../src/apps/server/views/moves.ts'
import type { UsageView } from '../../../src/apps/server/views/vms.ts'
import {
  bytesText,
  coresNumber,
  coresText,
  hostCoresNumber,
  latencyText,
  pauseText,
  percentText,
  quantityText,
  spanText,
  wattsText,
} from '../../../src/terms/shown.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../src/terms/units.ts'
import type { Line } from './charts.ts'

export type ResourceName = keyof UsageView['resources']

/** What the page calls each resource. */
export const RESOURCE_TITLES: Readonly<Record<ResourceName, string>> = {
  cpu: 'CPU',
  memory: 'memory',
  diskRead: 'disk read',
  diskWrite: 'disk write',
  netReceive: 'network received',
  netSend: 'network sent',
}

/** Spans of the past that can be shown, and the steps that they are shown in. */
export const PASTS = [
  { name: '6h', title: '6 hours', ms: 6 * HOUR_MS, stepMs: 5 * MINUTE_MS },
  { name: '24h', title: '24 hours', ms: DAY_MS, stepMs: 5 * MINUTE_MS },
  { name: '7d', title: '7 days', ms: 7 * DAY_MS, stepMs: 30 * MINUTE_MS },
  { name: '30d', title: '30 days', ms: 30 * DAY_MS, stepMs: 2 * HOUR_MS },
] as const
export type Past = (typeof PASTS)[number]

export function pastOf(name: string | null): Past {
  return PASTS.find((past) => past.name === name) ?? PASTS[0]
}

export interface Demand {
  readonly times: readonly number[]
  readonly lines: readonly Line[]
  readonly now: number
  readonly unit: string
}

/** One chart of a resource: measured steps stand at their middles, forecast ones at their instants. Only of the CPU there is a forecast.
 *  Undefined: neither was ever measured nor is forecast. */
export function demandOf(
  usage: UsageView,
  resource: ResourceName,
  forecast: VmForecastView | undefined,
): Demand | undefined {
  const columns = usage.resources[resource]
  const ahead = resource === 'cpu' ? (forecast?.ahead ?? []) : []
  if (columns === undefined && ahead.length === 0) return undefined
  const end = usage.from + usage.steps * usage.stepMs
  const now = forecast?.asOf ?? end
  const middles = Array.from({ length: usage.steps }, (_, i) => Math.min(usage.from + (i + 0.5) * usage.stepMs, now))
  const last = middles.at(-1) ?? -Infinity
  const next = ahead
    .map(({ minutes, ...quantiles }) => ({ at: now + minutes * MINUTE_MS, ...quantiles }))
    .filter(({ at }) => at > last)
  const gap = next.map(() => null)
  const before = middles.map(() => null)
  const p50 = next.map((step) => step.p50)
  const forecastLine: Line = {
    label: 'forecast (median, to 95 of 100)',
    kind: 'forecast',
    values: [...before, ...p50],
    low: [...before, ...p50],
    high: [...before, ...next.map(({ p95 }) => p95)],
  }
  return {
    times: [...middles, ...next.map(({ at }) => at)],
    lines: [
      { label: 'mean', kind: 'measured', values: [...(columns?.mean ?? before), ...gap] },
      { label: 'highest', kind: 'other', values: [...(columns?.max ?? before), ...gap] },
      ...(next.length === 0 ? [] : [forecastLine]),
    ],
    now,
    unit: columns?.unit ?? 'reference cores',
  }
}

/** The chart in a sentence, for who doesn't see it. */
export function demandText({ lines, unit }: Demand, title: string): string {
  const highest = (kind: Line['kind']): number | undefined => {
    const values = lines.find((line) => line.kind === kind)?.values.filter((value) => value !== null) ?? []
    return values.length === 0 ? undefined : Math.max(...values)
  }
  const [past, next] = [highest('measured'), highest('forecast')]
  const was = past === undefined ? 'not measured' : `at most ${quantityText(past, unit)} at the mean of a step`
  return `${title}: ${was}${next === undefined ? '' : `; forecast ${quantityText(next, unit)}`}`
}

/** Figures behind why it moved or stayed, a name and a text each. */
export function whyFacts(why: WhyView): readonly (readonly [name: string, text: string])[] {
  const { demand, performance, hostDemand, timeUntilContention, host } = why
  const { mean, sd, samples, size } = demand
  return [
    [
      'demand',
      `${coresText(mean)} at the mean, give or take ${coresNumber(sd)} (${samples} samples); its size is ${coresNumber(size)}`,
    ],
    ...(performance === undefined ? [] : [['here', hereText(performance)] as const]),
    ...(hostDemand === undefined || host === undefined ? [] : [[host, hostText(hostDemand)] as const]),
    ...(timeUntilContention === undefined ? [] : [['contention', contentionText(timeUntilContention)] as const]),
  ]
}

function hereText({ latencyFactor, throughput, addedWatts }: NonNullable<WhyView['performance']>): string {
  return `latency ${latencyText(latencyFactor)}, ${percentText(throughput)} of its demand served, ${wattsText(addedWatts)}`
}

function hostText({ vms, mean, capacity, bound }: NonNullable<WhyView['hostDemand']>): string {
  const [wanted, there, most] = [mean, capacity, bound].map(hostCoresNumber)
  return `${vms} VMs want ${wanted} of ${there} reference cores, at most ${most}`
}

function contentionText({ cumulative, stepMs, medianMs }: NonNullable<WhyView['timeUntilContention']>): string {
  const chance = `${percentText(cumulative.at(-1) ?? 0)} within ${spanText(cumulative.length * stepMs)}`
  return medianMs === undefined ? chance : `${chance}, as likely as not by ${spanText(medianMs)}`
}

/** A move of the VM, open, proposed or ended. */
export interface VmMove {
  readonly id: string
  readonly at: number
  readonly from: string
  readonly to: string
  readonly class: string
  readonly reason: string
  readonly state: string
  /** Promised and what came, such as `14 s, promised 12 s`. */
  readonly took: string
  readonly pause: string
  readonly copied: string
  readonly detail: string
}

/** Its moves as `GET /v1/migrations` has them, newest first: what is open, what is proposed, and what of the last hundred ended ones was its own. */
export function movesOf(vm: string, { open, ended, proposals }: MigrationsView): readonly VmMove[] {
  const mine = <Row extends { readonly vm: string }>(rows: readonly Row[]): readonly Row[] =>
    rows.filter((row) => row.vm === vm)
  const proposed = mine(proposals).map(({ id, decidedAt: at, from, to, class: kind, reason, held }): VmMove => {
    const figures = { took: '', pause: '', copied: '' }
    return { id, at, from, to, class: kind, reason, state: 'proposed', ...figures, detail: held ?? '' }
  })
  // What could not be begun may be proposed after that: it is one move, and stands where it stands last.
  const byId = new Map(
    [...mine(ended).map(moveOf), ...proposed, ...mine(open).map(moveOf)].map((move) => [move.id, move]),
  )
  return [...byId.values()].toSorted((a, b) => b.at - a.at)
}

function moveOf(move: MigrationView): VmMove {
  const { id, recordedAt, from, to, class: kind, reason, state, figures, promise, detail, frozen } = move
  return {
    id,
    at: recordedAt,
    from,
    to,
    class: kind,
    reason,
    state,
    took: against(figures?.totalMs, promise?.totalMs, spanText),
    pause: against(figures?.downtimeMs, promise?.downtimeMs, pauseText),
    copied: against(figures?.copiedBytes, promise?.copiedBytes, bytesText),
    detail: frozen?.detail ?? detail ?? '',
  }
}

function against(came: number | undefined, promised: number | undefined, show: (value: number) => string): string {
  const was = promised === undefined ? '' : `promised ${show(promised)}`
  if (came === undefined) return was
  return was === '' ? show(came) : `${show(came)}, ${was}`
}
