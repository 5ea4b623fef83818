/** What people want of moves: VMs left alone, hosts emptied, times, and the libvirts that there are. Once it is answered it is heeded. */
import { parseFields, parseJson } from '../../../terms/parse.ts'
import type { HostId, VmId } from '../../../terms/ids.ts'
import type { SiteStore } from '../../../world/site-store.ts'
import { hasDriver, LIBVIRT_SETTING, parseLibvirtSite } from '../libvirt-setting.ts'
import { blackoutAt, MOVE_TIMES_DEFAULT, MOVE_TIMES_SETTING, outsideWindows, parseMoveTimes } from '../move-times.ts'
import {
  LibvirtBody,
  LibvirtView,
  MaintenanceBody,
  MaintenancesView,
  MoveTimesBody,
  MoveTimesView,
  OptOutBody,
  OptOutsView,
  WarningBody,
  WarningsView,
} from '../views/moves.ts'
import { EvacuationPreviewView } from '../views/preview.ts'
import {
  ACCEPTED_WARNINGS_SETTING,
  encodeWishes,
  type Maintenance,
  MAINTENANCE_SETTING,
  type Maintenances,
  OPT_OUTS_SETTING,
  type OptOuts,
  parseAcceptedWarnings,
  parseMaintenances,
  parseOptOuts,
  type Wish,
} from '../wishes.ts'
import { isMoving } from '../site-settings.ts'
import { orDamaged } from './damaged.ts'
import type { Caller } from './doorman.ts'
import type { ApiParts } from './parts.ts'
import { viewAutomation } from './policy-routes.ts'
import { conflict, DONE, type Refusal, type Reply, replyOf, UNKNOWN, value } from './reply.ts'
import { type Route, route } from './route.ts'
import { contradiction } from './rule-check.ts'

const TAG = 'moves'
/** Others may change the same setting meanwhile. */
const TRIES = 5

export function wishRoutes(parts: ApiParts): readonly Route[] {
  return [
    ...optOutRoutes(parts),
    ...warningRoutes(parts),
    ...maintenanceRoutes(parts),
    previewRoute(parts),
    ...timeRoutes(parts),
    ...libvirtRoutes(parts),
  ]
}

const readOptOuts = (text: string) => orDamaged('The list of VMs that are left alone', () => parseOptOuts(text))
const readMaintenances = (text: string) => orDamaged('The list of hosts in maintenance', () => parseMaintenances(text))

function optOutRoutes(parts: ApiParts): readonly Route[] {
  const list = new WishList<VmId, Wish>(parts, OPT_OUTS_SETTING, readOptOuts)
  return [
    route({
      method: 'GET',
      path: '/v1/opt-outs',
      access: 'viewer',
      tag: TAG,
      summary: 'VMs that people want left alone, beside those that are pinned by their host or their owner.',
      answer: OptOutsView,
      handle: async () =>
        value({ vms: [...(await list.read())].map(([vm, { who, at, reason }]) => ({ vm, who, at, reason })) }),
    }),
    route({
      method: 'PUT',
      path: '/v1/vms/:vm/opt-out',
      access: 'operator',
      tag: TAG,
      summary:
        'This VM is never moved by us, whoever asks, until that is taken back. 409 where another rule wants it moved.',
      body: OptOutBody,
      handle: ({ vm, body, caller }) => {
        const wish = { who: caller.name, at: parts.clock.now(), reason: body.reason }
        const check =
          body.isForced === true ? {} : { objection: (optOuts: OptOuts) => contradiction(parts, { optOuts }) }
        return list.put(vm, wish, { what: 'VM opted out', caller, ...check })
      },
    }),
    route({
      method: 'DELETE',
      path: '/v1/vms/:vm/opt-out',
      access: 'operator',
      tag: TAG,
      summary: 'It may be moved again.',
      handle: ({ vm, caller }) => list.remove(vm, { what: 'VM opted in', caller }),
    }),
  ]
}

const readWarnings = (text: string) => orDamaged('The list of accepted warnings', () => parseAcceptedWarnings(text))

function warningRoutes(parts: ApiParts): readonly Route[] {
  const list = new WishList<string, Wish>(parts, ACCEPTED_WARNINGS_SETTING, readWarnings)
  const base = { path: '/v1/accepted-warnings', tag: TAG } as const
  return [
    route({
      ...base,
      method: 'GET',
      access: 'viewer',
      summary: 'What preflights warn of and people have accepted: it does not hold the policy any more.',
      answer: WarningsView,
      handle: async () =>
        value({
          accepted: [...(await list.read())].map(([warning, { who, at, reason }]) => ({ warning, who, at, reason })),
        }),
    }),
    route({
      ...base,
      method: 'PUT',
      access: 'admin',
      summary: 'Accepts a warning of preflights once and for all, or takes that back.',
      body: WarningBody,
      handle: ({ body: { warning, reason = 'accepted', isAccepted = true }, caller }) => {
        const wish = { who: caller.name, at: parts.clock.now(), reason }
        if (isAccepted) return list.put(warning, wish, { what: 'warning accepted', caller })
        return list.remove(warning, { what: 'warning not accepted any more', caller })
      },
    }),
  ]
}

function maintenanceRoutes(parts: ApiParts): readonly Route[] {
  const list = new WishList<HostId, Maintenance>(parts, MAINTENANCE_SETTING, readMaintenances)
  return [
    route({
      method: 'GET',
      path: '/v1/maintenance',
      access: 'viewer',
      tag: TAG,
      summary: 'Hosts that people want emptied. GET /v1/migrations tells how far that has come.',
      answer: MaintenancesView,
      handle: async () =>
        value({
          hosts: [...(await list.read())].map(([host, { who, at, reason, isForced }]) => {
            return { host, who, at, reason, isForced }
          }),
        }),
    }),
    route({
      method: 'PUT',
      path: '/v1/hosts/:host/maintenance',
      access: 'operator',
      tag: TAG,
      summary:
        'No VM goes to this host any more, and at `partial` and `full` its VMs are moved away. 409 where other rules keep them from leaving.',
      body: MaintenanceBody,
      handle: async ({ host, body, caller }) => {
        if ((await parts.store.hosts.find(host)) === undefined) return UNKNOWN
        const { reason, isForced = false } = body
        const wish = { who: caller.name, at: parts.clock.now(), reason, isForced }
        const what = isForced ? 'maintenance by force' : 'maintenance'
        const check = { objection: (maintenances: Maintenances) => contradiction(parts, { maintenances }) }
        return list.put(host, wish, { what, caller, ...(isForced ? {} : check) })
      },
    }),
    route({
      method: 'DELETE',
      path: '/v1/hosts/:host/maintenance',
      access: 'operator',
      tag: TAG,
      summary: 'It may have VMs again. Moves under way go on; those that have not begun do not.',
      handle: ({ host, caller }) => list.remove(host, { what: 'maintenance ended', caller }),
    }),
  ]
}

interface Change<K extends string, V extends Wish> {
  readonly what: string
  readonly caller: Caller
  /** Why the list as it would be can't be; undefined: it can. Absent: nobody asks. */
  readonly objection?: (all: ReadonlyMap<K, V>) => Promise<Refusal | undefined>
}

/** A setting that is a list by name, of which people change one at a time. */
class WishList<K extends string, V extends Wish> {
  private readonly parts: ApiParts
  private readonly setting: string
  private readonly parse: (text: string) => ReadonlyMap<K, V>

  constructor(parts: ApiParts, setting: string, parse: (text: string) => ReadonlyMap<K, V>) {
    this.parts = parts
    this.setting = setting
    this.parse = parse
  }

  async read(): Promise<ReadonlyMap<K, V>> {
    const setting = await this.parts.store.settings.get(this.setting)
    return setting === undefined ? new Map() : this.parse(setting.text)
  }

  put(name: K, wish: V, change: Change<K, V>): Promise<Reply> {
    return this.change(name, change, (all) => all.set(name, wish))
  }

  remove(name: K, change: Change<K, V>): Promise<Reply> {
    return this.change(name, change, (all) => (all.delete(name) ? all : undefined))
  }

  private async change(
    name: K,
    { what, caller, objection }: Change<K, V>,
    alter: (all: Map<K, V>) => Map<K, V> | undefined,
  ): Promise<Reply> {
    const { store, clock, answers } = this.parts
    for (let tried = 0; tried < TRIES; tried++) {
      const setting = await store.settings.get(this.setting)
      const all = new Map(setting === undefined ? [] : this.parse(setting.text))
      const changed = alter(all)
      if (changed === undefined) return UNKNOWN
      const refusal = await objection?.(changed)
      if (refusal !== undefined) return refusal
      const at = clock.now()
      const by = { who: caller.name, at, expected: setting?.version ?? 0 }
      if (!(await store.settings.set(this.setting, encodeWishes(changed), by))) continue
      await answers.moves.heed()
      const reason = changed.get(name)?.reason ?? 'taken back'
      await store.audit.add({ at, what, about: name, from: caller.name, reason })
      return DONE
    }
    return conflict('Others change the same list at the same time.', 'Ask again in a moment.')
  }
}

function previewRoute({ answers }: ApiParts): Route {
  return route({
    method: 'POST',
    path: '/v1/hosts/:host/maintenance/preview',
    access: 'viewer',
    tag: TAG,
    summary:
      'What it would take to empty a host now: which VM would go where and when, what can not go, how full others get. Nothing is changed.',
    answer: EvacuationPreviewView,
    handle: async ({ host }) => replyOf(await answers.evacuation(host)),
  })
}

function timeRoutes(parts: ApiParts): readonly Route[] {
  const { store, clock, answers } = parts
  const base = { path: '/v1/move-times', tag: TAG, answer: MoveTimesView } as const
  const view = async (): Promise<MoveTimesView> => {
    const setting = await store.settings.get(MOVE_TIMES_SETTING)
    const times =
      setting === undefined
        ? MOVE_TIMES_DEFAULT
        : orDamaged('When moves may begin', () => parseMoveTimes(parseJson(setting.text, MOVE_TIMES_SETTING)))
    const now = blackoutAt(times, clock.now()) ?? outsideWindows(times, clock.now())
    const { windows, blackouts, timeZone } = times
    return {
      version: setting?.version ?? 0,
      timeZone,
      windows: windows.map(({ days, ...hours }) => ({ days: [...days], ...hours })),
      blackouts: [...blackouts],
      ...(now === undefined ? {} : { now }),
      ...(setting === undefined ? {} : { who: setting.who, at: setting.at }),
    }
  }
  return [
    route({
      ...base,
      method: 'GET',
      access: 'viewer',
      summary: 'When moves may begin: windows for the policy, blackouts for everybody.',
      handle: async () => value(await view()),
    }),
    route({
      ...base,
      method: 'PUT',
      access: 'operator',
      summary: 'Sets when moves may begin.',
      body: MoveTimesBody,
      handle: async ({ body: { replaces, ...rest }, caller }) => {
        const times = parseMoveTimes(rest)
        const at = clock.now()
        const by = { who: caller.name, at, ...(replaces === undefined ? {} : { expected: replaces }) }
        if (!(await store.settings.set(MOVE_TIMES_SETTING, JSON.stringify(times), by)))
          return conflict('Somebody else has set other times.', 'Look at `current`, and ask again.', await view())
        await answers.moves.heed()
        const reason = `${times.windows.length} windows in ${times.timeZone}, ${times.blackouts.length} blackouts`
        await store.audit.add({ at, what: 'move times set', from: caller.name, reason })
        return value(await view())
      },
    }),
  ]
}

function libvirtRoutes(parts: ApiParts): readonly Route[] {
  const { store, clock, answers, hasMover = false } = parts
  const base = { path: '/v1/libvirt', tag: TAG, answer: LibvirtView, access: 'admin' } as const
  return [
    route({
      ...base,
      method: 'GET',
      summary: 'The libvirts between which VMs may be moved.',
      handle: async () => value(await viewLibvirt(store)),
    }),
    route({
      ...base,
      method: 'PUT',
      summary: 'Sets them. What is under way is followed with the new ones.',
      body: LibvirtBody,
      handle: async ({ body: { replaces, site: given }, caller }) => {
        const site = parseLibvirtSite(given)
        const text = JSON.stringify(site)
        const { level } = await viewAutomation(store)
        if (isMoving(level) && !hasMover && !hasDriver(text))
          return conflict(`Automation is ${level}, and without hosts nobody could move a VM.`, 'Lower the level first.')
        const at = clock.now()
        const by = { who: caller.name, at, ...(replaces === undefined ? {} : { expected: replaces }) }
        if (!(await store.settings.set(LIBVIRT_SETTING, text, by)))
          return conflict(
            'Somebody else has set others.',
            'Look at `current`, and ask again.',
            await viewLibvirt(store),
          )
        await answers.moves.heed()
        const reason = `${site.hosts.length} hosts`
        await store.audit.add({ at, what: 'libvirt set', from: caller.name, reason })
        return value(await viewLibvirt(store))
      },
    }),
  ]
}

async function viewLibvirt({ settings }: Pick<SiteStore, 'settings'>): Promise<LibvirtView> {
  const setting = await settings.get(LIBVIRT_SETTING)
  if (setting === undefined) return { version: 0, site: { hosts: [] } }
  const { version, text, who, at } = setting
  const site = orDamaged('The setting of libvirt', () => parseFields(parseJson(text, LIBVIRT_SETTING), LIBVIRT_SETTING))
  return { version, site, who, at }
}
