/** What the pages of hosts make of the server's answers. */
import type { HostsView, HostView } from '../../../src/apps/server/views/hosts.ts'
import type {
  HostOutlookView,
  HostPastView,
  LoadHistoryView,
  OutlookView,
} from '../../../src/apps/server/views/outlook.ts'
import { type Api, withQuery } from './api.ts'
import type { Line } from './charts.ts'
import type { Heard } from './heard.ts'
import { outlookModelsText } from './models.ts'
import { readAll } from './pages-of.ts'

export interface HostRow {
  readonly host: string
  readonly told: HostView
  readonly next: HostOutlookView | undefined
}

/** All hosts, page by page. */
export function allHosts(api: Pick<Api, 'ask'>, signal: AbortSignal): Promise<readonly HostView[]> {
  return readAll(
    (cursor) => api.ask<HostsView>(withQuery('/v1/hosts', { limit: 1000, cursor }), { signal }),
    (page) => page.hosts,
  )
}

/** Hosts whose name holds the text, each with its outlook. */
export function hostRows(
  hosts: readonly HostView[],
  outlook: OutlookView | undefined,
  name: string,
): readonly HostRow[] {
  const nexts = new Map(outlook?.hosts.map((next) => [next.host, next]))
  const wanted = name.trim().toLowerCase()
  return hosts
    .filter(({ host }) => host.toLowerCase().includes(wanted))
    .map((told) => ({ host: told.host, told, next: nexts.get(told.host) }))
}

export interface HostChart {
  /** ms since 1970. */
  readonly times: readonly number[]
  readonly now: number
  readonly lines: readonly Line[]
}

/** The past of a host and what is ahead of it, on one axis: measured up to `now`, forecast from there on. */
export function hostChart(
  name: string,
  { history, outlook }: { readonly history: LoadHistoryView; readonly outlook: OutlookView | undefined },
  what: 'cpu' | 'memory',
): HostChart {
  const now = history.from + history.steps * history.stepMs
  const past = history.hosts.find(({ host }) => host === name)
  const next = outlook?.hosts.find(({ host }) => host === name)
  const demand = what === 'cpu' ? next?.demand : undefined
  const ahead = demand?.p50.length ?? 0
  const stepMs = outlook?.stepMs ?? 0
  const times = [
    ...Array.from({ length: history.steps }, (_, i) => history.from + (i + 1) * history.stepMs),
    ...Array.from({ length: ahead }, (_, i) => now + (i + 1) * stepMs),
  ]
  const before = Array.from({ length: history.steps }, () => null)
  const after = Array.from({ length: ahead }, () => null)
  const measured = past?.[what] ?? before
  const lines: Line[] = [{ label: 'measured', kind: 'measured', values: [...measured, ...after] }]
  if (what === 'cpu' && past?.cpuMax !== undefined)
    lines.push({ label: 'highest', kind: 'other', values: [...past.cpuMax, ...after] })
  if (demand !== undefined)
    lines.push({
      label: 'forecast',
      kind: 'forecast',
      values: [...before, ...demand.p50],
      low: [...before, ...demand.p10],
      high: [...before, ...demand.p90],
    })
  return { times, now, lines }
}

/** Where the past of a host's CPU is from. */
export function pastText(past: HostPastView | undefined): string {
  if (past === undefined) return 'Nothing is kept of its past.'
  if (past.lacking !== undefined) return past.lacking
  if (past.cpu === undefined || past.cpu.every((value) => value === null))
    return 'Nobody measured its CPU in this time.'
  return past.cpuFrom === 'vms'
    ? 'It does not measure itself: what its VMs used is added up.'
    : 'As the host measures itself.'
}

/** What its forecast is by, or why there is none. */
export function aheadText(name: string, { value, failure }: Pick<Heard<OutlookView>, 'value' | 'failure'>): string {
  if (value === undefined)
    return failure === undefined ? 'Asking for what is ahead.' : `What is ahead can’t be told: ${failure.message}`
  const next = value.hosts.find(({ host }) => host === name)
  if (next?.demand !== undefined) return outlookModelsText(value)
  return next?.vms === 0 ? 'No forecast: it carries no VMs.' : 'No forecast: too little of it is known.'
}
