import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseHostId, parseVmId } from '../../terms/ids.ts'
import { type Presence, PRESENCES, type Sighting } from '../../terms/intent.ts'
import type { MoveStep } from '../../terms/move-record.ts'
import { MINUTE_MS } from '../../terms/units.ts'
import { ACCEPTED, dark, FROM, nameOf, recordAfter, seen, whatNext } from './builders.ts'
import { alertOf } from './move-alerts.ts'
import { layTogether } from './two-sightings.ts'

test('a move that takes too long is asked to end, and asked again after a minute, but never declared failed', () => {
  const atWork = { source: seen('running', true), destination: seen('incoming') }
  assert.equal(nameOf(whatNext({ ...atWork, steps: ACCEPTED, lookSec: 599 })), 'wait')
  assert.equal(nameOf(whatNext({ ...atWork, steps: ACCEPTED, lookSec: 600 })), 'ask-abort')
  const asked: readonly MoveStep[] = [...ACCEPTED, { step: 'abort-asked', by: 'ethos', reason: '' }]
  // It was asked with the first lines, at second 0.
  assert.equal(nameOf(whatNext({ ...atWork, steps: asked, lookSec: 6000 })), 'ask-abort')
  assert.equal(nameOf(whatNext({ ...atWork, steps: asked, lookSec: 59 })), 'wait')
})

test('a move whose rest gets smaller, however slowly, is not stalled; one that stands still for two minutes is', () => {
  const atWork = { source: seen('running', true), destination: seen('incoming'), steps: ACCEPTED, lookSec: 500 }
  assert.equal(nameOf(whatNext({ ...atWork, remainingAt: (second) => 1e9 - second })), 'wait')
  assert.equal(nameOf(whatNext({ ...atWork, remainingAt: (second) => Math.max(1e9 - second, 1e9 - 381) })), 'wait')
  // The least is reached at second 380: 500 - 380 = 120 s ago.
  assert.equal(nameOf(whatNext({ ...atWork, remainingAt: (second) => Math.max(1e9 - second, 1e9 - 380) })), 'ask-abort')
  assert.equal(nameOf(whatNext(atWork)), 'wait')
})

test('a call that has no answer is asked to end in its time, and followed for as long again and ten minutes: it may begin late', () => {
  const quiet = { source: seen('running'), destination: seen('absent'), call: 'pending' } as const
  const sent: readonly MoveStep[] = ACCEPTED.filter(({ step }) => step !== 'accepted')
  const asked: readonly MoveStep[] = [...sent, { step: 'abort-asked', by: 'ethos', reason: '' }]
  assert.equal(nameOf(whatNext({ ...quiet, steps: sent, lookSec: 599 })), 'wait')
  assert.equal(nameOf(whatNext({ ...quiet, steps: sent, lookSec: 600 })), 'ask-abort')
  // 2 x 600 s and ten minutes.
  assert.equal(nameOf(whatNext({ ...quiet, steps: asked, lookSec: 1799 })), 'wait')
  assert.equal(nameOf(whatNext({ ...quiet, steps: asked, lookSec: 1800 })), 'close aborted')
  // It begins after all.
  const begun = { source: seen('running', true), destination: seen('incoming'), call: 'pending' } as const
  assert.equal(nameOf(whatNext({ ...begun, steps: asked, lookSec: 1000 })), 'accept')
  const late: readonly MoveStep[] = [...asked, { step: 'accepted', detail: '' }]
  assert.equal(nameOf(whatNext({ ...begun, steps: late, lookSec: 1000 })), 'ask-abort')
})

test('a move in post-copy is never asked to end: nobody could take it back', () => {
  const step = whatNext({
    source: seen('handing-over', true),
    destination: seen('incoming'),
    steps: ACCEPTED,
    lookSec: 5000,
    isPostCopy: true,
  })
  assert.equal(nameOf(step), 'wait')
})

test('whatever two looks at a healthy move show, an instant apart from each other, they are laid together to nothing strange', () => {
  const strangers: string[] = []
  for (const source of ['running', 'handing-over', 'left', 'absent'] as const) {
    for (const destination of ['absent', 'incoming', 'handing-over', 'paused', 'running'] as const) {
      for (const isAtWork of [false, true]) {
        const picture = layTogether(seen(source, isAtWork), seen(destination))
        if (picture === 'strange') strangers.push(`${source} ${destination} ${isAtWork}`)
      }
    }
  }
  assert.deepEqual(strangers, [])
})

test('what ended where it began after somebody asked for it is aborted', () => {
  const asked: readonly MoveStep[] = [...ACCEPTED, { step: 'abort-asked', by: 'ann', reason: '' }]
  const step = whatNext({
    steps: asked,
    call: 'failed',
    source: seen('running'),
    destination: seen('absent'),
    lookSec: 5,
  })
  assert.equal(nameOf(step), 'close aborted')
})

test('frozen is thawed by two looks that agree, and by nothing less', () => {
  const frozen: readonly MoveStep[] = [...ACCEPTED, { step: 'frozen', reason: 'unknown', detail: '' }]
  const back = { source: seen('running', true), destination: seen('incoming') }
  assert.equal(nameOf(whatNext({ ...back, steps: frozen, lookSec: 4 })), 'wait')
  assert.equal(nameOf(whatNext({ ...back, steps: frozen, lookSec: 5 })), 'thaw')
  assert.equal(nameOf(whatNext({ source: dark(), destination: dark(), steps: frozen, lookSec: 9000 })), 'wait')
  assert.equal(
    nameOf(whatNext({ source: seen('running'), destination: seen('running'), steps: frozen, lookSec: 9 })),
    'freeze double',
  )
})

test("a person's word that a host is off counts where it can't be asked, and not where it answers", () => {
  const steps: readonly MoveStep[] = [...ACCEPTED, { step: 'vouched', hostId: FROM, by: 'ann' }]
  assert.equal(nameOf(whatNext({ steps, source: dark(), destination: seen('running'), lookSec: 0 })), 'verify')
  assert.equal(
    nameOf(whatNext({ steps, source: seen('running'), destination: seen('running'), lookSec: 1 })),
    'freeze double',
  )
})

test('whatever the two hosts show, for however long, nothing but looking, freezing, asking to end and closing comes of it', () => {
  const kinds = new Set<string>()
  const sightings = [dark(), ...PRESENCES.flatMap((presence) => [seen(presence), seen(presence, true)])]
  for (const source of sightings)
    for (const destination of sightings)
      for (const call of ['pending', 'not-ours', 'succeeded', 'failed', 'unknown'] as const)
        for (const lookSec of [0, 5, 60, 6000]) {
          const step = whatNext({ steps: ACCEPTED, call, source, destination, lookSec })
          kinds.add(step.kind)
          if (step.kind === 'close' && step.state === 'done')
            assert.ok(isAt(destination, 'running') && !isAt(source, 'running'))
          if (step.kind === 'close' && ['failed', 'aborted', 'not-started'].includes(step.state))
            assert.ok(isAt(source, 'running'))
          if (isAt(source, 'running') && isAt(destination, 'running') && lookSec > 0)
            assert.equal(nameOf(step), 'freeze double')
        }
  assert.deepEqual([...kinds].sort(), ['ask-abort', 'close', 'freeze', 'verify', 'wait'])
})

test('alerts: double and ambiguous at once, unknown after ten minutes, each with commands for people', () => {
  assert.equal(alertAfter(0, { step: 'frozen', reason: 'double', detail: '' })?.severity, 'critical')
  assert.match(
    alertAfter(0, { step: 'frozen', reason: 'double', detail: '' })?.commands.join('\n') ?? '',
    /host-a\/system destroy vm-1/,
  )
  assert.equal(alertAfter(0, { step: 'frozen', reason: 'ambiguous', detail: '' })?.what, 'ambiguous')
  assert.equal(alertAfter(9, { step: 'frozen', reason: 'unknown', detail: '' }), undefined)
  assert.equal(alertAfter(10, { step: 'frozen', reason: 'unknown', detail: '' })?.what, 'unknown')
  assert.equal(alertAfter(0, { step: 'closed', state: 'lost-by-fault', detail: '' })?.severity, 'critical')
  assert.equal(alertAfter(0, { step: 'closed', state: 'done', detail: '' }), undefined)
  // Ten minutes are allowed, and ten more.
  assert.equal(alertAfter(20), undefined)
  assert.equal(alertAfter(21)?.what, 'overdue')
})

test('a VM that was moved on by somebody else is not lost; one that hosts may hide is waited for', () => {
  const gone = { steps: ACCEPTED, source: seen('left'), destination: seen('absent') }
  const foundAt = parseHostId('host-c')
  assert.equal(nameOf(whatNext({ ...gone, lookSec: 5, search: { foundAt, silent: [] } })), 'close failed')
  assert.equal(nameOf(whatNext({ ...gone, lookSec: 299, search: { silent: [foundAt] } })), 'wait')
  assert.equal(nameOf(whatNext({ ...gone, lookSec: 300, search: { silent: [foundAt] } })), 'close lost-by-fault')
})

test('while no host at all says anything of it, it is not lost; a host that is vouched for as off need not be asked', () => {
  const gone = { steps: ACCEPTED, source: seen('left'), destination: seen('absent') }
  assert.equal(nameOf(whatNext({ ...gone, lookSec: 299 })), 'wait')
  assert.equal(nameOf(whatNext({ ...gone, lookSec: 300 })), 'close lost-by-fault')

  const vouched: MoveStep = { step: 'vouched', hostId: FROM, by: 'ann' }
  const offIt = { ...gone, steps: [...ACCEPTED, vouched], source: dark(), lookSec: 5 }
  assert.equal(nameOf(whatNext({ ...offIt, search: { silent: [FROM] } })), 'close lost-by-fault')
  const lying = parseHostId('host-c')
  const step = whatNext({ ...offIt, search: { silent: [FROM], lying: [lying] } })
  assert.match(step.kind === 'close' ? step.detail : '', /A copy that does not run lies on host-c\./)
})

test('what was asked to end and is at work a minute later is asked again, whoever asked: the first word may have come too early', () => {
  const asked: MoveStep = { step: 'abort-asked', by: 'ann', reason: 'asked for' }
  const atWork = { steps: [...ACCEPTED, asked], source: seen('running', true), destination: seen('incoming') }
  assert.equal(nameOf(whatNext({ ...atWork, lookSec: 59 })), 'wait')
  assert.equal(nameOf(whatNext({ ...atWork, lookSec: 60 })), 'ask-abort')
  assert.equal(nameOf(whatNext({ ...atWork, lookSec: 60, isPostCopy: true })), 'wait')
})

test('commands for people are one word where a VM is named like a command, an option or another VM’s id', () => {
  assert.match(pasted('web-1'), / domstate web-1 --reason\n/)
  assert.match(pasted('$(reboot);`id`|x'), / domstate '\$\(reboot\);`id`\|x' --reason\n/)
  assert.match(pasted("a';reboot;'"), / domstate 'a'\\'';reboot;'\\''' --reason\n/)
  assert.match(pasted('--all'), / domstate --domain --all --reason\n/)
  assert.match(pasted('3'), / destroy UUID-OF-THE-VM-NAMED-3(\n|$)/)
})

/** What people are given to paste for a VM that runs on both hosts. */
function pasted(vmId: string): string {
  const record = recordAfter([...ACCEPTED, { step: 'frozen', reason: 'double', detail: '' }])
  const order = { ...record.intent.order, vmId: parseVmId(vmId) }
  return alertOf({ ...record, intent: { ...record.intent, order } }, 0)?.commands.join('\n') ?? ''
}

function isAt(sighting: Sighting, presence: Presence): boolean {
  return sighting.kind === 'seen' && sighting.presence === presence
}

/** Of an accepted move, so many minutes after all that is on record. */
function alertAfter(minutes: number, ...steps: readonly MoveStep[]) {
  return alertOf(recordAfter([...ACCEPTED, ...steps]), minutes * MINUTE_MS)
}
