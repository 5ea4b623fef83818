/** How a VM says that it wants to be left alone, or may be moved by post-copy: an element of ours in its metadata, or a word in its title or
 *  description. `virsh metadata VM --uri urn:ethos:vm --key ethos --set "<vm migration='off' reason='licence'/>"` */
import type { VmId } from '../../../terms/ids.ts'
import type { MigrationMode } from '../../../terms/move-facts.ts'
import type { LibvirtSite } from './sites.ts'
import { childOf, childrenOf, textOf, type XmlElement } from './xml.ts'

/** The namespace of our element. libvirt keeps one element per namespace. */
export const VM_NAMESPACE = 'urn:ethos:vm'
const STAY_WORD = /(^|\s|\[)ethos:stay($|\s|\]|[.,;])/
const REASON_LENGTH_MAX = 200

export interface Wishes {
  /** Why it is to stay; absent: it may be moved. */
  readonly optOut?: string
  readonly isPostCopyAllowed: boolean
}

export function wishesOf(domain: XmlElement): Wishes {
  const own = childrenOf(childOf(domain, 'metadata')).find(({ namespace }) => namespace === VM_NAMESPACE)
  const isPostCopyAllowed = own?.attributes.get('postcopy') === 'on'
  const optOut = ownOptOut(own) ?? wordOptOut(domain)
  return { isPostCopyAllowed, ...(optOut === undefined ? {} : { optOut }) }
}

/** What a VM's own word or the site's says against moving it so; undefined where nothing does. */
export function wishAgainst(
  vmId: VmId,
  mode: MigrationMode,
  { optOut, isPostCopyAllowed }: Wishes,
  site: Pick<LibvirtSite, 'optOuts' | 'postCopyVms'>,
): string | undefined {
  if (optOut !== undefined) return `it is to be left alone: ${optOut}`
  if (site.optOuts?.includes(vmId) === true) return 'it is to be left alone: the optOuts of the site name it'
  if (mode !== 'postcopy' || isPostCopyAllowed || site.postCopyVms?.includes(vmId) === true) return undefined
  const remedy = "Allow it with postcopy='on' in its metadata, or in postCopyVms"
  return `it may not be moved by post-copy, which can lose a guest. ${remedy}`
}

/** Whatever is said of migration and is not `on` is meant as a no: a word misspelt must not move a VM. */
function ownOptOut(own: XmlElement | undefined): string | undefined {
  const word = own?.attributes.get('migration')
  if (own === undefined || word === undefined || word === 'on') return undefined
  const reason = printable(own.attributes.get('reason') ?? '')
  return `its metadata say migration=${JSON.stringify(printable(word))}${reason === '' ? '' : `: ${reason}`}`
}

function wordOptOut(domain: XmlElement): string | undefined {
  const where = ['title', 'description'].find((name) => STAY_WORD.test(textOf(childOf(domain, name))))
  return where === undefined ? undefined : `its ${where} says ethos:stay`
}

function printable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, REASON_LENGTH_MAX)
}
