import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeMachine } from '../fake-machine.ts'
import { CpuSampler } from './cpu.ts'
import { lookAt, lookTwice } from './looking.ts'

/** user nice system idle iowait irq softirq steal; guest and guest nice are in user and nice too. */
const statText = (modes: string, rest = 'ctxt 1000\nprocs_running 3\nprocs_blocked 2\n', cpus = 2): string =>
  `cpu  ${modes} 0 0\n${Array.from({ length: cpus }, (_, i) => `cpu${i} 1 0 0 1 0 0 0 0 0 0\n`).join('')}intr 1 2 3\n${rest}`

function twice(before: string, after: string): ReturnType<typeof lookTwice> {
  const guest = new FakeMachine({ '/proc/stat': before })
  return lookTwice(new CpuSampler(guest), guest.texts, { '/proc/stat': after })
}

test('CPU demand is what ran plus what was stolen, per second of the clock that never jumps', () => {
  const { measured } = twice(
    statText('100 0 50 800 10 0 0 5'),
    statText('380 20 120 1300 10 10 20 105', 'ctxt 6000\nprocs_running 3\n'),
  )
  // user 280 + nice 20 = 300; system 70 + irq 10 + softirq 20 = 100; 400 ticks ran, 100 were stolen: 500 ticks of 10 ms in 5 s are one core.
  assert.deepEqual(measured, {
    cpuRefCoresMean: 1,
    cpuUserShare: 0.75,
    cpuSystemShare: 0.25,
    cpuStealShare: 0.2,
    contextSwitchesPerSec: 1000,
    // Three run, of which we are one.
    runQueueLength: 2,
  })
})

test('a first look has levels and no rates', () => {
  const guest = new FakeMachine({ '/proc/stat': statText('100 0 50 800 10 0 0 5') })
  assert.deepEqual(lookAt(new CpuSampler(guest), 0).measured, { runQueueLength: 2 })
})

test('a guest that did nothing has no demand, and no shares of it', () => {
  const text = statText('100 0 50 800 10 0 0 5')
  const { measured } = twice(text, text)
  assert.equal(measured.cpuRefCoresMean, 0)
  assert.equal(measured.cpuUserShare, undefined)
  assert.equal(measured.cpuStealShare, undefined)
})

test('steal that was never counted since boot is absent and not zero, and the doctor says why', () => {
  const { measured } = twice(statText('100 0 50 800 10 0 0 0'), statText('200 0 50 800 10 0 0 0'))
  assert.equal(measured.cpuStealShare, undefined)
  assert.equal(measured.cpuRefCoresMean, 0.2)
  const sampler = new CpuSampler(new FakeMachine({ '/proc/stat': statText('100 0 50 800 10 0 0 0') }))
  assert.deepEqual(
    sampler.findings().map(({ state }) => state),
    ['seen', 'absent'],
  )
})

test('idle and iowait that go back by a little do not matter; any other mode that does makes the look absent', () => {
  const idleBack = twice(statText('100 0 50 800 10 0 0 5'), statText('200 0 50 790 5 0 0 5'))
  assert.equal(idleBack.measured.cpuRefCoresMean, 0.2)
  assert.equal(idleBack.details['idle'], 0)
  const userBack = twice(
    statText('100 0 50 800 10 0 0 5'),
    statText('99 0 60 900 10 0 0 5', 'ctxt 999\nprocs_running 1\n'),
  )
  assert.deepEqual(userBack.measured, { runQueueLength: 0 })
})

test('a counter that wrapped at 2^32 or 2^64 is absent for that look, and never huge or negative', () => {
  for (const top of ['4294967295', '18446744073709551615']) {
    const { measured } = twice(statText(`${top} 0 50 800 10 0 0 5`), statText('300 0 60 900 10 0 0 5'))
    assert.equal(measured.cpuRefCoresMean, undefined)
    assert.equal(measured.cpuUserShare, undefined)
  }
})

test('a CPU that is plugged in makes that look absent, and not the one after', () => {
  const guest = new FakeMachine({ '/proc/stat': statText('100 0 50 800 10 0 0 5') })
  const sampler = new CpuSampler(guest)
  lookAt(sampler, 0)
  guest.texts['/proc/stat'] = statText('5000 0 50 800 10 0 0 5', '', 3)
  assert.equal(lookAt(sampler, 5000).measured.cpuRefCoresMean, undefined)
  guest.texts['/proc/stat'] = statText('5500 0 50 800 10 0 0 5', '', 3)
  assert.equal(lookAt(sampler, 10_000).measured.cpuRefCoresMean, 1)
})

test('demand is never more than there are CPUs, whatever the clocks say', () => {
  // 1 003 ticks in 5 s are 2.006 cores of 2.
  const { measured } = twice(statText('0 0 0 0 0 0 0 0'), statText('1003 0 0 0 0 0 0 0'))
  assert.equal(measured.cpuRefCoresMean, 2)
})

test('a look that could not be read does not stretch the next rate over two spans', () => {
  const guest = new FakeMachine({ '/proc/stat': statText('100 0 50 800 10 0 0 5') })
  const sampler = new CpuSampler(guest)
  lookAt(sampler, 0)
  guest.denied.add('/proc/stat')
  assert.deepEqual(lookAt(sampler, 5000).measured, {})
  guest.denied.clear()
  guest.texts['/proc/stat'] = statText('600 0 50 800 10 0 0 5')
  assert.equal(lookAt(sampler, 10_000).measured.cpuRefCoresMean, undefined)
})
