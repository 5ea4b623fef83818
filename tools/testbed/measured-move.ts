/** One move of a small guest with what was known of it before, and what came of it: a row of the recorded moves. */
import { connect } from 'node:net'
import { loadavg } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import { DOMAIN_STATS, type Domain, type Libvirt, startPostCopy } from '../../src/drivers/libvirt/rpc/libvirt.ts'
import { PROCESS_MIB } from '../../src/engine/migration/cost-model.ts'
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
const ANSWER_MS_MAX = 30_000
const AGAIN_MS = 4000
const POLL_MS = 200
const WINDOW_SEC = 1
/** Windows of page sampling (s) before the one that every row has: more looks tell more, and a long one tells slow writing from a small working set. */
const MORE_WINDOWS_SEC = [4, 1]
const WINDOW_MS_MAX = 20_000
const MEASURED = 2
/** A working set is written through once before it is measured, but nobody waits longer for it. */
const SETTLE_MS = { least: 1000, most: 8000 }
const TIMEOUT_SEC_MAX = 40
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
  await ask(path, `set cpu ${drawn.cpuPercent}`, `set span ${drawn.spanMib}`, `set dirty ${drawn.dirtyMibPerSec}`)
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
  const told: Figures[] = []
  const events = await source.onJobCompleted(({ parameters }) => void told.push(figuresOf(parameters)), domain)
  const watch = new MoveWatch(source, domain, { mode, timeoutMs })
  const migration = await source.beginMigration(domain, testbed.networkUri(to), {
    definition: 'transient',
    ...(mode === 'autoconverge' ? { autoConverge: { initialPercent: 50, incrementPercent: 20 } } : {}),
    isPostCopyPrepared: mode === 'postcopy',
  })
  const ended = migration.ended
  for (;;) {
    const end = await Promise.race([ended, pause(POLL_MS / 2, undefined)])
    if (end === undefined) {
      await watch.look()
      continue
    }
    // What the target tells comes from the source's own figures; after post-copy only the source tells them.
    const there = end.kind === 'succeeded' ? await figuresThere(target, vm) : {}
    await events.close()
    if (end.kind === 'succeeded') return { converged: 'True', ...watch.cells({ ...told.at(-1), ...there }) }
    const error = end.error.message.replaceAll(/^.*failed: |[,"\n]/g, ' ').trim()
    return { converged: 'False', error, ...watch.cells(watch.last), total_time_ms: '', downtime_ms: '' }
  }
}

/** Polls a move, switches it to post-copy in its second round where that is its mode, and breaks it off when its time is over. */
class MoveWatch {
  /** Figures of the last look before it was broken off. */
  last: Figures = {}
  private readonly beganAt = performance.now()
  private readonly source: Libvirt
  private readonly domain: Domain
  private readonly terms: { readonly mode: DrawnMove['mode']; readonly timeoutMs: number }
  private throttlePercent = 0
  private switchedMs: number | undefined
  private abortedMs: number | undefined

  constructor(source: Libvirt, domain: Domain, terms: MoveWatch['terms']) {
    this.source = source
    this.domain = domain
    this.terms = terms
  }

  async look(): Promise<void> {
    const told = await this.source.jobStats(this.domain).catch(() => undefined)
    const figures = figuresOf(told?.parameters ?? [])
    const { mode, timeoutMs } = this.terms
    if ((figures['memory_total'] ?? 0) > 0 && this.abortedMs === undefined) this.last = figures
    this.throttlePercent = Math.max(this.throttlePercent, figures['auto_converge_throttle'] ?? 0)
    const passedMs = performance.now() - this.beganAt
    if (mode === 'postcopy' && this.switchedMs === undefined && (figures['memory_iteration'] ?? 0) >= 2) {
      this.switchedMs = passedMs
      await startPostCopy(this.source, this.domain).catch(() => undefined)
    }
    // After the switch nothing may break it off: the guest would be lost.
    if (passedMs < timeoutMs || this.abortedMs !== undefined || this.switchedMs !== undefined) return
    this.abortedMs = passedMs
    await this.source.abortJob(this.domain).catch(() => undefined)
  }

  cells(figures: Figures): MoveCellsMeasured {
    return {
      aborted_at_s: this.abortedMs === undefined ? '' : short(this.abortedMs / 1000),
      postcopy_switch_s: this.switchedMs === undefined ? '' : short(this.switchedMs / 1000),
      total_time_ms: figures['time_elapsed'] ?? '',
      downtime_ms: figures['downtime'] ?? '',
      setup_ms: figures['setup_time'] ?? '',
      bytes_mib: mib(figures['data_processed']),
      mem_total_mib: mib(figures['memory_total']),
      mem_remaining_mib: mib(figures['memory_remaining']),
      constant_pages: figures['memory_constant'] ?? '',
      normal_pages: figures['memory_normal'] ?? '',
      iterations: figures['memory_iteration'] ?? '',
      throttle_pct: this.throttlePercent,
    }
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

/** Words to the guest, each after the answer to the one before; what is answered to the last. */
function ask(path: string, ...words: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    let answers = 0
    let heard = ''
    const say = (): void => void socket.write(`${words[answers]}\n`)
    const timer = setTimeout(() => socket.destroy(), ANSWER_MS_MAX)
    // A guest that has not opened the channel again since the last host of it left hears nothing.
    const again = setInterval(say, AGAIN_MS)
    socket.setEncoding('latin1')
    socket.once('connect', say)
    socket.on('data', (text: string) => {
      heard += text
      const end = heard.indexOf('\n', heard.search(/^(ok|done) /m))
      const line = /^(?:ok|done) .*\n/m.exec(heard)?.[0].trim()
      if (line === undefined) return
      heard = heard.slice(end + 1)
      if (line.startsWith('ok') && line !== `ok ${words[answers].slice('set '.length)}`) return
      if (++answers < words.length) say()
      else {
        resolve(line)
        socket.destroy()
      }
    })
    socket.on('error', reject)
    socket.once('close', () => {
      clearTimeout(timer)
      clearInterval(again)
      reject(new Error(`the guest does not answer "${words[answers]}"`))
    })
  })
}

function mib(bytes: number | undefined): number | '' {
  return bytes === undefined ? '' : short(bytes / MiB)
}

function short(value: number): number {
  return Math.round(value * 1000) / 1000
}
