import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import * as fc from 'fast-check'
import { checkProperty } from '../../../tools/property.ts'
import { Luck } from '../../terms/luck.ts'
import { type Machine, MachineError } from './machine.ts'
import { nodeMachine } from './node-machine.ts'
import { Spool } from './spool.ts'
import { crc32, encodeRecord, scanRecords } from './spool-records.ts'

const folder = mkdtempSync(join(tmpdir(), 'ethos-spool-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const machine = nodeMachine()
let folders = 0
const aFolder = (): string => join(folder, String(folders++))
const line = (i: number): string => `{"seq":${i},"data":"${'x'.repeat(300)}"}`
const lines = (from: number, to: number): readonly string[] =>
  Array.from({ length: to - from }, (_, i) => line(from + i))

test('the checksum is that of zip', () => {
  // The check value of CRC-32/ISO-HDLC.
  assert.equal(crc32(Buffer.from('123456789')), 0xcbf43926)
})

test('what was kept comes back in order, and after a restart', () => {
  const path = aFolder()
  const spool = new Spool(machine, path, 1 << 20)
  for (const text of lines(0, 100)) spool.add(text)
  assert.deepEqual(spool.peek(1000), lines(0, 100))
  spool.remove(30)
  spool.close()
  const again = new Spool(machine, path, 1 << 20)
  assert.deepEqual(again.peek(1000), lines(30, 100))
  again.remove(70)
  assert.deepEqual(again.state, { waiting: 0, lost: 0 })
  again.add(line(100))
  assert.deepEqual(new Spool(machine, path, 1 << 20).peek(10), [line(100)])
})

test('beyond its bound the oldest go first, and are counted, also after a restart', () => {
  const path = aFolder()
  const spool = new Spool(machine, path, 64 * 1024)
  for (const text of lines(0, 1000)) spool.add(text)
  const { waiting, lost } = spool.state
  assert.equal(waiting + lost, 1000)
  assert.deepEqual(spool.peek(1000), lines(lost, 1000))
  const bytes = readdirSync(path).reduce((sum, name) => sum + readFileSync(join(path, name)).length, 0)
  assert.ok(bytes <= 64 * 1024 + 64, String(bytes))
  assert.deepEqual(new Spool(machine, path, 64 * 1024).state, { waiting, lost })
})

test('any one flipped bit costs what is behind it in its segment, and nothing before it', () => {
  const whole = Buffer.concat(lines(0, 50).map((text) => encodeRecord(text)))
  const ends = lines(0, 50).map((_, i) => lines(0, i + 1).reduce((sum, text) => sum + 8 + text.length, 0))
  for (let at = 0; at < whole.length; at++) {
    const damaged = Buffer.from(whole)
    damaged[at] ^= 1 << (at % 8)
    const { lines: sound, soundBytes } = scanRecords(damaged)
    const index = ends.findIndex((end) => at < end)
    assert.deepEqual([sound.length, soundBytes], [index, index === 0 ? 0 : ends[index - 1]], `byte ${at}`)
    assert.deepEqual(sound, lines(0, 50).slice(0, index))
  }
})

test('a record whose end is missing is cut off, at every length there is', () => {
  const records = lines(0, 50).map((text) => encodeRecord(text))
  const whole = Buffer.concat(records)
  let complete = 0
  let end = 0
  for (let length = 0; length <= whole.length; length++) {
    if (complete < 50 && length >= end + records[complete].length) end += records[complete++].length
    assert.deepEqual(
      [scanRecords(whole.subarray(0, length)).lines.length, scanRecords(whole.subarray(0, length)).soundBytes],
      [complete, end],
    )
  }
})

test('a damaged spool starts, sends what is before the damage and after it in other segments, and counts the rest', () => {
  const path = aFolder()
  const spool = new Spool(machine, path, 1 << 20)
  for (const text of lines(0, 100)) spool.add(text)
  spool.close()
  const [first] = readdirSync(path).toSorted()
  const bytes = readFileSync(join(path, first))
  bytes[Math.floor(bytes.length / 2)] ^= 4
  writeFileSync(join(path, first), bytes)
  const again = new Spool(machine, path, 1 << 20)
  const left = again.peek(1000)
  assert.ok(again.state.lost >= 1 && left.length < 100 && left.at(-1) === line(99) && left[0] === line(0))
  again.add(line(100))
  assert.equal(again.peek(1000).at(-1), line(100))
})

test('whatever lies in the folder, the spool starts and works', () => {
  checkProperty(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ maxLength: 40 }), (rubbish, state) => {
      const path = aFolder()
      mkdirSync(join(path, 'spool-0000000003'), { recursive: true })
      writeFileSync(join(path, 'spool-0000000001'), rubbish)
      writeFileSync(join(path, 'spool-state'), state)
      writeFileSync(join(path, 'foreign'), 'left alone')
      const spool = new Spool(machine, path, 1 << 20)
      spool.add(line(1))
      assert.equal(spool.peek(1000).at(-1), line(1))
      assert.equal(readFileSync(join(path, 'foreign'), 'utf8'), 'left alone')
      spool.close()
    }),
    { runs: 60 },
  )
})

/** A machine whose files fail with a code while `fault.code` is set. */
function failing(fault: { code?: string }): Machine {
  const check = (): void => {
    if (fault.code !== undefined) throw new MachineError(fault.code, `the disk says ${fault.code}`)
  }
  return {
    ...machine,
    files: {
      ...machine.files,
      openAppend: (path, mode) => {
        const file = machine.files.openAppend(path, mode)
        return {
          append: (bytes) => {
            if (fault.code !== undefined) file.append(bytes.subarray(0, 5))
            check()
            file.append(bytes)
          },
          sync: () => {
            check()
            file.sync()
          },
          close: () => file.close(),
        }
      },
      writeWhole: (path, bytes, mode) => {
        check()
        machine.files.writeWhole(path, bytes, mode)
      },
    },
  }
}

for (const code of ['ENOSPC', 'EIO', 'EROFS']) {
  test(`while the disk says ${code} lines are held in memory, within bounds; once it is well all are on disk again`, () => {
    const path = aFolder()
    const fault: { code?: string } = {}
    const spool = new Spool(failing(fault), path, 1 << 20)
    spool.add(line(0))
    fault.code = code
    for (const text of lines(1, 101)) spool.add(text)
    assert.deepEqual([spool.state.waiting, spool.state.lost], [101, 0])
    assert.match(spool.state.degraded ?? '', new RegExp(code))
    for (const text of lines(101, 1001)) spool.add(text)
    // One on disk; of a thousand, the newest 288 are held.
    assert.deepEqual([spool.state.waiting, spool.state.lost], [289, 712])
    delete fault.code
    spool.add(line(1001))
    assert.equal(spool.state.degraded, undefined)
    spool.close()
    const again = new Spool(machine, path, 1 << 20)
    assert.deepEqual(again.peek(1000), [line(0), ...lines(713, 1002)])
  })
}

test('killed at any moment, a spool starts again with all that it said it kept', async () => {
  const path = aFolder()
  const luck = new Luck(1)
  let next = 0
  for (let kill = 0; kill < 12; kill++) {
    const kept = await writeUntilKilled(path, next, 20 + luck.below(60))
    const spool = new Spool(machine, path, 1 << 20)
    const waiting = spool.peek(100_000)
    assert.ok(waiting.length >= kept - 0, `${waiting.length} of ${kept}`)
    assert.deepEqual(waiting, lines(0, waiting.length))
    assert.equal(spool.state.lost <= kill + 1, true)
    next = waiting.length
    spool.close()
  }
})

/** Adds lines from `from` on in another process until it is killed; returns how many it had said are kept, those before included. */
async function writeUntilKilled(path: string, from: number, afterLines: number): Promise<number> {
  const program = `
    import { nodeMachine } from ${JSON.stringify(import.meta.resolve('./node-machine.ts'))}
    import { Spool } from ${JSON.stringify(import.meta.resolve('./spool.ts'))}
    const spool = new Spool(nodeMachine(), ${JSON.stringify(path)}, 1 << 20)
    for (let i = ${from}; i < ${from} + 500; i++) {
      spool.add('{"seq":' + i + ',"data":"' + 'x'.repeat(300) + '"}')
      process.stdout.write('.')
    }
  `
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = 0
  child.stdout.on('data', (bytes: Buffer) => {
    said += bytes.length
    if (said >= afterLines) child.kill('SIGKILL')
  })
  await new Promise((resolve) => child.once('close', resolve))
  return from + said
}
