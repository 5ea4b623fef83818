/** `move-worker.ts ORDER`: a process of its own that moves a VM by the production path, mover and driver with a journal on disk, for the live tests to kill.
 *  It says `step NAME` once each step is durable, and `picture NAME` where both hosts together show something else; takes `cancel` on standard input; and
 *  ends with `ended` when nothing is under way. */
import { createInterface } from 'node:readline'
import { FileStore } from '../../src/drivers/file-store.ts'
import { LibvirtDriver } from '../../src/drivers/libvirt/driver/libvirt-driver.ts'
import { WallClock } from '../../src/drivers/wall-clock.ts'
import { INTENT_RULES } from '../../src/engine/migration/intent.ts'
import { MOVE_LIMITS } from '../../src/engine/migration/start-guards.ts'
import { Mover } from '../../src/loop/mover.ts'
import { parseHostId } from '../../src/terms/ids.ts'
import { type MoveLine, parseMigrationIntent, readMoveLine } from '../../src/terms/move-record.ts'
import { parseJson } from '../../src/terms/parse.ts'
import { SECOND_MS } from '../../src/terms/units.ts'

/** What a worker is told to do. */
export interface WorkerOrder {
  readonly journal: string
  /** URIs of the hosts by name. */
  readonly hosts: Readonly<Record<string, string>>
  /** Memory travels in TLS. */
  readonly isEncrypted?: boolean
  readonly fence: number
  /** Absent: it goes on from its journal, and starts nothing. */
  readonly intent?: unknown
  /** It kills itself once this step is durable, before it does anything else. */
  readonly killedAfter?: MoveLine['step']
}

const TICK_MS = 400
/** Tests move one VM more often than a policy may. */
const LIMITS = { ...MOVE_LIMITS, hostPerHour: 10_000, clusterPerHour: 10_000, vmPerDay: 10_000 }
/** What a call of an unknown end is waited for, and a host that is silent: less than operators have, for there are two hundred cases. What two sightings
 *  are apart is theirs. */
const RULES = { ...INTENT_RULES, orphanMs: 12 * SECOND_MS, darkDestinationMs: 90 * SECOND_MS }

const { journal, hosts, fence, intent, killedAfter, isEncrypted = false } = parseOrder(process.argv[2] ?? '')
const store = await FileStore.open(journal)
const sites = Object.entries(hosts).map(([id, uri]) => ({ id: parseHostId(id), uri, networks: ['br0'] }))
const driver = new LibvirtDriver(
  { hosts: sites, isEncrypted },
  { connectTimeoutMs: 3000, callTimeoutMs: 5000, probeEveryMs: 3000 },
)
const clock = new WallClock()
const mover = new Mover({
  driver,
  store: { append },
  clock,
  fence: () => fence,
  isWarningAccepted: () => true,
  limits: LIMITS,
  rules: RULES,
})
await mover.adopt(store.lines())
const order = intent === undefined ? undefined : parseMigrationIntent(intent)
const told = createInterface({ input: process.stdin })
if (order !== undefined) {
  told.on('line', (word) => void (word === 'cancel' && mover.cancel(order.order.vmId, 'live test').then(sayCancel)))
  const submission = await mover.submit(order)
  if (submission.kind === 'refused') say(`refused ${submission.refusal.reason}`)
}
let picture: string | undefined
while (mover.view().open.length > 0) {
  await mover.tick()
  const [open] = mover.view().open
  if (open?.follow.picture !== undefined && open.follow.picture !== picture) say(`picture ${open.follow.picture}`)
  picture = open?.follow.picture
  await clock.sleepUntil(clock.now() + TICK_MS)
}
told.close()
await driver.close()
await store.close()
say('ended')
process.exit(0)

async function append(line: string): Promise<void> {
  await store.append(line)
  const step = readMoveLine(line)?.step
  if (step !== undefined) say(`step ${step}`)
  if (step === undefined || step !== killedAfter) return
  process.kill(process.pid, 'SIGKILL')
  await new Promise(() => undefined)
}

function sayCancel(answer: string): void {
  say(`cancel ${answer}`)
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

/** From the process that began this one. */
function parseOrder(text: string): WorkerOrder {
  return parseJson(text, 'order') as WorkerOrder
}
