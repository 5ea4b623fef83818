/** Steps after hosts report: who may be moved and how, who may look, and what is kept. */
import type { SetupFacts, SetupStep } from './setup.ts'
import { ageText, instantText } from '../../../src/terms/shown.ts'
import { DAY_MS } from '../../../src/terms/units.ts'
import { type Seen, valueOf } from './setup-facts.ts'
import { firstOf } from './setup-words.ts'

export function libvirt({ libvirt: seen, migrations: moves, hosts }: SetupFacts): SetupStep {
  const setting = valueOf(seen)
  const migrations = valueOf(moves)
  const listed: unknown = setting === undefined ? undefined : Reflect.get(setting.site, 'hosts')
  const count = Array.isArray(listed) ? listed.length : undefined
  const driver = migrations?.driver
  const isDone = driver !== undefined || (count ?? 0) > 0
  // Without a driver nothing is configured, whoever asks.
  const isKnown = isDone || setting !== undefined || migrations !== undefined
  const unseen = seen.kind === 'hidden' ? moves : seen
  const state = isDone ? 'done' : isKnown ? 'missing' : unseen.kind === 'hidden' ? 'hidden' : 'unknown'
  const ids = Array.isArray(listed) ? new Set(listed.map(idOf)) : undefined
  const left = ids === undefined || ids.size === 0 ? [] : hosts.filter(({ host }) => !ids.has(host))
  const sample = hosts.slice(0, 2).map(({ host }) => host)
  const names = sample.length > 0 ? sample : ['kvm-1', 'kvm-2']
  const site = {
    hosts: names.map((id) => ({ id, uri: `qemu+tls://${id}/system`, networks: ['br0'] })),
    sharedPaths: ['/var/lib/libvirt/images'],
    lockManager: 'lockd',
  }
  return {
    name: 'libvirt',
    title: 'libvirts are known, between which VMs may move',
    state: isDone && left.length > 0 ? 'part' : state,
    told: !isKnown
      ? (whyUnseen(unseen) ?? 'Only an admin sees them.')
      : isDone
        ? `VMs may be moved (${driver ?? 'libvirt'})${count === undefined || count === 0 ? '' : ` between ${count} hosts`}.`
        : 'None is configured: turns are taken and nothing can be moved.',
    lacking: firstOf(left.map(({ host }) => `${host} reports, and is not among them.`)),
    commands:
      isDone || !isKnown
        ? []
        : [
            { where: 'into libvirt.json', text: JSON.stringify(site, null, 2) },
            { where: 'anywhere: asks each of them, changes nothing', text: 'ethos libvirt check libvirt.json' },
            { where: 'anywhere, logged in as admin', text: 'ethos libvirt set libvirt.json' },
          ],
    isNeeded: true,
    doc: 'docs/automation.md#which-libvirts-there-are',
  }
}

function idOf(host: unknown): string {
  return typeof host === 'object' && host !== null && 'id' in host ? String(host.id) : ''
}

const NEXT_LEVEL = { off: 'shadow', shadow: 'advisory', advisory: 'partial', partial: 'full', full: undefined } as const

export function automation({ status, migrations }: SetupFacts): SetupStep {
  const { level, isPaused } = status.automation
  const next = NEXT_LEVEL[level]
  const isMoving = level === 'partial' || level === 'full'
  const ended = valueOf(migrations)?.ended.length
  const came =
    ended === undefined
      ? ''
      : ended > 0
        ? ` ${ended} moves have ended.`
        : isMoving
          ? ' Nothing was moved yet.'
          : ' Nothing is moved at this level.'
  return {
    name: 'automation',
    title: 'Somebody said how much may happen by itself',
    state: level === 'off' ? 'missing' : isMoving && !isPaused ? 'done' : 'part',
    told: `It is at ${level}${isPaused ? ', and paused' : ''}.${came}`,
    lacking: !isMoving ? ['Look at the plan for a day or two first; then raise the level by one.'] : [],
    commands:
      next === undefined
        ? []
        : [
            {
              where: 'on the policy page, or anywhere, logged in as admin',
              text: `ethos automation --level ${next}${next === 'partial' || next === 'full' ? ` --confirm ${next}` : ''}`,
            },
          ],
    isNeeded: true,
    doc: 'docs/automation.md#levels',
  }
}

export function tokens({ tokens: seen, now }: SetupFacts): SetupStep {
  const list = valueOf(seen)
  const good = list?.filter(({ state }) => state === 'good') ?? []
  const lasting = good.filter(({ role, expiresAt }) => role === 'admin' && expiresAt === undefined)
  return {
    name: 'tokens',
    title: 'Each person and program has a token of its own',
    state: list === undefined ? stateOf(seen) : good.length > 1 ? 'done' : 'missing',
    told:
      list === undefined
        ? (whyUnseen(seen) ?? 'Only an admin sees the tokens.')
        : good.length > 1
          ? `${good.length} are good${lasting.length > 1 ? `; ${lasting.length} of them are admins’ that never end` : ''}.`
          : 'Only the first one is good, an admin’s.',
    lacking: (list ?? [])
      .filter(({ state, expiresAt }) => state === 'good' && expiresAt !== undefined && expiresAt - now < 7 * DAY_MS)
      .map(({ name, expiresAt = now }) => `${name} ends ${instantText(expiresAt)}.`),
    commands:
      list === undefined || good.length > 1
        ? []
        : [
            {
              where: 'anywhere, logged in as admin',
              text: 'ethos tokens create --role operator --name ops --days 365',
            },
            { where: 'for dashboards', text: 'ethos tokens create --role viewer --name grafana --days 365' },
          ],
    isNeeded: false,
    doc: 'docs/cli.md#logging-in',
  }
}

export function backups({ backups: seen, now }: SetupFacts): SetupStep {
  const list = valueOf(seen)
  const newest = list === undefined || list.length === 0 ? undefined : Math.max(...list.map(({ at }) => at))
  return {
    name: 'backups',
    title: 'There is a copy of the store',
    state: list === undefined ? stateOf(seen) : newest === undefined ? 'missing' : 'done',
    told:
      list === undefined
        ? (whyUnseen(seen) ?? 'Only an admin sees the copies.')
        : newest === undefined
          ? 'None is in the server’s folder of backups; copies elsewhere are not seen. The authority’s key (ca-N.json) belongs in a safe as well.'
          : `${list.length}, the newest ${ageText(now - newest)}.`,
    lacking: [],
    commands:
      list !== undefined && newest === undefined
        ? [{ where: 'on the server', text: 'ethos store backup /backup/ethos-1.sqlite --data /var/lib/ethos' }]
        : [],
    isNeeded: false,
    doc: 'docs/store.md',
  }
}

/** Of what was not seen. */
function stateOf({ kind }: Seen<unknown>): 'hidden' | 'unknown' {
  return kind === 'hidden' ? 'hidden' : 'unknown'
}

function whyUnseen(seen: Seen<unknown>): string | undefined {
  return seen.kind === 'unknown' ? seen.why : undefined
}
