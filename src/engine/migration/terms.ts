/** The verdict before a start: how a migration is to be carried out and what is promised of it, or that it is not to be started.
 *
 *  The gentlest way that will surely do is taken: pre-copy; pre-copy that slows the VM where it writes too fast (auto-converge); post-copy, where a
 *  cut link loses the VM, only if its owner allowed that. Whoever acts without being asked must be surer than a person who asks. */
import type { MigrationTerms, PromisedMove } from '../../terms/intent.ts'
import type { MigrationEstimate } from '../../terms/move.ts'
import { MIGRATION_MODES, type MigrationMode, type MoveFacts } from '../../terms/move-facts.ts'
import type { Refused } from '../../terms/ranking.ts'
import { type Fraction, GiB, MiB, MINUTE_MS, SECOND_MS } from '../../terms/units.ts'
import type { MovePromise } from './cost-model.ts'

/** Who wants the move, and what the VM's owner allows. */
export interface MoveConsent {
  readonly by: 'automation' | 'person'
  /** The owner allows that the VM runs before all of its memory has arrived. */
  readonly mayPostCopy: boolean
}

/** What a promise is made with: the model, as the pair of hosts corrects it. */
export type Promiser = (facts: MoveFacts) => MovePromise

/** To be started so. */
export interface MoveVerdict {
  readonly kind: 'terms'
  readonly terms: MigrationTerms
  /** Absent: too little is known of the VM. */
  readonly promise?: PromisedMove
  /** The same with its ranges, for the ledger. */
  readonly details?: MovePromise
  /** What the promise was made from: the chosen way and the time allowed. */
  readonly facts?: MoveFacts
}

/** Of the recorded moves the one start that did not end though it was promised had 0.53, and of those recorded later up to 0.89 (one window read;
 *  `npm run bench:migration`, "surest miss"): automation wants more than that ... */
export const CONVERGE_MIN_AUTOMATION: Fraction = 0.9
/** ... a person may take an even chance: the VM stays where it is when time is up. */
export const CONVERGE_MIN_PERSON: Fraction = 0.5

/** A migration may take so long per GiB of memory ... (Nova's and KubeVirt's default) */
const TIMEOUT_MS_PER_GIB = 800 * SECOND_MS
/** ... and small VMs as if they had so much. */
const TIMEOUT_GIB_MIN = 2
/** Beyond the time by size it is given what the promise's upper end says, and a quarter, but never more than this on top. */
const TIMEOUT_EXTRA_MS_MAX = 10 * MINUTE_MS
const TIMEOUT_RESERVE = 1.25
/** Nothing less left to copy for so long: it stands still (KubeVirt's progress timeout). */
export const STALLED_MS = 150 * SECOND_MS

/** Time allowed by size alone, in milliseconds. */
export function timeoutBySizeMs(memoryBytes: number): number {
  return TIMEOUT_MS_PER_GIB * Math.max(TIMEOUT_GIB_MIN, memoryBytes / GiB)
}

/** How the move is to be carried out; or the refusal `does-not-converge`, short by a probability.
 *  @param facts what is known; their `mode` and `timeoutSec` are not read, for they are what is decided here */
export function termsOf(facts: MoveFacts, promiser: Promiser, consent: MoveConsent): MoveVerdict | Refused {
  const barred = consent.by === 'automation' ? CONVERGE_MIN_AUTOMATION : CONVERGE_MIN_PERSON
  const ways = MIGRATION_MODES.filter((mode) => mode !== 'postcopy' || consent.mayPostCopy)
  const tried: Way[] = []
  for (const mode of ways) {
    const way = tryWay(facts, mode, promiser)
    if (way.promise.pConverge >= CONVERGE_MIN_AUTOMATION) return verdictOf(way)
    tried.push(way)
  }
  // None is sure. Of equals the gentler stands first.
  const best = tried.reduce((a, b) => (b.promise.pConverge > a.promise.pConverge ? b : a))
  if (best.promise.pConverge >= barred) return verdictOf(best)
  return refusal(facts, tried, { best, barred, consent })
}

/** Where no facts are to be had (no page sampling, no probe, an agent of another kind): the estimate by rounds decides how, nothing is promised, and
 *  automation does not start it. */
export function termsWithoutFacts(
  vm: { readonly memoryBytes: number },
  estimate: MigrationEstimate,
  consent: MoveConsent,
): MoveVerdict | Refused {
  const { converges, durationMs } = estimate
  if (consent.by === 'automation') {
    const known = `by rounds it would take about ${seconds(durationMs)} and ${converges ? 'end' : 'not end'}`
    return {
      kind: 'refused',
      lacking: 'does-not-converge',
      shortBy: CONVERGE_MIN_AUTOMATION,
      reason: `Too little is known of it to promise anything: ${known}. A person may still order it; page sampling and a probe of the link would tell.`,
    }
  }
  const timeoutMs = timeoutFor(timeoutBySizeMs(vm.memoryBytes), durationMs)
  return {
    kind: 'terms',
    terms: { mode: converges ? 'precopy' : 'autoconverge', timeoutMs, stalledMs: Math.min(STALLED_MS, timeoutMs) },
  }
}

interface Way {
  readonly facts: MoveFacts
  readonly promise: MovePromise
  readonly timeoutMs: number
}

/** The promise of one way within the time by size; and anew within more, where its upper end needs more. */
function tryWay(facts: MoveFacts, mode: MigrationMode, promiser: Promiser): Way {
  const bySizeMs = timeoutBySizeMs(facts.memoryMib * MiB)
  const way = (timeoutMs: number): Way => {
    const asked = { ...facts, mode, timeoutSec: timeoutMs / SECOND_MS }
    return { facts: asked, promise: promiser(asked), timeoutMs }
  }
  const first = way(bySizeMs)
  const timeoutMs = timeoutFor(bySizeMs, first.promise.totalMsRange[1])
  return timeoutMs > bySizeMs ? way(timeoutMs) : first
}

function timeoutFor(bySizeMs: number, upperMs: number): number {
  return Math.min(bySizeMs + TIMEOUT_EXTRA_MS_MAX, Math.max(bySizeMs, upperMs * TIMEOUT_RESERVE))
}

function verdictOf({ facts, promise, timeoutMs }: Way): MoveVerdict {
  const { linkMbitPerSec, mode } = facts
  const { totalMs, downtimeMs, bytesMib, pConverge } = promise
  return {
    kind: 'terms',
    terms: {
      mode,
      ...(linkMbitPerSec === undefined ? {} : { bandwidthMibPerSec: bandwidthOf(linkMbitPerSec) }),
      timeoutMs,
      stalledMs: STALLED_MS,
    },
    promise: { totalMs, downtimeMs, copiedBytes: bytesMib * MiB, pConverge },
    details: promise,
    facts,
  }
}

/** In whole MiB/s, as platforms take it: at least one, for zero means no limit to them. */
export function bandwidthOf(linkMbitPerSec: number): number {
  return Math.max(1, Math.floor((linkMbitPerSec * 1e6) / 8 / MiB))
}

function refusal(
  facts: MoveFacts,
  tried: readonly Way[],
  about: { readonly best: Way; readonly barred: Fraction; readonly consent: MoveConsent },
): Refused {
  const { best, barred, consent } = about
  const chances = tried.map(({ facts: { mode }, promise }) => `${percent(promise.pConverge)} by ${NAMES[mode]}`)
  const asks = `${consent.by === 'automation' ? 'automation' : 'a person'} needs ${percent(barred)}`
  const within = `Its copy would end within ${seconds(best.timeoutMs)} with a chance of ${chances.join(', ')}; ${asks}.`
  const link = facts.probeBytesPerSec / MiB
  const rates = `It writes ${facts.dirtyMibPerSec.toFixed(1)} MiB/s and the link carries ${link.toFixed(1)} MiB/s`
  const leave = consent.mayPostCopy ? '' : ", or its owner's leave for post-copy"
  return {
    kind: 'refused',
    lacking: 'does-not-converge',
    shortBy: barred - best.promise.pConverge,
    reason: `${within} ${rates}: a faster link, a calmer hour${leave} would help.`,
  }
}

const NAMES: Readonly<Record<MigrationMode, string>> = {
  precopy: 'pre-copy',
  autoconverge: 'auto-converge',
  postcopy: 'post-copy',
}

function seconds(ms: number): string {
  return `${(ms / SECOND_MS).toFixed(0)} s`
}

function percent(share: Fraction): string {
  return `${(share * 100).toFixed(0)} %`
}
