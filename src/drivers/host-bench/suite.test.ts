/** The parts of the suite alone: its plan, its tools, its watch over a quiet machine, and what it concludes. */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { WORKLOAD_TYPES } from '../../terms/host.ts'
import type { BenchmarkRun } from '../../terms/host-measurement.ts'
import { nodeFactFiles } from '../host-facts/fact-files.ts'
import { startLoad } from './background-load.ts'
import { BenchmarkError } from './benchmark-error.ts'
import { BENCHMARKS } from './benchmarks.ts'
import { aFolder, someTools } from './builders.ts'
import { type CpuTicks, readCpuTicks, sharesBetween } from './cpu-time.ts'
import { planSuite, weighMissing } from './plan.ts'
import { concludeQuiet } from './quiet.ts'
import { concludeCoreSpeed, concludeScores, ratioToReference, REFERENCE } from './reference.ts'
import { spreadOf } from './run-suite.ts'
import { runTool } from './run-tool.ts'
import { findTools, TOOLS } from './tools.ts'

const ALL = Object.fromEntries(TOOLS.map((tool) => [tool, { path: `/bin/${tool}`, version: '1' }]))
const never = new AbortController().signal

test('the quick suite is planned for 45 s, the whole one for three minutes, with all kinds of work in it', () => {
  const quick = planSuite({ suite: 'quick', tools: ALL, hasDisk: true })
  const whole = planSuite({ suite: 'whole', tools: ALL, hasDisk: true })
  assert.ok(quick.ms <= 45_000, `${quick.ms}`)
  assert.ok(whole.ms <= 180_000, `${whole.ms}`)
  assert.deepEqual(
    [quick.phases, whole.phases].map((phases) => phases.map(({ loadStep }) => loadStep)),
    [
      [0, 0.5],
      [0, 0.25, 0.5, 0.75],
    ],
  )
  const types = new Set(whole.phases[0]?.benchmarks.map(({ workloadType }) => workloadType))
  assert.deepEqual([...types].toSorted(), [...WORKLOAD_TYPES].toSorted())
  assert.deepEqual(whole.missing, [])
})

test('each benchmark has a name of its own and a reference', () => {
  assert.equal(new Set(BENCHMARKS.map(({ name }) => name)).size, BENCHMARKS.length)
  assert.deepEqual(Object.keys(REFERENCE).toSorted(), BENCHMARKS.map(({ name }) => name).toSorted())
})

test('who names kinds of work gets all their benchmarks, and no other', () => {
  const { phases } = planSuite({ suite: 'quick', tools: ALL, hasDisk: true, only: ['crypto'] })
  assert.deepEqual(
    phases.map(({ benchmarks }) => benchmarks.length),
    [5],
  )
})

test('without stress-ng there is no load beside, and the plan says what that costs', () => {
  const { 'stress-ng': _, ...tools } = ALL
  const { phases, missing } = planSuite({ suite: 'whole', tools, hasDisk: true })
  assert.deepEqual(
    phases.map(({ loadStep }) => loadStep),
    [0],
  )
  assert.equal(missing.find(({ what }) => what === 'load steps')?.remedy, 'apt-get install stress-ng')
})

test('what is missing costs little where its kind was measured all the same', () => {
  const lack = planSuite({ suite: 'quick', tools: ALL, hasDisk: true }).missing
  const weighed = weighMissing(lack, [aRun({ workloadType: 'crypto' })])
  assert.match(weighed.find(({ what }) => what === 'crypto-sha256')?.cost ?? '', /^little/)
  assert.doesNotMatch(weighed.find(({ what }) => what === 'network-tcp')?.cost ?? '', /^little/)
})

test('a tool that hangs, and ignores being asked to end, is killed at its limit with its children', async () => {
  const folder = aFolder()
  const bin = someTools({ fio: `trap '' TERM; sleep 60 & echo $! > ${folder}/child; wait` })
  const call = { tool: 'fio', path: join(bin, 'fio'), words: [], limitMs: 300 }
  await assert.rejects(runTool(call, never), (error) => {
    assert.ok(error instanceof BenchmarkError)
    assert.equal(error.code, 'timed-out')
    assert.match(error.message, /did not end within 0.3 s and was killed/)
    return true
  })
  const child = readFileSync(`${folder}/child`, 'utf8').trim()
  assert.ok(!existsSync(`/proc/${child}`) || /\nState:\s+Z/.test(readFileSync(`/proc/${child}/status`, 'utf8')))
})

test('a full disk and a missing right are told apart from other failures', async () => {
  const cases = {
    'no-space': 'echo "fio: write: No space left on device" >&2; exit 1',
    'no-permission': 'echo "open: Permission denied" >&2; exit 1',
    failed: 'kill -9 $$',
  }
  for (const [code, script] of Object.entries(cases)) {
    const call = { tool: 'fio', path: join(someTools({ fio: script }), 'fio'), words: [], limitMs: 5000 }
    await assert.rejects(runTool(call, never), { name: 'BenchmarkError', code })
  }
  await assert.rejects(runTool({ tool: 'fio', path: '/none', words: [], limitMs: 5000 }, never), { code: 'failed' })
})

test('a tool sees an environment of its own, and no shell reads its words', async () => {
  const path = join(someTools({ fio: 'env; echo "$1"' }), 'fio')
  const output = await runTool({ tool: 'fio', path, words: ['$(id) ; `id`'], limitMs: 5000 }, never)
  assert.match(output, /^LC_ALL=C$/m)
  assert.match(output, /^\$\(id\) ; `id`$/m)
  assert.doesNotMatch(output, /^HOME=/m)
})

test('tools are found with their versions; what is no program is none', async () => {
  const bin = someTools({ fio: '' })
  writeFileSync(join(bin, 'sysbench'), 'no program')
  mkdirSync(join(bin, 'openssl'))
  assert.deepEqual(await findTools(never, bin), { fio: { path: join(bin, 'fio'), version: '1.2.3' } })
})

test('background load keeps its share of the threads busy until it is ended', async () => {
  const folder = aFolder()
  const path = join(someTools({ 'stress-ng': `echo "$*" > ${folder}/words; exec sleep 60` }), 'stress-ng')
  const load = await startLoad(path, { step: 0.25, threads: 6, limitMs: 10_000, folder })
  await load.stop()
  // A quarter of 6 threads is 1.5: two workers at 75 %.
  assert.match(readFileSync(`${folder}/words`, 'utf8'), /^--cpu 2 --cpu-load 75 .*--timeout 10\n$/)
})

test('a load that ends at once is an error, not rest', async () => {
  const path = join(someTools({ 'stress-ng': 'exit 3' }), 'stress-ng')
  await assert.rejects(startLoad(path, { step: 0.5, threads: 2, limitMs: 1000, folder: aFolder() }), { code: 'failed' })
  await wait(0)
})

test('busy and stolen time come from /proc/stat; broken ones are absent', () => {
  const before = ticks('cpu  100 0 50 800 50 0 0 0 0 0\ncpu0 1 2')
  const after = ticks('cpu  120 0 60 850 60 0 0 10 0 0\ncpu0 1 2')
  // 30 of 100 ticks busy, 10 stolen.
  assert.deepEqual(sharesBetween(before, after), { busy: 0.3, steal: 0.1 })
  assert.equal(sharesBetween(before, before), undefined)
  for (const text of ['', 'cpu', 'cpu  1 2 3', 'cpu  a b c d e f g h']) assert.equal(ticks(text), undefined, text)
})

test('a machine is quiet only if nobody took more than a twentieth, and somebody looked', () => {
  const idle = { before: { all: 0, busy: 0, steal: 0 }, after: { all: 1000, busy: 900, steal: 5 } }
  assert.equal(concludeQuiet([{ busy: 0.02, load: 0.1 }, { busy: 0.05 }], idle, 2).isQuiet, true)
  const busy = concludeQuiet([{ busy: 0.02 }, { busy: 0.5 }], idle, 2)
  assert.equal(busy.isQuiet, false)
  assert.match(busy.explanation, /50 % busy between benchmarks/)
  const stolen = concludeQuiet([{ busy: 0 }], { ...idle, after: { all: 1000, busy: 900, steal: 20 } }, 2)
  assert.match(stolen.explanation, /2 % of CPU time stolen/)
  assert.equal(concludeQuiet([{}], { before: undefined, after: undefined }, 2).isQuiet, false)
})

test('a duration counts by its inverse, and scores are geometric means of one core at rest', () => {
  assert.equal(ratioToReference({ name: 'context-switch', better: 'less' }, 5700), 0.5)
  assert.equal(ratioToReference({ name: 'unheard-of', better: 'more' }, 1), undefined)
  const scores = concludeScores([
    aRun({ workloadType: 'crypto', ratioToReference: 4, spread: 0.01 }),
    aRun({ workloadType: 'crypto', ratioToReference: 1, spread: 0.03 }),
    aRun({ workloadType: 'crypto', ratioToReference: 9, loadStep: 0.5 }),
    aRun({ workloadType: 'crypto', ratioToReference: 99, cores: 'all' }),
  ])
  // The square root of 4 x 1.
  assert.ok(Math.abs((scores.crypto?.score ?? 0) - 2) < 1e-12)
  assert.equal(scores.crypto?.spread, 0.03)
  assert.deepEqual(Object.keys(scores), ['crypto'])
})

test('the speed of a core is what all do at once, over the cores', () => {
  const all = { cores: 'all', ratioToReference: 32 } as const
  const runs = [aRun(all), aRun({ ...all, workloadType: 'floating-point', ratioToReference: 8 }), aRun({})]
  // The square root of 32 x 8 is 16, on 16 cores.
  assert.ok(Math.abs((concludeCoreSpeed(runs, 16) ?? 0) - 1) < 1e-12)
  assert.equal(concludeCoreSpeed([aRun({ ratioToReference: 1.5 })], 16), 1.5)
  assert.equal(concludeCoreSpeed([], 16), undefined)
})

test('spread is the sample’s standard deviation over its mean', () => {
  // Of 1, 2, 3: deviation 1, mean 2.
  assert.equal(spreadOf([1, 2, 3]), 0.5)
  assert.equal(spreadOf([5]), undefined)
})

function ticks(text: string): CpuTicks | undefined {
  const root = aFolder()
  mkdirSync(dirname(join(root, 'proc/stat')), { recursive: true })
  writeFileSync(join(root, 'proc/stat'), text)
  return readCpuTicks(nodeFactFiles(root))
}

function aRun(fields: Partial<BenchmarkRun>): BenchmarkRun {
  return {
    benchmark: 'b',
    workloadType: 'integer',
    cores: 'one',
    loadStep: 0,
    tool: 't',
    toolVersion: '1',
    unit: 'u',
    better: 'more',
    values: [1],
    median: 1,
    ratioToReference: 1,
    ...fields,
  }
}
