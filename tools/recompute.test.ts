import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { generatedDay, TRACE_HOSTS } from './backtest/generated-day.ts'
import { runAndRecompute } from './backtest/recomputed-run.ts'
import { recompute } from './recompute.ts'
import { prepareBacktest } from '../src/apps/backtest/setup.ts'

const folder = mkdtempSync(join(tmpdir(), 'ethos-recompute-'))
after(() => rmSync(folder, { recursive: true, force: true }))

// Four VMs are one of each type: 2500, 2000, 1000 and 500 MIPS. Hosts 0 and 2 are G4 (3,720 MIPS), 1 and 3 are G5 (5,320 MIPS).
const INITIAL = 'vm,host\n0,1\n1,0\n2,3\n3,0\n'
const NO_MOVES = 'second,vm,from,to\n'

test('a VM at a tenth of a G5 for three samples: 900 s at 97 W', () => {
  // 53.2 % of 1,000 MIPS are a tenth of 5,320. 3 x 300 s x 97 W = 87,300 J. One VM of four has demand, so that one host is on.
  const { energyKwh, hostsOnMean, overloadTimeFraction, faults } = recompute({
    trace: 'a,0,0,0\nb,0,0,0\nc,53.2,53.2,53.2\nd,0,0,0\n',
    initial: INITIAL,
    moves: NO_MOVES,
  })
  near(energyKwh * 3.6e6, 87_300)
  assert.deepEqual([hostsOnMean, overloadTimeFraction, faults], [1, 0, []])
})

test('between two samples power is their mean: 97 W, then half of it while the host empties', () => {
  // 300 s x 97 W before the first sample, 300 s x (97 + 0) / 2 to the second.
  const trace = 'a,0,0\nb,0,0\nc,53.2,0\nd,0,0\n'
  near(recompute({ trace, initial: INITIAL, moves: NO_MOVES }).energyKwh * 3.6e6, 300 * 97 + 150 * 97)
})

test('a move counts from the first sample after its start, and takes a tenth of the VM for 27.84 s', () => {
  // 1,740 MB x 8,000 kbit at 500,000 kbit/s are 27.84 s. Of 532 MIPS x 900 s, 53.2 x 27.84 are lost.
  const moved = { trace: 'a,0,0,0\nb,0,0,0\nc,53.2,53.2,53.2\nd,0,0,0\n', initial: INITIAL, moves: 'h\n300,2,3,2\n' }
  const { energyKwh, migrationDegradationFraction, migrations, migrationsPerVmDay, copiedBytes } = recompute(moved)
  near(migrationDegradationFraction, (53.2 * 27.84) / (532 * 900))
  // Samples 0 and 1 on the G5. 532 of the G4's 3,720 are 14.30 %: 89.4 + 3.2 x .430107 = 90.776344 W at sample 2.
  const g4 = 89.4 + 3.2 * (5320 / 3720 - 1)
  near(energyKwh * 3.6e6, 600 * 97 + (300 * (97 + 0)) / 2 + (300 * (0 + g4)) / 2)
  // 4 VMs x 900 s of 86,400 s are 1/24 VM-day.
  assert.deepEqual([migrations, copiedBytes], [1, 1740 * 2 ** 20])
  near(migrationsPerVmDay, 24)
})

test('two VMs that want 4,000 of a G4: 280 of 4,000 are not served, and one of two active samples is short', () => {
  // VMs 0 and 1 together may want 4,500. 80 % of 2,500 and 100 % of 2,000 are 4,000 of 3,720; then 40 % and 50 % are 2,000.
  const initial = 'vm,host\n0,0\n1,0\n2,1\n3,1\n'
  const { overloadTimeFraction, unservedFraction, faults } = recompute({
    trace: 'a,80,40\nb,100,50\nc,0,0\nd,0,0\n',
    initial,
    moves: NO_MOVES,
  })
  assert.equal(overloadTimeFraction, 0.5)
  near(unservedFraction, 280 / 6000)
  assert.deepEqual(faults, ['host 0 of 3720 MIPS begins with VMs of 4500'])
})

test('a host exactly full is not short', () => {
  // 68.8 % of 2,500 + 100 % of 2,000 = 1,720 + 2,000 = 3,720.
  const trace = 'a,68.8\nb,100\nc,0\nd,0\n'
  const { overloadTimeFraction } = recompute({ trace, initial: 'vm,host\n0,0\n1,0\n2,1\n3,1\n', moves: NO_MOVES })
  assert.equal(overloadTimeFraction, 0)
})

test('a VM that comes and goes counts while it lives', () => {
  // 1 of 4 samples in the life of VM 0, 4 of each other: 13 x 300 s are 13/288 VM-day.
  const trace = 'a,,20,,\nb,1,1,1,1\nc,1,1,1,1\nd,1,1,1,1\n'
  near(recompute({ trace, initial: INITIAL, moves: 'h\n0,2,3,2\n' }).migrationsPerVmDay, 288 / 13)
})

test('what can not have happened is named', () => {
  const trace = 'a,1,1\nb,1,1\nc,1,1\nd,1,1\n'
  const moves = 'second,vm,from,to\n0,0,1,3\n5,0,3,1\n100,1,2,3\n200,2,3,3\n'
  assert.deepEqual(recompute({ trace, initial: 'vm,host\n0,1\n1,0\n2,3\n', moves }).faults, [
    'VM 3 has no first host',
    'move of VM 0 at 5 s: its copy before is not over',
    'move of VM 1 at 100 s: it is on host 0, not 2',
    'move of VM 2 at 200 s: to where it is',
  ])
})

for (const policy of ['ethos', 'thr-mmt', 'lr-mmt', 'oracle-1h', 'none'] as const) {
  test(`what the simulator says of ${policy} on a generated day is what its moves come to`, async () => {
    const trace = join(folder, 'day.csv')
    writeFileSync(trace, generatedDay({ vms: 60, samples: 36, seed: 1 }))
    const setup = prepareBacktest({ trace, hosts: 'cloudsim', hostCount: TRACE_HOSTS, seed: 1 })
    const { result, recomputed } = await runAndRecompute(setup, policy, { trace, folder })
    assert.deepEqual(recomputed.faults, [])
    assert.equal(recomputed.migrations, result.migrations)
    assert.ok(policy === 'none' || result.migrations > 0)
    for (const name of FIGURES) near(recomputed[name], result[name], 1e-6 * Math.abs(result[name]), name)
  })
}

const FIGURES = [
  'energyKwh',
  'overloadTimeFraction',
  'unservedFraction',
  'migrationDegradationFraction',
  'migrationsPerVmDay',
  'copiedBytes',
  'hostsOnMean',
] as const

function near(value: number, expected: number, within = 1e-6, what = ''): void {
  assert.ok(Math.abs(value - expected) <= within, `${what} ${value} is not ${expected}`)
}
