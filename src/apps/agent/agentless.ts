/** Personalities of guests without an agent, from what the hypervisor recorded of them: the same `OnBoard` as in a guest, fed from outside. */
import { type DomainStats, parseDomstats } from '../../drivers/libvirt/domstats.ts'
import { coresOf, readingBetween } from '../../drivers/libvirt/domstats-reading.ts'
import { OnBoard } from '../../engine/profile/on-board.ts'
import type { PhaseModel } from '../../engine/profile/phases.ts'
import { PHASES_1 } from '../../engine/profile/phases-1.ts'
import { SERVER_SENDER } from '../../engine/profile/profiles.ts'
import { parseVmId, type VmId } from '../../terms/ids.ts'
import { ParseError } from '../../terms/parse.ts'
import type { PersonalityVector } from '../../terms/personality.ts'
import { HOUR_MS } from '../../terms/units.ts'

export interface ProfileOptions {
  /** Name of the file, for error messages. */
  readonly file?: string
  /** Only this domain. */
  readonly domain?: string
  readonly windowMs?: number
  readonly phases?: PhaseModel
  /** Reference cores that a core of the host is worth (decision 0005). */
  readonly refCoresPerCore?: number
}

export interface DomainProfile {
  /** libvirt's name, as hostile as it may be. */
  readonly domain: string
  readonly vector: PersonalityVector
  readonly phaseName?: string
  /** Readings, each from two looks. */
  readonly readings: number
}

export interface RecordingProfiles {
  /** In the order in which the recording names them first. */
  readonly profiles: readonly DomainProfile[]
  /** Domains of which there is no vector, and why. */
  readonly refused: readonly { readonly domain: string; readonly because: string }[]
  readonly domains: readonly string[]
}

/** What each domain was like at the end of a recording. Throws `ParseError` for what is no recording, or has no such domain; a domain that
 *  can't be profiled is refused and the others are not. */
export function profileRecording(text: string, options: ProfileOptions = {}): RecordingProfiles {
  const byDomain = new Map<string, DomainStats[]>()
  for (const stats of parseDomstats(text, options.file ?? 'recording')) {
    const looks = byDomain.get(stats.domain)
    if (looks === undefined) byDomain.set(stats.domain, [stats])
    else looks.push(stats)
  }
  const domains = [...byDomain.keys()]
  if (options.domain !== undefined && !byDomain.has(options.domain))
    throw new ParseError('--domain', options.domain, `The recording holds: ${domains.join(', ') || 'no domain'}.`)
  const profiles: DomainProfile[] = []
  const refused: { domain: string; because: string }[] = []
  for (const [domain, looks] of byDomain) {
    if (options.domain !== undefined && options.domain !== domain) continue
    const profile = profileDomain(domain, looks, options)
    if (typeof profile === 'string') refused.push({ domain, because: profile })
    else profiles.push(profile)
  }
  return { profiles, refused, domains }
}

/** The profile, or why there is none. */
function profileDomain(domain: string, looks: readonly DomainStats[], options: ProfileOptions): DomainProfile | string {
  const vmId = vmIdOfDomain(domain)
  if (vmId === undefined) return 'its name is too long for an id, or no text'
  const last = looks[looks.length - 1]
  const onBoard = new OnBoard({
    vmId,
    sender: SERVER_SENDER,
    cores: coresOf(last),
    refCoresPerCore: options.refCoresPerCore ?? 1,
    windowMs: options.windowMs ?? HOUR_MS,
    phases: options.phases ?? PHASES_1,
  })
  let readings = 0
  for (let i = 1; i < looks.length; i++) {
    const reading = readingBetween(looks[i - 1], looks[i])
    if (reading === undefined) continue
    onBoard.observe(reading)
    readings++
  }
  if (readings === 0)
    return `a profile needs two looks at it while it runs; there is ${looks.length === 1 ? 'one look' : 'no such pair'}`
  const { phaseName } = onBoard
  const vector = onBoard.vector(last.at, 0)
  return { domain, vector, readings, ...(phaseName === undefined ? {} : { phaseName }) }
}

/** libvirt allows names that are no ids of ours: spaces, quotes, any script. Those characters are told as in a URL (`%20`), and so is the per cent
 *  sign, so that two names never make one id. Undefined where that is too long, or the name is no text at all. */
export function vmIdOfDomain(domain: string): VmId | undefined {
  const escaped = domain.replaceAll(/[^\x21\x23\x24\x26-\x5b\x5d-\x7e]/gu, escapeOf)
  try {
    return parseVmId(escaped)
  } catch (error) {
    if (error instanceof ParseError) return undefined
    throw error
  }
}

function escapeOf(letter: string): string {
  // Half of a pair of surrogates is no character, and has no UTF-8: a blank, which no id may hold.
  return /[\ud800-\udfff]/.test(letter) && letter.length === 1 ? ' ' : encodeURIComponent(letter)
}
