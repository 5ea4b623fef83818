/** `npm run record:moves -- [--minutes N] [--moves N] [--seed N] [--kind KIND] [--out FILE]`: real moves of small guests between two hosts
 *  of the testbed, drawn at random with many that can't end, one row each. It goes on where the file ends, and never changes a row. Needs root. */
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Libvirt, openLibvirt } from '../../src/drivers/libvirt/rpc/libvirt.ts'
import { MINUTE_MS } from '../../src/terms/units.ts'
import { MOVES_FOLDER } from '../migration/finished-moves.ts'
import { LinkProbes } from './link-probe.ts'
import { measureMove, type MoveCellsMeasured } from './measured-move.ts'
import { drawGuest, drawMove, type DrawnGuest, type DrawnMove, MOVE_KINDS } from './move-draw.ts'
import { SmallGuest } from './small-guest.ts'
import { Testbed, whyNoTestbed } from './testbed.ts'

const HOSTS = ['host1', 'host2'] as const
/** Columns that a promise reads, what was set, and what came; as in migrations.csv, and some of our own. */
const COLUMNS = (
  'row,batch,time_utc,repeat_group,kind,guest,guest_generation,guest_move_no,src,dst,mem_mb,fill_mb,dirty_set_mb_s,span_mb,maxspan_so_far_mb,cpu_duty_pct,' +
  'link_mbit,mode,downtime_limit_ms,dirtyrate_calc_s,load1_before,probe_bw_mb_s,pre_dirtyrate_mib_s,pre_dirtyrate_more,pre_true_dirty_mb_s,' +
  'pre_cpu_time_ms_per_s,pre_vcpu_time_ms_per_s,pre_vcpu_delay_ms_per_s,pre_balloon_rss_mb,pre_balloon_unused_mb,timeout_s,converged,aborted_at_s,error,' +
  'postcopy_switch_s,total_time_ms,downtime_ms,setup_ms,bytes_mib,mem_total_mib,mem_remaining_mib,constant_pages,normal_pages,iterations,throttle_pct,' +
  'beats_went_on,load1_after,draw'
).split(',')

interface Recorded {
  readonly rows: number
  /** Number of the last wish that was drawn. */
  readonly draws: number
  readonly generations: number
}

/** Rows so far, and the last guest's number: a run begins with a new one. A wish that came to nothing has no row, so its number is not that of a row;
 *  of rows that have none kept, it is at least theirs. */
function recordedIn(path: string): Recorded {
  if (!existsSync(path)) return { rows: 0, draws: 0, generations: 0 }
  const [head, ...lines] = readFileSync(path, 'utf8').trimEnd().split('\n')
  if (head !== COLUMNS.join(',')) throw new Error(`${path} has other columns than these: ${COLUMNS.join(',')}`)
  const rows = lines.map((line) => line.split(','))
  const most = (column: string): number => Math.max(0, ...rows.map((cells) => Number(cells[COLUMNS.indexOf(column)])))
  return { rows: rows.length, draws: Math.max(rows.length, most('draw')), generations: most('guest_generation') }
}

class Recorder {
  private readonly testbed: Testbed
  private readonly probes: LinkProbes
  private readonly hosts: Readonly<Record<string, Libvirt>>
  private guest:
    | { readonly small: SmallGuest; readonly drawn: DrawnGuest; host: string; moves: number; span: number }
    | undefined
  private generation: number

  constructor(
    testbed: Testbed,
    { probes, hosts, generation }: { probes: LinkProbes; hosts: Readonly<Record<string, Libvirt>>; generation: number },
  ) {
    this.testbed = testbed
    this.probes = probes
    this.hosts = hosts
    this.generation = generation
  }

  /** One row; undefined where the emulator lost the guest, or a host did not answer. */
  async record(seed: number, draw: number, kind?: DrawnMove['kind']): Promise<MoveCellsMeasured | undefined> {
    const guest = this.guest ?? (await this.boot(seed).catch(() => undefined))
    this.guest = guest
    if (guest === undefined) return undefined
    const drawn = drawMove(seed, draw, guest.drawn, kind)
    const from = guest.host
    const to = HOSTS.find((host) => host !== from) ?? HOSTS[1]
    guest.small.mark()
    guest.moves++
    guest.span = Math.max(guest.span, drawn.spanMib)
    try {
      const { testbed, probes, hosts } = this
      const ends = { from, to, source: hosts[from], target: hosts[to] }
      const place = { testbed, probes, vm: guest.small.vm, memoryMib: guest.drawn.memoryMib, ...ends }
      const cells = await measureMove(place, drawn)
      const { beating, isSpoilt } = await guest.small.whereabouts()
      const arrived = cells['converged'] === 'True' ? to : from
      const lives = !isSpoilt && beating.length === 1 && beating[0] === arrived
      const row = { ...cells, ...this.guestCells(guest), draw, beats_went_on: lives ? 'True' : 'False' }
      guest.host = arrived
      if (!lives || guest.moves >= guest.drawn.moves) await this.endGuest()
      return row
    } catch (error) {
      process.stderr.write(`draw ${draw} of seed ${seed} is not recorded: ${String(error)}\n`)
      await this.endGuest()
      return undefined
    }
  }

  async endGuest(): Promise<void> {
    await this.guest?.small.remove()
    this.guest = undefined
  }

  private guestCells(guest: NonNullable<typeof this.guest>): MoveCellsMeasured {
    return {
      guest: guest.small.vm,
      guest_generation: this.generation,
      guest_move_no: guest.moves,
      mem_mb: guest.drawn.memoryMib,
      fill_mb: guest.drawn.fillMib,
      maxspan_so_far_mb: guest.span,
    }
  }

  private async boot(seed: number): Promise<NonNullable<typeof this.guest>> {
    for (const host of HOSTS) await this.testbed.disturb('link', host, 'off')
    const drawn = drawGuest(seed, ++this.generation)
    const host = HOSTS[this.generation % 2]
    const options = ['defined=0', `mem=${drawn.memoryMib}`, 'dirty=0', 'span=1', `extra=testbed.fill=${drawn.fillMib}`]
    const vm = `vm${1 + (this.generation % 99)}`
    const small = await SmallGuest.boot(this.testbed, { vm, host, hosts: HOSTS, options })
    return { small, drawn, host, moves: 0, span: 0 }
  }
}

interface Wanted {
  readonly moves: number
  readonly minutes: number
  readonly seed: number
  readonly kind?: DrawnMove['kind']
}

async function record(out: string, wanted: Wanted): Promise<void> {
  const endsAt = performance.now() + wanted.minutes * MINUTE_MS
  const before = recordedIn(out)
  if (!existsSync(out)) appendFileSync(out, `${COLUMNS.join(',')}\n`)
  const testbed = await Testbed.up(HOSTS.length, 'small')
  try {
    await recordOn(testbed, { ...wanted, out, endsAt, before })
  } finally {
    // With the hosts end their guests, their probes and what is connected to them.
    await testbed.down()
  }
}

async function recordOn(
  testbed: Testbed,
  {
    out,
    endsAt,
    moves,
    seed,
    kind,
    before: { rows, draws, generations },
  }: Wanted & { readonly out: string; readonly endsAt: number; readonly before: Recorded },
): Promise<void> {
  const probes = await LinkProbes.start(testbed, HOSTS)
  const opened: Libvirt[] = []
  try {
    for (const host of HOSTS) opened.push(await openLibvirt(testbed.networkUri(host), { isPostCopyAllowed: true }))
    const hosts = Object.fromEntries(HOSTS.map((host, i) => [host, opened[i]]))
    const recorder = new Recorder(testbed, { probes, hosts, generation: generations })
    let row = rows
    for (let tries = 1; tries <= 2 * moves && row < rows + moves && performance.now() < endsAt; tries++) {
      const cells = await recorder.record(seed, draws + tries, kind)
      if (cells === undefined) continue
      row++
      keep(out, { row: `own-${row}`, batch: `own-${seed}`, repeat_group: 0, ...cells })
    }
    await recorder.endGuest()
  } finally {
    probes.end()
    await Promise.allSettled(opened.map((host) => host.close()))
  }
}

function keep(out: string, cells: MoveCellsMeasured): void {
  appendFileSync(out, `${COLUMNS.map((column) => String(cells[column] ?? '')).join(',')}\n`)
  const [row, load, end] = [
    `${cells['row']} ${cells['kind']} ${cells['mode']}, ${cells['link_mbit']} Mbit/s`,
    `${cells['dirty_set_mb_s']} MiB/s over ${cells['span_mb']} MiB`,
    cells['converged'] === 'True' ? `${cells['total_time_ms']} ms` : `given up after ${cells['aborted_at_s']} s`,
  ]
  process.stdout.write(`${row}, ${load}: ${end}, ${cells['bytes_mib']} MiB\n`)
}

function numberOf(option: string, text: string): number {
  const value = Number(text)
  if (value > 0 && Number.isFinite(value)) return value
  throw new RangeError(`--${option}: "${text}" is not usable. Expected a number above 0.`)
}

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '7' },
    moves: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    kind: { type: 'string' },
    out: { type: 'string', default: join(MOVES_FOLDER, 'own-moves.csv') },
  },
})
const kind = MOVE_KINDS.find((one) => one === values.kind)
if (values.kind !== undefined && kind === undefined)
  throw new RangeError(`--kind: "${values.kind}" is not usable. Expected one of ${MOVE_KINDS.join(', ')}.`)
const why = whyNoTestbed()
if (why !== false) throw new Error(`No moves can be made here: ${why}`)
await record(values.out, {
  minutes: numberOf('minutes', values.minutes),
  moves: numberOf('moves', values.moves),
  seed: numberOf('seed', values.seed),
  ...(kind === undefined ? {} : { kind }),
})
