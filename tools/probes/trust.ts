/** Whether the error that is told with a rate is honest: programs that call in bursts at a known mean rate, round after round, and how many of the rates
 *  told lie within one and within two of their own standard errors. Of errors that are normal it would be 68 % and 95 %. */
import type { Machine } from '../../src/drivers/guest/machine.ts'
import { countLibraryCalls } from '../../src/drivers/guest/probes/count-library-calls.ts'
import { countSystemCalls } from '../../src/drivers/guest/probes/count-system-calls.ts'
import type { Part, RoundContext } from '../../src/drivers/guest/probes/part.ts'
import type { ProbeResults, RateKey } from '../../src/drivers/guest/probes/results.ts'
import { PROBE_DEFAULTS, type ProbeWay } from '../../src/drivers/guest/probes/settings.ts'
import { startPaced } from './paced.ts'

/** What was told in some rounds of what was so. */
export interface Trust {
  readonly name: string
  readonly truePerSec: number
  readonly told: readonly { readonly perSec: number; readonly errorPerSec: number }[]
  /** Shares of the rounds whose rate is within one and two of its errors of the truth. */
  readonly withinOne: number
  readonly withinTwo: number
}

const TIMES_PER_SEC = 20_000
const LOOK_UPS_PER_SEC = 500

/** All ways at the same time, each in its own rhythm, of the same two programs. */
export async function measureTrust({
  machine,
  hasBpftrace,
  seconds,
}: {
  readonly machine: Machine
  readonly hasBpftrace: boolean
  readonly seconds: number
}): Promise<readonly Trust[]> {
  const times = startPaced('times', TIMES_PER_SEC, { inBursts: true })
  const lookUps = startPaced('getaddrinfo', LOOK_UPS_PER_SEC, { inBursts: true })
  const untilMs = machine.monotonicMs() + seconds * 1000
  const systemCalls = (way: ProbeWay, forMs: number) =>
    repeat(untilMs, 'time', context(machine, way, forMs), (each) => countSystemCalls(each, PROCESSOR))
  const [byBpftrace, byTracefs, byUprobes] = await Promise.all([
    hasBpftrace ? systemCalls('bpftrace', 3000) : [],
    systemCalls('tracefs', 2000),
    repeat(untilMs, 'dns', context(machine, 'tracefs', 1000), (each) =>
      countLibraryCalls(each, ['dns'], { hasOldWait: true }),
    ),
  ])
  const [timesMade, lookUpsMade] = [await times.stop(), await lookUps.stop()]
  const timesPerSec = timesMade.calls / timesMade.seconds
  const lookUpsPerSec = lookUpsMade.calls / lookUpsMade.seconds
  return [
    ...(hasBpftrace ? [trustOf('system calls by bpftrace', timesPerSec, byBpftrace)] : []),
    trustOf('system calls by tracefs', timesPerSec, byTracefs),
    trustOf('look-ups of names by tracefs', lookUpsPerSec, byUprobes),
  ]
}

const PROCESSOR = process.arch === 'arm64' ? 'aarch64' : 'x86_64'

function context(machine: Machine, way: ProbeWay, forMs: number): RoundContext {
  const { functions, attachments } = PROBE_DEFAULTS
  const settings = {
    ...PROBE_DEFAULTS,
    way,
    systemCallsMs: forMs,
    functions: { tls: [], allocator: [], dns: functions.dns },
    attachments: { ...attachments, dns: { attachedMs: forMs, callsMax: attachments.dns.callsMax } },
  }
  return { machine, settings, before: undefined, signal: new AbortController().signal }
}

/** Round after round, each knowing those before as the helper's do. */
async function repeat(
  untilMs: number,
  key: RateKey,
  first: RoundContext,
  count: (context: RoundContext) => Promise<Part>,
): Promise<Trust['told']> {
  const told: Trust['told'][number][] = []
  let before: ProbeResults | undefined
  do {
    const part = await count({ ...first, before })
    const rate = part.rates[key]
    if (rate === undefined) throw new Error(JSON.stringify(part.missing))
    told.push({ perSec: rate.perSec, errorPerSec: rate.errorPerSec })
    before = { ...part, at: first.machine.now(), everyMs: first.settings.everyMs }
  } while (first.machine.monotonicMs() < untilMs)
  return told
}

function trustOf(name: string, truePerSec: number, told: Trust['told']): Trust {
  const share = (errors: number) =>
    told.filter((each) => Math.abs(each.perSec - truePerSec) <= errors * each.errorPerSec).length / told.length
  return { name, truePerSec, told, withinOne: share(1), withinTwo: share(2) }
}
