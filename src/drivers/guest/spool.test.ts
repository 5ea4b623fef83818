import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { checkProperty } from '../../../tools/property.ts'
import { FakeDisk } from './fake-disk.ts'
import { HELD_MAX, Spool } from './spool.ts'
import { surveySpool, tally } from './spool-survey.ts'

const MiB = 1 << 20
const FOLDER = '/spool'
/** 320 bytes, whatever the number: a record of 328. */
const line = (i: number): string => `{"seq":${i},"data":"${'x'.repeat(302 - String(i).length)}"}`
const lines = (from: number, to: number): readonly string[] =>
  Array.from({ length: to - from }, (_, i) => line(from + i))
/** 52 bytes: a record of 60. */
const short = (i: number): string => line(i).slice(0, 52)
const shorts = (from: number, to: number): readonly string[] => lines(from, to).map((text) => text.slice(0, 52))
const open = (disk: FakeDisk, bytesMax = MiB): Spool => new Spool(disk, FOLDER, bytesMax)
const ALL = { lines: 100_000, bytes: Infinity }
const peek = (spool: Spool): readonly string[] => spool.peek(ALL).map((waiting) => waiting.line)
const segmentsOf = (disk: FakeDisk): readonly string[] =>
  [...disk.held.keys()].filter((path) => path.includes('vectors-')).toSorted()

function offer(spool: Spool, texts: readonly string[]): void {
  for (const text of texts) spool.add(text)
}

/** Acknowledges the oldest. */
function take(spool: Spool, count: number): readonly string[] {
  const batch = spool.peek({ lines: count, bytes: Infinity })
  const last = batch.at(-1)
  if (last !== undefined) spool.acknowledge(last.ordinal, batch.length)
  return batch.map((waiting) => waiting.line)
}

test('what was kept comes back in order, and after a restart', () => {
  const disk = new FakeDisk()
  const spool = open(disk)
  offer(spool, lines(0, 100))
  assert.deepEqual(peek(spool), lines(0, 100))
  take(spool, 30)
  spool.close()
  const again = open(disk)
  assert.deepEqual(peek(again), lines(30, 100))
  take(again, 70)
  assert.deepEqual(again.state, { waiting: 0, lost: 0 })
  again.add(line(100))
  assert.deepEqual(peek(open(disk)), [line(100)])
})

test('a batch keeps within its bounds, and has at least one line', () => {
  const spool = open(new FakeDisk())
  offer(spool, lines(0, 9))
  assert.equal(spool.peek({ lines: 4, bytes: Infinity }).length, 4)
  // A line is 320 bytes and its end one more: three fit into 1000.
  assert.equal(spool.peek({ lines: 100, bytes: 1000 }).length, 3)
  assert.equal(spool.peek({ lines: 100, bytes: 1 }).length, 1)
})

test('a day of the longest lines, one a minute, fits into the default size', () => {
  const disk = new FakeDisk()
  const spool = open(disk)
  const longest = 'x'.repeat(600)
  for (let minute = 0; minute < 1440; minute++) spool.add(longest)
  // 1440 records of 608 bytes are 875 520, and 1 MiB is 1 048 576.
  assert.deepEqual(spool.state, { waiting: 1440, lost: 0 })
  for (let minute = 0; minute < 1000; minute++) spool.add(longest)
  // Segments of 53 records go as a whole: 32 are kept, and 1 664 to 1 716 records, which is 27.7 h or more.
  const { waiting, lost } = spool.state
  assert.equal(waiting + lost, 2440)
  assert.ok(waiting >= 1664 && waiting <= 1717, String(waiting))
  const bytes = segmentsOf(disk).reduce((sum, path) => sum + (disk.held.get(path)?.seen.length ?? 0), 0)
  assert.ok(bytes <= MiB, String(bytes))
})

test('beyond its bound the oldest go first and are counted, once, over restarts and with nothing ever acknowledged', () => {
  const disk = new FakeDisk()
  const spool = open(disk, 65_536)
  offer(spool, lines(0, 1000))
  const { waiting, lost } = spool.state
  assert.equal(waiting + lost, 1000)
  assert.deepEqual(peek(spool), lines(lost, 1000))
  for (let start = 0; start < 3; start++) assert.deepEqual(open(disk, 65_536).state, { waiting, lost })
  const again = open(disk, 65_536)
  take(again, 10)
  assert.deepEqual(open(disk, 65_536).state, { waiting: waiting - 10, lost })
  assert.deepEqual(tally(surveySpool(disk, FOLDER)), { waiting: waiting - 10, lost })
})

test('lines that were dropped while they were on their way, and then acknowledged, are not counted as lost', () => {
  const spool = open(new FakeDisk(), 65_536)
  offer(spool, lines(0, 100))
  const batch = spool.peek({ lines: 50, bytes: Infinity })
  offer(spool, lines(100, 250))
  // The first segment of 99 went; 50 of it are on their way.
  assert.deepEqual(spool.state, { waiting: 151, lost: 99 })
  spool.acknowledge(49, batch.length)
  assert.deepEqual(spool.state, { waiting: 151, lost: 49 })
})

test('whichever byte of a spool of fifty is damaged: it starts, all before the damage are there, and the rest is counted, once', () => {
  const disk = new FakeDisk()
  offer(open(disk), shorts(0, 50))
  const [path] = segmentsOf(disk)
  const whole = disk.held.get(path)?.seen ?? new Uint8Array(0)
  for (let at = 0; at < whole.length; at++) {
    const damaged = new FakeDisk()
    for (const [name, { seen }] of disk.held) damaged.held.set(name, { seen, durable: seen })
    damaged.flip(path, at * 8 + (at % 8))
    const spool = open(damaged)
    // A header of 8, records of 8 + 52.
    const before = at < 8 ? 0 : Math.floor((at - 8) / 60)
    const sound = shorts(0, before)
    assert.deepEqual(peek(spool), sound, `byte ${at}`)
    assert.deepEqual(spool.state, { waiting: sound.length, lost: 50 - sound.length }, `byte ${at}`)
    spool.add(short(50))
    assert.deepEqual(open(damaged).state, { waiting: sound.length + 1, lost: 50 - sound.length }, `byte ${at}`)
    assert.equal(peek(open(damaged)).at(-1), short(50))
  }
})

test('cut at any length a spool starts, all whole records are there, and the one that was cut is counted', () => {
  const disk = new FakeDisk()
  offer(open(disk), shorts(0, 50))
  const [path] = segmentsOf(disk)
  const whole = disk.held.get(path)?.seen ?? new Uint8Array(0)
  for (let length = 0; length <= whole.length; length++) {
    const cut = new FakeDisk()
    for (const [name, { seen }] of disk.held) cut.held.set(name, { seen, durable: seen })
    cut.held.set(path, { seen: whole.slice(0, length), durable: whole.slice(0, length) })
    const spool = open(cut)
    const sound = Math.max(0, Math.floor((length - 8) / 60))
    const isAtAnEnd = length <= 8 || (length - 8) % 60 === 0
    assert.deepEqual(spool.state, { waiting: sound, lost: isAtAnEnd ? 0 : 1 }, `length ${length}`)
    spool.add(short(50))
    assert.deepEqual(peek(open(cut)), [...shorts(0, sound), short(50)])
  }
})

test('damage in one segment costs nothing in the others, and is counted to the line by their names', () => {
  const disk = new FakeDisk()
  offer(open(disk), lines(0, 400))
  const paths = segmentsOf(disk)
  assert.equal(paths.length, 5)
  // A segment of 32 KiB has (32 768 - 8) / 328 = 99 records. The tenth of the second is hit: 99 + 9 are before it, 90 are lost.
  disk.flip(paths[1], (8 + 9 * 328 + 100) * 8)
  const spool = open(disk)
  assert.deepEqual(peek(spool), [...lines(0, 108), ...lines(198, 400)])
  assert.deepEqual(spool.state, { waiting: 310, lost: 90 })
  disk.held.delete(paths[2])
  assert.deepEqual(open(disk).state, { waiting: 211, lost: 189 })
})

test('whatever lies in the folder, the spool starts and works, and leaves alone what is not its own', () => {
  checkProperty(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ maxLength: 40 }), (rubbish, cursor) => {
      const disk = new FakeDisk()
      const put = (name: string, seen: Uint8Array): void =>
        void disk.held.set(`${FOLDER}/${name}`, { seen, durable: seen })
      put('vectors-0000000001', rubbish)
      put('vectors-9000000000', rubbish)
      put('vectors-123', rubbish)
      put('cursor', cursor)
      put('foreign', rubbish)
      disk.folders.add(`${FOLDER}/vectors-0000000002`)
      disk.folders.add(`${FOLDER}/vectors-0000000003`)
      const spool = open(disk)
      offer(spool, lines(0, 3))
      assert.deepEqual(peek(spool), lines(0, 3))
      assert.deepEqual(peek(open(disk)), lines(0, 3))
      assert.deepEqual(disk.held.get(`${FOLDER}/foreign`)?.seen, rubbish)
    }),
  )
})

test('with a cursor beyond the end, which somebody emptied, nothing is sent again and nothing is counted', () => {
  const disk = new FakeDisk()
  const spool = open(disk)
  offer(spool, lines(0, 10))
  take(spool, 10)
  for (const path of segmentsOf(disk)) disk.held.delete(path)
  const again = open(disk)
  assert.deepEqual(again.state, { waiting: 0, lost: 0 })
  again.add(line(10))
  assert.deepEqual(peek(open(disk)), [line(10)])
})

test('without a cursor all that is there is sent again: the server knows it', () => {
  const disk = new FakeDisk()
  const spool = open(disk)
  offer(spool, lines(0, 10))
  take(spool, 4)
  disk.held.delete(`${FOLDER}/cursor`)
  assert.deepEqual(peek(open(disk)), lines(0, 10))
})

test('a segment that can not be read holds up those behind it for two tries, and is then passed over and counted', () => {
  const disk = new FakeDisk()
  const spool = open(disk)
  offer(spool, lines(0, 150))
  const [first] = segmentsOf(disk)
  disk.fault = (call, path) => (call === 'read' && path === first ? 'EIO' : undefined)
  assert.deepEqual([peek(spool), peek(spool)], [[], []])
  assert.match(spool.state.degraded ?? '', /can not be read/)
  assert.deepEqual(peek(spool), lines(99, 150))
  assert.equal(spool.state.lost, 99)
})

for (const code of ['ENOSPC', 'EIO', 'EROFS']) {
  test(`while the disk says ${code} the newest are held in memory, within bounds; once it is well all are on disk again`, () => {
    const disk = new FakeDisk()
    const spool = open(disk)
    spool.add(line(0))
    disk.fault = (call) => (call === 'read' ? undefined : code)
    offer(spool, lines(1, 101))
    assert.deepEqual([spool.state.waiting, spool.state.lost], [101, 0])
    assert.match(spool.state.degraded ?? '', new RegExp(code))
    offer(spool, lines(101, 1001))
    // One on disk; of a thousand, the newest 288 are held.
    assert.deepEqual([spool.state.waiting, spool.state.lost], [1 + HELD_MAX, 1000 - HELD_MAX])
    disk.fault = () => undefined
    spool.add(line(1001))
    // Recovered by the first line after the fault.
    assert.deepEqual(spool.state, { waiting: 2 + HELD_MAX, lost: 712 })
    disk.cutPower(0)
    assert.deepEqual(peek(open(disk)), [line(0), ...lines(713, 1002)])
    assert.equal(open(disk).state.lost, 712)
  })
}

test('after a sync that failed no later sync is believed: the segment is written anew, as another file', () => {
  const disk = new FakeDisk()
  const spool = open(disk)
  offer(spool, lines(0, 5))
  // The kernel drops the page, says so once, and calls it clean from then on.
  const [path] = segmentsOf(disk)
  let fails = 1
  disk.fault = (call) => {
    if (call !== 'sync' || fails-- <= 0) return undefined
    const file = disk.held.get(path)
    if (file !== undefined) file.durable = new Uint8Array(0)
    return 'EIO'
  }
  spool.add(line(5))
  assert.match(spool.state.degraded ?? '', /EIO/)
  spool.add(line(6))
  assert.equal(spool.state.degraded, undefined)
  disk.cutPower(0)
  assert.deepEqual(peek(open(disk)), lines(0, 7))
})

test('a disk that our own lines have filled has room again once they are acknowledged', () => {
  const disk = new FakeDisk()
  disk.bytesMax = 150_000
  const spool = open(disk)
  offer(spool, lines(0, 500))
  assert.match(spool.state.degraded ?? '', /ENOSPC/)
  assert.equal(spool.state.lost, 0)
  const sent: string[] = []
  while (spool.state.waiting > 0) sent.push(...take(spool, 100))
  assert.deepEqual(sent, lines(0, 500))
  spool.add(line(500))
  assert.deepEqual(spool.state, { waiting: 1, lost: 0 })
})

test('a line that is no vector is our own mistake', () => {
  assert.throws(() => open(new FakeDisk()).add('x'.repeat(1025)), /no vector/)
})

/** What a spool may go through. */
const STEPS = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('offer' as const), count: fc.integer({ min: 1, max: 60 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('take' as const), count: fc.integer({ min: 1, max: 150 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('crash' as const), count: fc.integer({ min: 0, max: 10 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('refuse' as const), count: fc.integer({ min: 0, max: 6 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('damage' as const), count: fc.nat() }) },
)
const FAULTS = [undefined, undefined, 'append', 'sync', 'writeWhole', 'truncate', 'remove'] as const

test('through any course of offers, acknowledgements, crashes, refusals and damage: delivered and counted lost are all that was offered', () => {
  checkProperty(
    fc.property(fc.array(STEPS, { maxLength: 40 }), (steps) => {
      const disk = new FakeDisk()
      let spool = open(disk, 65_536)
      let offered = 0
      let flips = 0
      let forgotten = 0
      const delivered = new Set<string>()
      let newest = -1
      const deliver = (count: number): void => {
        for (const text of take(spool, count)) {
          const seq = Number(text.slice(7, text.indexOf(',')))
          // The filter of the server: what is not newer must be known.
          if (seq <= newest) assert.ok(delivered.has(text), `${seq} came after ${newest}`)
          else newest = seq
          delivered.add(text)
        }
      }
      for (const { kind, count } of steps) {
        if (kind === 'offer') offer(spool, lines(offered, (offered += count)))
        else if (kind === 'take') deliver(count)
        else if (kind === 'crash') {
          // What only memory held is gone with it: the server sees the gap.
          forgotten += spool.state.degraded === undefined ? 0 : HELD_MAX
          disk.cutPower(count / 10)
          spool = open(disk, 65_536)
        } else if (kind === 'refuse') {
          const call = FAULTS[count]
          disk.fault = (asked) => (asked === call ? 'EIO' : undefined)
        } else {
          const paths = segmentsOf(disk)
          disk.flip(paths[count % Math.max(1, paths.length)], count * 37)
          flips++
        }
      }
      disk.fault = () => undefined
      spool.settle()
      for (let batch = 0; batch < 100 && spool.state.waiting > 0; batch++) deliver(100)
      const { waiting, lost } = spool.state
      const missing = offered - delivered.size - lost
      assert.equal(waiting, 0)
      if (forgotten === 0 && flips === 0) assert.equal(missing, 0)
      else assert.ok(missing >= 0 && missing <= forgotten + flips, `${missing} of ${offered} are not accounted for`)
    }),
    { runs: 500 },
  )
})
