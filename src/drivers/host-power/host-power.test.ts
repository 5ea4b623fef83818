import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import * as fc from 'fast-check'
import { checkProperty } from '../../../tools/property.ts'
import { nodeFactFiles } from '../host-facts/fact-files.ts'
import { cpuFamily, normaliseCpuName } from './cpu-name.ts'
import { curveBetween, estimatePower } from './estimate.ts'
import { concludePower } from './measure-power.ts'
import { curveThrough } from './power-curve.ts'
import { POWER_TABLE } from './specpower-table.ts'
import { findMeter, readIpmi } from './watts.ts'

const root = mkdtempSync(join(tmpdir(), 'ethos-test-power-'))
after(() => rmSync(root, { recursive: true, force: true }))

test('the kernel’s name of a CPU and SPEC’s become the same', () => {
  const pairs = [
    ['Intel(R) Xeon(R) Platinum 8180 CPU @ 2.50GHz', 'Intel Xeon Platinum 8180'],
    ['AMD EPYC 7742 64-Core Processor', 'AMD EPYC 7742'],
    ['Intel(R) Xeon(R) CPU E5-2699 v3 @ 2.30GHz', 'Intel Xeon E5-2699 v3'],
    ['Intel(R) Xeon(R) CPU           X5670  @ 2.93GHz', 'Intel Xeon X5670'],
    ['INTEL(R) XEON(R) PLATINUM 8592+', 'Intel Xeon Platinum 8592+'],
    ['AMD EPYC 9965 192-Core Processor', 'AMD EPYC 9965 192-Core Processor'],
  ] as const
  for (const [kernel, spec] of pairs) {
    assert.equal(normaliseCpuName(kernel), normaliseCpuName(spec))
    assert.ok(
      POWER_TABLE.some(({ cpu }) => cpu === normaliseCpuName(kernel)),
      kernel,
    )
  }
})

test('a name tells its generation', () => {
  const families = {
    'xeon gold 6148': 'xeon scalable 1',
    'xeon platinum 8592+': 'xeon scalable 5',
    'xeon 6780e': 'xeon 6 e',
    'xeon e5-2660 v4': 'xeon e5 v4',
    'xeon e5-2660': 'xeon e5 v1',
    'xeon e5-2660l v2': 'xeon e5 v2',
    'epyc 7742': 'epyc 7xx2',
    'epyc 9965': 'epyc 9xx5',
    'epyc 7773x': 'epyc 7xx3',
    xeon: undefined,
  }
  for (const [name, family] of Object.entries(families)) assert.equal(cpuFamily(name), family, name)
})

test('a host whose CPU is in the table draws what such servers drew', () => {
  const estimate = estimatePower({ cpuType: 'AMD EPYC 9654 96-Core Processor', sockets: 2, cores: 192 }, POWER_TABLE)
  const row = POWER_TABLE.find(({ cpu, chips }) => cpu === 'epyc 9654' && chips === 2)
  assert.equal(estimate.match, 'model')
  assert.equal(estimate.curve[0], Math.round(2 * (row?.idleWattsPerChip ?? 0) * 10) / 10)
  assert.equal(estimate.curve[10], Math.round(2 * (row?.fullWattsPerChip ?? 0) * 10) / 10)
})

test('a CPU that is not in the table is estimated by its generation, and an unknown one by its cores', () => {
  // Xeon Gold 6138 has no result; its generation has many.
  const gold = estimatePower(
    { cpuType: 'Intel(R) Xeon(R) Gold 6138 CPU @ 2.00GHz', sockets: 2, cores: 40 },
    POWER_TABLE,
  )
  assert.equal(gold.match, 'family')
  assert.ok(gold.curve[10] > 200 && gold.curve[10] < 600, String(gold.curve[10]))
  for (const cpuType of ['Intel(R) Xeon(R) Processor', '', 'Loongson-3C5000']) {
    const unknown = estimatePower({ cpuType, sockets: 1, cores: 64 }, POWER_TABLE)
    assert.equal(unknown.match, 'cores')
    assert.ok(unknown.curve[10] > 100 && unknown.curve[10] < 600)
  }
})

test('an estimate has eleven watts that never fall, whatever the host', () => {
  checkProperty(
    fc.property(
      fc.oneof(fc.constantFrom(...POWER_TABLE.map(({ cpu }) => cpu)), fc.string()),
      fc.integer({ min: 1, max: 16 }),
      fc.integer({ min: 1, max: 1024 }),
      (cpuType, sockets, cores) => {
        const { curve } = estimatePower({ cpuType, sockets, cores }, POWER_TABLE)
        assert.equal(curve.length, 11)
        assert.ok(curve.every((watts, i) => Number.isFinite(watts) && watts >= (curve[i - 1] ?? 0)))
      },
    ),
  )
})

test('an estimate is said to be one, with how far it errs', () => {
  const { power, curve } = concludePower(undefined, {
    cpuType: 'AMD EPYC 7742 64-Core Processor',
    sockets: 1,
    cores: 64,
  })
  assert.equal(power.powerSource, 'estimated')
  assert.match(power.explanation, /epyc 7742.*SPECpower_ssj2008/)
  assert.ok((power.errorAtIdle ?? 0) > 0 && (power.errorAtFullLoad ?? 0) > 0)
  assert.equal(curve?.length, 11)
  assert.equal(concludePower(undefined, undefined).curve, undefined)
})

test('a shape lies between both ends', () => {
  // 2019 and later: at 50 % load 0.455 of the way from 100 to 300 W.
  assert.deepEqual(curveBetween(100, 300, 2022)[5], 191)
  assert.deepEqual([curveBetween(100, 300, 2022)[0], curveBetween(100, 300, 2022)[10]], [100, 300])
})

test('a curve goes through its readings, never falls, and never leaves them', () => {
  const steps = [
    { load: 0, watts: 100 },
    { load: 0.5, watts: 200 },
    { load: 1, watts: 300 },
  ]
  // On a straight line the cubic pieces are the line.
  assert.deepEqual(curveThrough(steps), [100, 120, 140, 160, 180, 200, 220, 240, 260, 280, 300])
  checkProperty(
    fc.property(fc.array(fc.float({ min: 1, max: 1000, noNaN: true }), { minLength: 5, maxLength: 5 }), (watts) => {
      const curve = curveThrough(watts.map((w, i) => ({ load: i / 4, watts: w }))) ?? []
      assert.equal(curve.length, 11)
      assert.ok(curve.every((w, i) => w >= (curve[i - 1] ?? 0)))
      assert.ok(curve[10] <= Math.max(...watts) + 0.1)
    }),
  )
})

test('readings that do not reach from idle to full load give no curve', () => {
  assert.equal(curveThrough([]), undefined)
  assert.equal(curveThrough([{ load: 0, watts: 5 }]), undefined)
  assert.equal(
    curveThrough([
      { load: 0, watts: 5 },
      { load: 0.75, watts: 9 },
    ]),
    undefined,
  )
})

test('RAPL counts packages and memory, over a counter that goes round', async () => {
  const zone = 'sys/class/powercap/intel-rapl:0'
  const write = (microjoules: number) => put(`${zone}/energy_uj`, String(microjoules))
  put(`${zone}/name`, 'package-0')
  put(`${zone}/max_energy_range_uj`, '10000000')
  put('sys/class/powercap/intel-rapl:1/name', 'psys')
  put('sys/class/powercap/intel-rapl:1/max_energy_range_uj', '10000000')
  put('sys/class/powercap/intel-rapl:1/energy_uj', '1')
  let ms = 0
  let energy = 9_000_000
  write(energy)
  const meter = await meterOf(
    async (waitMs) => {
      ms += waitMs
      // 40 W: 40,000 microjoules a millisecond; the counter goes round at 10 J.
      energy = (energy + waitMs * 40_000) % 10_000_000
      write(energy)
    },
    { nowMs: () => ms },
  )
  assert.equal(meter?.powerSource, 'rapl')
  assert.equal(await meter?.measure(100), 40)
  assert.match(meter?.explanation ?? '', /package-0.*left out/)
  rmSync(join(root, 'sys'), { recursive: true })
})

test('a counter that stands still, or that is forbidden, is no meter', async () => {
  put('sys/class/powercap/intel-rapl:0/name', 'package-0')
  put('sys/class/powercap/intel-rapl:0/max_energy_range_uj', '10000000')
  put('sys/class/powercap/intel-rapl:0/energy_uj', '5')
  assert.equal(await meterOf(async () => undefined), undefined)
  rmSync(join(root, 'sys'), { recursive: true })
})

test('ACPI’s meter, a battery and a plug tell the whole machine; the plug comes first', async () => {
  put('sys/class/power_supply/BAT0/status', 'Discharging')
  put('sys/class/power_supply/BAT0/power_now', '15500000')
  assert.equal(await (await meterOf(async () => undefined))?.measure(1), 15.5)
  put('sys/class/hwmon/hwmon3/name', 'power_meter')
  put('sys/class/hwmon/hwmon3/device/power1_average', '212000000')
  const acpi = await meterOf(async () => undefined)
  assert.equal(acpi?.powerSource, 'hwmon')
  assert.equal(await acpi?.measure(1), 212)
  put('plug', '230.5 W\n')
  const plug = await meterOf(async () => undefined, { wattsFrom: '/plug' })
  assert.equal(plug?.powerSource, 'meter')
  assert.equal(await plug?.measure(1), 230.5)
})

test('ipmitool is asked for its reading, and rubbish of it is none', async () => {
  const path = join(root, 'ipmitool')
  const says =
    '    Instantaneous power reading:                   220 Watts\n    Minimum during sampling period:  2 Watts'
  writeFileSync(path, `#!/bin/sh\ncat <<EOT\n${says}\nEOT\n`)
  chmodSync(path, 0o755)
  const meter = await meterOf(async () => undefined, { ipmitoolPath: path })
  assert.equal(meter?.powerSource, 'ipmi')
  assert.equal(await meter?.measure(1), 220)
  for (const text of [
    '',
    'Instantaneous power reading: 0 Watts',
    'Instantaneous power reading:   999999999 Watts',
    'no BMC',
  ])
    assert.equal(readIpmi(text), undefined)
})

function meterOf(wait: (ms: number) => Promise<void>, more: object = {}) {
  const files = nodeFactFiles(root)
  return findMeter({ files, wait, stop: new AbortController().signal, nowMs: () => performance.now(), ...more })
}

function put(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), text)
}
