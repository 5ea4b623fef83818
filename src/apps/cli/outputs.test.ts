import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { recompute } from '../../../tools/recompute.ts'
import type { BacktestResult } from '../backtest/result.ts'
import { aWideTrace, UserFolder } from './builders.ts'

const FIELDS = [
  'policy',
  'energyKwh',
  'overloadTimeFraction',
  'unservedFraction',
  'migrationDegradationFraction',
  'migrations',
  'migrationsPerVmDay',
  'copiedBytes',
  'hostsOnMean',
  'cpuSeconds',
]
/** The first of four VMs is the largest of CloudSim's types, so that hosts fill up and policies have something to do. */
const DAY = aWideTrace({ vms: 20, steps: 60, level: 45, swing: 40 })
const CLOUDSIM = ['--hosts', 'cloudsim', '--host-count', '14']
const EVIDENCE = ['--initial', 'initial.csv', '--moves', 'moves.csv', '--json', 'result.json']

const user = new UserFolder()
user.write('day.csv', DAY)
after(() => user.remove())

describe('what a backtest leaves behind', () => {
  for (const policy of ['ethos', 'thr-mmt', 'oracle-1h']) {
    test(`${policy}: the figures can be had again from the trace, the first placement and the moves`, () => {
      run('--trace', 'day.csv', ...CLOUDSIM, '--policy', policy, ...EVIDENCE)
      const [initial, moves] = [read('initial.csv'), read('moves.csv')]
      assert.match(initial, /^vm,host\n(\d+,\d+\n){20}$/)
      // CloudSim's policies take their turns a tenth of a second after the sample.
      assert.match(moves, /^second,vm,from,to\n(\d+(\.1)?,\d+,\d+,\d+\n)+$/)
      const { faults, ...figures } = recompute({ trace: DAY, initial, moves })
      assert.deepEqual(faults, [])
      const [result] = resultsOf(read('result.json'))
      for (const [name, expected] of Object.entries(figures)) {
        const actual = result[name as keyof typeof figures]
        assert.ok(Math.abs(actual - expected) <= 1e-6 * Math.max(1, expected), `${name}: ${actual}, not ${expected}`)
      }
    })
  }

  test("the JSON has the fields promised and finite numbers in them, under CloudSim's rules and under honest ones", () => {
    const [honest] = resultsOf(run('--trace', 'day.csv', '--policy', 'ethos', '--json', '-').stdout)
    checkFields(honest, FIELDS)
    const [ethos, mmt] = resultsOf(
      run('--trace', 'day.csv', ...CLOUDSIM, '--policy', 'ethos,lr-mmt', '--json', '-').stdout,
    )
    checkFields(ethos, [...FIELDS, 'cloudsimSlatahFraction'])
    checkFields(mmt, [...FIELDS, 'cloudsimSlatahFraction', 'account'])
  })

  test('`--json -` keeps standard output for the JSON, and the table goes to standard error', () => {
    const { stdout, stderr } = run('--trace', 'day.csv', '--policy', 'none', '--json', '-')
    assert.equal(JSON.parse(stdout).results.length, 1)
    assert.match(stderr, /^trace day.csv: 20 VMs.*\n\nday.csv: 20 VMs on [\s\S]*\nnone +\d/)
  })

  test("a CSV of one's own with CloudSim's hosts is what the same file is as a PlanetLab day", () => {
    user.write('data/planetlab/20990101.csv.gz', gzipSync(DAY))
    const words = ['--host-count', '14', '--policy', 'ethos,lr-mmt,npa', '--json', '-']
    const own = run('--trace', 'day.csv', '--hosts', 'cloudsim', ...words)
    const built = run('--trace', 'planetlab/20990101', '--data', 'data', ...words)
    assert.deepEqual(withoutCpuTime(own.stdout), withoutCpuTime(built.stdout))
    const { rules, fleet, hosts, vms, steps } = JSON.parse(built.stdout)
    assert.deepEqual([rules, fleet, hosts, vms, steps], ['cloudsim', 'cloudsim', 14, 20, 60])
  })

  test('a file of one’s own that is called planetlab-something is no PlanetLab day', () => {
    user.write('planetlab-mine.csv', DAY)
    const { stdout } = run('--trace', 'planetlab-mine.csv', '--policy', 'none', '--json', '-')
    assert.equal(JSON.parse(stdout).rules, 'honest')
  })

  test('files with the same names as those of an older run are replaced, and so is a journal', () => {
    const words = ['--trace', 'day.csv', '--policy', 'ethos', '--record', 'r.jsonl', '--json', 'result.json']
    run(...words)
    const first = read('r.jsonl')
    run(...words)
    assert.equal(read('r.jsonl'), first)
    assert.ok(!readdirSync(user.path).some((name) => name.endsWith('.unfinished')))
  })
})

describe('when something goes wrong', () => {
  test('a disk that is full is told, after all else is shown and written', () => {
    const line = ['--trace', 'day.csv', '--policy', 'none', '--json', '/dev/full', '--initial', 'full-initial.csv']
    const { code, stdout, stderr } = user.run(['backtest', ...line])
    assert.equal(code, 2)
    assert.match(stdout, /\nnone +\d/)
    assert.match(stderr, /\nethos: --json: "\/dev\/full" is not usable. It can not be written \(ENOSPC.*\n$/)
    assert.match(read('full-initial.csv'), /^vm,host\n(\d+,\d+\n){20}$/)
  })

  test('a policy that can not place a VM is told, with code 2, and loses no other policy its result', () => {
    // Two hosts of 4 cores. Small ones first: 1 + 1 on the one and 3 on the other, and 3 more fit nowhere. By size: 3 + 1, 1 + 3.
    const power = [50, 55, 60, 65, 70, 75, 80, 85, 90, 95, 100]
    const server = { model: 'R1', cpuType: 'x', cores: 4, refCoresPerCore: 1, memoryBytes: 2 ** 36, storageType: 'ssd' }
    const servers = { r1: { ...server, networkBytesPerSec: 1e9, powerWatts: power } }
    user.write('two.json', JSON.stringify({ name: 'two', hosts: [{ server: 'r1', count: 2 }], servers }))
    user.write('late.csv', 'a,20,20,20,20\nb,20,20,20,20\nc,20,20,20,20\nlate,,,20,20\n')
    user.write('sizes.csv', 'vm,cpu_cores,memory_mb\na,1,1024\nb,1,1024\nc,3,1024\nlate,3,1024\n')
    const given = ['--trace', 'late.csv', '--vms', 'sizes.csv', '--hosts', 'two.json', '--rules', 'cloudsim']
    const several = user.run(['backtest', ...given, '--policy', 'npa,ethos,none', '--json', 'others.json'])
    assert.equal(several.code, 2, several.stderr)
    assert.match(several.stdout, /\nethos +\d[^]*\n- No result of npa: .* VM late\n- No result of none: .* VM late\n/)
    for (const policy of ['npa', 'none']) assert.ok(several.stderr.includes(unplacedBy(policy)), several.stderr)
    assert.deepEqual(
      resultsOf(read('others.json')).map(({ policy }) => policy),
      ['ethos'],
    )
    const page = user.run(['report', ...given, '--policy', 'npa,ethos', '--out', 'others.html'])
    assert.deepEqual([page.code, existsSync(join(user.path, 'others.html'))], [2, true])
    assert.ok(page.stderr.includes(unplacedBy('npa')))

    const single = user.run(['backtest', ...given, '--policy', 'npa', '--json', 'none.json'])
    assert.deepEqual([single.code, single.stdout, existsSync(join(user.path, 'none.json'))], [2, '', false])
    assert.ok(single.stderr.includes(unplacedBy('npa')))
  })

  test('a crash of ours shows where, keeps what was there, and keeps the journal as far as it came', () => {
    const before = [user.write('kept.json', 'before'), user.write('kept.jsonl', 'before')]
    const fault = `const real = process.cpuUsage; let calls = 0
      process.cpuUsage = (...words) => { if (calls++ > 0) throw new Error('a fault'); return real(...words) }`
    const env = { NODE_OPTIONS: `--import "data:text/javascript,${encodeURIComponent(fault)}"` }
    const words = ['--trace', 'day.csv', '--policy', 'ethos', '--json', 'kept.json', '--record', 'kept.jsonl']
    const { code, stderr } = user.run(['backtest', ...words], { env })
    assert.equal(code, 1)
    assert.match(stderr, /Error: a fault\n +at /)
    assert.deepEqual(
      before.map((path) => readFileSync(path, 'utf8')),
      ['before', 'before'],
    )
    assert.equal(read('kept.jsonl.unfinished').trimEnd().split('\n').length, 1 + 60)
  })

  test('a reader who leaves early sees no stack trace, and files are written all the same', () => {
    const words = 'backtest --trace day.csv --policy none --json piped.json'
    assert.deepEqual(user.runShell(`$ethos ${words} 2>err.txt | true`), { code: 0, stdout: '', stderr: '' })
    assert.match(read('err.txt'), /^trace day.csv: .*\n$/)
    assert.equal(resultsOf(read('piped.json')).length, 1)
    assert.equal(user.runShell('$ethos backtest --help | head -n 1').stderr, '')
    assert.equal(user.runShell(`$ethos ${words} 2>&1 | true`).stderr, '')
  })
})

describe('what is no error', () => {
  const LONG = 'vm,second,cpu_percent\n'
  const steps = Array.from({ length: 13 }, (_, step) => step)

  test('gaps are counted', () => {
    user.write('gaps.csv', 'web,10,,30,\ndb,1,2,3,4\n')
    // web: one gap inside its life; the empty last cell ends its life early.
    assert.match(
      run('--trace', 'gaps.csv', '--policy', 'ethos').stderr,
      /6 samples, 1 gap, 0 above 100 %, 1 VM comes or goes/,
    )
  })

  test('values above 100 % are kept and counted', () => {
    user.write('high.csv', 'web,10,250,30\n')
    assert.match(run('--trace', 'high.csv', '--policy', 'ethos').stderr, /0 gaps, 1 above 100 %/)
  })

  test('VMs that come and go are placed when they come and released when they leave', () => {
    const early = steps.slice(0, 5).map((step) => rowOf('early', step, 20))
    const late = steps.slice(8).map((step) => rowOf('late', step, 20))
    const whole = steps.map((step) => rowOf('whole', step, 20))
    user.write('come.csv', LONG + [...early, ...late, ...whole].join(''))
    const { stderr } = run('--trace', 'come.csv', ...CLOUDSIM, '--policy', 'none', ...EVIDENCE)
    assert.match(stderr, /3 VMs, step 300 s, 23 samples, 0 gaps, 0 above 100 %, 2 VMs come or go/)
    assert.match(read('initial.csv'), /^vm,host\n0,\d+\n1,\d+\n2,\d+\n$/)
    const [{ hostsOnMean, migrationsPerVmDay }] = resultsOf(read('result.json'))
    assert.equal(migrationsPerVmDay, 0)
    // At most three VMs at 5 of 13 steps two live, at 3 one, at 5 two: never more hosts on than VMs there are.
    assert.ok(hostsOnMean <= (5 * 2 + 3 + 5 * 2) / 13)
  })

  test('demand above all capacity is reported as unserved', () => {
    // 12 VMs of the four CloudSim types want 1000 % of 18 cores, 180; eight hosts have 4 x 3.72 + 4 x 5.32 = 36.16.
    user.write('flood.csv', Array.from({ length: 12 }, (_, v) => `vm-${v},${'1000,'.repeat(11)}1000\n`).join(''))
    const words = [
      '--trace',
      'flood.csv',
      '--hosts',
      'cloudsim',
      '--host-count',
      '8',
      '--policy',
      'ethos',
      '--json',
      '-',
    ]
    const [{ unservedFraction }] = resultsOf(run(...words).stdout)
    assert.ok(unservedFraction >= 1 - 36.16 / 180 && unservedFraction < 1, String(unservedFraction))
  })
})

describe('help', () => {
  test('says the version of the package', () => {
    const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../../../package.json'), 'utf8'))
    assert.deepEqual(user.run(['--version']), { code: 0, stdout: `${version}\n`, stderr: '' })
  })

  test('has examples for every command, with options that it has', () => {
    const general = helpOf()
    const commands = ['backtest', 'report', 'demo']
    for (const command of commands) assert.match(general, new RegExp(`\n  ${command} `))
    for (const command of commands) {
      const text = helpOf(command)
      const examples = text
        .split('Examples:')[1]
        .split('\n')
        .filter((line) => line.startsWith('  ethos '))
      assert.ok(examples.length >= 2)
      for (const option of examples.flatMap((line) => line.match(/--[a-z-]+/g) ?? [])) {
        assert.match(text.split('Examples:')[0], new RegExp(`\n  ${option} `), `${command} has no ${option}`)
      }
    }
  })
})

test('an explanation says where the VM was and why it stayed or moved', () => {
  const { stdout } = run('--trace', 'day.csv', '--explain', 'vm-3@02:00')
  assert.match(stdout, /^At 02:00 vm-3 (stayed|moved)/)
  assert.match(stdout, /\nPersonality \(/)
})

test('a report is written with its scoreboard', () => {
  const words = ['report', '--trace', 'day.csv', '--policy', 'ethos,none', '--out', 'page.html', '--json', 'page.json']
  const { code, stdout } = user.run(words)
  assert.equal(code, 0)
  assert.match(stdout, /\nReport: page.html\n$/)
  assert.match(read('page.html'), /^<!doctype html>/i)
  assert.deepEqual(
    resultsOf(read('page.json')).map(({ policy }) => policy),
    ['ethos', 'none'],
  )
  assert.ok(!existsSync(join(user.path, 'page.html.unfinished')))
})

function unplacedBy(policy: string): string {
  const place = `ethos: Policy ${policy} found no first host for a VM that arrived at second 600: `
  return `${place}VM late (3 reference cores, 1 GiB) fits on no host.`
}

function rowOf(vm: string, step: number, percent: number): string {
  return `${vm},${step * 300},${percent}\n`
}

function helpOf(...command: readonly string[]): string {
  const { code, stdout, stderr } = user.run([...command, '--help'])
  assert.deepEqual([code, stderr], [0, ''])
  assert.match(stdout, /\nExamples:\n {2}ethos /)
  return stdout
}

function run(...words: readonly string[]) {
  const ended = user.run(['backtest', ...words])
  assert.equal(ended.code, 0, ended.stderr)
  return ended
}

function read(name: string): string {
  return readFileSync(join(user.path, name), 'utf8')
}

function resultsOf(json: string): readonly BacktestResult[] {
  return JSON.parse(json).results
}

function withoutCpuTime(json: string): readonly object[] {
  return resultsOf(json).map((result) => ({ ...result, cpuSeconds: 0 }))
}

function checkFields(result: BacktestResult, fields: readonly string[]): void {
  assert.deepEqual(Object.keys(result).toSorted(), fields.toSorted())
  for (const value of Object.values(result)) if (typeof value === 'number') assert.ok(Number.isFinite(value))
}
