/** VMs: which there are, their vectors, what they used, and what the judgement says of each. */
import { DIMENSIONS, isPresent, PERSONALITY_SCHEMA, PERSONALITY_SCHEMA_VERSION } from '../../../terms/personality.ts'
import { DAY_MS, type EpochMs } from '../../../terms/units.ts'
import type { KeptVector } from '../../../world/site-store.ts'
import { pageOf } from '../views/common.ts'
import { CharacterView } from '../views/character.ts'
import { HostsForView, PairView, VmForecastView, WhyView } from '../views/judgement.ts'
import {
  GROUP_MATES_MAX,
  STEPS_MAX,
  USAGE_QUERY,
  UsageView,
  VECTORS_MAX,
  VECTORS_QUERY,
  VectorsView,
  type VectorView,
  VMS_QUERY,
  VmsView,
  VmView,
} from '../views/vms.ts'
import { tellCharacter } from './character.ts'
import type { ApiParts } from './parts.ts'
import { invalid, replyOf, UNKNOWN, value } from './reply.ts'
import { type Route, route } from './route.ts'
import type { SeenVm, SiteView } from './site-view.ts'
import { chooseStep, csvOfUsage, viewUsage } from './usage.ts'

const TAG = 'VMs'
/** Longest span of vectors and of usage that one request may ask for: what is kept of usage, and a day. */
const SPAN_MS_MAX = 31 * DAY_MS

export function vmRoutes(parts: ApiParts, site: SiteView): readonly Route[] {
  return [...listRoutes(site), ...pastRoutes(parts, site), ...judgementRoutes(parts, site)]
}

function listRoutes(site: SiteView): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: '/v1/vms',
      access: 'viewer',
      tag: TAG,
      summary: 'VMs by name: how each is, where it runs, and how old its newest vector is.',
      query: VMS_QUERY,
      answer: VmsView,
      handle: async ({ query }) => {
        const { at, vms } = await site.read()
        const { state, host, name, vectorAgeMsMin } = query
        const wanted = vms.filter(
          (vm) =>
            (state === undefined || stateOf(vm) === state) &&
            (host === undefined || vm.on?.host === host) &&
            (name === undefined || vm.vm.includes(name)) &&
            (vectorAgeMsMin === undefined || at - (vm.vectorAt ?? -Infinity) >= vectorAgeMsMin),
        )
        const { items, next } = pageOf(wanted, ({ vm }) => vm, query)
        return value({
          asOf: at,
          vms: items.map((vm) => viewVm(vm, at)),
          ...(next === undefined ? {} : { next }),
        })
      },
    }),
    route({
      method: 'GET',
      path: '/v1/vms/:vm',
      access: 'viewer',
      tag: TAG,
      summary: 'One VM.',
      answer: VmView,
      handle: async ({ vm }) => {
        const { at, vms, vmByName } = await site.read()
        const seen = vmByName.get(vm)
        return seen === undefined ? UNKNOWN : value({ ...viewVm(seen, at), ...viewMates(seen, vms) })
      },
    }),
  ]
}

function pastRoutes({ store, clock }: ApiParts, site: SiteView): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: '/v1/vms/:vm/vectors',
      access: 'viewer',
      tag: TAG,
      summary: 'Its newest vectors within a span, with names and units; what is absent is left out.',
      description: 'All of the last 48 hours are kept, before that one an hour.',
      query: VECTORS_QUERY,
      answer: VectorsView,
      handle: async ({ vm, query }) => {
        if (!(await site.read()).vmByName.has(vm)) return UNKNOWN
        const span = spanOf(query, clock.now(), SPAN_MS_MAX)
        if (typeof span === 'string') return invalid(span)
        const most = Math.min(query.limit ?? 12, VECTORS_MAX)
        const kept = await store.vectors.history(vm, { ...span, most })
        return value({
          vm,
          schema: PERSONALITY_SCHEMA_VERSION,
          dimensions: PERSONALITY_SCHEMA,
          vectors: kept.map(viewVector),
        })
      },
    }),
    route({
      method: 'GET',
      path: '/v1/vms/:vm/usage',
      access: 'viewer',
      tag: TAG,
      summary: 'What it used, by resource: mean and highest of each step.',
      description:
        'Kept in slots of 5 minutes for 30 days. A longer step has the mean of its slots, and their highest. `Accept: text/csv` gives a table.',
      query: USAGE_QUERY,
      answer: UsageView,
      alsoAs: ['text/csv'],
      handle: async ({ vm, query, accept }) => {
        if (!(await site.read()).vmByName.has(vm)) return UNKNOWN
        const span = spanOf(query, clock.now(), DAY_MS)
        if (typeof span === 'string') return invalid(span)
        const stepMs = chooseStep(span, query.stepMs)
        if ((span.to - span.from) / stepMs > STEPS_MAX)
          return invalid(`That would be more than ${STEPS_MAX} steps.`, 'Ask for a longer step, or a shorter span.')
        const view = viewUsage(await store.usage.series(vm, span), stepMs)
        if (!accept.startsWith('text/csv')) return value(view)
        return { kind: 'text', text: csvOfUsage(view), type: 'text/csv; charset=utf-8; header=present' }
      },
    }),
  ]
}

function judgementRoutes(parts: ApiParts, site: SiteView): readonly Route[] {
  const { answers } = parts
  const base = { method: 'GET', access: 'viewer', tag: TAG } as const
  return [
    route({
      ...base,
      path: '/v1/vms/:vm/character',
      summary: 'What it is like: in plain words, beside VMs of its size, over the week; and what is absent, and why.',
      answer: CharacterView,
      handle: ({ vm }) => tellCharacter(parts, site, vm),
    }),
    route({
      ...base,
      path: '/v1/vms/:vm/hosts',
      summary: 'Every host for this VM: ranked with each term of its score, or refused with what is lacking.',
      answer: HostsForView,
      handle: async ({ vm }) => replyOf(await answers.hostsFor(vm)),
    }),
    route({
      ...base,
      path: '/v1/vms/:vm/hosts/:host',
      summary: 'Why this host for this VM, or why not.',
      answer: PairView,
      handle: async ({ vm, host }) => replyOf(await answers.pair(vm, host)),
    }),
    route({
      ...base,
      path: '/v1/vms/:vm/why',
      summary: 'Why it moved, or stayed, at the last turn.',
      answer: WhyView,
      handle: async ({ vm }) => replyOf(await answers.why(vm)),
    }),
    route({
      ...base,
      path: '/v1/vms/:vm/forecast',
      summary: 'Its demand ahead, as quantiles.',
      answer: VmForecastView,
      handle: async ({ vm }) => replyOf(await answers.forecastOf(vm)),
    }),
  ]
}

/** The span that was asked for; a sentence where it is none. */
function spanOf(
  { from, to }: { readonly from?: EpochMs; readonly to?: EpochMs },
  now: EpochMs,
  defaultMs: number,
): { readonly from: EpochMs; readonly to: EpochMs } | string {
  const end = to ?? now + 1
  const begin = from ?? Math.max(0, end - defaultMs)
  if (begin >= end) return `from (${begin}) must lie before to (${end}).`
  if (end - begin > SPAN_MS_MAX) return `The span is ${end - begin} ms; at most ${SPAN_MS_MAX} (31 days) are answered.`
  return { from: begin, to: end }
}

export function stateOf({ identity, vectorAt }: SeenVm): VmView['state'] {
  if (identity === undefined) return 'seen'
  if (identity.isBanned) return 'banned'
  if (identity.quarantine !== undefined) return 'quarantined'
  return vectorAt === undefined ? 'silent' : 'good'
}

function viewVm(seen: SeenVm, now: EpochMs): VmView {
  const { vm, identity, vectorAt, on } = seen
  const via = identity?.via
  return withoutAbsent({
    vm,
    state: stateOf(seen),
    host: on?.host,
    runs: on?.reported.state,
    vcpus: on?.reported.vm.vcpus,
    memoryBytes: on?.reported.vm.memoryBytes,
    isPinned: on?.reported.vm.isPinned,
    antiAffinityGroup: groupOf(seen),
    leavingTo: on?.reported.leavingTo,
    via: typeof via === 'object' ? via.host : via,
    joinedAt: identity?.joinedAt,
    heardAt: identity?.heardAt,
    vectorAt,
    vectorAgeMs: vectorAt === undefined ? undefined : Math.max(0, now - vectorAt),
    isClockOff: identity?.isClockOff,
  })
}

function groupOf({ on }: SeenVm): string | undefined {
  return on?.reported.vm.antiAffinityGroup
}

/** Whom it never shares a host with. */
function viewMates(seen: SeenVm, all: readonly SeenVm[]): Pick<VmView, 'groupMates' | 'groupMatesLeftOut'> {
  const group = groupOf(seen)
  if (group === undefined) return {}
  const mates = all.flatMap((other) => (other !== seen && groupOf(other) === group ? [other.vm] : []))
  const leftOut = mates.length - GROUP_MATES_MAX
  return {
    groupMates: mates.slice(0, GROUP_MATES_MAX),
    ...(leftOut > 0 ? { groupMatesLeftOut: leftOut } : {}),
  }
}

/** Drops the fields that are not there. */
export function withoutAbsent<T extends object>(fields: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(fields).filter(([, field]) => field !== undefined)) as T
}

function viewVector({ vector, arrivedAt, isClockOff }: KeptVector): VectorView {
  const { windowEnd, windowMs, coverage, phases, sender, sequence, values } = vector
  const present: Record<string, number> = {}
  for (let i = 0; i < DIMENSIONS; i++) if (isPresent(vector, i)) present[PERSONALITY_SCHEMA[i].name] = values[i]
  return { windowEnd, windowMs, arrivedAt, coverage, phases, sender, sequence, isClockOff, values: present }
}
