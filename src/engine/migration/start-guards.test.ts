import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MoveCause } from '../../terms/intent.ts'
import type { MoveClass } from '../../terms/move.ts'
import { PRODUCTION_POLICY, SITE_POLICY } from '../../terms/policy.ts'
import { GiB, HOUR_MS, MINUTE_MS } from '../../terms/units.ts'
import { anOrder } from '../../simulator/builders.ts'
import { aHost, aVm } from '../builders.ts'
import { budgetsNow } from './start-budgets.ts'
import { MOVE_LIMITS, type MoveSite, type PastStart, refuseStart, type StartFacts } from './start-guards.ts'
import { moveSiteOf } from './start-site.ts'

const NOW = 100 * HOUR_MS

const CAUSES: Readonly<Record<MoveClass, MoveCause>> = {
  evacuation: { kind: 'evacuation', hostId: aHost(0).id, who: 'ann' },
  operator: { kind: 'operator', who: 'ann' },
  contention: { kind: 'policy' },
  energy: { kind: 'policy' },
}

/** Starts of half an hour ago: of this class, so many, each between two hosts of its own unless `to` says otherwise. */
function past(moveClass: MoveClass, many: number, to?: number): readonly PastStart[] {
  return Array.from({ length: many }, (_, i) => {
    const vm = 100 * Object.keys(CAUSES).indexOf(moveClass) + i + 10
    const { id: orderId, vmId, from, to: target } = anOrder(vm, vm * 2, to ?? vm * 2 + 1, `past-${vm}`)
    return { orderId, vmId, from, to: target, class: moveClass, at: NOW - 30 * MINUTE_MS }
  })
}

/** Why VM 0 may not go from host 0 to host 1; undefined where it may. */
function refusal(moveClass: MoveClass, changes: Partial<StartFacts>): string | undefined {
  const order = { ...anOrder(0, 0, 1, 'order-0'), decidedAt: NOW, class: moveClass }
  const terms = { mode: 'precopy', timeoutMs: MINUTE_MS, stalledMs: MINUTE_MS } as const
  const facts: StartFacts = {
    now: NOW,
    intent: { order, cause: CAUSES[moveClass], terms },
    units: 1,
    isPaused: false,
    holds: [],
    open: [],
    frozenVms: new Map(),
    frozenHosts: new Map(),
    yielded: new Map(),
    starts: [],
    limits: MOVE_LIMITS,
    ...changes,
  }
  return refuseStart(facts)?.reason
}

function open(vm: number, from: number, to: number, units = 1): StartFacts['open'][number] {
  const order = anOrder(vm, from, to, `open-${vm}`)
  return { vmId: order.vmId, from: order.from, to: order.to, units }
}

function begun(many: number, site?: MoveSite): string | undefined {
  return refusal('contention', { starts: past('contention', many), site })
}

/** A site of so many VMs, of which a twentieth may move within an hour. */
function share(vms: number): MoveSite {
  return { vms, hourShareMax: 0.05 }
}

function touched(moveClass: MoveClass, starts: readonly PastStart[]): string | undefined {
  return refusal(moveClass, { starts })
}

/** The link of host 1 is so fast. */
function links(bytesPerSec: number): MoveSite {
  return { links: new Map([[aHost(1).id, bytesPerSec]]) }
}

test('within an hour the policy begins twelve moves, or a share of the VMs if that is known and less; one always', () => {
  assert.equal(begun(11), undefined)
  assert.equal(begun(12), '12 moves of the policy began within an hour; 12 may.')
  // 5 % of 140 are seven, of a thousand fifty, of eight none.
  assert.equal(begun(6, share(140)), undefined)
  assert.equal(begun(7, share(140)), '7 moves of the policy began within an hour; 7 may.')
  assert.equal(begun(11, share(1000)), undefined)
  assert.equal(begun(12, share(1000)), '12 moves of the policy began within an hour; 12 may.')
  assert.equal(begun(0, share(8)), undefined)
  assert.equal(begun(1, share(8)), '1 moves of the policy began within an hour; 1 may.')
  assert.equal(begun(1, { vms: 8 }), undefined, 'a policy that names no share limits none')
})

test('a start that is on record does not use up its own budget', () => {
  const own: PastStart = {
    ...past('contention', 1, 1)[0],
    orderId: anOrder(0, 0, 1, 'order-0').id,
    vmId: aVm(0).id,
    at: NOW,
  }
  const site = share(8)
  assert.equal(refusal('contention', { starts: [own], site }), undefined)
  assert.equal(refusal('contention', { starts: [...past('contention', 3, 1), own] }), undefined)
})

test('each class of moves has a budget of its own', () => {
  const full: Readonly<Record<MoveClass, readonly PastStart[]>> = {
    evacuation: past('evacuation', 120),
    operator: past('operator', 12),
    contention: past('contention', 12),
    energy: past('energy', 6),
  }
  const blocks = (moveClass: MoveClass) =>
    (['evacuation', 'operator', 'contention', 'energy'] as const).filter(
      (other) => refusal(other, { starts: full[moveClass] }) !== undefined,
    )
  assert.deepEqual(blocks('evacuation'), ['evacuation'])
  assert.deepEqual(blocks('operator'), ['operator'])
  assert.deepEqual(blocks('contention'), ['contention', 'energy'])
  // Six for energy leave six for hosts that suffer.
  assert.deepEqual(blocks('energy'), ['energy'])
  assert.match(refusal('energy', { starts: full.energy }) ?? '', /6 moves for energy began within an hour; 6 may/)
})

test('of a host, energy has half of what the policy has', () => {
  assert.equal(touched('contention', past('energy', 2, 1)), undefined)
  assert.equal(touched('energy', past('energy', 2, 1)), '2 moves for energy touched host-1 within an hour; 2 may.')
  assert.match(touched('contention', past('contention', 4, 1)) ?? '', /4 moves of the policy touched host-1/)
  assert.equal(touched('operator', past('contention', 4, 1)), undefined)
})

test('where the hour holds one move, one for energy leaves it to a host that suffers', () => {
  const site = share(8)
  assert.equal(refusal('contention', { starts: past('energy', 1), site }), undefined)
  assert.ok(refusal('energy', { starts: past('energy', 1), site }) !== undefined)
  assert.ok(refusal('contention', { starts: [...past('energy', 1), ...past('contention', 1)], site }) !== undefined)
})

test('a link that is known to be slow carries four units, any other eight', () => {
  const three = [open(1, 5, 1), open(2, 6, 1), open(3, 7, 1)]
  const four = [...three, open(4, 8, 1)]
  assert.equal(refusal('contention', { open: three, site: links(1.25e8) }), undefined)
  assert.equal(
    refusal('contention', { open: four, site: links(1.25e8) }),
    'Moves take 4 of 4 units of host-1, whose link is below 10 Gbit/s.',
  )
  assert.equal(refusal('contention', { open: four, site: links(1.25e9) }), undefined)
  assert.equal(refusal('contention', { open: four }), undefined, 'absent is not slow')
})

test('a move with local disks takes four units, where that is known', () => {
  const local = { open: [open(1, 5, 1, 4)], units: 4 }
  assert.equal(refusal('contention', local), undefined)
  assert.match(refusal('contention', { ...local, open: [open(1, 5, 1, 4), open(2, 6, 1)] }) ?? '', /take 5 of 8 units/)
  // The one alone is all that a slow link takes.
  const site = { links: new Map([[aHost(1).id, 1.25e8]]) }
  assert.equal(refusal('contention', { open: [], units: 4, site }), undefined)
  assert.ok(refusal('contention', { open: [open(1, 5, 1)], units: 4, site }) !== undefined)
})

test('what is known of a site is what its inventory and its policy tell', () => {
  const inventory = { vms: [aVm(0), aVm(1, { memoryBytes: GiB })], hosts: [aHost(0, { networkBytesPerSec: 1.25e9 })] }
  const links = new Map([[aHost(0).id, 1.25e9]])
  assert.deepEqual(moveSiteOf(inventory, SITE_POLICY), { vms: 2, hourShareMax: 0.05, links })
  assert.deepEqual(moveSiteOf(inventory, PRODUCTION_POLICY), { vms: 2, links })
})

test('budgets are told as starts are judged by them: something is left exactly where one may begin', () => {
  for (const site of [share(8), share(60), undefined])
    for (let contention = 0; contention <= 13; contention++)
      for (let energy = 0; contention + energy <= 13; energy++) {
        const starts = [...past('contention', contention), ...past('energy', energy)]
        const [policy, forEnergy] = budgetsNow({ starts, now: NOW, limits: MOVE_LIMITS, site })
        const isLeft = [policy.used < policy.most, policy.used < policy.most && forEnergy.used < forEnergy.most]
        const mayBegin = (['contention', 'energy'] as const).map((one) => refusal(one, { starts, site }) === undefined)
        assert.deepEqual(
          isLeft,
          mayBegin,
          `${contention} against contention and ${energy} for energy of ${site?.vms} VMs`,
        )
      }
})
