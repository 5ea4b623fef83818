import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseHostId, parseOrderId, parseVmId } from '../../terms/ids.ts'
import { type MoveProgress, type Presence, PRESENCES, type Sighting } from '../../terms/intent.ts'
import type { MoveStep } from '../../terms/move-record.ts'
import { MINUTE_MS, SECOND_MS } from '../../terms/units.ts'
import { afterLine, type IntentRecord } from './intent-record.ts'
import { afterLook, type CallStatus, type NextStep, nextStep, startFollowing } from './intent.ts'
import { alertOf } from './move-alerts.ts'

const FROM = parseHostId('host-a')
const TO = parseHostId('host-b')
const TIMEOUT_MS = 10 * MINUTE_MS
const STALLED_MS = 2 * MINUTE_MS

const SENT: readonly MoveStep[] = [{ step: 'sending', fence: 1 }]
const ACCEPTED: readonly MoveStep[] = [...SENT, { step: 'accepted', detail: '' }]

/** The table of docs/moves.md: last durable record, what each host says and for how long, and what is done. */
const TABLE: readonly {
  readonly row: string
  readonly steps: readonly MoveStep[]
  readonly call?: CallStatus
  readonly source: Sighting
  readonly destination: Sighting
  readonly lookSec: number
  readonly expect: string
}[] = [
  {
    row: 'recorded, never sent',
    steps: [],
    source: seen('running'),
    destination: seen('absent'),
    lookSec: 5,
    expect: 'close not-started',
  },
  {
    row: 'perhaps sent, nothing to be seen',
    steps: SENT,
    source: seen('running'),
    destination: seen('absent'),
    lookSec: 60,
    expect: 'close not-started',
  },
  {
    row: 'perhaps sent, nothing to be seen yet',
    steps: SENT,
    source: seen('running'),
    destination: seen('absent'),
    lookSec: 59,
    expect: 'wait',
  },
  {
    row: 'recorded, and at work',
    steps: SENT,
    source: seen('running', true),
    destination: seen('incoming'),
    lookSec: 0,
    expect: 'accept',
  },
  {
    row: 'accepted, and at work',
    steps: ACCEPTED,
    source: seen('running', true),
    destination: seen('incoming'),
    lookSec: 60,
    expect: 'wait',
  },
  {
    row: 'accepted, at work, destination dark',
    steps: ACCEPTED,
    source: seen('running', true),
    destination: dark(),
    lookSec: 60,
    expect: 'wait',
  },
  {
    row: 'accepted, rolled back',
    steps: ACCEPTED,
    call: 'failed',
    source: seen('running'),
    destination: seen('absent'),
    lookSec: 5,
    expect: 'close failed',
  },
  {
    row: 'accepted, rolled back, no word',
    steps: ACCEPTED,
    source: seen('running'),
    destination: seen('absent'),
    lookSec: 60,
    expect: 'close failed',
  },
  {
    row: 'accepted, one look only',
    steps: ACCEPTED,
    call: 'failed',
    source: seen('running'),
    destination: seen('absent'),
    lookSec: 4,
    expect: 'wait',
  },
  {
    row: 'the call is still out',
    steps: ACCEPTED,
    call: 'pending',
    source: seen('running'),
    destination: seen('absent'),
    lookSec: 100,
    expect: 'wait',
  },
  {
    row: 'the call is out for ever',
    steps: ACCEPTED,
    call: 'pending',
    source: seen('running'),
    destination: seen('absent'),
    lookSec: 900,
    expect: 'close failed',
  },
  {
    row: 'arrived, first look',
    steps: ACCEPTED,
    source: seen('left'),
    destination: seen('running'),
    lookSec: 0,
    expect: 'verify',
  },
  {
    row: 'arrived, seen before',
    steps: [...ACCEPTED, { step: 'seen', source: '', destination: '' }],
    source: seen('left'),
    destination: seen('running'),
    lookSec: 5,
    expect: 'close done',
  },
  {
    row: 'arrived, seen just before',
    steps: [...ACCEPTED, { step: 'seen', source: '', destination: '' }],
    source: seen('absent'),
    destination: seen('running'),
    lookSec: 4,
    expect: 'wait',
  },
  {
    row: 'the platform says done, and nothing runs',
    steps: ACCEPTED,
    call: 'succeeded',
    source: seen('left'),
    destination: seen('absent'),
    lookSec: 5,
    expect: 'close lost-by-fault',
  },
  {
    row: 'paused on both',
    steps: ACCEPTED,
    source: seen('paused'),
    destination: seen('paused'),
    lookSec: 30,
    expect: 'freeze ambiguous',
  },
  {
    row: 'paused on both, for a moment',
    steps: ACCEPTED,
    source: seen('paused'),
    destination: seen('paused'),
    lookSec: 29,
    expect: 'wait',
  },
  {
    row: 'handing over, at work',
    steps: ACCEPTED,
    source: seen('handing-over', true),
    destination: seen('incoming'),
    lookSec: 60,
    expect: 'wait',
  },
  {
    row: 'runs on both',
    steps: ACCEPTED,
    source: seen('running'),
    destination: seen('running'),
    lookSec: 1,
    expect: 'freeze double',
  },
  {
    row: 'runs on both, at one look',
    steps: ACCEPTED,
    source: seen('running'),
    destination: seen('running'),
    lookSec: 0,
    expect: 'wait',
  },
  {
    row: 'source dark',
    steps: ACCEPTED,
    source: dark(),
    destination: seen('running'),
    lookSec: 0,
    expect: 'freeze unknown',
  },
  { row: 'both dark', steps: ACCEPTED, source: dark(), destination: dark(), lookSec: 0, expect: 'freeze unknown' },
  {
    row: 'destination dark',
    steps: ACCEPTED,
    call: 'failed',
    source: seen('running'),
    destination: dark(),
    lookSec: 0,
    expect: 'freeze unknown',
  },
  {
    row: 'destination dark for long',
    steps: ACCEPTED,
    call: 'failed',
    source: seen('running'),
    destination: dark(),
    lookSec: 300,
    expect: 'close failed',
  },
  {
    row: 'post-copy',
    steps: ACCEPTED,
    source: seen('handing-over', true),
    destination: seen('post-copy'),
    lookSec: 6000,
    expect: 'wait',
  },
  {
    row: 'post-copy broke',
    steps: ACCEPTED,
    source: seen('post-copy-broken'),
    destination: seen('post-copy-broken'),
    lookSec: 5,
    expect: 'freeze ambiguous',
  },
  {
    row: 'runs there, lies paused here',
    steps: ACCEPTED,
    source: seen('handing-over'),
    destination: seen('running'),
    lookSec: 29,
    expect: 'wait',
  },
  {
    row: 'runs there, lies paused here for long',
    steps: ACCEPTED,
    source: seen('handing-over'),
    destination: seen('running'),
    lookSec: 30,
    expect: 'verify',
  },
  {
    row: 'queued: yes is not done',
    steps: SENT,
    call: 'succeeded',
    source: seen('running'),
    destination: seen('absent'),
    lookSec: 300,
    expect: 'wait',
  },
  {
    row: 'queued, and never began',
    steps: SENT,
    call: 'succeeded',
    source: seen('running'),
    destination: seen('absent'),
    lookSec: 600,
    expect: 'ask-abort',
  },
  {
    row: 'fits nothing',
    steps: ACCEPTED,
    source: seen('incoming'),
    destination: seen('running'),
    lookSec: 30,
    expect: 'freeze unknown',
  },
]

test('each row of the table of reconciliation leads to what it says', () => {
  for (const { row, expect, ...what } of TABLE) assert.equal(name(whatNext(what)), expect, row)
})

test('a move that takes too long is asked to end, and asked again after a minute, but never declared failed', () => {
  const atWork = { source: seen('running', true), destination: seen('incoming') }
  assert.equal(name(whatNext({ ...atWork, steps: ACCEPTED, lookSec: 599 })), 'wait')
  assert.equal(name(whatNext({ ...atWork, steps: ACCEPTED, lookSec: 600 })), 'ask-abort')
  const asked: readonly MoveStep[] = [...ACCEPTED, { step: 'abort-asked', by: 'ethos', reason: '' }]
  // It was asked with the first lines, at second 0.
  assert.equal(name(whatNext({ ...atWork, steps: asked, lookSec: 6000 })), 'ask-abort')
  assert.equal(name(whatNext({ ...atWork, steps: asked, lookSec: 59 })), 'wait')
})

test('a move whose rest gets smaller, however slowly, is not stalled; one that stands still for two minutes is', () => {
  const atWork = { source: seen('running', true), destination: seen('incoming'), steps: ACCEPTED, lookSec: 500 }
  assert.equal(name(whatNext({ ...atWork, remainingAt: (second) => 1e9 - second })), 'wait')
  assert.equal(name(whatNext({ ...atWork, remainingAt: (second) => Math.max(1e9 - second, 1e9 - 381) })), 'wait')
  // The least is reached at second 380: 500 - 380 = 120 s ago.
  assert.equal(name(whatNext({ ...atWork, remainingAt: (second) => Math.max(1e9 - second, 1e9 - 380) })), 'ask-abort')
  assert.equal(name(whatNext(atWork)), 'wait')
})

test('a move in post-copy is never asked to end: nobody could take it back', () => {
  const step = whatNext({
    source: seen('handing-over', true),
    destination: seen('incoming'),
    steps: ACCEPTED,
    lookSec: 5000,
    isPostCopy: true,
  })
  assert.equal(name(step), 'wait')
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
  assert.equal(name(step), 'close aborted')
})

test('frozen is thawed by two looks that agree, and by nothing less', () => {
  const frozen: readonly MoveStep[] = [...ACCEPTED, { step: 'frozen', reason: 'unknown', detail: '' }]
  const back = { source: seen('running', true), destination: seen('incoming') }
  assert.equal(name(whatNext({ ...back, steps: frozen, lookSec: 4 })), 'wait')
  assert.equal(name(whatNext({ ...back, steps: frozen, lookSec: 5 })), 'thaw')
  assert.equal(name(whatNext({ source: dark(), destination: dark(), steps: frozen, lookSec: 9000 })), 'wait')
  assert.equal(
    name(whatNext({ source: seen('running'), destination: seen('running'), steps: frozen, lookSec: 9 })),
    'freeze double',
  )
})

test("a person's word that a host is off counts where it can't be asked, and not where it answers", () => {
  const steps: readonly MoveStep[] = [...ACCEPTED, { step: 'vouched', hostId: FROM, by: 'ann' }]
  assert.equal(name(whatNext({ steps, source: dark(), destination: seen('running'), lookSec: 0 })), 'verify')
  assert.equal(
    name(whatNext({ steps, source: seen('running'), destination: seen('running'), lookSec: 1 })),
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
            assert.equal(name(step), 'freeze double')
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
  assert.equal(name(whatNext({ ...gone, lookSec: 5, search: { foundAt, silent: [] } })), 'close failed')
  assert.equal(name(whatNext({ ...gone, lookSec: 299, search: { silent: [foundAt] } })), 'wait')
  assert.equal(name(whatNext({ ...gone, lookSec: 300, search: { silent: [foundAt] } })), 'close lost-by-fault')
})

test('what was asked to end and is at work a minute later is asked again, whoever asked: the first word may have come too early', () => {
  const asked: MoveStep = { step: 'abort-asked', by: 'ann', reason: 'asked for' }
  const atWork = { steps: [...ACCEPTED, asked], source: seen('running', true), destination: seen('incoming') }
  assert.equal(name(whatNext({ ...atWork, lookSec: 59 })), 'wait')
  assert.equal(name(whatNext({ ...atWork, lookSec: 60 })), 'ask-abort')
  assert.equal(name(whatNext({ ...atWork, lookSec: 60, isPostCopy: true })), 'wait')
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

/** The next step after the same two sightings at second 0 and once a second until `lookSec`. */
function whatNext(what: {
  readonly steps: readonly MoveStep[]
  readonly call?: CallStatus
  readonly source: Sighting
  readonly destination: Sighting
  readonly lookSec: number
  readonly remainingAt?: (second: number) => number
  readonly isPostCopy?: boolean
  readonly search?: Parameters<typeof afterLook>[1]['search']
}): NextStep {
  const record = recordAfter(what.steps)
  let follow = startFollowing(0)
  for (
    let second = 0;
    second <= what.lookSec;
    second += what.remainingAt === undefined ? Math.max(1, what.lookSec) : 1
  ) {
    const remainingBytes = what.remainingAt?.(second)
    const progress: MoveProgress = {
      elapsedMs: second * SECOND_MS,
      isPostCopy: what.isPostCopy ?? false,
      ...(remainingBytes === undefined ? {} : { remainingBytes }),
    }
    const { source, destination, search } = what
    follow = afterLook(follow, { record, source, destination, progress, search, at: second * SECOND_MS })
  }
  return nextStep(record, follow, { call: what.call ?? 'not-ours', now: what.lookSec * SECOND_MS })
}

function recordAfter(steps: readonly MoveStep[]): IntentRecord {
  const orderId = parseOrderId('order-1')
  const order = {
    id: orderId,
    vmId: parseVmId('vm-1'),
    from: FROM,
    to: TO,
    decidedAt: 0,
    class: 'energy',
    reason: '',
  } as const
  const terms = { mode: 'precopy', timeoutMs: TIMEOUT_MS, stalledMs: STALLED_MS } as const
  const first: MoveStep = { step: 'intent', intent: { order, cause: { kind: 'policy' }, terms } }
  let record: IntentRecord | undefined
  for (const step of [first, ...steps]) record = afterLine(record, { ...step, orderId, at: 0 })
  assert.ok(record !== undefined)
  return record
}

function seen(presence: Presence, hasJob = false): Sighting {
  return { kind: 'seen', at: 0, presence, hasJob, detail: presence }
}

function dark(): Sighting {
  return { kind: 'unreachable', at: 0, reason: 'no answer' }
}

function isAt(sighting: Sighting, presence: Presence): boolean {
  return sighting.kind === 'seen' && sighting.presence === presence
}

function name(step: NextStep): string {
  if (step.kind === 'close') return `close ${step.state}`
  return step.kind === 'freeze' ? `freeze ${step.reason}` : step.kind
}

/** Of an accepted move, so many minutes after all that is on record. */
function alertAfter(minutes: number, ...steps: readonly MoveStep[]) {
  return alertOf(recordAfter([...ACCEPTED, ...steps]), minutes * MINUTE_MS)
}
