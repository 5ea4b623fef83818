/** What the demo's store holds before its first minute: hosts on the list, how automation stands, and days of what VMs used. */
import { writeFileSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseFields, parseJson, parseNumber } from '../../terms/parse.ts'
import { DAY_MS, type EpochMs, HOUR_MS } from '../../terms/units.ts'
import { SLOT_MS } from '../../terms/usage.ts'
import type { SiteStore } from '../../world/site-store.ts'
import { storePath } from '../server/data-folder.ts'
import { AUTOMATION_SETTING } from '../server/site-settings.ts'
import { UsageError } from '../usage-error.ts'
import type { DemoWorld } from './world.ts'

/** So long VMs were watched before the demo begins. */
export const PAST_MS = 7 * DAY_MS
/** Slots that are written together. */
const SLOTS_AT_ONCE = 48
const MARK = 'demo.json'

/** When the site's time began in this folder; undefined: no demo ran with it. Throws a `UsageError` where another site lives there: what is imagined has no
 *  place beside what is real. */
export function begunAt(folder: string): EpochMs | undefined {
  const path = join(folder, MARK)
  if (existsSync(path)) {
    const fields = parseFields(parseJson(readFileSync(path, 'utf8'), MARK), MARK)
    return parseNumber(fields['begunAt'], `${MARK}.begunAt`, { min: 0, integer: true })
  }
  if (!existsSync(storePath(folder))) return undefined
  throw new UsageError(
    '--data',
    folder,
    'A site that is no demo lives there, and imagined hosts would be among its own. Another folder?',
  )
}

export function markBegun(folder: string, at: EpochMs): void {
  writeFileSync(join(folder, MARK), `${JSON.stringify({ begunAt: at })}\n`, { mode: 0o600 })
}

/** Tells all that was before an instant. */
export async function tellPast(store: SiteStore, world: DemoWorld, at: EpochMs): Promise<void> {
  await Promise.all(
    world.cluster.hosts.map(({ id: hostId, ...host }) =>
      store.hosts.put({ hostId, measurement: JSON.stringify({ host }), changedAt: at - HOUR_MS }),
    ),
  )
  const automation = { level: 'full', isPaused: false, areGuestsTrusted: true }
  await store.settings.set(AUTOMATION_SETTING, JSON.stringify(automation), { who: 'demo', at: at - HOUR_MS })
  for (let slotAt = at - PAST_MS; slotAt < at; slotAt += SLOTS_AT_ONCE * SLOT_MS) {
    const slots = Array.from({ length: Math.min(SLOTS_AT_ONCE, (at - slotAt) / SLOT_MS) }, (_, s) =>
      world.slots(slotAt + s * SLOT_MS),
    )
    await store.usage.put(slots.flat())
  }
}

/** Where a demo that ran with this store had come to: the newest instant in it, and the host of each VM that one told of. */
export async function readStand(
  store: SiteStore,
): Promise<{ readonly at: EpochMs; readonly hostOf: ReadonlyMap<string, string> }> {
  const [reports, [last]] = await Promise.all([store.hosts.reports(), store.journal.last(1)])
  const hostOf = new Map<string, string>()
  for (const { hostId, vms } of reports)
    for (const { vm, state } of vms) if (state !== 'incoming') hostOf.set(vm.id, hostId)
  return { at: Math.max(last?.at ?? 0, ...reports.map(({ arrivedAt }) => arrivedAt)), hostOf }
}
