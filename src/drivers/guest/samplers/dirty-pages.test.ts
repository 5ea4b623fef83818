import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeMachine } from '../fake-machine.ts'
import { DirtyPagesSampler } from './dirty-pages.ts'
import { lookAt, lookTwice } from './looking.ts'

const PAGE = 4096
const vmstat = (dma32: number, normal: number, dirtied: number): string =>
  `nr_dirtied ${dirtied}\npgalloc_dma 0\npgalloc_dma32 ${dma32}\npgalloc_normal ${normal}\npgfault 1\n`

test('memory given out by the kernel stands for memory written, or pages of files that went dirty if they are more', () => {
  const guest = new FakeMachine({ '/proc/vmstat': vmstat(32, 1000, 0) })
  const sampler = new DirtyPagesSampler(guest, PAGE)
  // 100 + 400 pages in 5 s, beside 50 of files: 100 pages a second.
  const given = lookTwice(sampler, guest.texts, { '/proc/vmstat': vmstat(132, 1400, 50) })
  assert.equal(given.measured.memoryDirtiedBytesPerSec, 100 * PAGE)
  assert.equal(given.details['page cache dirtied'], 10 * PAGE)
  guest.texts['/proc/vmstat'] = vmstat(132, 1400, 1050)
  assert.equal(lookAt(sampler, 10_000).measured.memoryDirtiedBytesPerSec, 200 * PAGE)
  assert.match(sampler.findings()[0].because, /rewritten in place/)
  assert.equal(sampler.findings()[0].state, 'partly')
})

test('a kernel that tells neither has no dirty page rate', () => {
  const guest = new FakeMachine({ '/proc/vmstat': 'pgfault 1\n' })
  const sampler = new DirtyPagesSampler(guest, PAGE)
  assert.deepEqual(lookTwice(sampler, guest.texts, {}).measured, {})
  assert.equal(sampler.findings()[0].state, 'absent')
})

/** A machine with soft-dirty bits: ourselves, and a process with 4 writable pages of which `dirty` were written since it was cleared. */
function softDirtyGuest(dirty: readonly number[]): FakeMachine {
  const maps = '00010000-00014000 rw-p 00000000 00:00 0\n00020000-00030000 r--p 00000000 00:00 0\n'
  const guest = new FakeMachine({ '/proc/vmstat': vmstat(0, 0, 0), '/proc/1/maps': maps, '/proc/self/maps': maps })
  for (const pid of ['7', 'self']) {
    guest.texts[`/proc/${pid}/maps`] = maps
    guest.texts[`/proc/${pid}/clear_refs`] = ''
    guest.texts[`/proc/${pid}/statm`] = '4000 2000 0 0 0 0 0\n'
  }
  guest.bytesAt = (path, offset, length) => {
    const pages = path.includes('self') ? [0] : dirty
    const bytes = new Uint8Array(length)
    // Entry n is page n: address 0x10000 is page 16, at byte 128. Bit 55 (dirty) is the highest of byte 6, bit 63 (present) of byte 7.
    for (const page of pages) bytes.set([0x80, 0x80], (16 + page) * 8 + 6 - offset)
    return bytes
  }
  return guest
}

test('where the kernel keeps soft-dirty bits, each page written between two looks counts once', () => {
  const guest = softDirtyGuest([0, 3])
  const sampler = new DirtyPagesSampler(guest, PAGE)
  assert.equal(sampler.findings()[0].state, 'seen')
  lookAt(sampler, 0)
  assert.deepEqual(guest.written.at(-1), { path: '/proc/7/clear_refs', text: '4' })
  const { measured, details } = lookAt(sampler, 5000)
  // Two pages in five seconds.
  assert.equal(measured.memoryDirtiedBytesPerSec, (2 * PAGE) / 5)
  assert.equal(details['writable working set, each page once'], 2 * PAGE)
})

test('the bits are cleared once a minute, for each clearing costs a writer a fault a page', () => {
  const guest = softDirtyGuest([0])
  const sampler = new DirtyPagesSampler(guest, PAGE)
  const before = guest.written.length
  for (let look = 0; look < 24; look++) lookAt(sampler, look * 5000)
  // Two minutes: cleared at 0 s and at 60 s.
  assert.equal(guest.written.length - before, 2)
})

test('without the right to look into others, or bits that are never set, the soft way is closed and it is said why', () => {
  const forbidden = softDirtyGuest([0])
  forbidden.denied.add('/proc/1')
  assert.match(new DirtyPagesSampler(forbidden, PAGE).findings()[0].because, /no right/)
  const without = softDirtyGuest([])
  without.bytesAt = (_path, _offset, length) => new Uint8Array(length)
  assert.match(new DirtyPagesSampler(without, PAGE).findings()[0].because, /CONFIG_MEM_SOFT_DIRTY/)
})

test('memory that was mapped and never touched is not written, though the kernel marks it so', () => {
  const guest = softDirtyGuest([0, 3])
  const marked = guest.bytesAt
  guest.bytesAt = (path, offset, length) => {
    const bytes = marked(path, offset, length)
    // Page 1 of process 7: dirty, and not there.
    if (!path.includes('self')) bytes?.set([0x80, 0x00], 17 * 8 + 6 - offset)
    return bytes
  }
  const sampler = new DirtyPagesSampler(guest, PAGE)
  lookAt(sampler, 0)
  assert.equal(lookAt(sampler, 5000).measured.memoryDirtiedBytesPerSec, (2 * PAGE) / 5)
})
