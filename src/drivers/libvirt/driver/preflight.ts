/** Would the platform take this move now? Looks at both hosts and changes nothing. What can't be asked is a warning, never silence. */
import type { MigrationIntent } from '../../../terms/intent.ts'
import type { Preflight } from '../../../world/migration-driver.ts'
import {
  type Domain,
  DOMAIN_LIST,
  FEATURE,
  isNoDomain,
  type Libvirt,
  LibvirtError,
  LibvirtRemoteError,
} from '../rpc/libvirt.ts'
import { Findings } from './findings.ts'
import { type HostLink, hypervisorError } from './host-link.ts'
import { findVm } from './looks.ts'
import { noPeer } from './move.ts'
import { wishAgainst, wishesOf } from './opt-out.ts'
import { checkHost, type HostParts, unlessRefused } from './preflight-host.ts'
import { checkVm, networksOf } from './preflight-vm.ts'
import { describeState, isRunning } from './presence.ts'
import { type LibvirtSite, peerUriOf } from './sites.ts'
import { deskOf } from './vm-desk.ts'
import { parseXml, type XmlElement } from './xml.ts'

export interface PreflightParts {
  readonly intent: MigrationIntent
  readonly source: HostLink
  readonly target: HostLink
  readonly site: LibvirtSite
  readonly vmWaitMs: number
}

/** Of the VMs on the target, so many are looked at for the networks that they use. */
const NEIGHBOURS_MAX = 32

/** Rejects with a `LibvirtError` or a `HypervisorError` where the *source* can't be asked; a target that can't be is a refusal. */
export async function preflight(parts: PreflightParts): Promise<Preflight> {
  const findings = new Findings()
  const { source, target } = parts
  if (source.id === target.id) findings.refuse('same-host', `${parts.intent.order.vmId} is to move to where it is.`)
  if (peerUriOf(target.host) === undefined) findings.refuse('host-state', noPeer(target.host))
  const vm = await source.use((libvirt) => checkSource(parts, libvirt, findings))
  if (vm !== undefined && source.id !== target.id) await checkTarget(parts, vm, findings)
  return findings.result
}

interface SourceVm {
  readonly domain: Domain
  readonly description: XmlElement
}

/** Undefined: it is not there, or not known well enough to look on. */
async function checkSource(
  { intent, source, site, vmWaitMs }: PreflightParts,
  libvirt: Libvirt,
  findings: Findings,
): Promise<SourceVm | undefined> {
  const { vmId } = intent.order
  const domain = await findVm(libvirt, vmId)
  if (domain === undefined) {
    findings.refuse('location-unknown', `${source.id} knows no VM ${vmId}. Did it move, or is it off?`)
    return undefined
  }
  const [state, job] = [await libvirt.domainState(domain), await deskOf(libvirt).jobOf(domain, vmWaitMs)]
  const is = `${vmId} on ${source.id} is ${describeState(state, job)}`
  if (!isRunning(state)) findings.refuse('host-state', `${is}; only what runs is moved.`)
  if (job.kind !== 'none') findings.refuse('in-flight', `${is}; one thing at a time.`)
  if ((await unlessRefused(() => libvirt.supportsFeature(FEATURE.migrationPeerToPeer))) === false) {
    findings.refuse('host-state', `The hypervisor of ${source.id} can not migrate peer to peer.`)
  }
  const description = parseXml(await deskOf(libvirt).xmlOf(domain, vmWaitMs), `the description of ${vmId}`)
  const unwanted = wishAgainst(vmId, intent.terms.mode, wishesOf(description), site)
  if (unwanted !== undefined) findings.refuse('pinned', `${vmId} on ${source.id}: ${unwanted}.`)
  return { domain, description }
}

async function checkTarget(parts: PreflightParts, vm: SourceVm, findings: Findings): Promise<void> {
  const { source, target, site, intent, vmWaitMs } = parts
  const name = intent.order.vmId
  try {
    await target.use(async (there) => {
      await checkAbsent(parts, vm.domain, there, findings)
      const networksInUse = await networksThere(there, vmWaitMs)
      checkVm({ domain: vm.description, name, site, target: target.host, networksInUse }, findings)
      const hosts = { askSource: askingOf(source), target: there, targetId: target.id }
      await checkHost({ domain: vm.description, name, ...hosts }, findings)
    })
  } catch (error) {
    if (!(error instanceof LibvirtError)) throw error
    findings.refuse('host-state', `The target can not be asked. ${target.describe(error)}`)
    return
  }
  await checkWay(parts, findings)
}

/** What the source fails to answer is told of the source, wherever it was asked. */
function askingOf(source: HostLink): HostParts['askSource'] {
  return async (ask) => {
    try {
      return await source.use(ask)
    } catch (error) {
      throw error instanceof LibvirtRemoteError ? error : hypervisorError(source, error)
    }
  }
}

/** Neither its name nor its UUID may be another's there, and it must not run there. A definition of its own that is off is no trouble. */
async function checkAbsent(
  { target }: PreflightParts,
  domain: Domain,
  there: Libvirt,
  findings: Findings,
): Promise<void> {
  const [named, numbered] = [await findVm(there, domain.name as never), await byUuid(there, domain.uuid)]
  const running = [named, numbered].find((one) => one !== undefined && one.id >= 0)
  if (running !== undefined) {
    findings.refuse('location-unknown', `${running.name} has a process on ${target.id} already: is it there twice?`)
  } else if (named !== undefined && named.uuid !== domain.uuid) {
    findings.refuse('host-state', `${target.id} defines another VM by the name ${domain.name} (${named.uuid}).`)
  } else if (numbered !== undefined && numbered.name !== domain.name) {
    findings.refuse('host-state', `${target.id} defines ${domain.uuid} by another name, ${numbered.name}.`)
  }
}

async function byUuid(libvirt: Libvirt, uuid: string): Promise<Domain | undefined> {
  try {
    return await libvirt.domainByUuid(uuid)
  } catch (error) {
    if (isNoDomain(error)) return undefined
    throw error
  }
}

/** The protocol has no list of bridges; what a VM there uses is there. */
async function networksThere(there: Libvirt, vmWaitMs: number): Promise<ReadonlySet<string>> {
  const neighbours = (await there.domains(DOMAIN_LIST.active)).slice(0, NEIGHBOURS_MAX)
  const found = await Promise.all(
    neighbours.map(async (neighbour) => {
      try {
        return networksOf(parseXml(await deskOf(there).xmlOf(neighbour, vmWaitMs), neighbour.name))
      } catch {
        // What is not told is no evidence; the network may be found at another.
        return []
      }
    }),
  )
  return new Set(found.flat())
}

/** The way on which the source's daemon goes to the target's. Only from here can it be tried, and here is not there. */
async function checkWay({ source, target, site }: PreflightParts, findings: Findings): Promise<void> {
  const peerUri = peerUriOf(target.host)
  if (peerUri === undefined) return
  if (site.isEncrypted === true) {
    const files = 'whether both have certificates for it can not be asked'
    findings.warn(`Memory is to travel from ${source.id} to ${target.id} in TLS of QEMU; ${files}.`)
  }
  if (peerUri === target.host.uri) return
  if (/[?&]pkipath=/.test(peerUri)) {
    const keys = `its keys lie on ${source.id}, in a folder that is not one of this machine`
    return findings.warn(`Whether ${source.id} reaches ${target.id} can not be told from here: ${keys}.`)
  }
  try {
    const opened = await target.openNew({ isReadOnly: true }, peerUri)
    await opened.close()
  } catch (error) {
    if (!(error instanceof LibvirtError)) throw error
    const isDistrust = error.code === 'unauthorised' && peerUri.includes('+tls:')
    if (isDistrust)
      findings.refuse('network', `The way from ${source.id} to ${target.id} is not to be trusted. ${error.message}`)
    else findings.warn(`Whether ${source.id} reaches ${target.id} can not be told from here. ${error.message}`)
  }
}
