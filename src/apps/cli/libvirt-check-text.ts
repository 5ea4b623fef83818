/** What `ethos libvirt check` tells people. */
import { type CpuBaseline, type CpuKind, cpuPair, listed } from '../../drivers/libvirt/driver/cpu-baseline.ts'
import type { HostLoad } from '../../drivers/libvirt/driver/host-load.ts'
import type { HostInventory, ToldHost } from '../../drivers/libvirt/driver/inventory.ts'
import type { SiteCheck } from '../../drivers/libvirt/driver/site-check.ts'
import { bytesText } from '../../terms/shown.ts'
import { type Column, tableText } from './table-text.ts'

/** Beyond it the matrix has a line for each kind of host, not for each host. */
const MATRIX_HOSTS_MAX = 12

interface Line {
  readonly host: HostInventory
  readonly load: HostLoad
}

export function checkText(check: SiteCheck): string {
  const { hosts, loads, cpus, cpuRemedy, warnings } = check
  const lines = hosts.map((host) => ({ host, load: loads.get(host.hostId) ?? {} }))
  const parts = [
    tableText(COLUMNS, lines),
    unreachableText(hosts),
    untoldText(hosts),
    matrixText(cpus),
    apartText(cpus),
    cpuRemedy === undefined ? '' : `${cpuRemedy}\n`,
    warnings.length === 0 ? '' : `Warnings:\n${warnings.map((text) => `  ${text}\n`).join('')}`,
    endText(check),
  ]
  return parts.filter((part) => part !== '').join('\n')
}

const COLUMNS: readonly Column<Line>[] = [
  { head: 'host', cell: ({ host }) => host.hostId },
  { head: '', cell: ({ host }) => (host.kind === 'told' ? 'answers' : 'can not be asked') },
  { head: 'libvirt', cell: told(({ libvirtVersion }) => libvirtVersion) },
  { head: 'hypervisor', cell: told(({ hypervisorVersion }) => hypervisorVersion) },
  { head: 'CPU', cell: told(cpuText) },
  { head: 'cores', cell: told(coresText), align: 'right' },
  { head: 'memory', cell: told(({ memoryBytes }) => sizeText(memoryBytes)), align: 'right' },
  { head: 'free', cell: told(({ memoryFreeBytes }) => sizeText(memoryFreeBytes)), align: 'right' },
  { head: 'VMs', cell: told(({ vms }) => vms?.length.toString()), align: 'right' },
  { head: 'busy', cell: ({ load }) => load.hostCores?.toFixed(1) ?? '', align: 'right' },
  { head: 'by VMs', cell: ({ load }) => vmCoresText(load), align: 'right' },
]

function told(textOf: (host: ToldHost) => string | undefined): (line: Line) => string {
  return ({ host }) => (host.kind === 'told' ? (textOf(host) ?? '?') : '')
}

function cpuText({ guestCpus, capabilities }: ToldHost): string | undefined {
  const model = guestCpus?.hostModel?.model ?? capabilities?.cpu?.model ?? capabilities?.architecture
  const isEmulated = guestCpus !== undefined && guestCpus.virtualisation !== 'kvm'
  return model === undefined || !isEmulated ? model : `${model} (no KVM)`
}

function coresText({ node }: ToldHost): string | undefined {
  if (node === undefined) return undefined
  return node.threadsPerCore > 1 ? `${node.cpus / node.threadsPerCore} x${node.threadsPerCore}` : `${node.cpus}`
}

function sizeText(bytes: number | undefined): string | undefined {
  return bytes === undefined ? undefined : bytesText(bytes)
}

/** Cores, and that they were summed over VMs where the kernel's own account could not be read. */
function vmCoresText({ vmCores, vmCoresFrom }: HostLoad): string {
  if (vmCores === undefined) return ''
  return vmCoresFrom === 'cgroup' ? `${vmCores.toFixed(1)} (cgroup)` : `${vmCores.toFixed(1)} (sum)`
}

/** The errors name what to look at. Whoever looks once knows that a host did not answer before. */
function unreachableText(hosts: readonly HostInventory[]): string {
  return hosts
    .map((host) => (host.kind === 'told' ? '' : `${host.reason.replace(/ It has never answered\.$/, '')}\n`))
    .join('')
}

/** Many hosts leave out the same: then it is told once. */
function untoldText(hosts: readonly HostInventory[]): string {
  const byText = new Map<string, string[]>()
  for (const host of hosts) {
    if (host.kind !== 'told') continue
    for (const text of host.untold) {
      // The address is another for each; what is behind it is not.
      const plain = text.replace(/ at \S+ failed:/, ' failed:')
      byText.set(plain, [...(byText.get(plain) ?? []), host.hostId])
    }
  }
  return [...byText].map(([text, ids]) => `${listed(ids)}: ${text}\n`).join('')
}

interface Row {
  readonly name: string
  readonly kind: CpuKind
}

/** Rows hand VMs over, columns take them. */
function matrixText({ kinds }: CpuBaseline): string {
  const rows = rowsOf(kinds)
  if (rows.length < 2) return ''
  const columns: readonly Column<Row>[] = [
    { head: "VMs' CPU from \\ to", cell: ({ name }) => name },
    ...rows.map((to): Column<Row> => ({ head: to.name, cell: (from) => cellText(from, to) })),
  ]
  return tableText(columns, rows)
}

function rowsOf(kinds: readonly CpuKind[]): readonly Row[] {
  const rows = kinds
    .flatMap((kind) => kind.hosts.map((name) => ({ name, kind })))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
  if (rows.length <= MATRIX_HOSTS_MAX) return rows
  return kinds.map((kind) => ({ name: listed(kind.hosts, 1), kind }))
}

function cellText(from: Row, to: Row): string {
  if (from.name === to.name) return '-'
  const { verdict, machinesLacking } = cpuPair(from.kind, to.kind)
  if (verdict === 'unknown') return '?'
  return verdict === 'yes' && machinesLacking.length > 0 ? 'in part' : verdict
}

function apartText({ apart }: CpuBaseline): string {
  return apart.map(({ kind, reason }) => `${listed(kind.hosts)}: ${reason}\n`).join('')
}

function endText({ hosts, cpus, warnings }: SiteCheck): string {
  const silent = hosts.filter(({ kind }) => kind === 'unreachable').length
  const no = cpus.pairs.filter(({ verdict }) => verdict === 'no').length
  const parts = [
    `${hosts.length - silent} of ${hosts.length} hosts answer`,
    no === 0 ? '' : 'not every host would take the VMs of every other',
    `${warnings.length} ${warnings.length === 1 ? 'warning' : 'warnings'}`,
  ]
  return `${parts.filter((part) => part !== '').join('; ')}.\n`
}
