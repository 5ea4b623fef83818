/** What the demo's store holds before its first minute: hosts on the list, how automation stands, and days of what VMs used. */
import { DAY_MS, type EpochMs, HOUR_MS } from '../../terms/units.ts'
import { SLOT_MS, type UsageSlot } from '../../terms/usage.ts'
import type { SiteStore } from '../../world/site-store.ts'
import { AUTOMATION_SETTING } from '../server/site-settings.ts'
import type { DemoWorld } from './world.ts'

/** So long hosts and VMs were watched before the demo begins. */
export const PAST_MS = 7 * DAY_MS
/** Slots that are written together. */
const SLOTS_AT_ONCE = 48

/** Tells all that was before an instant. */
export async function tellPast(store: SiteStore, world: DemoWorld, at: EpochMs): Promise<void> {
  await Promise.all(
    world.cluster.hosts.map(({ id: hostId, ...host }) =>
      store.hosts.put({ hostId, measurement: JSON.stringify({ host }), changedAt: at - HOUR_MS }),
    ),
  )
  const automation = { level: 'full', isPaused: false, areGuestsTrusted: true }
  await store.settings.set(AUTOMATION_SETTING, JSON.stringify(automation), { who: 'demo', at: at - HOUR_MS })
  // With its report a host's own usage gets a name; of the slot of which it tells there is more below, which stands over it.
  const last = { at, windowMs: SLOT_MS, arrivedAt: at }
  await store.hosts.report(world.cluster.hosts.map((_, host) => world.report(host, last)))
  for (let slotAt = at - PAST_MS; slotAt < at; slotAt += SLOTS_AT_ONCE * SLOT_MS) {
    const slots = Array.from({ length: Math.min(SLOTS_AT_ONCE, (at - slotAt) / SLOT_MS) }, (_, s) =>
      slotsAt(world, slotAt + s * SLOT_MS),
    )
    await store.usage.put(slots.flat())
  }
}

/** Where VMs ran before the beginning nobody drew: they are taken to have been where they are then. */
function slotsAt(world: DemoWorld, slotAt: EpochMs): readonly UsageSlot[] {
  const vms = world.slots(slotAt)
  return [...vms, ...world.hostSlots(slotAt, vms)]
}

/** The newest instant of which a store tells. */
export async function newestIn(store: SiteStore): Promise<EpochMs> {
  const [reports, [last]] = await Promise.all([store.hosts.reports(), store.journal.last(1)])
  return Math.max(last?.at ?? 0, ...reports.map(({ arrivedAt }) => arrivedAt))
}
