import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeMachine } from '../fake-machine.ts'
import { DiskSampler } from './disk.ts'
import { lookAt, lookTwice } from './looking.ts'

interface Counts {
  readonly reads: number
  readonly writes: number
  readonly readMs?: number
}

/** 8 sectors of 512 bytes a request; 2 ms a read and 4 ms a write; then 3 in flight, busy and waited ms, discards and flushes. */
const line = (name: string, { reads, writes, readMs = reads * 2 }: Counts): string =>
  ` 254 0 ${name} ${reads} 0 ${reads * 8} ${readMs} ${writes} 0 ${writes * 8} ${writes * 4} 3 ${reads} ${reads * 5} 0 0 0 0 ${reads} ${reads}\n`

const BEFORE: Counts = { reads: 100, writes: 100 }
const AFTER: Counts = { reads: 110, writes: 120 }

test('disks are counted once: not their partitions, and not what is stacked on them', () => {
  const names = ['vda', 'vda1', 'dm-0', 'md0', 'loop0', 'zram0', 'sr0']
  const text = (counts: Counts): string => names.map((name) => line(name, counts)).join('')
  const sys = Object.fromEntries(
    names.filter((name) => name !== 'vda1').map((name) => [`/sys/block/${name}/size`, '1']),
  )
  for (const beside of [sys, {}]) {
    const guest = new FakeMachine({ '/proc/diskstats': text(BEFORE), ...beside })
    const { measured } = lookTwice(new DiskSampler(guest), guest.texts, { '/proc/diskstats': text(AFTER) })
    assert.deepEqual(measured, {
      // 10 reads, 20 writes of 4 KiB in 5 s; (10 x 2 ms + 20 x 4 ms) / 30.
      diskReadOpsPerSec: 2,
      diskWriteOpsPerSec: 4,
      diskReadBytesPerSec: 2 * 4096,
      diskWriteBytesPerSec: 4 * 4096,
      diskLatencyMs: 100 / 30,
    })
  }
})

test('a device with others below it, and a hidden path of several, are not disks of their own', () => {
  const guest = new FakeMachine({
    '/proc/diskstats': '',
    '/sys/block/nvme0n1/size': '1',
    '/sys/block/nvme0c0n1/hidden': '1\n',
    '/sys/block/drbd0/slaves/vda': '',
  })
  assert.equal(new DiskSampler(guest).findings()[0].because, '/proc/diskstats: nvme0n1')
})

test('for people: queue, use and latency of each disk, discards and flushes', () => {
  const guest = new FakeMachine({ '/proc/diskstats': line('vda', BEFORE) })
  const { details } = lookTwice(new DiskSampler(guest), guest.texts, { '/proc/diskstats': line('vda', AFTER) })
  assert.deepEqual(details, {
    // 10 ms of 5 000 busy; 50 ms waited in 5 000; three under way.
    'vda busy': 0.002,
    'vda queue': 0.01,
    'vda in flight': 3,
    'vda read latency': 2,
    'vda write latency': 4,
    'vda discarded': 0,
    'vda flushes': 2,
    'vda flush latency': 1,
  })
})

const old = (reads: number): string => ` 8 0 sda ${reads} 0 ${reads * 8} ${reads} 0 0 0 0 0 0 0\n`

test('a kernel before 4.18 has eleven numbers a disk: discards and flushes are absent', () => {
  const guest = new FakeMachine({ '/proc/diskstats': old(0) })
  const { measured, details } = lookTwice(new DiskSampler(guest), guest.texts, { '/proc/diskstats': old(10) })
  assert.equal(measured.diskReadOpsPerSec, 2)
  assert.equal(details['sda flushes'], undefined)
  assert.equal(details['sda read latency'], 1)
})

test('a disk that did nothing has rates of zero and no latency', () => {
  const guest = new FakeMachine({ '/proc/diskstats': line('vda', BEFORE) })
  const { measured } = lookTwice(new DiskSampler(guest), guest.texts, {})
  assert.equal(measured.diskReadOpsPerSec, 0)
  assert.equal(measured.diskLatencyMs, undefined)
})

test('milliseconds wrap at 2^32: latency is absent for that look, operations and bytes are not', () => {
  const guest = new FakeMachine({ '/proc/diskstats': line('vda', { ...BEFORE, readMs: 4_294_967_290 }) })
  const { measured } = lookTwice(new DiskSampler(guest), guest.texts, {
    '/proc/diskstats': line('vda', { ...AFTER, readMs: 14 }),
  })
  assert.equal(measured.diskLatencyMs, undefined)
  assert.equal(measured.diskReadOpsPerSec, 2)
})

test('a disk put in again makes that look absent, for a sum without it would be taken for the whole', () => {
  const guest = new FakeMachine({ '/proc/diskstats': line('vda', BEFORE) + line('vdb', BEFORE) })
  const changed = { '/proc/diskstats': line('vda', AFTER) + line('vdb', { reads: 0, writes: 0 }) }
  assert.deepEqual(lookTwice(new DiskSampler(guest), guest.texts, changed).measured, {})
})

test('a disk that was just plugged in counts from then on', () => {
  const guest = new FakeMachine({ '/proc/diskstats': line('vda', BEFORE) })
  const sampler = new DiskSampler(guest)
  lookAt(sampler, 0)
  guest.texts['/proc/diskstats'] = line('vda', AFTER) + line('vdb', { reads: 1000, writes: 0 })
  assert.equal(lookAt(sampler, 5000).measured.diskReadOpsPerSec, 2)
  guest.texts['/proc/diskstats'] = line('vda', AFTER) + line('vdb', { reads: 1050, writes: 0 })
  assert.equal(lookAt(sampler, 10_000).measured.diskReadOpsPerSec, 10)
})

test('a look that could not be read is followed by one without rates, not by rates of zero', () => {
  const guest = new FakeMachine({ '/proc/diskstats': line('vda', BEFORE) })
  const sampler = new DiskSampler(guest)
  lookAt(sampler, 0)
  guest.denied.add('/proc/diskstats')
  lookAt(sampler, 5000)
  guest.denied.clear()
  assert.deepEqual(lookAt(sampler, 10_000).measured, {})
})
