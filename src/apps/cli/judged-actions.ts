/** What `ethos rank`, `place`, `why` and `why-not` ask, and what they end with. */
import type { Static } from 'typebox'
import { GiB, KiB, MiB } from '../../terms/units.ts'
import type { HostsForView, PairView, PlacementsView, WhyView } from '../server/views/judgement.ts'
import { UsageError } from '../usage-error.ts'
import { type AskOptions, readJson } from './api-client.ts'
import { EXIT } from './api-error.ts'
import { pairText, placeText, rankText, whyText } from './rank-text.ts'
import { show, vmPath } from './site-actions.ts'
import type { PlaceOptions, RankOptions } from './site-command.ts'

const VMS_MAX = 256
const UNITS: Readonly<Record<string, number>> = {
  KiB,
  MiB,
  GiB,
  TiB: 1024 * GiB,
  K: KiB,
  M: MiB,
  G: GiB,
  T: 1024 * GiB,
}

export async function rank(vm: string, options: RankOptions): Promise<void> {
  const shown = { top: parseCount('--top', options.top, 0), isRefusedShown: options.refused === true }
  const question = { path: vmPath(vm, 'hosts') }
  const { ranked } = await show<HostsForView>(options, question, (answer) => rankText(answer, shown))
  if (ranked.length === 0) process.exitCode = EXIT.no
}

export async function place(options: PlaceOptions): Promise<void> {
  const top = parseCount('--top', options.top, 0)
  const question = { method: 'POST', path: '/v1/placements', body: placementBody(options) } as const
  const { isComplete } = await show<Static<typeof PlacementsView>>(options, question, (answer) =>
    placeText(answer, top === 0 ? Infinity : top),
  )
  if (!isComplete) process.exitCode = EXIT.no
}

export async function why(vm: string, options: AskOptions): Promise<void> {
  await show<Static<typeof WhyView>>(options, { path: vmPath(vm, 'why') }, whyText)
}

export async function whyNot(vm: string, host: string, options: AskOptions): Promise<void> {
  await show<Static<typeof PairView>>(options, { path: vmPath(vm, 'hosts', host) }, pairText)
}

/** The question as the server takes it. Throws a `UsageError`. */
function placementBody({ file, like, vcpus, memory, count, apart }: PlaceOptions): unknown {
  if (file !== undefined) return readJson('--file', file)
  const number = parseCount('--count', count, 1)
  if (like === undefined && (vcpus === undefined || memory === undefined))
    throw new UsageError('place', undefined, 'Say --like VM, or --vcpus and --memory, or --file with a question.')
  const group = apart === true && number > 1 ? { antiAffinityGroup: 'asked-apart' } : {}
  return {
    vms: [
      {
        id: like === undefined ? 'new' : `like-${like}`.slice(0, 60),
        ...(number === 1 ? {} : { count: number }),
        ...(like === undefined ? {} : { like }),
        ...(vcpus === undefined ? {} : { vcpus: parseCount('--vcpus', vcpus, 1) }),
        ...(memory === undefined ? {} : { memoryBytes: parseBytes('--memory', memory) }),
        ...group,
      },
    ],
  }
}

/** `8GiB`, `512M`, `1.5TiB`: by 1024. */
function parseBytes(option: string, text: string): number {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)\s*([KMGT](?:iB)?)?$/.exec(text) ?? []
  const bytes = Number(digits) * (unit === undefined ? 1 : UNITS[unit])
  if (digits !== undefined && bytes >= 1 && bytes < 2 ** 53) return Math.round(bytes)
  throw new UsageError(option, text, 'Expected a size such as 8GiB or 512MiB.')
}

function parseCount(option: string, text: string, min: number): number {
  const number = Number(text)
  if (text.trim() !== '' && Number.isInteger(number) && number >= min && number <= 1e6) {
    if (option !== '--count' || number <= VMS_MAX) return number
  }
  throw new UsageError(
    option,
    text,
    `Expected a whole number, ${min} or more${option === '--count' ? `, up to ${VMS_MAX}` : ''}.`,
  )
}
