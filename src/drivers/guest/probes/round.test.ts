import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Machine, RunResult } from '../machine.ts'
import { nodeMachine } from '../node-machine.ts'
import { aRate, aResult } from './builders.ts'
import type { ProbeResults } from './results.ts'
import { encodeResults, parseResults } from './results.ts'
import { performRound } from './round.ts'
import { PROBE_DEFAULTS, type ProbeSettings } from './settings.ts'

const NONE = { tls: [], allocator: [], dns: [] }
/** Recorded from bpftrace 0.17, shortened: calls of number 0, which is `read`, in the seconds 11 and 12. */
const COUNTED = '{"type": "map", "data": {"@calls": {"0,10": 7, "0,11": 100, "0,12": 102, "0,13": 9}}}\n'

const ENTRIES = ['"@state": 2', '"@from": 1000000000', '"@till": 2000000000', '"@calls": {"0": 5}']

/** This machine without tracefs, and with a bpftrace that answers so. */
function guest(bpftrace: ((program: string) => Partial<RunResult>) | undefined, now = 10_000_000): Machine {
  const real = nodeMachine()
  let ms = 0
  return {
    ...real,
    now: () => now,
    monotonicMs: () => (ms += 10),
    access: (path) => {
      if (path === '/usr/bin/bpftrace') return bpftrace === undefined ? 'missing' : 'readable'
      return path.startsWith('/sys/') || path.includes('bpftrace') ? 'missing' : real.access(path)
    },
    run: (_, words) =>
      Promise.resolve({ status: 0, stdout: '', stderr: '', ...bpftrace?.(words.at(-1) ?? '') } satisfies RunResult),
  }
}

function roundOf(
  machine: Machine,
  { settings = {}, before }: { readonly settings?: Partial<ProbeSettings>; readonly before?: ProbeResults } = {},
): Promise<ProbeResults> {
  const { signal } = new AbortController()
  const all = { ...PROBE_DEFAULTS, functions: NONE, ...settings }
  return performRound({ machine, settings: all, before, signal })
}

test('what bpftrace counted is told by class, and can be read back', async () => {
  const results = await roundOf(guest(() => ({ stdout: COUNTED })))
  // 202 calls in two whole seconds.
  assert.deepEqual([results.rates.file?.perSec, results.rates.network?.perSec], [101, 0])
  assert.deepEqual(results.top, [{ name: 'read', perSec: 101 }])
  assert.deepEqual(results.missing, [])
  assert.equal(parseResults(encodeResults(results)).rates.file?.perSec, 101)
})

test('without bpftrace and tracefs nothing is told but what would open it', async () => {
  const results = await roundOf(guest(undefined), { settings: { functions: PROBE_DEFAULTS.functions } })
  assert.deepEqual(results.rates, {})
  assert.match(results.missing[0].because, /bpftrace is not installed; tracefs is not mounted/)
  assert.match(results.missing[0].remedy, /install bpftrace .*mount -t tracefs/)
  assert.match(results.missing[1].because, /bpftrace is not installed; tracefs is not mounted/)
})

const BROKEN: readonly (readonly [string, Partial<RunResult>, RegExp])[] = [
  ['hangs and is killed', { status: -1, stderr: 'Command failed: bpftrace' }, /Command failed/],
  ['is killed in the midst of its answer', { status: -1, stdout: COUNTED.slice(0, 60) }, /it said nothing/],
  [
    'says rubbish',
    { stdout: '\u001b[2J{"@calls": []}\n{"data": {"@calls": "many"}}\n', stderr: 'ERROR: x' },
    /ERROR: x/,
  ],
  ['may not', { status: 1, stderr: 'ERROR: bpftrace currently only supports running as the root user.' }, /root user/],
]
for (const [name, answer, pattern] of BROKEN) {
  test(`a bpftrace that ${name} is no count of zero`, async () => {
    const results = await roundOf(guest(() => answer))
    assert.deepEqual(results.rates, {})
    assert.match(results.missing[0].because, pattern)
    assert.deepEqual(parseResults(encodeResults(results)).missing, results.missing)
  })
}

test('where bpftrace is but finds no events, nobody is told to install it', async () => {
  const results = await roundOf(guest(() => ({ status: 1, stderr: 'ERROR: tracepoint not found' })))
  assert.match(results.missing[0].remedy, /^mount it/)
})

test('the spelling of other versions is tried where one is refused', async () => {
  const results = await roundOf(
    guest((program) => (program.includes('args.id') ? { stdout: COUNTED } : { stderr: 'ERROR: Can not access' })),
  )
  assert.equal(results.rates.file?.perSec, 101)
})

test('rates of rounds before make the spread, unless they are of hours ago or of a time that has not come', async () => {
  const rate = { ...aRate(500), recent: [500, 900], counter: 'bpftrace' as const }
  const spread = async (agoMs: number) => {
    const before = aResult({ at: 10_000_000 - agoMs, rates: { file: rate } })
    const { rates } = await roundOf(
      guest(() => ({ stdout: COUNTED })),
      { before },
    )
    return rates.file?.recent
  }
  assert.deepEqual(await spread(300_000), [101, 500, 900])
  // Twelve periods of 300 s are an hour.
  assert.deepEqual(await spread(3_600_001), [101])
  assert.deepEqual(await spread(-1), [101])
})

test('a kind of which no library is here is said to be missing, also beside others that are counted', async () => {
  const machine = guest((program) =>
    program.includes('uprobe')
      ? { stdout: ENTRIES.map((entry) => `{"type": "map", "data": {${entry}}}`).join('\n') }
      : { stdout: COUNTED },
  )
  const functions = { tls: [{ library: 'libnowhere.so', name: 'f' }], allocator: [], dns: PROBE_DEFAULTS.functions.dns }
  const results = await roundOf(machine, { settings: { functions } })
  assert.equal(results.rates.dns?.perSec, 5)
  assert.deepEqual(
    results.missing.map(({ because }) => because),
    ['no library here has them: tls'],
  )
})
