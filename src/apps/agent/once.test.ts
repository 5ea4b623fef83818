import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { Finding } from '../../drivers/guest/sampler.ts'
import { PERSONALITY_SCHEMA } from '../../terms/personality.ts'
import { profileRecording } from './agentless.ts'
import { amountOf, showAmount, showTime } from './amounts.ts'
import { showDoctor } from './doctor.ts'
import { type OnceView, showOnce } from './once.ts'
import { GROUPS, samplerOf } from './once-groups.ts'
import { onceAsJson } from './once-json.ts'
import { type Paper, paperOf, PLAIN } from './paper.ts'

const RECORDING = readFileSync(new URL('../../drivers/libvirt/domstats.recording.txt', import.meta.url), 'utf8')
const [{ vector }] = profileRecording(RECORDING, { domain: 'db-1' }).profiles

const NO_PROBES: Finding = {
  sampler: 'probes',
  what: 'system and library calls',
  state: 'absent',
  because: 'no probe helper has left results',
  remedy: 'systemctl enable --now ethos-agent-probes.timer; without systemd run `ethos agent probe-helper` as root',
}
const SEEN: Finding = { sampler: 'cpu', what: 'CPU by mode', state: 'seen', because: '/proc/stat' }
const LONG: Finding = {
  sampler: 'dirty-pages',
  what: 'dirty page rate, writable working set',
  state: 'partly',
  because: 'pages given out or dirtied in files; blind to what is rewritten in place: no right to look into others',
  remedy: 'let the hypervisor measure it (virsh domdirtyrate-calc)',
}
const VIEW: OnceView = {
  vector,
  looks: 12,
  phaseName: 'busy writer',
  witness: 'guest',
  details: [
    { sampler: 'cpu', details: [{ name: 'user', unit: 'cores', value: 0.5 }] },
    {
      sampler: 'pressure',
      details: [
        { name: 'cpu pressure full', unit: 'fraction', value: 0.125 },
        { name: 'memory pressure full', unit: 'fraction', value: 0 },
      ],
    },
    { sampler: 'cgroup', details: [{ name: 'memory limit', unit: 'bytes', value: 2 ** 30 }] },
    {
      sampler: 'applications',
      details: [
        { name: 'PostgreSQL: requests', unit: '1/s', value: 2055 },
        { name: 'PostgreSQL: deadlocks', unit: '1/s', value: 0 },
        { name: 'nginx at http://127.0.0.1:80/: requests', unit: '1/s', value: 1 },
      ],
    },
  ],
  findings: [SEEN, NO_PROBES, LONG],
}
const TERMINAL: Paper = { columns: 100, hasColour: true, hasBlocks: true }
const INK = new RegExp(`${String.fromCharCode(27)}\\[\\d+m`, 'g')

test('on a terminal of 80 columns no line is longer, and piped text has no colours', () => {
  for (const text of [showOnce(VIEW), showDoctor('vm', { findings: VIEW.findings, checks: [] })]) {
    for (const line of text.split('\n')) assert.ok(line.length <= 80, line)
    assert.doesNotMatch(text, INK)
  }
})

test('colours change no letter, and wider terminals are used', () => {
  const plain = { ...TERMINAL, hasColour: false }
  const text = showOnce(VIEW, TERMINAL)
  assert.match(text, INK)
  assert.equal(text.replaceAll(INK, ''), showOnce(VIEW, plain))
  const longest = Math.max(
    ...showOnce(VIEW, plain)
      .split('\n')
      .map((line) => line.length),
  )
  assert.ok(longest > 80 && longest <= 100, String(longest))
})

const self = (environment: Record<string, string>, columns?: number): Paper =>
  paperOf({ columns, environment: (name) => environment[name] })

test('colours need a terminal that has them, and nobody who asked for none', () => {
  assert.deepEqual(self({ LANG: 'C' }, 100), { columns: 100, hasColour: true, hasBlocks: false })
  assert.equal(self({ NO_COLOR: '1' }, 100).hasColour, false)
  assert.equal(self({ NO_COLOR: '' }, 100).hasColour, true)
  assert.equal(self({ TERM: 'dumb' }, 100).hasColour, false)
  assert.deepEqual(self({ LANG: 'C.UTF-8', LC_ALL: '' }), { ...PLAIN, hasBlocks: true })
  assert.equal(self({ LANG: 'en_US.UTF-8', LC_ALL: 'C' }, 20).hasBlocks, false)
  assert.deepEqual([self({}, 20).columns, self({}, 500).columns], [60, 120])
})

test('every dimension that is there has its name, value, unit and source; every other is absent with a reason', () => {
  const text = showOnce(VIEW)
  const table = text.slice(text.indexOf('\nCPU\n'))
  for (const { name } of PERSONALITY_SCHEMA) assert.equal(table.split(new RegExp(`\\b${name}\\b`)).length, 2, name)
  // 14 MiB/s by QEMU's measurement, seen from the host.
  assert.match(text, /^ {2}memoryDirtiedBytesPerSec +14 MiB\/s +host/m)
  assert.match(text, /^ {2}cpuStealShare +[\d.]+ % +[#.]{10} host {4}of demand$/m)
  assert.match(text, /^Personality of db-1: busy writer$/m)
})

test('in short: what is there in words, group by group; what is absent is not spoken of', () => {
  const text = showOnce(VIEW)
  const short = text.slice(text.indexOf('In short'), text.indexOf('\nCPU\n'))
  assert.match(short, /^ {2}Memory +[\d.]+ GiB in use, 14 MiB\/s written$/m)
  assert.doesNotMatch(short, /Applications|NaN|undefined/)
})

test('what was measured beside stands below its group, zeros in one line, each application below its name', () => {
  const text = showOnce(VIEW)
  const group = (title: string) => text.split(`\n${title}\n`)[1]?.split('\n\n')[0] ?? ''
  assert.match(group('CPU'), /cpu pressure full +12\.5 % {2}user +0\.5 cores/)
  assert.match(group('Memory'), /zero: memory pressure full/)
  assert.match(group('Processes'), /own control group\n +memory limit +1 GiB/)
  assert.match(group('Applications'), /PostgreSQL\n +requests +2 055\/s\n +zero: deadlocks/)
  assert.match(group('Applications'), /nginx at http:\/\/127\.0\.0\.1:80\/\n +requests +1\/s/)
})

test('a reason is what was found in the way here; for what the guest alone can tell, and for what is derived too', () => {
  const { absent } = JSON.parse(onceAsJson(VIEW)) as { absent: Record<string, string> }
  assert.equal(absent['systemCallsFilePerSec'], 'no probe helper has left results')
  assert.equal(absent['processCount'], 'the sampler processes is switched off')
  assert.equal(absent['forecastCpu5MinP50'], 'too little history')
  // Seen from the host nobody asked the guest: what the schema says.
  const host = JSON.parse(onceAsJson({ ...VIEW, witness: 'host', findings: [] })) as { absent: Record<string, string> }
  assert.match(host.absent['processCount'] ?? '', /no agent in the guest/)
})

test('every dimension has a group, and every measure a sampler', () => {
  assert.equal(GROUPS[0].from, PERSONALITY_SCHEMA[0].name)
  for (const { name, source } of PERSONALITY_SCHEMA)
    assert.equal(samplerOf(name) === undefined, source === 'derived', name)
})

test('numbers as people read them', () => {
  const shown = [
    [showAmount(1, 'connections'), '1 connection'],
    [showAmount(1, 'processes'), '1 process'],
    [showAmount(0, 'connections'), '0 connections'],
    [showAmount(1536, 'bytes/s'), '1.5 KiB/s'],
    [showAmount(0.0042, 'ms'), '4.2 us'],
    [showAmount(0, 'ms'), '0 ms'],
    [showAmount(3991, 'ms'), '3.99 s'],
    [showAmount(0.08, 's'), '80 ms'],
    [showAmount(12_345.6, '1/s'), '12 346/s'],
    [showAmount(0.125, 'fraction of demand'), '12.5 %'],
    [showTime(7_200_000), '2 h'],
    [showTime(259_200_000), '3 days'],
  ]
  for (const [is, expected] of shown) assert.equal(is, expected)
  assert.deepEqual(amountOf(2, 'reference cores'), { number: '2', unit: 'cores' })
})

test('the doctor says in words what is seen, why not, and what would help, each below the other where it is long', () => {
  const checks = [{ what: 'where vectors go', state: 'bad', because: 'nowhere', remedy: 'name a server' }] as const
  const text = showDoctor('vm', { findings: VIEW.findings, checks })
  assert.match(text, /^ {2}yes {5}CPU by mode {31}\/proc\/stat$/m)
  assert.match(text, /^ {2}no {6}system and library calls\n {10}no probe helper has left results\n {10}-> systemctl/m)
  assert.match(text, /^ {2}BAD {5}where vectors go +nowhere\n {10}-> name a server$/m)
  assert.match(text, /^1 seen, 1 partly, 1 not seen\.$/m)
})
