/** For tests of the API alone: a store in memory, and a judgement that says fixed things. */
import type { ApiToken } from '../../../../terms/access.ts'
import type { KeptReport } from '../../../../terms/host-report.ts'
import type { HostId, VmId } from '../../../../terms/ids.ts'
import type { EpochMs } from '../../../../terms/units.ts'
import { hostSeriesOf, SLOT_MS, usageNameOf, type UsageSeries, type UsageSlot } from '../../../../terms/usage.ts'
import { slotsWithin } from '../../../../terms/usage-fold.ts'
import { StoreError } from '../../../../world/errors.ts'
import type {
  AuditRecord,
  HostRow,
  Identity,
  JoinToken,
  JournalLine,
  KeptVector,
  Setting,
  SiteStore,
} from '../../../../world/site-store.ts'
import type { AskResult } from '../../controller-messages.ts'
import type { ObjectionAsk } from '../../objecting.ts'
import type { RulesQuestion } from '../../ranker-questions.ts'
import { answerConflicts } from '../../rule-conflicts.ts'
import type { Answer, JudgementStatus, SiteAnswers, SiteEvent } from '../../site-answers.ts'

const UNUSED = (): never => {
  throw new Error('the API has no business with this')
}

export function anIdentity(vm: VmId, rest: Partial<Identity> = {}): Identity {
  return {
    vm,
    joinedAt: 0,
    via: 'https',
    isBanned: false,
    isReleased: false,
    isClockOff: false,
    vectorsKept: 0,
    vectorsKeptApart: 0,
    counts: {},
    ...rest,
  }
}

/** What is in it is public, for tests to put there. With `isBroken` everything rejects. */
export class FakeStore implements SiteStore {
  readonly name = 'a store in memory'
  isBroken = false
  readonly kept = {
    identities: new Map<VmId, Identity>(),
    joinTokens: new Map<string, JoinToken>(),
    apiTokens: new Map<string, ApiToken>(),
    vectors: [] as KeptVector[],
    usage: [] as UsageSlot[],
    hosts: new Map<HostId, HostRow>(),
    before: [] as { host: HostId; at: EpochMs; measurement: string }[],
    reports: new Map<HostId, KeptReport>(),
    journal: [] as JournalLine[],
    audit: [] as AuditRecord[],
    settings: new Map<string, Setting[]>(),
    backups: [] as string[],
  }

  private ask<T>(act: () => T): Promise<T> {
    if (this.isBroken) return Promise.reject(new StoreError('io', 'the disk is gone: /secret/path'))
    return Promise.resolve(act())
  }

  private change(vm: VmId, fields: Partial<Identity>): void {
    const before = this.kept.identities.get(vm) ?? anIdentity(vm)
    this.kept.identities.set(vm, { ...before, ...fields })
  }

  readonly identities: SiteStore['identities'] = {
    find: (vm) => this.ask(() => this.kept.identities.get(vm)),
    list: () => this.ask(() => byName([...this.kept.identities.values()], ({ vm }) => vm)),
    certify: UNUSED,
    join: UNUSED,
    admit: UNUSED,
    ban: (vm) => this.ask(() => this.change(vm, { isBanned: true })),
    release: (vm) =>
      this.ask(() => {
        const { quarantine: _, ...rest } = this.kept.identities.get(vm) ?? anIdentity(vm)
        this.kept.identities.set(vm, { ...rest, isBanned: false, isReleased: true })
      }),
    count: UNUSED,
  }

  readonly joinTokens: SiteStore['joinTokens'] = {
    add: (token) => this.ask(() => void this.kept.joinTokens.set(token.id, token)),
    find: (id) => this.ask(() => this.kept.joinTokens.get(id)),
    list: () => this.ask(() => [...this.kept.joinTokens.values()].sort((a, b) => a.expiresAt - b.expiresAt)),
    revoke: (id) => this.ask(() => this.kept.joinTokens.delete(id)),
  }

  readonly apiTokens: SiteStore['apiTokens'] = {
    addFirst: (token) =>
      this.ask(() => {
        if (this.kept.apiTokens.size > 0) return false
        this.kept.apiTokens.set(token.id, token)
        return true
      }),
    add: (token) => this.ask(() => void this.kept.apiTokens.set(token.id, token)),
    find: (id) => this.ask(() => this.kept.apiTokens.get(id)),
    list: () => this.ask(() => [...this.kept.apiTokens.values()]),
    revoke: (id, at) =>
      this.ask(() => {
        const token = this.kept.apiTokens.get(id)
        if (token === undefined || token.revokedAt !== undefined) return false
        this.kept.apiTokens.set(id, { ...token, revokedAt: at })
        return true
      }),
    used: (ids, at) =>
      this.ask(() => {
        for (const id of ids) {
          const token = this.kept.apiTokens.get(id)
          if (token !== undefined) this.kept.apiTokens.set(id, { ...token, usedAt: at })
        }
      }),
  }

  readonly vectors: SiteStore['vectors'] = {
    take: UNUSED,
    latest: (after = -Infinity) =>
      this.ask(() => {
        const newest = new Map(this.kept.vectors.map((kept) => [kept.vector.vmId, kept]))
        return [...newest.values()].filter(({ arrivedAt }) => arrivedAt > after)
      }),
    history: (vm, { from, to, most }) =>
      this.ask(() =>
        this.kept.vectors
          .filter(({ vector, arrivedAt }) => vector.vmId === vm && arrivedAt >= from && arrivedAt < to)
          .slice(-most),
      ),
  }

  readonly usage: SiteStore['usage'] = {
    put: (slots) => this.ask(() => void this.kept.usage.push(...slots)),
    series: (vm, span) => this.ask(() => seriesOf(this.kept.usage, vm, span)),
    seriesOf: (vms, span) => this.ask(() => vms.map((vm) => seriesOf(this.kept.usage, vm, span))),
    hostSeries: (hosts, span) =>
      this.ask(() => hosts.map((host) => hostSeriesOf(host, seriesOf(this.kept.usage, usageNameOf(host), span)))),
  }

  readonly hosts: SiteStore['hosts'] = {
    find: (host) => this.ask(() => this.kept.hosts.get(host)),
    list: () => this.ask(() => byName([...this.kept.hosts.values()], ({ hostId }) => hostId)),
    put: (row, standing) =>
      this.ask(() => {
        const known = this.kept.hosts.get(row.hostId)
        if (standing !== undefined && known?.corrections !== standing.corrections) return false
        const { measurement, changedAt } = known ?? {}
        if (measurement !== undefined && row.measurement !== undefined && measurement !== row.measurement)
          this.kept.before.unshift({ host: row.hostId, at: changedAt ?? 0, measurement })
        this.kept.hosts.set(row.hostId, { ...known, ...row })
        return true
      }),
    measurements: (host, most) =>
      this.ask(() => this.kept.before.filter((before) => before.host === host).slice(0, most)),
    remove: (host) =>
      this.ask(() => {
        this.kept.reports.delete(host)
        return this.kept.hosts.delete(host)
      }),
    report: (reports) => this.ask(() => reports.forEach((report) => this.kept.reports.set(report.hostId, report))),
    reports: () => this.ask(() => byName([...this.kept.reports.values()], ({ hostId }) => hostId)),
  }

  readonly journal: SiteStore['journal'] = {
    append: (line, at) => this.ask(() => this.kept.journal.push({ number: this.kept.journal.length + 1, at, line })),
    from: (number, most) => this.ask(() => this.kept.journal.filter((line) => line.number >= number).slice(0, most)),
    last: (most) => this.ask(() => this.kept.journal.slice(-most)),
    verify: () => this.ask(() => ({ kind: 'whole', lines: this.kept.journal.length })),
  }

  readonly audit: SiteStore['audit'] = {
    add: (record) => this.ask(() => void this.kept.audit.push(record)),
    last: (most, before = Infinity) =>
      this.ask(() =>
        this.kept.audit
          .map((record, i) => ({ number: i + 1, ...record }))
          .filter(({ number }) => number < before)
          .slice(-most),
      ),
  }

  readonly phases: SiteStore['phases'] = { add: UNUSED, list: UNUSED, current: UNUSED, use: UNUSED }

  readonly settings: SiteStore['settings'] = {
    get: (name) => this.ask(() => this.kept.settings.get(name)?.at(-1)),
    set: (name, text, { who, at, expected }) =>
      this.ask(() => {
        const before = this.kept.settings.get(name) ?? []
        if (expected !== undefined && expected !== before.length) return false
        this.kept.settings.set(name, [...before, { version: before.length + 1, text, who, at }])
        return true
      }),
    history: (name, most) => this.ask(() => (this.kept.settings.get(name) ?? []).toReversed().slice(0, most)),
  }

  readonly leases: SiteStore['leases'] = { take: UNUSED, release: UNUSED }

  readonly upkeep: SiteStore['upkeep'] = {
    tend: UNUSED,
    check: () => this.ask(() => []),
    backup: UNUSED,
    schemaVersion: () => this.ask(() => 1),
    sizeBytes: () => this.ask(() => 4096),
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

/** Says the same of everything that is not `nobody`. */
export class FakeAnswers implements SiteAnswers {
  readonly listeners = new Set<(event: SiteEvent) => void>()
  standing: JudgementStatus = { controller: 'running', turns: 3, lastTurnAt: 1000, degraded: [] }
  answer: Answer = { kind: 'json', text: '{"asOf":1000,"degraded":[],"odd":  "spacing stays"}' }
  readonly asked: unknown[] = []
  /** Whose hosts rules are held against, as the ranker would. Absent: nobody can tell. */
  site: { readonly store: SiteStore; readonly clock: { now(): EpochMs } } | undefined

  readonly status = () => this.standing
  readonly hostsFor = (vm: VmId) => this.of(vm)
  readonly pair = (vm: VmId, host: HostId) => this.of(vm, host)
  readonly why = (vm: VmId) => this.of(vm)
  readonly place = (question: unknown) => this.of(question)
  readonly forecasts = () => this.of()
  readonly forecastOf = (vm: VmId) => this.of(vm)
  readonly likeness = (vm: VmId) => this.of(vm)
  readonly contention = () => this.of()
  readonly plan = () => this.of()
  readonly hostLoads = () => this.of()
  readonly outlook = () => this.of()
  readonly evacuation = (host: HostId) => this.of(host)
  readonly alerts = () => this.of()
  readonly conflicts = async (question: Omit<RulesQuestion, 'what'>): Promise<Answer> => {
    this.asked.push(['conflicts', question])
    if (this.site === undefined) return { kind: 'unavailable', reason: 'Nobody looks at the site.' }
    return answerConflicts(this.site, { what: 'conflicts', ...question })
  }

  /** What the platform told of hosts, by name. */
  readonly told = new Map<string, Readonly<Record<string, unknown>>>()
  readonly platform = { host: (id: string) => this.told.get(id) }

  /** What was asked of moves; `heeded` counts who waited for settings to be heeded. */
  readonly moves = {
    heeded: 0,
    result: { kind: 'done', text: 'done' } as AskResult | undefined,
    list: () => this.answer,
    numbers: () => ({ open: 2, frozen: 1, promises: { total: { medianError: 0.04, coverage: 0.8 } } }),
    heed: async () => void this.moves.heeded++,
    approve: (orderId: string, who: string) => this.move('approve', orderId, who),
    object: (ask: ObjectionAsk) => this.move('object', ask),
    lift: (ask: Pick<ObjectionAsk, 'kind' | 'orderId' | 'who'>) => this.move('lift', ask),
    cancel: (vm: string, who: string) => this.move('cancel', vm, who),
    vouch: (host: string, who: string) => this.move('vouch', host, who),
  }

  subscribe(listener: (event: SiteEvent) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  tell(name: SiteEvent['name'], text = '{}'): void {
    for (const listener of this.listeners) listener({ name, at: 1, text })
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  private move(...about: readonly unknown[]): Promise<AskResult | undefined> {
    this.asked.push(about)
    return Promise.resolve(this.moves.result)
  }

  private of(...about: readonly unknown[]): Promise<Answer> {
    this.asked.push(about)
    return Promise.resolve(about.includes('nobody') ? { kind: 'unknown', what: 'nobody' } : this.answer)
  }
}

function byName<T>(items: readonly T[], nameOf: (item: T) => string): readonly T[] {
  return items.toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1))
}

function seriesOf(
  all: readonly UsageSlot[],
  vm: VmId,
  span: { readonly from: EpochMs; readonly to: EpochMs },
): UsageSeries {
  const { firstSlotAt, slots } = slotsWithin(span)
  const columns = { mean: {} as Record<string, Float32Array>, max: {} as Record<string, Float32Array> }
  for (const slot of all) {
    const place = (slot.slotAt - firstSlotAt) / SLOT_MS
    if (slot.vmId !== vm || place < 0 || place >= slots) continue
    for (const kind of ['mean', 'max'] as const)
      for (const [resource, number] of Object.entries(slot[kind])) {
        columns[kind][resource] ??= new Float32Array(slots).fill(NaN)
        columns[kind][resource][place] = number
      }
  }
  return { vmId: vm, firstSlotAt, slots, ...columns }
}
