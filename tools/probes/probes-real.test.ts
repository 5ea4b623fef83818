import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseResults, type ProbeResults } from '../../src/drivers/guest/probes/results.ts'
import { READABLE_NODE, readable, whereAllMayRead } from '../readable.ts'
import { REPOSITORY } from '../repository.ts'
import { whyNoLoad } from './load.ts'
import type { ProbeCosts } from './measure.ts'
import { startPaced } from './paced.ts'
import { costsAsText } from './page.ts'
import {
  helperCommand,
  leftInTracefs,
  NO_CAPABILITIES,
  TWO_CAPABILITIES,
  whereTracefsIs,
  whyNoBpftrace,
  whyNoTracing,
} from './tracing.ts'

const folder = mkdtempSync(join(tmpdir(), 'ethos-probes-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const RESULT = join(folder, 'run', 'probes.json')

function configured(settings: readonly string[]): readonly string[] {
  const path = join(folder, 'agent.conf')
  writeFileSync(path, ['[probes]', `result-file = ${RESULT}`, ...settings, ''].join('\n'))
  return ['--config', path]
}

/** Of the helper that ran last: the words that begin in namespaces or with fewer capabilities become it, one after the other. */
let helperPid = 0

function runHelper(settings: readonly string[], before: readonly string[] = []): ProbeResults {
  rmSync(RESULT, { force: true })
  const [program, ...words] = helperCommand(['once', ...configured(['system-calls-for = 3s', ...settings])], before)
  const { status, stderr, pid } = spawnSync(program, words, { encoding: 'utf8', timeout: 120_000 })
  helperPid = pid
  assert.equal(status, 0, stderr)
  return parseResults(readFileSync(RESULT, 'utf8'))
}

/** Told and known rate differ by no more than three standard errors, and the hundredth that the rest of this machine may add; two more
 *  hundredths for the edges of slices. */
function assertRate(results: ProbeResults, key: 'time' | 'dns', perSec: number, othersPerSec = 0): void {
  const rate = results.rates[key]
  assert.ok(rate !== undefined, JSON.stringify(results.missing))
  const allowed = 3 * rate.errorPerSec + 0.03 * perSec + othersPerSec
  assert.ok(Math.abs(rate.perSec - perSec) <= allowed, `${rate.perSec}/s told, ${perSec}/s made, ${allowed}/s allowed`)
}

const NO_LIBRARIES = ['tls = off', 'allocator = off', 'dns = off']

for (const way of ['bpftrace', 'tracefs'] as const) {
  const skip = way === 'bpftrace' ? whyNoBpftrace() : whyNoTracing()

  test(`system calls at a known rate are told at that rate by ${way}, with two capabilities`, { skip }, async () => {
    const paced = startPaced('times', 100_000)
    const results = runHelper([`way = ${way}`, ...NO_LIBRARIES], TWO_CAPABILITIES)
    const { calls, seconds } = await paced.stop()
    assertRate(results, 'time', calls / seconds, 5000)
    assert.match(results.rates.time?.counter ?? '', way === 'bpftrace' ? /^bpftrace$/ : /^tracefs/)
    assert.ok((results.rates.time?.calls ?? 0) > 100_000 && results.attachedMs >= 1000)
    if (way === 'bpftrace') assert.ok(results.top.some(({ name }) => name === 'times'))
    assert.deepEqual(leftInTracefs([helperPid]), [])
  })

  test(`look-ups of names at a known rate are told at that rate by ${way}`, { skip }, async () => {
    const paced = startPaced('getaddrinfo', 400)
    const wanted = [`way = ${way}`, 'system-calls = off', 'tls = off', 'allocator = off', 'library-calls-for = 2s']
    const results = runHelper(wanted, TWO_CAPABILITIES)
    const { calls, seconds } = await paced.stop()
    assertRate(results, 'dns', calls / seconds, 20)
    assert.deepEqual(leftInTracefs([helperPid]), [])
  })
}

test('by tracefs no capability is needed at all, only the user that tracefs belongs to', {
  skip: whyNoTracing(),
}, () => {
  const results = runHelper(['way = tracefs', 'dns = off', 'tls = off'], NO_CAPABILITIES)
  assert.ok((results.rates.file?.calls ?? 0) > 0 && results.rates.allocator !== undefined)
  assert.deepEqual(results.missing, [])
})

test('a hot function is left alone after some thousand calls', { skip: whyNoTracing() }, async () => {
  const loop = spawn('/usr/bin/perl', ['-e', 'while (1) { my @a = map { "x" x 500 } 1 .. 50 }'], { stdio: 'ignore' })
  try {
    const { rates } = runHelper([
      'way = tracefs',
      'system-calls = off',
      'tls = off',
      'dns = off',
      'allocator-calls-max = 500',
    ])
    const allocator = rates.allocator
    assert.ok(allocator !== undefined && allocator.calls >= 500)
    // Four functions of 500 calls; the count may run on for the time between two looks at it.
    assert.ok(allocator.calls < 50_000, `${allocator.calls} calls`)
    assert.ok(allocator.lowByMax > 0, 'callers were slowed while they were watched, and that is told')
  } finally {
    loop.kill('SIGKILL')
  }
})

test('what a killed run left in tracefs is taken off by the next, and by the clean-up of the unit', {
  skip: whyNoTracing(),
}, async () => {
  for (const next of ['once', 'clean'] as const) {
    const words = configured(['way = tracefs', 'system-calls-for = 30s', 'every = 1h', ...NO_LIBRARIES])
    const [program, ...rest] = helperCommand(['once', ...words])
    const helper = spawn(program, rest, { stdio: 'ignore' })
    const isOver = new Promise((resolve) => helper.once('close', resolve))
    while (helper.exitCode === null && leftInTracefs([helper.pid]).length === 0) await sleep(50)
    helper.kill('SIGKILL')
    await isOver
    assert.notDeepEqual(leftInTracefs([helper.pid]), [], 'it was killed while it was attached')
    if (next === 'once') runHelper(['way = tracefs', ...NO_LIBRARIES])
    else {
      const [cleaner, ...cleanWords] = helperCommand(['clean'])
      assert.equal(spawnSync(cleaner, cleanWords).status, 0)
    }
    assert.deepEqual(leftInTracefs([helper.pid]), [])
  }
})

test('a run that is told to stop takes off what it attached, and leaves no results of half a round', {
  skip: whyNoTracing(),
}, async () => {
  for (const settings of [['way = tracefs'], ['way = auto']]) {
    rmSync(RESULT, { force: true })
    const words = configured([...settings, 'system-calls-for = 30s', 'every = 1h'])
    const [program, ...rest] = helperCommand(['once', ...words])
    const helper = spawn(program, rest, { stdio: 'ignore' })
    const isOver = new Promise((resolve) => helper.once('close', resolve))
    await sleep(2500)
    helper.kill('SIGTERM')
    assert.equal(await isOver, 0)
    assert.deepEqual(leftInTracefs([helper.pid]), [])
    assert.throws(() => readFileSync(RESULT), /ENOENT/)
  }
})

test('results are for the group, and for nobody else', { skip: whyNoTracing() }, () => {
  runHelper(['way = tracefs', ...NO_LIBRARIES])
  assert.equal(statSync(RESULT).mode & 0o777, 0o640)
})

test('a user without rights attaches nothing, and is told why and what would open it', { skip: whyNoTracing() }, () => {
  chmodSync(folder, 0o777)
  rmSync(join(folder, 'run'), { recursive: true, force: true })
  const words = [
    'setpriv',
    '--reuid',
    '65534',
    '--regid',
    '65534',
    '--clear-groups',
    '--bounding-set',
    '-all',
    '--inh-caps',
    '-all',
  ]
  const helper = [READABLE_NODE, readable('tools/probes/helper.ts'), 'once', ...configured([])]
  const [program, ...rest] = whereTracefsIs(whereAllMayRead([...words, ...helper]))
  const { status, stderr } = spawnSync(program, rest, { encoding: 'utf8' })
  assert.equal(status, 1, stderr)
  assert.match(stderr, /system calls are not counted: .*Remedy: .*ethos-agent-probes/)
  assert.match(stderr, /library calls are not counted: /)
  assert.equal(parseResults(readFileSync(RESULT, 'utf8')).rates.file, undefined)
  // The next round of the timer is another process, and does not say it again.
  assert.equal(spawnSync(program, rest, { encoding: 'utf8' }).stderr, '')
})

// Here and not beside: what it attaches to, and the calls that it makes, would be in the way of the tests above.
test('the benchmark of the probes attaches each way to each program, runs a round of each, and leaves nothing', {
  skip: whyNoBpftrace() || whyNoLoad(),
}, () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['tools/bench-probes.ts', '--smoke'], {
    cwd: REPOSITORY,
    encoding: 'utf8',
  })
  assert.equal(status, 0, stderr)
  const costs = JSON.parse(stdout) as ProbeCosts
  assert.deepEqual(
    costs.attached.map(({ mode, way }) => `${mode} ${way}`),
    ['s bpftrace', 's tracefs', 'd tracefs'],
  )
  for (const { mode, way, pairs } of costs.attached) {
    assert.equal(pairs.length, 1)
    assert.ok(pairs[0].counted >= 1000, `${mode} ${way}: ${pairs[0].counted} calls were counted`)
    assert.ok(pairs[0].on.cpuNs > 0 && pairs[0].off.cpuNs > 0, `${mode} ${way}`)
  }
  assert.deepEqual(
    costs.cycles.map(({ mode, way }) => `${mode} ${way}`),
    ['s auto', 'm tracefs'],
  )
  for (const { cycles } of costs.cycles) assert.ok(cycles[0].counted >= 1000 && cycles[0].helperCpuMs > 0)
  assert.deepEqual(
    costs.trust.map(({ told }) => told.length >= 1),
    [true, true, true],
  )
  assert.deepEqual(costs.left, [])
  assert.match(costsAsText(costs), /Goal: slower by at most 3 %: (met|MISSED)/)
})
