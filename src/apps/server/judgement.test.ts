import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { serialize } from 'node:v8'
import { Value } from 'typebox/value'
import type { TObject } from 'typebox'
import type { ImaginedSiteOptions } from '../../../tools/server/imagined-site.ts'
import { bodyOf, LiveSite, until } from '../../../tools/server/live-site.ts'
import { parseHostId, parseVmId } from '../../terms/ids.ts'
import { PRODUCTION_POLICY } from '../../terms/policy.ts'
import { parseControllerMessage } from './controller-messages.ts'
import type { Answer } from './site-answers.ts'
import {
  AlertsView,
  ContentionsView,
  ForecastsView,
  HostLoadsView,
  HostsForView,
  PairView,
  PlacementsView,
  VmForecastView,
  WhyView,
} from './views/judgement.ts'
import { PlanView } from './views/plan.ts'
import { decodePacket } from './turn-packet.ts'

async function aSite(context: TestContext, options: Partial<ImaginedSiteOptions> = {}): Promise<LiveSite> {
  const live = new LiveSite(options)
  context.after(() => live.close())
  await live.open()
  return live
}

async function turns(live: LiveSite, more: number): Promise<void> {
  const before = live.judgement.status().turns
  await until(`${more} more turns are taken`, () => live.judgement.status().turns >= before + more)
}

async function ranking(live: LiveSite, vm = 0): Promise<Record<string, unknown>> {
  return bodyOf(await live.judgement.hostsFor(live.site.vms[vm].id))
}

test('a long answer is bytes, which are text; a short one is text', async (context) => {
  const live = await aSite(context, { hosts: 100, vms: 48 })
  const judgement = await live.start()
  const { id: vm } = live.site.vms[0]
  await until('hosts are ranked', async () => (await judgement.hostsFor(vm)).kind === 'json')
  const long = await judgement.hostsFor(vm)
  assert.ok(long.kind === 'json' && long.text instanceof Uint8Array && long.text.length > 16 * 1024)
  asIn(HostsForView, long)
  const short = await judgement.forecastOf(vm)
  assert.ok(short.kind === 'json' && typeof short.text === 'string')
})

function asIn(view: TObject, answer: Answer): void {
  const body = bodyOf(answer)
  const [first] = Value.Errors(view, body)
  assert.equal(first, undefined, JSON.stringify(first))
  assert.deepEqual(
    Object.keys(body).filter((name) => !(name in view.properties)),
    [],
  )
}

test('rules are held against what hosts report now, before any turn is taken', async (context) => {
  const live = await aSite(context)
  const judgement = await live.start({ isControlling: false })
  const standing = { policy: PRODUCTION_POLICY, optOuts: new Map(), maintenances: new Map() }
  const wish = { who: 'ann', at: 0, reason: 'new disks', isForced: false }
  const maintenances = new Map(live.site.hosts.map(({ id }) => [id, wish]))
  const emptied = await judgement.conflicts({ standing, wished: { ...standing, maintenances } })
  assert.deepEqual(bodyOf(emptied), [
    {
      text: 'All 4 hosts are in maintenance, and none is left to take a VM.',
      remedy: 'Bring a host back from maintenance first, or add one.',
      isNew: true,
    },
  ])
  assert.deepEqual(bodyOf(await judgement.conflicts({ standing, wished: standing })), [])
})

test('hosts report, turns are taken, and every answer has the form that it says it has', async (context) => {
  const live = await aSite(context)
  const judgement = await live.start()
  await turns(live, 3)
  const [vm, , like] = live.site.vms
  const [, host] = live.site.hosts
  await until('nothing is degraded', () => judgement.status().degraded.length === 0)
  const answer = await judgement.hostsFor(vm.id)
  asIn(HostsForView, answer)
  const { ranked, refused, degraded, asOf } = bodyOf(answer) as unknown as HostsForView
  assert.equal(ranked.length + refused.length, live.site.hosts.length)
  assert.deepEqual(
    refused.map(({ verdict }) => verdict.lacking),
    ['same-host'],
  )
  assert.deepEqual(degraded, [])
  // What the metric of turns is made of.
  const told = live.events.filter(({ name }) => name === 'turn').map(({ text }) => JSON.parse(text) as object)
  assert.ok(told.length > 0 && told.every((turn) => 'durationMs' in turn && Number(turn.durationMs) > 0))
  assert.ok(told.every((turn) => 'lateMs' in turn && Number(turn.lateMs) >= 0))
  assert.ok(Math.abs(asOf - Date.now()) < 60_000)
  asIn(PairView, await judgement.pair(vm.id, host.id))
  asIn(WhyView, await judgement.why(vm.id))
  asIn(PlanView, await judgement.plan())
  asIn(HostLoadsView, await judgement.hostLoads())
  asIn(ContentionsView, await judgement.contention())
  asIn(ForecastsView, await judgement.forecasts())
  asIn(VmForecastView, await judgement.forecastOf(vm.id))
  asIn(AlertsView, await judgement.alerts())
  const question = {
    vms: [
      { like: like.id, count: 2 },
      { vcpus: 2, memoryBytes: 2 ** 31 },
    ],
  }
  asIn(PlacementsView, await judgement.place(question))
  assert.deepEqual(await judgement.hostsFor(parseVmId('nobody')), { kind: 'unknown', what: 'VM nobody' })
  assert.equal((await judgement.pair(vm.id, parseHostId('nowhere'))).kind, 'unknown')
  assert.match(JSON.stringify(await judgement.place({ vms: [{ vcpus: -1 }] })), /"invalid".*placement\.vms/)
  assert.ok(live.events.some(({ name }) => name === 'turn'))
  assert.ok(live.events.every(({ text }) => text.length <= 16 * 1024))
})

test('a killed controller is started again, answers go on, and it knows who moved', async (context) => {
  const live = await aSite(context)
  live.site.hostOf.forEach((at, vm) => at === 0 && live.site.pressure.set(vm, 1))
  const judgement = await live.start()
  const ordered = await until('moves are proposed', () => live.events.find(({ name }) => name === 'move'))
  const { vm, decidedAt } = JSON.parse(ordered.text)
  await turns(live, 1)
  const first = judgement.controllerPid as number
  process.kill(first, 'SIGKILL')
  await until('it is seen', () => judgement.status().controller === 'dead')
  assert.ok(judgement.status().degraded.some((reason) => /controller is dead/.test(reason)))
  assert.ok(judgement.listAlerts().some(({ kind, severity }) => kind === 'controller-dead' && severity === 'critical'))
  assert.equal((await ranking(live))['vm'], live.site.vms[0].id)
  await turns(live, 2)
  assert.notEqual(judgement.controllerPid, first)
  const { gate } = bodyOf(await judgement.why(vm))
  assert.match(String(gate), /A move of it was ordered 0 min ago|Moves of it were ordered/)
  assert.ok(Date.now() - decidedAt < 120_000)
  await until('the alert has ended', () => !judgement.listAlerts().some(({ kind }) => kind === 'controller-dead'))
  // Turns are counted on, so that no order's id is given twice.
  const ids = live.events.flatMap(({ name, text }) => (name === 'move' ? [JSON.parse(text).id] : []))
  assert.equal(new Set(ids).size, ids.length)
})

test('a controller that stands still is late after two intervals, is ended after three, and another goes on', async (context) => {
  const live = await aSite(context)
  const judgement = await live.start()
  await turns(live, 2)
  const stopped = judgement.controllerPid as number
  process.kill(stopped, 'SIGSTOP')
  await until('it is late', () => judgement.status().degraded.some((reason) => /The last turn was/.test(reason)))
  const body = await until('hosts are ranked by the store', async () => {
    const now = await ranking(live)
    return Number(now['asOf']) > (judgement.status().lastTurnAt ?? 0) ? now : undefined
  })
  assert.match(String(body['degraded']), /ranked by what the store holds/)
  assert.equal((body['ranked'] as unknown[]).length, 3)
  await turns(live, 1)
  assert.notEqual(judgement.controllerPid, stopped)
  await until('all is well', () => judgement.status().degraded.length === 0)
})

test('a ranker that ends is started anew, and the next answer is as good', async (context) => {
  const live = await aSite(context)
  const judgement = await live.start()
  await turns(live, 1)
  await ranking(live)
  judgement.restartRanker()
  await until('it answers again', async () => (await judgement.hostsFor(live.site.vms[0].id)).kind === 'json')
  assert.ok(live.notes.some((note) => /The ranker ended and is started anew/.test(note)))
})

test('of two controllers on one store one takes turns, and the other follows when that one is gone', async (context) => {
  const live = await aSite(context)
  const first = await live.start()
  await turns(live, 1)
  const second = live.make({ holder: 'second' })
  context.after(() => second.close())
  second.start()
  const vm = live.site.vms[0].id
  await until('the second answers', async () => (await second.hostsFor(vm)).kind === 'json')
  await until('the second stands by', () => second.status().controller === 'standby')
  await turns(live, 2)
  assert.equal(second.status().turns, 0)
  await until('it is content to stand by', () => second.status().degraded.length === 0)
  // It tells the plan of the other's turn.
  const plan = bodyOf(await second.plan())
  assert.ok(Number(plan['turn']) >= 0)
  await first.close()
  await until('the second takes over', () => second.status().turns > 0)
  const { held } = bodyOf(await second.plan())
  assert.deepEqual(held, ['The first turn after a start only looks.'])
  assert.equal(second.status().controller, 'running')
})

test('with no host there is no answer but what to do, and with the first host there is one', async (context) => {
  const live = new LiveSite()
  context.after(() => live.close())
  await live.open()
  live.silence()
  for (const { id } of live.site.hosts) await live.store.hosts.remove(id)
  const judgement = await live.start()
  const answer = await until('it has looked', async () => {
    const told = await judgement.hostsFor(live.site.vms[0].id)
    return told.kind === 'unavailable' && told.remedy?.includes('ethos bench host') === true ? told : undefined
  })
  assert.equal(answer.kind, 'unavailable')
  await live.site.register(live.store, Date.now())
  live.report()
  await until('hosts are ranked', async () => (await judgement.hostsFor(live.site.vms[0].id)).kind === 'json')
})

test('hosts that fall silent are out of reach in answers, and nothing is ordered', async (context) => {
  const live = await aSite(context)
  const judgement = await live.start()
  await turns(live, 2)
  live.silence()
  await until('turns are held', async () => {
    const { held } = bodyOf(await judgement.plan())
    return (held as string[]).some((reason) => /newest host report is/.test(reason))
  })
  assert.deepEqual(bodyOf(await judgement.plan())['moves'], [])
})

test('a controller that talks nonsense is not listened to, and answers come from the store', async (context) => {
  const live = await aSite(context)
  const controllerEntry = new URL('../../../tools/server/sick-controller.ts', import.meta.url)
  const judgement = await live.start({ controllerEntry })
  await until('its nonsense is counted', () => judgement.ignoredMessages >= 6)
  await until('its turn was found to be none', () => live.notes.some((note) => /turn's message/.test(note)))
  const body = await until('hosts are ranked', async () => {
    const answer = await judgement.hostsFor(live.site.vms[0].id)
    return answer.kind === 'json' ? bodyOf(answer) : undefined
  })
  assert.equal((body['ranked'] as unknown[]).length, 3)
  // What it wrote where it may write is what it said; the lease of another stays another's.
  assert.equal((await live.store.leases.take('controller', 'somebody', Date.now(), 1000))?.token, 1)
})

test('what is not a message of a controller is not one', () => {
  for (const garbage of [undefined, null, 7, 'turn', [], {}, { kind: 'turn' }, { kind: 'turn', at: 1, number: 1 }]) {
    assert.throws(() => parseControllerMessage(garbage), { name: 'ParseError' })
  }
  for (const bytes of [new Uint8Array(9), serialize({}), serialize({ before: {}, observation: { inventory: {} } })])
    assert.throws(() => decodePacket(bytes), { name: 'ParseError' })
})
