/** One move of a small guest with what was known of it before, and what came of it: a row of the recorded moves. */
import { connect } from 'node:net'
import { loadavg } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import { DOMAIN_STATS, type Domain, type Libvirt, startPostCopy } from '../../src/drivers/libvirt/rpc/libvirt.ts'
import { MiB } from '../../src/terms/units.ts'
import type { DrawnMove } from './move-draw.ts'
import type { LinkProbes } from './link-probe.ts'
import type { Testbed } from './testbed.ts'

/** Where the guest is and goes. */
export interface MovePlace {
  readonly testbed: Testbed
  readonly probes: LinkProbes
  readonly vm: string
  readonly memoryMib: number
  readonly from: string
  readonly to: string
  readonly source: Libvirt
  readonly target: Libvirt
}

/** Cells by column. */
export type MoveCellsMeasured = Readonly<Record<string, string | number>>

const CHANNEL = 'org.ethos.testbed.0'
const ANSWER_MS_MAX = 20_000
const POLL_MS = 200
const WINDOW_SEC = 1
/** Windows of page sampling (s) before the one that every row has: more looks tell more, and a long one tells slow writing from a small working set. */
const MORE_WINDOWS_SEC = [4, 1]
const WINDOW_MS_MAX = 20_000
const MEASURED = 2
/** QEMU's own memory in its process, about. */
const PROCESS_MIB = 84
/** A working set is written through once before it is measured, but nobody waits longer for it. */
const SETTLE_MS = { least: 1000, most: 8000 }
const TIMEOUT_SEC_MAX = 45
const UNLIMITED_MIB = 250

/** Sets link and load, measures, moves, and gives up when the time allowed is over. Rejects where the guest or a host does not answer. */
export async function measureMove(place: MovePlace, drawn: DrawnMove): Promise<MoveCellsMeasured> {
  const { testbed, probes, from, to, source, vm } = place
  const rate = drawn.linkMbit === 0 ? 'off' : `${drawn.linkMbit}mbit`
  for (const host of [from, to]) await testbed.disturb('link', host, rate)
  await setLoad(place, drawn)
  const domain = await source.domainByName(vm)
  const probe = await probes.megabytesPerSec(from, testbed.hostAddress(to))
  const known = await knownBefore(place, domain)
  const resident = Math.min(place.memoryMib, Number(known['pre_balloon_rss_mb']) - PROCESS_MIB)
  const bandwidth = drawn.linkMbit === 0 ? UNLIMITED_MIB : (probe * 1e6) / MiB
  const timeoutSec = Math.min(TIMEOUT_SEC_MAX, 4 + (drawn.patience * resident) / bandwidth)
  await source.setMaxDowntime(domain, drawn.downtimeLimitMs)
  const before = {
    time_utc: new Date().toISOString().slice(0, 19),
    src: from,
    dst: to,
    kind: drawn.kind,
    dirty_set_mb_s: drawn.dirtyMibPerSec,
    span_mb: drawn.spanMib,
    cpu_duty_pct: drawn.cpuPercent,
    link_mbit: drawn.linkMbit,
    mode: drawn.mode,
    downtime_limit_ms: drawn.downtimeLimitMs,
    dirtyrate_calc_s: WINDOW_SEC,
    load1_before: short(loadavg()[0]),
    probe_bw_mb_s: short(probe),
    ...known,
    timeout_s: Math.round(timeoutSec * 100) / 100,
  }
  return { ...before, ...(await move(place, domain, drawn, before.timeout_s * 1000)), load1_after: short(loadavg()[0]) }
}

async function setLoad({ testbed, vm, from }: MovePlace, drawn: DrawnMove): Promise<void> {
  const path = await testbed.channel(from, vm, CHANNEL)
  await ask(path, `set cpu ${drawn.cpuPercent}`)
  await ask(path, `set span ${drawn.spanMib}`)
  await ask(path, `set dirty ${drawn.dirtyMibPerSec}`)
  const walkMs = drawn.dirtyMibPerSec === 0 ? 0 : (1000 * drawn.spanMib) / drawn.dirtyMibPerSec
  await pause(Math.min(SETTLE_MS.most, SETTLE_MS.least + walkMs))
}

/** What a host tells, with the names of the columns, and how much the guest truly wrote meanwhile. */
async function knownBefore({ testbed, vm, from, source }: MovePlace, domain: Domain): Promise<MoveCellsMeasured> {
  const path = await testbed.channel(from, vm, CHANNEL)
  const doneBefore = await donePages(path)
  const before = await statsOf(source, domain)
  const beganAt = performance.now()
  const more: string[] = []
  for (const seconds of MORE_WINDOWS_SEC) more.push(`${seconds}:${await sampledRate(source, domain, seconds)}`)
  const rate = await sampledRate(source, domain, WINDOW_SEC)
  const now = await statsOf(source, domain)
  const seconds = (performance.now() - beganAt) / 1000
  const doneAfter = await donePages(path)
  const perSecond = (field: string): number => short(((now[field] ?? 0) - (before[field] ?? 0)) / 1e6 / seconds)
  return {
    pre_dirtyrate_mib_s: rate,
    pre_dirtyrate_more: more.join(' '),
    pre_true_dirty_mb_s: short(((doneAfter.pages - doneBefore.pages) * 4096) / 1e6 / (doneAfter.at - doneBefore.at)),
    pre_cpu_time_ms_per_s: perSecond('cpu.time'),
    pre_vcpu_time_ms_per_s: perSecond('vcpu.0.time'),
    pre_vcpu_delay_ms_per_s: perSecond('vcpu.0.delay'),
    pre_balloon_rss_mb: short(now['balloon.rss'] / 1024),
    pre_balloon_unused_mb: short(now['balloon.unused'] / 1024),
  }
}

async function sampledRate(source: Libvirt, domain: Domain, seconds: number): Promise<number> {
  await source.startDirtyRate(domain, seconds)
  const endsAt = performance.now() + WINDOW_MS_MAX
  await pause(seconds * 1000)
  while (performance.now() < endsAt) {
    const now = await statsOf(source, domain)
    if (now['dirtyrate.calc_status'] === MEASURED) return now['dirtyrate.megabytes_per_second'] ?? 0
    await pause(POLL_MS / 2)
  }
  throw new Error(`${domain.name} did not tell how fast it writes`)
}

/** The move itself, to its end or the time allowed. */
async function move(
  place: MovePlace,
  domain: Domain,
  { mode }: DrawnMove,
  timeoutMs: number,
): Promise<MoveCellsMeasured> {
  const { testbed, source, target, to, vm } = place
  const ends: Figures[] = []
  const events = await source.onJobCompleted(({ parameters }) => void ends.push(figuresOf(parameters)), domain)
  const beganAt = performance.now()
  const migration = await source.beginMigration(domain, testbed.networkUri(to), {
    definition: 'transient',
    ...(mode === 'autoconverge' ? { autoConverge: { initialPercent: 50, incrementPercent: 20 } } : {}),
    isPostCopyPrepared: mode === 'postcopy',
  })
  let last: Figures = {}
  let throttle = 0
  let switchedAt: number | undefined
  let abortedAt: number | undefined
  let isOver = false
  const ended = migration.ended.finally(() => (isOver = true))
  while (!isOver) {
    await Promise.race([ended, pause(POLL_MS / 2)])
    if (isOver) break
    const figures = figuresOf(
      await source.jobStats(domain).then(
        ({ parameters }) => parameters,
        () => [],
      ),
    )
    if ((figures['memory_total'] ?? 0) > 0 && abortedAt === undefined) last = figures
    throttle = Math.max(throttle, figures['auto_converge_throttle'] ?? 0)
    const passedMs = performance.now() - beganAt
    if (mode === 'postcopy' && switchedAt === undefined && (figures['memory_iteration'] ?? 0) >= 2) {
      switchedAt = passedMs
      await startPostCopy(source, domain).catch(() => undefined)
    }
    if (passedMs < timeoutMs || abortedAt !== undefined || switchedAt !== undefined) continue
    abortedAt = passedMs
    await source.abortJob(domain).catch(() => undefined)
  }
  const end = await ended
  const converged = end.kind === 'succeeded'
  // What the target tells comes from the source's own figures; after post-copy only the source tells them.
  const told = converged ? await figuresThere(target, vm) : {}
  await events.close()
  const final = converged ? { ...ends.at(-1), ...told } : last
  return {
    converged: converged ? 'True' : 'False',
    aborted_at_s: converged || abortedAt === undefined ? '' : short(abortedAt / 1000),
    error: end.kind === 'succeeded' ? '' : end.error.message.replaceAll(/^.*failed: |[,"\n]/g, ' ').trim(),
    postcopy_switch_s: switchedAt === undefined ? '' : short(switchedAt / 1000),
    total_time_ms: converged ? (final['time_elapsed'] ?? '') : '',
    downtime_ms: converged ? (final['downtime'] ?? '') : '',
    setup_ms: final['setup_time'] ?? '',
    bytes_mib: mib(final['data_processed']),
    mem_total_mib: mib(final['memory_total']),
    mem_remaining_mib: mib(final['memory_remaining']),
    constant_pages: final['memory_constant'] ?? '',
    normal_pages: final['memory_normal'] ?? '',
    iterations: final['memory_iteration'] ?? '',
    throttle_pct: throttle,
  }
}

type Figures = Readonly<Record<string, number>>

async function figuresThere(target: Libvirt, vm: string): Promise<Figures> {
  try {
    return figuresOf((await target.completedJobStats(await target.domainByName(vm))).parameters)
  } catch {
    return {}
  }
}

function figuresOf(parameters: readonly { readonly field: string; readonly value: unknown }[]): Figures {
  return Object.fromEntries(parameters.map(({ field, value }) => [field, Number(value)]))
}

async function statsOf(host: Libvirt, domain: Domain): Promise<Figures> {
  const groups = DOMAIN_STATS.cpu | DOMAIN_STATS.balloon | DOMAIN_STATS.vcpu | DOMAIN_STATS.dirtyRate
  const [record] = await host.domainStats(groups, { of: [domain] })
  return figuresOf(record.parameters)
}

async function donePages(path: string): Promise<{ readonly pages: number; readonly at: number }> {
  const [, pages, at] = (await ask(path, 'done')).split(' ').map(Number)
  return { pages, at }
}

/** One word to the guest, and the line with which it answers. */
function ask(path: string, word: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    const timer = setTimeout(() => socket.destroy(new Error(`the guest does not answer "${word}"`)), ANSWER_MS_MAX)
    let heard = ''
    socket.setEncoding('latin1')
    socket.once('connect', () => void socket.write(`${word}\n`))
    socket.on('data', (text: string) => {
      heard += text
      const line = heard.split('\n').find((one) => /^(ok|done) /.test(one) && heard.includes(`${one}\n`))
      if (line === undefined) return
      resolve(line.trim())
      socket.destroy()
    })
    socket.once('error', reject)
    socket.once('close', () => {
      clearTimeout(timer)
      reject(new Error(`the guest's channel closed at "${word}"`))
    })
  })
}

function mib(bytes: number | undefined): number | '' {
  return bytes === undefined ? '' : short(bytes / MiB)
}

function short(value: number): number {
  return Math.round(value * 1000) / 1000
}
