/** `ethos hosts HOST`: one host in full: what it is, what was measured, and what an operator says instead. */
import type { Static } from 'typebox'
import { ageText, bytesText, coresText, factorText, hostWattsNumber, percentText } from '../../terms/shown.ts'
import { printableJson } from '../printable.ts'
import type { BenchmarksView, OneHostView } from '../server/views/hosts.ts'
import { ask, type AskOptions, findLogin, pathOf } from './api-client.ts'
import { textFor } from './site-actions.ts'
import { tableText } from './table-text.ts'

type Host = Static<typeof OneHostView>
type Benchmarks = Static<typeof BenchmarksView>

export async function showHost(host: string, options: AskOptions): Promise<void> {
  const login = findLogin(options)
  const one = (await ask(login, { path: pathOf('v1', 'hosts', host) })) as Host
  const benchmarks = (await ask(login, { path: pathOf('v1', 'hosts', host, 'benchmarks') })) as Benchmarks
  if (options.json === true) process.stdout.write(`${printableJson({ host: one, benchmarks })}\n`)
  else process.stdout.write(textFor(login, () => [factsText(one), benchmarksText(benchmarks)].join('\n')))
}

function factsText(host: Host): string {
  const { cores, refCoresPerCore, memoryBytes, reportAgeMs, cpuRefCoresMean, memoryUsedBytes, corrections } = host
  const corrected = Object.keys(corrections ?? {})
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['host', host.host],
    ['model', host.model],
    ['CPU', host.cpuType],
    [
      'cores',
      cores === undefined
        ? undefined
        : `${cores}${refCoresPerCore === undefined ? '' : ` of ${factorText(refCoresPerCore)} reference cores`}`,
    ],
    ['memory', memoryBytes === undefined ? undefined : bytesText(memoryBytes)],
    ['storage', host.storageType],
    ['state', host.state ?? 'it has not reported'],
    ['reported', reportAgeMs === undefined ? undefined : ageText(reportAgeMs)],
    ['busy', cpuRefCoresMean === undefined ? undefined : coresText(cpuRefCoresMean)],
    ['in use', memoryUsedBytes === undefined ? undefined : bytesText(memoryUsedBytes)],
    ['watts', host.watts === undefined ? undefined : hostWattsNumber(host.watts)],
    ['VMs', host.vms === undefined ? undefined : host.vms.map(({ vm }) => vm).join(', ') || 'none'],
    ['corrected', corrected.length === 0 ? undefined : corrected.join(', ')],
    ['lacking', host.lacking],
    ...platformRows(host.platform),
  ]
  return rows.map(([name, text]) => (text === undefined ? '' : `${name.padEnd(11)} ${text}\n`)).join('')
}

/** What its libvirt says of it. */
function platformRows(platform: Host['platform']): readonly (readonly [string, string | undefined])[] {
  if (platform === undefined) return []
  if (!platform.isReached) return [['libvirt', `can't be asked: ${platform.reason ?? 'it does not answer'}`]]
  const { version, hypervisorVersion, cpuModel, cpuVendor, cpuFeatures, memoryFreeBytes, pools, networks } = platform
  const cpu = [cpuVendor, cpuModel, cpuFeatures === undefined ? undefined : `with ${cpuFeatures} features`]
  const barred = platform.barredFrom?.map(({ to, reason }) => `${to} (${reason})`)
  const more = (platform.barredHosts ?? 0) - (barred?.length ?? 0)
  return [
    ['libvirt', [version, hypervisorVersion && `QEMU ${hypervisorVersion}`].filter(isText).join(', ') || undefined],
    ['guest CPU', cpu.filter(isText).join(' ') || undefined],
    ['free', memoryFreeBytes === undefined ? undefined : bytesText(memoryFreeBytes)],
    ['pools', pools?.map(({ name, type }) => `${name} (${type})`).join(', ')],
    ['networks', networks?.join(', ')],
    ['barred from', barred && [...barred, ...(more > 0 ? [`${more} more`] : [])].join('; ')],
    ['not told', platform.untold?.join(' ') || undefined],
  ]
}

function isText(text: string | undefined): text is string {
  return text !== undefined && text !== ''
}

function benchmarksText({ benchmarks }: Benchmarks): string {
  const rows = Object.entries(benchmarks ?? {})
  if (rows.length === 0) return 'No benchmark of it is known: run `ethos bench host` there.\n'
  return tableText<(typeof rows)[number]>(
    [
      { head: 'kind of work', cell: ([name]) => name },
      { head: 'score', cell: ([, { score }]) => score.toPrecision(4), align: 'right' },
      { head: 'unit', cell: ([, { unit }]) => unit },
      {
        head: 'spread',
        cell: ([, { spread }]) => (spread === undefined ? 'run once' : percentText(spread)),
        align: 'right',
      },
    ],
    rows,
  )
}
