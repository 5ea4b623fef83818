/** Alerts that follow from what a turn saw. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { TurnBench } from '../../../tools/server/turn-bench.ts'
import { SLOT_MS } from '../../terms/usage.ts'
import type { AlertDraft } from './alerts.ts'
import { alertsOf } from './turn-alerts.ts'

const benches: TurnBench[] = []
after(async () => {
  for (const bench of benches) await bench.close()
})

/** A site of which some hosts fall silent after some turns; what the turn at each step is alarmed by. */
class Site {
  readonly bench: TurnBench
  private readonly silent = new Set<number>()

  constructor(hosts: number) {
    this.bench = new TurnBench({ hosts, vms: 2 * hosts })
    benches.push(this.bench)
  }

  silence(...hosts: readonly number[]): void {
    for (const host of hosts) this.silent.add(host)
  }

  back(...hosts: readonly number[]): void {
    for (const host of hosts) this.silent.delete(host)
  }

  async turns(number: number): Promise<readonly AlertDraft[]> {
    const { bench } = this
    let alerts: readonly AlertDraft[] = []
    for (let turn = 0; turn < number; turn++) {
      bench.now += SLOT_MS
      const telling = [...bench.site.hosts.keys()].filter((host) => !this.silent.has(host))
      await bench.store.hosts.report(telling.map((host) => bench.site.report(host, bench.now, SLOT_MS)))
      alerts = alertsOf(await bench.turn())
    }
    return alerts.filter(({ kind }) => kind === 'host-stale' || kind === 'hosts-silent')
  }
}

const summary = (alerts: readonly AlertDraft[]) => alerts.map(({ kind, about }) => [kind, about])

test('hosts that fall silent together are one alert of the site, which names them and ends when they are back', async () => {
  const site = new Site(12)
  await site.bench.open()
  await site.turns(1)
  const lost = Array.from({ length: 11 }, (_, i) => i)
  site.silence(...lost)
  // Reports of five minutes hold for three of their windows: at twenty they are old.
  assert.deepEqual(await site.turns(3), [])
  const [alert, ...others] = await site.turns(1)
  assert.deepEqual([alert.kind, alert.severity, alert.about, others], ['hosts-silent', 'critical', undefined, []])
  assert.equal(
    alert.what,
    '11 of 12 hosts fell silent together; they were last heard 20 min ago: host-0000, host-0001, host-0002, host-0003, ' +
      'host-0004, host-0005, host-0006, host-0007, host-0008, host-0009 and 1 more. Nothing is moved to them or from them.',
  )
  assert.match(alert.remedy, /network .* cut, did the server sleep/)
  // Three are left: as many as may fail by chance, and each is told of by itself.
  site.back(...lost.slice(3))
  assert.deepEqual(summary(await site.turns(1)), [
    ['host-stale', 'host-0000'],
    ['host-stale', 'host-0001'],
    ['host-stale', 'host-0002'],
  ])
  site.back(...lost)
  assert.deepEqual(await site.turns(1), [])
})

test('of a large site more than a tenth have to fall silent, and each within a turn of the next', async () => {
  const site = new Site(50)
  await site.bench.open()
  await site.turns(1)
  // Five of fifty are a tenth and no more.
  site.silence(0, 1, 2, 3, 4)
  assert.deepEqual(new Set((await site.turns(4)).map(({ kind }) => kind)), new Set(['host-stale']))
  // Six more within two turns, 25 minutes after the five: they are one cut, and the five are not of it.
  site.silence(10, 11, 12)
  await site.turns(1)
  site.silence(20, 21, 22)
  const alerts = await site.turns(5)
  assert.deepEqual(
    alerts.map(({ about }) => about),
    [undefined, 'host-0000', 'host-0001', 'host-0002', 'host-0003', 'host-0004'],
  )
  assert.match(
    alerts[0].what,
    /^6 of 50 hosts fell silent together; they were last heard 25 to 30 min ago: host-0010, /,
  )
})

test('after the server slept all hosts are old at once: one alert, until they report', async () => {
  const site = new Site(8)
  await site.bench.open()
  await site.turns(1)
  site.bench.now += 600 * SLOT_MS
  assert.deepEqual(summary(alertsOf(await site.bench.turn())).slice(0, 2), [['hosts-silent', undefined]])
  assert.deepEqual(await site.turns(1), [])
})
