import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { BenchmarkError } from './benchmark-error.ts'
import {
  readFio,
  readIperf,
  readOpensslBytes,
  readOpensslSigns,
  readStressNg,
  readSysbenchEvents,
  readSysbenchMemory,
} from './outputs.ts'

const OPS = 'bogo-ops-per-second-real-time'

/** Every reader, with a real output of its tool (Debian 12) and the number that stands in it. */
const READERS: readonly (readonly [file: string, read: (text: string) => number, value: number])[] = [
  ['sysbench-cpu.txt', readSysbenchEvents, numberIn('sysbench-cpu.txt', 'events per second:')],
  ['sysbench-memory.txt', readSysbenchMemory, numberIn('sysbench-memory.txt', 'MiB transferred (')],
  ['stress-ng-zlib.txt', (text) => readStressNg(text, 'zlib', OPS), numberIn('stress-ng-zlib.txt', `${OPS}:`)],
  ['stress-ng-null.txt', (text) => readStressNg(text, 'null', OPS), numberIn('stress-ng-null.txt', `${OPS}:`)],
  [
    'stress-ng-randlist.txt',
    (text) => readStressNg(text, 'randlist', OPS),
    numberIn('stress-ng-randlist.txt', `${OPS}:`),
  ],
  [
    'stress-ng-switch.txt',
    (text) => readStressNg(text, 'switch', 'nanosecs-per-context-switch-pipe-method'),
    numberIn('stress-ng-switch.txt', 'nanosecs-per-context-switch-pipe-method:'),
  ],
  ['openssl-aes-256-gcm.txt', readOpensslBytes, 3_836_313_600],
  ['openssl-sha256.txt', readOpensslBytes, 1_241_246_554.84],
  ['openssl-ecdsap256.txt', readOpensslSigns, 33_292.1875],
  ['openssl-rsa2048.txt', readOpensslSigns, 2350],
  ['fio-randread.txt', (text) => readFio(text, 'read', 'iops'), numberIn('fio-randread.txt', '"iops" :')],
  // 25571138812.758 bits per second, as the receiver saw it.
  ['iperf3-client.txt', readIperf, 25_571_138_812.758 / 8],
]

for (const [file, read, value] of READERS) {
  test(`the number in ${file} is found`, () => {
    assert.ok(value > 0)
    assert.equal(read(recorded(file)), value)
  })

  test(`${file} cut off anywhere gives the number or a typed error, never another number`, () => {
    const text = recorded(file)
    for (let length = 0; length < text.length; length += Math.max(1, Math.floor(text.length / 97))) {
      const answer = attempt(read, text.slice(0, length))
      if (typeof answer === 'number') assert.equal(answer, value, `cut at ${length}`)
      else assert.equal(answer.code, 'unreadable-output')
    }
  })
}

test("no reader takes another tool's output for its own", () => {
  for (const [own, read] of READERS) {
    for (const [foreign] of READERS) {
      if (own.split('-')[0] === foreign.split('-')[0]) continue
      assert.ok(attempt(read, recorded(foreign)) instanceof BenchmarkError, `${own} on ${foreign}`)
    }
    for (const rubbish of ['', '\0\0\0', '{}', '{"jobs":[]}', '{"end":{}}', 'command not found', '9'.repeat(100_000)])
      assert.ok(attempt(read, rubbish) instanceof BenchmarkError, `${own} on ${rubbish.slice(0, 20)}`)
  }
})

test('an iperf3 that was refused is an error, and so is a fio that read nothing', () => {
  assert.ok(attempt(readIperf, recorded('iperf3-refused.txt')) instanceof BenchmarkError)
  const error = attempt((text) => readFio(text, 'write', 'iops'), recorded('fio-randread.txt'))
  assert.ok(error instanceof BenchmarkError)
  assert.match(error.message, /Nothing was done in its time/)
})

test('notices of fio before its JSON are passed over', () => {
  const text = `fio: this platform does not support ioprio\n${recorded('fio-randread.txt')}`
  assert.equal(readFio(text, 'read', 'iops'), readFio(recorded('fio-randread.txt'), 'read', 'iops'))
})

function attempt(read: (text: string) => number, text: string): number | BenchmarkError {
  try {
    return read(text)
  } catch (error) {
    if (error instanceof BenchmarkError) return error
    throw error
  }
}

function recorded(file: string): string {
  return readFileSync(join(import.meta.dirname, 'recorded', file), 'utf8')
}

/** The first number after these words that is not zero. */
function numberIn(file: string, words: string): number {
  const text = recorded(file)
  return Number(/[\d.]+/.exec(text.slice(text.indexOf(words) + words.length))?.[0])
}
