import { spawn, type ChildProcess } from 'node:child_process'
import { bench } from '../../../../tools/benchmark.ts'
import { nodeMachine } from '../node-machine.ts'
import { type ReadingWriter, SAMPLER_NAMES, type SamplerName } from '../sampler.ts'
import { makeSamplers } from './make-samplers.ts'

/** As many as in `npm run bench:agent`, beside what else runs here. */
const SLEEPERS = 150
const EVERY_MS = 5000

let sleepers: readonly ChildProcess[] = []
const machine = nodeMachine()
const DONE: Promise<void> = Promise.resolve()
let put = 0
const writer: ReadingWriter = {
  put: (_measure, value) => {
    if (Number.isFinite(value)) put++
  },
  detail: () => undefined,
}

/** Looks of a few samplers, five seconds apart by their own clock, and of the cheap among them so many times in between. The checksum tells whether
 *  most of what can be measured was. */
function looksOf(names: readonly SamplerName[], cheapBetween = 0): (size: number) => Promise<number> {
  const samplers = makeSamplers(machine, new Set(names))
  const cheap = samplers.filter(({ isCheap }) => isCheap)
  let atMs = 0
  const lookAt = async (which: typeof samplers) => {
    atMs += EVERY_MS / (cheapBetween + 1)
    for (const sampler of which) {
      await (sampler.sample({ at: atMs, monotonicMs: atMs, wantsDetails: false }, writer) ?? DONE)
    }
  }
  return async (size) => {
    if (sleepers.length === 0) startSleepers()
    put = 0
    for (let look = 0; look < size; look++) {
      for (let k = 0; k < cheapBetween; k++) await lookAt(cheap)
      await lookAt(samplers)
    }
    // Some values come and go with what the machine does (a latency needs a request): a look has more than three for each sampler here.
    return put > size ? size : put / size
  }
}

function startSleepers(): void {
  sleepers = Array.from({ length: SLEEPERS }, () => {
    const sleeper = spawn('sleep', ['600'], { stdio: 'ignore' })
    sleeper.unref()
    return sleeper
  })
  process.once('exit', () => {
    for (const sleeper of sleepers) sleeper.kill('SIGKILL')
  })
}

bench(
  `one look of all samplers of /proc and /sys, ${SLEEPERS} sleeping processes`,
  { smoke: 3, full: 300 },
  looksOf(SAMPLER_NAMES),
)
bench(
  'one look of the cheap samplers',
  { smoke: 3, full: 3000 },
  looksOf(['cpu', 'pressure', 'memory', 'disk', 'network', 'cgroup']),
)
bench('one look at processes', { smoke: 3, full: 300 }, looksOf(['processes']))
bench('one look at sockets', { smoke: 3, full: 600 }, looksOf(['sockets']))
bench(
  'five seconds of the agent: the cheap samplers each second, all once',
  { smoke: 3, full: 300 },
  looksOf(SAMPLER_NAMES, 4),
  { name: 'all once, as by default', work: looksOf(SAMPLER_NAMES) },
)
