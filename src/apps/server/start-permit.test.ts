import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseHostId, parseVmId } from '../../terms/ids.ts'
import { hashPair } from '../../terms/luck.ts'
import { PRODUCTION_POLICY } from '../../terms/policy.ts'
import { HOUR_MS } from '../../terms/units.ts'
import { MOVE_TIMES_DEFAULT, parseMoveTimes } from './move-times.ts'
import { AUTOMATION_LEVELS, type SiteSettings } from './site-settings.ts'
import { type AskedMove, whyNotStart } from './start-permit.ts'

const AT = Date.UTC(2026, 10, 28, 12)
const order = { vmId: parseVmId('web-1'), from: parseHostId('kvm-1'), to: parseHostId('kvm-2') }
const WISH = { who: 'ann', at: 0, reason: 'why' }

function draw<T>(seed: number, place: number, words: readonly T[]): T {
  return words[hashPair(seed, place) % words.length]
}

/** One of many configurations, and what the words of the documentation say of it. */
function configure(seed: number): { asked: AskedMove; settings: SiteSettings; mayStart: boolean } {
  const level = draw(seed, 0, AUTOMATION_LEVELS)
  const isPaused = draw(seed, 1, [true, false, false])
  const isOptedOut = draw(seed, 2, [true, false, false])
  const isTargetClosed = draw(seed, 3, [true, false, false])
  const evacuatedBy = draw(seed, 4, ['ann', 'bob', undefined])
  const isForced = draw(seed, 5, [true, false])
  const isBlackout = draw(seed, 6, [true, false])
  const isOutside = draw(seed, 7, [true, false])
  const kind = draw(seed, 8, ['policy', 'operator', 'evacuation'] as const)
  const problems = draw(seed, 9, [[], [], ['The setting "policy" can\'t be understood.']])
  const cause =
    kind === 'policy'
      ? ({ kind } as const)
      : kind === 'operator'
        ? ({ kind, who: 'ann' } as const)
        : ({ kind, who: 'ann', hostId: order.from } as const)
  const settings: SiteSettings = {
    policy: PRODUCTION_POLICY,
    automation: { level, isPaused, areGuestsTrusted: false },
    moveTimes: {
      ...MOVE_TIMES_DEFAULT,
      blackouts: isBlackout ? [{ from: AT - 1, to: AT + 1, reason: 'freeze' }] : [],
      windows: isOutside ? [{ days: ['mon'], from: '01:00', to: '02:00' }] : [],
    },
    optOuts: new Map(isOptedOut ? [[order.vmId, WISH]] : []),
    maintenances: new Map([
      ...(isTargetClosed ? ([[order.to, { ...WISH, isForced: false }]] as const) : []),
      ...(evacuatedBy === undefined ? [] : ([[order.from, { ...WISH, who: evacuatedBy, isForced }]] as const)),
    ]),
    acceptedWarnings: new Map(),
    problems,
  }
  const isAtAll = !isPaused && !isOptedOut && !isTargetClosed && problems.length === 0
  const mayStart =
    isAtAll &&
    {
      policy: level === 'full' && !isBlackout && !isOutside,
      operator: (level === 'full' || level === 'partial') && !isBlackout,
      evacuation: (level === 'full' || level === 'partial') && evacuatedBy === 'ann' && (isForced || !isBlackout),
    }[kind]
  return { asked: { cause, order }, settings, mayStart }
}

test('of a hundred thousand configurations a move begins in those that allow it, and in no other', () => {
  let allowed = 0
  for (let seed = 0; seed < 100_000; seed++) {
    const { asked, settings, mayStart } = configure(seed)
    const why = whyNotStart(asked, settings, AT)
    assert.equal(why === undefined, mayStart, `seed ${seed}: ${why}`)
    if (mayStart) allowed++
  }
  assert.ok(allowed > 500)
})

test('the level of shadow, advisory or off, and a pause, allow no cause at all', () => {
  for (let seed = 0; seed < 20_000; seed++) {
    const { asked, settings } = configure(seed)
    const { level, isPaused } = settings.automation
    if (isPaused || level === 'off' || level === 'shadow' || level === 'advisory')
      assert.notEqual(whyNotStart(asked, settings, AT), undefined)
  }
})

test('windows are hours of a time zone, over midnight and over a change of the clock', () => {
  const moveTimes = parseMoveTimes({
    timeZone: 'Europe/Berlin',
    windows: [{ days: ['fri'], from: '22:00', to: '06:00' }],
  })
  const settings = {
    ...configure(0).settings,
    moveTimes,
    optOuts: new Map(),
    maintenances: new Map(),
    problems: [],
  }
  const open = { ...settings, automation: { level: 'full', isPaused: false, areGuestsTrusted: false } } as const
  const isOpen = (at: number) => whyNotStart({ cause: { kind: 'policy' }, order }, open, at) === undefined
  // Winter: 22:00 in Berlin is 21:00 UTC. The 27th of November 2026 is a Friday.
  const friday = Date.UTC(2026, 10, 27)
  assert.deepEqual(
    [20.9, 21, 24, 28.9, 29].map((hours) => isOpen(friday + hours * HOUR_MS)),
    [false, true, true, true, false],
  )
  // Summer: 20:00 UTC.
  const june = Date.UTC(2026, 5, 26)
  assert.deepEqual(
    [19.9, 20, 27.9, 28].map((hours) => isOpen(june + hours * HOUR_MS)),
    [false, true, true, false],
  )
})

test('times that can not be meant are refused with their place', () => {
  const refusals: readonly (readonly [unknown, RegExp])[] = [
    [{ timeZone: 'Europe/Nowhere' }, /timeZone.*no such time zone/],
    [{ windows: [{ days: [], from: '01:00', to: '02:00' }] }, /windows\[0\]\.days/],
    [{ windows: [{ days: ['mon'], from: '25:00', to: '02:00' }] }, /windows\[0\]\.from/],
    [{ blackouts: [{ from: 2, to: 1 }] }, /blackouts\[0\]\.to.*must come after from/],
    [{ blackout: [] }, /blackout/],
  ]
  for (const [times, told] of refusals) assert.throws(() => parseMoveTimes(times), told)
})
