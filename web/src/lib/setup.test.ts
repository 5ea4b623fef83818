import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HostView } from '../../../src/apps/server/views/hosts.ts'
import type { StatusView } from '../../../src/apps/server/views/site.ts'
import { ApiFailure } from './api.ts'
import { nextStep, type SetupFacts, type SetupStep, setupSteps, setupText } from './setup.ts'
import { type Seen, seenOf } from './setup-facts.ts'
import { quoted } from './setup-words.ts'

const NOW = 1_795_852_800_000
const status: StatusView = {
  version: '0.1.0',
  asOf: NOW,
  upSince: NOW,
  you: { name: 'token admin', role: 'admin' },
  store: 'sqlite',
  controller: 'running',
  automation: { level: 'shadow', isPaused: false },
  turns: 0,
  vms: {},
  hosts: 0,
  streams: 0,
  degraded: [],
}
const seen = <T>(value: T): Seen<T> => ({ kind: 'seen', value })
const empty: SetupFacts = {
  status,
  hosts: [],
  migrations: seen({ ended: [], open: [] }),
  libvirt: seen({ version: 0, site: { hosts: [] } }),
  tokens: seen([]),
  backups: seen([]),
  server: 'https://ethos.example:8470',
  now: NOW,
}
const host = (name: string, more: Partial<HostView> = {}): HostView => ({
  host: name,
  isComplete: true,
  reportedAt: NOW - 40_000,
  ...more,
})
const stepOf = (facts: SetupFacts, name: string): SetupStep => {
  const step = setupSteps(facts).find((one) => one.name === name)
  assert.ok(step, name)
  return step
}

test('an empty site is sent to measure a host, then to let it report', () => {
  assert.equal(nextStep(setupSteps(empty))?.name, 'measured')
  const registered = { ...empty, hosts: [{ host: 'kvm-1', isComplete: true }] }
  const next = nextStep(setupSteps(registered))
  assert.equal(next?.name, 'reporting')
  assert.deepEqual(next?.lacking, ['kvm-1 has never reported.'])
  assert.match(next?.commands[1]?.text ?? '', /^ethos reporter --server https:\/\/ethos\.example:8470 --host-id kvm-1 /)
})

test('a host of which too little is known is named with what is missing, and one that fell silent with its age', () => {
  const facts = {
    ...empty,
    hosts: [
      host('a', { isComplete: false, lacking: 'memoryBytes is not known.' }),
      host('b', { reportedAt: NOW - 600_000 }),
    ],
  }
  assert.deepEqual(stepOf(facts, 'measured').lacking, ['a: memoryBytes is not known.'])
  assert.equal(stepOf(facts, 'measured').state, 'part')
  assert.deepEqual(stepOf(facts, 'reporting').lacking, ['b was last heard 10 min ago.'])
  assert.match(stepOf(facts, 'reporting').told, /^1 of 2 report/)
})

test('of many that are missing the first few are told', () => {
  const hosts = Array.from({ length: 1000 }, (_, i) => host(`h${i}`, { reportedAt: NOW - 3_600_000 }))
  const { lacking } = stepOf({ ...empty, hosts }, 'reporting')
  assert.equal(lacking.length, 6)
  assert.equal(lacking[5], 'And 995 more.')
})

test('guests need not speak for the site to begin', () => {
  const facts = { ...empty, status: { ...status, vms: { good: 2, seen: 3, quarantined: 1 } } }
  const step = stepOf(facts, 'agents')
  assert.equal(step.state, 'part')
  assert.equal(step.isNeeded, false)
  assert.match(step.told, /^2 of 6 VMs are heard/)
  assert.match(step.lacking.join(), /1 in quarantine/)
})

test('what a role may not see is hidden, and not missing', () => {
  const hidden = { kind: 'hidden' } as const
  const facts = { ...empty, libvirt: hidden, tokens: hidden, backups: hidden, migrations: hidden }
  for (const name of ['libvirt', 'tokens', 'backups']) {
    assert.equal(stepOf(facts, name).state, 'hidden', name)
    assert.match(stepOf(facts, name).told, /^Only an admin sees/)
    assert.deepEqual(stepOf(facts, name).commands, [], name)
  }
})

test('what can not be told now is not known: nobody is told that only an admin sees it, nor what to type', () => {
  const down = new ApiFailure(503, { message: 'The store is busy.' })
  const unknown = seenOf<never>(true, { value: undefined, failure: down })
  const facts = { ...empty, libvirt: unknown, tokens: unknown, backups: unknown, migrations: unknown }
  for (const name of ['libvirt', 'tokens', 'backups']) {
    const step = stepOf(facts, name)
    assert.deepEqual(
      [step.state, step.told, step.commands],
      ['unknown', 'It can’t be told now: The store is busy.', []],
      name,
    )
  }
  assert.match(setupText(setupSteps(facts)), /^0 of 5 steps that are needed are done; of 1 nothing is known\.$/)
})

test('what is seen, hidden and not known yet are told apart', () => {
  assert.deepEqual(seenOf(true, { value: 0, failure: undefined }), { kind: 'seen', value: 0 })
  assert.deepEqual(seenOf(true, { value: undefined, failure: undefined }), { kind: 'unknown', why: 'Asking.' })
  assert.deepEqual(seenOf(false, { value: undefined, failure: undefined }), { kind: 'hidden' })
  assert.deepEqual(seenOf(true, { value: undefined, failure: new ApiFailure(403, {}) }), { kind: 'hidden' })
  // What was seen before it could not be asked any more still stands.
  assert.equal(seenOf(true, { value: 1, failure: new ApiFailure(503, {}) }).kind, 'seen')
})

test('without a driver nothing is configured, whoever asks', () => {
  const hidden = { kind: 'hidden' } as const
  assert.equal(stepOf({ ...empty, libvirt: hidden }, 'libvirt').state, 'missing')
  const moved = { ...empty, libvirt: hidden, migrations: seen({ driver: 'libvirt', ended: [], open: [] }) }
  assert.deepEqual(
    [stepOf(moved, 'libvirt').state, stepOf(moved, 'libvirt').told],
    ['done', 'VMs may be moved (libvirt).'],
  )
})

test('the level is what the server runs at, and nothing is said of moves before they are known', () => {
  const facts = {
    ...empty,
    status: { ...status, automation: { level: 'full' as const, isPaused: true } },
    migrations: { kind: 'unknown', why: 'Asking.' } as const,
  }
  assert.deepEqual(
    [stepOf(facts, 'automation').state, stepOf(facts, 'automation').told],
    ['part', 'It is at full, and paused.'],
  )
})

test('a site that moves VMs lacks nothing that is needed', () => {
  const facts: SetupFacts = {
    ...empty,
    status: {
      ...status,
      turns: 9,
      lastTurnAt: NOW - 60_000,
      automation: { level: 'full', isPaused: false },
      vms: { good: 1 },
    },
    hosts: [host('a'), host('b')],
    migrations: seen({ driver: 'libvirt', ended: [], open: [] }),
    libvirt: seen({ version: 1, site: { hosts: [{ id: 'a' }, { id: 'b' }] } }),
  }
  const steps = setupSteps(facts)
  assert.equal(nextStep(steps), undefined)
  assert.equal(setupText(steps), 'All is there that is needed.')
  assert.equal(setupText(setupSteps(empty)), '0 of 5 steps that are needed are done.')
})

test('a host that reports and that no libvirt is named for is told', () => {
  const facts = {
    ...empty,
    hosts: [host('a'), host('c')],
    libvirt: seen({ version: 1, site: { hosts: [{ id: 'a' }] } }),
  }
  assert.deepEqual(stepOf(facts, 'libvirt').lacking, ['c reports, and is not among them.'])
  assert.equal(stepOf(facts, 'libvirt').state, 'part')
})

test('the next level is one higher, said twice where VMs are then moved', () => {
  assert.equal(stepOf(empty, 'automation').commands[0]?.text, 'ethos automation --level advisory')
  const advisory = { ...empty, status: { ...status, automation: { level: 'advisory' as const, isPaused: false } } }
  assert.equal(stepOf(advisory, 'automation').commands[0]?.text, 'ethos automation --level partial --confirm partial')
})

test('names from outside are words of a shell, whatever they hold', () => {
  assert.equal(quoted('kvm-1.example'), 'kvm-1.example')
  assert.equal(quoted('$(reboot)'), "'$(reboot)'")
  assert.equal(quoted("a'b;c"), "'a'\\''b;c'")
  assert.equal(quoted('-rf'), "'-rf'")
  const facts = { ...empty, hosts: [host('`id`', { isComplete: false })] }
  assert.match(stepOf(facts, 'measured').commands[0]?.text ?? '', /--host-id '`id`' --out/)
})
