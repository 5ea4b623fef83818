/** What one host shows: all its VMs at once, or one of them. Nothing here throws for what a host does or fails to do. */
import { ID_LENGTH_MAX, parseVmId, type VmId } from '../../../terms/ids.ts'
import type { MoveFigures, Sighting } from '../../../terms/intent.ts'
import { ParseError } from '../../../terms/parse.ts'
import type { HostListing, ListedVm } from '../../../world/migration-driver.ts'
import { DOMAIN_STATS, type Domain, type DomainStatsRecord, isNoDomain, type Libvirt } from '../rpc/libvirt.ts'
import { DOMAIN_PROCEDURES } from '../rpc/procedures-domain.ts'
import { completedFigures } from './figures.ts'
import type { HostLink } from './host-link.ts'
import { wishesOf } from './opt-out.ts'
import { describeState, hasArrived, mayMigrate, presenceOf, type StateOf } from './presence.ts'
import { deskOf, figureOf } from './vm-desk.ts'
import { parseXml } from './xml.ts'

/** virConnectGetAllDomainStatsFlags: those that have a process, and what can be told without waiting for a VM. */
export const ACTIVE_NO_WAIT = (1 << 0) | (1 << 29)
/** libvirt's names may be longer than any id; what is shown of one. */
const SHOWN_MAX = 80

type Seen = Extract<Sighting, { readonly kind: 'seen' }>

export interface LookOptions {
  /** How long one VM is waited for. */
  readonly vmWaitMs: number
  /** How long one host is waited for: the others' news does not get older than that. */
  readonly hostWaitMs: number
  /** VMs to leave alone, by name. */
  readonly optOuts: ReadonlySet<string>
  /** Is told, once per name, of a VM whose name can be no id. */
  readonly note: (text: string) => void
}

/** Never rejects. */
export async function listHost(link: HostLink, options: LookOptions): Promise<HostListing> {
  const hostId = link.id
  const unreachable = (error: unknown): HostListing => ({ kind: 'unreachable', hostId, reason: link.describe(error) })
  const listing = link
    .use((libvirt) => listVms(link, libvirt, options))
    .then((vms): HostListing => ({ kind: 'listed', hostId, vms }), unreachable)
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<HostListing>((resolve) => {
    const what = `It did not list its VMs within ${options.hostWaitMs} ms. Is it overloaded?`
    timer = setTimeout(() => resolve(unreachable(what)), options.hostWaitMs)
  })
  const first = await Promise.race([listing, late])
  clearTimeout(timer)
  return first
}

/** All in one call; then what only the VM itself can tell. */
async function listVms(link: HostLink, libvirt: Libvirt, options: LookOptions): Promise<readonly ListedVm[]> {
  const ask = { domains: [], stats: DOMAIN_STATS.state, flags: ACTIVE_NO_WAIT }
  const records = await libvirt.call(DOMAIN_PROCEDURES.allStats, ask)
  const at = link.now()
  const listed = await Promise.all(records.map((record) => listVm({ record, at, libvirt, options, link })))
  return listed.filter((vm) => vm !== undefined)
}

interface Looking {
  readonly record: DomainStatsRecord
  readonly at: number
  readonly libvirt: Libvirt
  readonly options: LookOptions
  readonly link: HostLink
}

/** Undefined: it can have no id, or is no longer there. */
async function listVm({ record, at, libvirt, options, link }: Looking): Promise<ListedVm | undefined> {
  const { domain, parameters } = record
  const vmId = idOf(domain, link, options)
  if (vmId === undefined) return undefined
  const [sighting, optOut] = await Promise.all([
    sight(libvirt, domain, { ...stateOfStats(parameters), isActive: true }, at, options.vmWaitMs),
    optOutOf(libvirt, domain, options),
  ])
  return { vmId, sighting, ...(optOut === undefined ? {} : { optOut }) }
}

/** One VM on one host, asked now. */
export async function observeVm(vmId: VmId, link: HostLink, vmWaitMs: number): Promise<Sighting> {
  const at = link.now()
  try {
    return await link.use(async (libvirt) => {
      const domain = await findVm(libvirt, vmId)
      if (domain === undefined) return { ...NOT_THERE, at: link.now() }
      const { state, reason } = await libvirt.domainState(domain)
      const is = { state, reason, isActive: domain.id >= 0 }
      const seen = await sight(libvirt, domain, is, link.now(), vmWaitMs)
      const figures = hasArrived(is) ? await figuresThere(libvirt, domain) : undefined
      return figures === undefined ? seen : { ...seen, figures }
    })
  } catch (error) {
    // It went between two questions.
    if (isNoDomain(error)) return { ...NOT_THERE, at: link.now() }
    return { kind: 'unreachable', at, reason: link.describe(error) }
  }
}

/** Of the move that brought it there: after pre-copy the target has them, after post-copy it has none. */
async function figuresThere(libvirt: Libvirt, domain: Domain): Promise<MoveFigures | undefined> {
  try {
    return await completedFigures(libvirt, domain)
  } catch {
    return undefined
  }
}

const NOT_THERE = { kind: 'seen', presence: 'absent', hasJob: false, detail: 'unknown to this host' } as const

export async function findVm(libvirt: Libvirt, vmId: VmId): Promise<Domain | undefined> {
  try {
    return await libvirt.domainByName(vmId)
  } catch (error) {
    if (isNoDomain(error)) return undefined
    throw error
  }
}

async function sight(libvirt: Libvirt, domain: Domain, state: StateOf, at: number, vmWaitMs: number): Promise<Seen> {
  const job = state.isActive ? await deskOf(libvirt).jobOf(domain, vmWaitMs) : ({ kind: 'none' } as const)
  return {
    kind: 'seen',
    at,
    presence: presenceOf(state, job),
    hasJob: mayMigrate(job),
    detail: describeState(state, job),
  }
}

function stateOfStats(parameters: DomainStatsRecord['parameters']): Pick<StateOf, 'state' | 'reason'> {
  return { state: figureOf(parameters, 'state.state') ?? 0, reason: figureOf(parameters, 'state.reason') ?? 0 }
}

/** Whoever can't be asked what it wants is left alone. */
async function optOutOf(libvirt: Libvirt, domain: Domain, options: LookOptions): Promise<string | undefined> {
  if (options.optOuts.has(domain.name)) return 'the configuration names it among those that stay'
  try {
    return wishesOf(parseXml(await deskOf(libvirt).xmlOf(domain, options.vmWaitMs), 'its description')).optOut
  } catch (error) {
    return `whether it may be moved can not be read: ${error instanceof Error ? error.message : String(error)}`
  }
}

function idOf({ name }: Domain, link: HostLink, { note }: LookOptions): VmId | undefined {
  try {
    return parseVmId(name)
  } catch (error) {
    if (!(error instanceof ParseError)) throw error
    const remedy = `An id has 1 to ${ID_LENGTH_MAX} printable ASCII characters without space, quote or backslash`
    note(`VM ${inAscii(name.slice(0, SHOWN_MAX))} on ${link.id} is left out. ${remedy}: rename it.`)
    return undefined
  }
}

/** Quoted, and nothing in it that a terminal or a page would take for more than a letter. */
function inAscii(text: string): string {
  return JSON.stringify(text).replaceAll(/[^\x20-\x7e]/g, escaped)
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}
