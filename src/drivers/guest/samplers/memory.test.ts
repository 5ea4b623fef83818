import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeMachine } from '../fake-machine.ts'
import { lookAt, lookTwice } from './looking.ts'
import { MemorySampler } from './memory.ts'
import { pageBytesOf } from './page-size.ts'

const MEMORY = [
  'MemTotal: 1000 kB',
  'MemFree: 100 kB',
  'MemAvailable: 400 kB',
  'Buffers: 10 kB',
  'Cached: 300 kB',
  'SwapCached: 7 kB',
  'Active(file): 50 kB',
  'SwapTotal: 80 kB',
  'SwapFree: 60 kB',
  'Dirty: 12 kB',
  'Shmem: 20 kB',
  'SReclaimable: 30 kB\n',
].join('\n')

test('used memory is what is not available; the working set adds the active part of the page cache', () => {
  const guest = new FakeMachine({ '/proc/meminfo': MEMORY, '/proc/vmstat': 'pgfault 0\n' })
  const { measured, details } = lookAt(new MemorySampler(guest, 4096), 0)
  assert.deepEqual(measured, {
    memoryUsedBytes: 600 * 1024,
    // 300 + 10 + 30 - 20
    memoryCachedBytes: 320 * 1024,
    // 600 + 50
    memoryWorkingSetBytes: 650 * 1024,
  })
  assert.equal(details['dirty'], 12 * 1024)
  assert.equal(details['swap in use'], 20 * 1024)
})

test('swapping is counted in pages of this machine, in and out', () => {
  const guest = new FakeMachine({ '/proc/vmstat': 'pswpin 10\npswpout 0\npgfault 0\npgmajfault 5\n' })
  const { measured, details } = lookTwice(new MemorySampler(guest, 16_384), guest.texts, {
    '/proc/vmstat': 'pswpin 20\npswpout 15\npgfault 500\npgmajfault 15\n',
  })
  // 10 pages in and 15 out, 16 KiB each, in 5 s; 10 major faults in 5 s.
  assert.deepEqual(measured, { majorFaultsPerSec: 2, swapBytesPerSec: 5 * 16_384 })
  assert.equal(details['swapped in'], 2 * 16_384)
  assert.equal(details['faults'], 100)
})

test('a kernel that does not tell what is available tells no used memory', () => {
  const guest = new FakeMachine({ '/proc/meminfo': 'MemTotal: 1000 kB\nMemFree: 100 kB\nCached: 3 kB\n' })
  const sampler = new MemorySampler(guest, 4096)
  assert.deepEqual(lookAt(sampler, 0).measured, {})
  assert.deepEqual(
    sampler.findings().map(({ state }) => state),
    ['absent', 'absent'],
  )
})

const smaps = (size: string): FakeMachine =>
  new FakeMachine({ '/proc/self/smaps': `1-2 r--p\nSize: 4 kB\nKernelPageSize: ${size} kB\n` })
test("the size of a page is the kernel's, and 4 KiB where it does not tell or tells nonsense", () => {
  assert.equal(pageBytesOf(smaps('16')), 16_384)
  assert.equal(pageBytesOf(smaps('999999')), 4096)
  assert.equal(pageBytesOf(new FakeMachine({})), 4096)
})
