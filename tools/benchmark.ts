/** A benchmark is also a test: small under `npm test` so that it can't rot, real under `npm run bench`. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

export interface BenchSizes {
  /** Under `npm test`: a few milliseconds. */
  readonly smoke: number
  /** Under `npm run bench`: about a second of CPU time. */
  readonly full: number
}

/** Does `size` pieces of work and returns a checksum of the results, so that nobody makes it faster by doing less. */
export type Work = (size: number) => number | Promise<number>

/** Another way to the same end, measured in turn with ours: a ratio of two runs side by side holds where the machine is noisy. */
export interface Peer {
  readonly name: string
  readonly work: Work
}

const ROUNDS = 9
/** The third-fastest of nine: the fastest may be luck, the slower ones are the neighbours. */
const REPORTED_RANK = 2

let turn: Promise<void> = Promise.resolve()

export function bench(name: string, sizes: BenchSizes, work: Work, peer?: Peer): void {
  if (process.env['ETHOS_BENCH'] !== 'full') {
    test(`benchmark: ${name}`, () => smoke(sizes.smoke, work, peer))
    return
  }
  turn = after(turn)

  async function after(earlier: Promise<void>): Promise<void> {
    await earlier
    process.stdout.write(showFigures(name, await measure(sizes.full, work, peer)))
  }
}

export interface Figures {
  readonly size: number
  readonly cpuMs: number
  readonly checksum: number
  readonly peer?: { readonly name: string; readonly cpuMs: number; readonly checksum: number }
}

/** CPU time of the process, not time on the wall: other work on the machine lengthens the one more than the other. */
export async function measure(size: number, work: Work, peer?: Peer): Promise<Figures> {
  const ours: Round[] = []
  const theirs: Round[] = []
  for (let round = 0; round < ROUNDS; round++) {
    ours.push(await runOnce(size, work))
    if (peer !== undefined) theirs.push(await runOnce(size, peer.work))
  }
  const figures = { size, ...report(ours) }
  return peer === undefined ? figures : { ...figures, peer: { name: peer.name, ...report(theirs) } }
}

export function showFigures(name: string, { size, cpuMs, checksum, peer }: Figures): string {
  const perSecond = Math.round(size / (cpuMs / 1000)).toLocaleString('en')
  const lines = [`${name}: ${size} in ${cpuMs.toFixed(1)} ms CPU, ${perSecond} per CPU-second, checksum ${checksum}`]
  if (peer !== undefined) {
    const ratio = (cpuMs / peer.cpuMs).toFixed(2)
    lines.push(`  ${ratio} x the CPU time of ${peer.name}: ${peer.cpuMs.toFixed(1)} ms, checksum ${peer.checksum}`)
  }
  return `${lines.join('\n')}\n`
}

async function smoke(size: number, work: Work, peer?: Peer): Promise<void> {
  const checksum = await work(size)
  assert.ok(Number.isFinite(checksum) && checksum !== 0, `checksum ${checksum}: was anything done?`)
  assert.equal(await work(size), checksum, 'the same work must give the same checksum')
  if (peer !== undefined) assert.ok(Number.isFinite(await peer.work(size)))
}

interface Round {
  readonly cpuMs: number
  readonly checksum: number
}

async function runOnce(size: number, work: Work): Promise<Round> {
  const before = process.cpuUsage()
  const checksum = await work(size)
  const { user, system } = process.cpuUsage(before)
  return { cpuMs: (user + system) / 1000, checksum }
}

function report(rounds: readonly Round[]): Round {
  const [{ checksum }] = rounds
  assert.ok(
    rounds.every((round) => round.checksum === checksum),
    'the same work must give the same checksum',
  )
  const sorted = rounds.map((round) => round.cpuMs).toSorted((a, b) => a - b)
  return { cpuMs: sorted[REPORTED_RANK], checksum }
}
