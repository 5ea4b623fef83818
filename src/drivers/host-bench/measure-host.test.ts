import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { HostMeasurement } from '../../terms/host-measurement.ts'
import { decodeHostMeasurement, encodeHostMeasurement } from '../../terms/host-measurement-codec.ts'
import { parseHostId } from '../../terms/ids.ts'
import { nodeFactFiles } from '../host-facts/fact-files.ts'
import { WallClock } from '../wall-clock.ts'
import { aFolder, GOOD_TOOLS, someTools } from './builders.ts'
import { measureHost, type MeasureOptions } from './measure-host.ts'

test('a host is measured in full, and its document survives being written and read', async () => {
  const folder = aFolder()
  const measurement = await measure({ folder, suite: 'whole', searchPath: someTools(GOOD_TOOLS) })
  assert.deepEqual(decodeHostMeasurement(encodeHostMeasurement(measurement)), measurement)
  assert.deepEqual([...new Set(measurement.runs.map(({ loadStep }) => loadStep))], [0, 0.25, 0.5, 0.75])
  for (const run of measurement.runs) assert.equal(run.values.length, 3, run.benchmark)
  // 2000 events/s on all cores of 2100 for one reference core.
  assert.equal(measurement.runs.find(({ benchmark }) => benchmark === 'integer-all')?.ratioToReference, 2000 / 2100)
  assert.equal(Object.keys(measurement.host.benchmarks ?? {}).length, 12)
  assert.deepEqual(readdirSync(folder), [], 'the file of the disk benchmarks is gone')
})

test('a tool that is not there costs its benchmarks, and the remedy is its package', async () => {
  const { fio: _, ...others } = GOOD_TOOLS
  const measurement = await measure({ folder: aFolder(), searchPath: someTools(others) })
  const lacks = measurement.missing.filter(({ reason }) => reason === 'no-tool')
  assert.ok(lacks.length >= 2)
  for (const { remedy, workloadType } of lacks) {
    assert.equal(remedy, 'apt-get install fio')
    assert.match(workloadType ?? '', /^disk/)
  }
  assert.ok(measurement.host.benchmarks?.integer !== undefined)
})

test('without any tool the facts are still told, and every kind of work is missing by name', async () => {
  const measurement = await measure({ searchPath: aFolder() })
  assert.deepEqual(measurement.runs, [])
  assert.equal(new Set(measurement.missing.flatMap(({ workloadType }) => workloadType ?? [])).size, 12)
  assert.ok((measurement.host.cores ?? 0) > 0)
  assert.equal(measurement.power.powerSource, 'estimated')
})

test('rubbish from one tool is told by its name, and the others go on', async () => {
  const searchPath = someTools({ ...GOOD_TOOLS, openssl: 'echo "Segmentation fault"' })
  const measurement = await measure({ searchPath })
  const lack = measurement.missing.find(({ what }) => what === 'crypto-aes-256-gcm')
  assert.equal(lack?.reason, 'unreadable-output')
  assert.match(lack.detail, /openssl answered what we can't read.*Segmentation fault/)
  assert.equal(measurement.host.benchmarks?.crypto, undefined)
  assert.ok(measurement.host.benchmarks?.integer !== undefined)
})

test('a tool that fails tells its code and its words; one that floods is cut off', async () => {
  const searchPath = someTools({
    ...GOOD_TOOLS,
    openssl: 'echo "out of luck" >&2; exit 7',
    sysbench: 'while :; do echo 0123456789012345678901234567890123456789012345678901234567890123456789; done',
  })
  const { missing } = await measure({ searchPath, only: ['crypto', 'integer'] })
  assert.match(missing.find(({ what }) => what === 'crypto-aes-256-gcm')?.detail ?? '', /code 7. It said: out of luck/)
  assert.match(missing.find(({ what }) => what === 'integer-one')?.detail ?? '', /more than \d+ bytes/)
})

test('a suite that is stopped keeps what it has, ends its children, and says so', async () => {
  const stop = new AbortController()
  const folder = aFolder()
  const measurement = await measure({
    folder,
    searchPath: someTools({ ...GOOD_TOOLS, openssl: 'sleep 60' }),
    stop: stop.signal,
    onStep: (label) => void (label.startsWith('crypto') && setTimeout(() => stop.abort(), 50)),
  })
  assert.equal(measurement.interrupted, true)
  assert.ok(measurement.runs.some(({ benchmark }) => benchmark === 'integer-one'))
  assert.equal(measurement.missing.find(({ what }) => what === 'crypto-aes-256-gcm')?.reason, 'interrupted')
  assert.deepEqual(readdirSync(folder), [])
})

test('what the operator says wins over what was read, and is told to be his', async () => {
  const powerWatts = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]
  const corrections = { storageType: 'nvme', cores: 4, networkBytesPerSec: 1.25e9, powerWatts } as const
  const { host, facts, missing, power } = await measure({ corrections, searchPath: aFolder() })
  assert.equal(host.storageType, 'nvme')
  assert.equal(power.powerSource, 'operator')
  assert.equal(host.cores, 4)
  assert.ok(facts.some(({ name, value, source }) => name === 'cores' && value === 4 && source === 'operator'))
  assert.ok(!missing.some(({ what }) => what === 'networkBytesPerSec'))
})

test('files of suites that were killed are removed at the next start, and nobody else’s', async () => {
  const folder = aFolder()
  // Process numbers end at 4,194,304 on Linux: this one never lives.
  const left = join(folder, 'ethos-bench-9999999.tmp')
  const others = ['ethos-bench-1.tmp', 'ethos-bench-9999999.tmp.bak', 'image.qcow2']
  writeFileSync(left, 'left')
  for (const name of others) writeFileSync(join(folder, name), 'other')
  mkdirSync(join(folder, 'ethos-bench-9999998.tmp'))
  await measure({ folder, searchPath: someTools(GOOD_TOOLS), only: ['disk-random'] })
  assert.equal(existsSync(left), false)
  assert.deepEqual(readdirSync(folder).toSorted(), [...others, 'ethos-bench-9999998.tmp'].toSorted())
})

test('a folder that is not there leaves the disk out, and the rest goes on', async () => {
  const { missing, host } = await measure({ folder: '/nowhere/at/all', searchPath: someTools(GOOD_TOOLS) })
  assert.equal(missing.find(({ what }) => what === 'disk-random-read-qd8')?.reason, 'no-place')
  assert.ok(host.benchmarks?.integer !== undefined)
})

test('watts of a meter at each load make the power curve; the meter is named', async () => {
  const meter = join(aFolder(), 'watts')
  writeFileSync(meter, '120.5\n')
  const measurement = await measure({ wattsFrom: meter, searchPath: someTools(GOOD_TOOLS), only: ['integer'] })
  assert.equal(measurement.power.powerSource, 'meter')
  assert.deepEqual(
    measurement.power.steps.map(({ load }) => load),
    [0, 0.25, 0.5, 0.75, 1],
  )
  assert.deepEqual(
    measurement.host.powerWatts,
    Array.from({ length: 11 }, () => 120.5),
  )
})

function measure(options: Partial<MeasureOptions>): Promise<HostMeasurement> {
  return measureHost({
    suite: 'quick',
    hostId: parseHostId('h1'),
    files: nodeFactFiles(),
    clock: new WallClock(),
    stop: new AbortController().signal,
    corrections: {},
    ...options,
  })
}
