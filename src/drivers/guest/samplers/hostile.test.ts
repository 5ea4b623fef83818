import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { checkProperty } from '../../../../tools/property.ts'
import { FakeMachine } from '../fake-machine.ts'
import type { Machine } from '../machine.ts'
import { nodeMachine } from '../node-machine.ts'
import { SAMPLER_NAMES, type Sampler } from '../sampler.ts'
import { lookAt } from './looking.ts'
import { makeSamplers } from './make-samplers.ts'

/** Every file that a sampler reads, with a process, a socket of it and a group of it. */
const PROC =
  'stat meminfo vmstat diskstats loadavg uptime pressure/cpu pressure/memory pressure/io self/smaps self/cgroup net/dev net/snmp ' +
  'net/sockstat net/sockstat6 net/tcp net/tcp6 net/udp net/udp6 1/stat 7/stat 7/comm 1/maps 7/statm'
const CGROUP = 'cpu.stat io.stat memory.max cpu.max'
const PATHS: readonly string[] = [
  ...PROC.split(' ').map((file) => `/proc/${file}`),
  ...CGROUP.split(' ').map((file) => `/sys/fs/cgroup/${file}`),
]

function samplersOf(guest: FakeMachine): readonly Sampler[] {
  const machine: Machine = {
    ...nodeMachine(),
    files: guest.files,
    readText: (path, maxBytes) => guest.readText(path, maxBytes),
    readAt: (path, offset, length) => guest.readAt(path, offset, length),
    list: (path) => guest.list(path),
    readLink: (path) => guest.readLink(path),
    access: (path) => guest.access(path),
  }
  return makeSamplers(machine, new Set(SAMPLER_NAMES))
}

/** Three looks with other texts each, and findings: nothing throws, no measure is negative, no share above one. */
function checkSane(texts: readonly Record<string, string>[]): void {
  const guest = new FakeMachine(texts[0])
  for (const sampler of samplersOf(guest)) {
    texts.forEach((text, look) => {
      Object.assign(guest.texts, text)
      const { measured, details } = lookAt(sampler, look * 5000)
      for (const [measure, value] of Object.entries(measured)) {
        assert.ok(value >= 0, `${measure} is ${value}`)
        if (measure.endsWith('Share') || measure.endsWith('PressureSome'))
          assert.ok(value <= 1, `${measure} is ${value}`)
      }
      for (const [name, value] of Object.entries(details)) {
        if (typeof value === 'number') assert.ok(Number.isFinite(value), `${name} is ${value}`)
      }
    })
    for (const { what, because } of sampler.findings() as readonly { what: string; because: string }[])
      assert.ok(what !== '' && because !== '', sampler.name)
  }
}

const everywhere = (text: string): Record<string, string> => Object.fromEntries(PATHS.map((path) => [path, text]))

test('a guest of which nothing can be read puts nothing, and every sampler says so', () => {
  const samplers = samplersOf(new FakeMachine({}))
  assert.equal(samplers.length, 9)
  for (const sampler of samplers) {
    for (const at of [0, 5000]) assert.deepEqual(lookAt(sampler, at), { measured: {}, details: {} }, sampler.name)
    for (const { state, what } of sampler.findings() as readonly { state: string; what: string }[])
      assert.ok(state === 'absent' || what === 'which program talks to whom', `${sampler.name}: ${what}`)
  }
})

test('only the samplers that are switched on are made', () => {
  const names = makeSamplers(nodeMachine(), new Set(['disk', 'cpu'])).map(({ name }) => name)
  assert.deepEqual(names, ['cpu', 'disk'])
})

test('files of rubbish give no number that is not finite, negative, or a share above one', () => {
  const rubbish = [
    '',
    '\n\n\n',
    'cpu',
    'cpu  x y z',
    ':'.repeat(1000),
    '\0'.repeat(500),
    `${'9'.repeat(400)} `.repeat(20),
  ]
  for (const text of rubbish) checkSane([everywhere(text), everywhere(text), everywhere(`1 ${text}`)])
})

const LINES = [
  'cpu  1 2 3 4 5 6 7 8 9 10',
  'cpu0 1 2 3',
  'ctxt 18446744073709551615',
  'procs_running 4294967295',
  'processes 7',
  'some avg10=0.00 avg60=99999 avg300=0 total=18446744073709551615',
  'MemTotal: 1 kB',
  'MemAvailable: 99999999999999999999 kB',
  'Cached: 0 kB',
  'Shmem: 5 kB',
  'pgalloc_normal 1',
  'pgmajfault 5',
  ' 254 0 vda 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17',
  ' 254 0 sdb',
  '  eth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16',
  '  eth0:1: 1',
  'Tcp: A RetransSegs',
  'Tcp: 1 2',
  '7 (a) b) S 1 1 1 0 -1 0 0 0 0 0 1 0 0 0 20 0 1 0 1 0 0',
  '7 (a',
  '   0: 0100007F:1F90 0200000A:0050 01 0 0 0 0 0 12',
  '   0: 0200000A:1F90 00000000:0000 0A',
  '0::/',
  '0.5 0.5 0.5 1/80 9',
  '00010000-00014000 rw-p 00000000 00:00 0',
  '0-ffffffffffffffff rw-p 0 0 0',
  'usage_usec 5',
  '254:0 rbytes=1 wbytes=2',
] as const

test('lines of any file in any other, cut anywhere, changing between looks, are taken by all samplers', () => {
  const text = fc
    .tuple(fc.array(fc.constantFrom(...LINES), { maxLength: 12 }), fc.nat(200))
    .map(([lines, cut]) => lines.join('\n').slice(0, 400 - cut))
  const texts = fc.array(
    fc.constantFrom(...PATHS).chain((path) => text.map((drawn) => [path, drawn] as const)),
    { maxLength: 40 },
  )
  checkProperty(
    fc.property(fc.tuple(texts, texts, texts), (looks) => checkSane(looks.map((drawn) => Object.fromEntries(drawn)))),
    { runs: 150 },
  )
})
