/** `ethos hosts maintenance HOST preview`: what it would take to empty a host. */
import { bytesText, coresText, instantText, pauseText, spanText } from '../../terms/shown.ts'
import type { EvacuationPreviewView } from '../server/views/preview.ts'
import { type AskOptions, pathOf } from './api-client.ts'
import { show } from './site-actions.ts'
import { tableText } from './table-text.ts'

type Move = EvacuationPreviewView['moves'][number]
type Host = EvacuationPreviewView['hosts'][number]

export async function previewEvacuation(host: string, options: AskOptions): Promise<void> {
  const path = pathOf('v1', 'hosts', host, 'maintenance', 'preview')
  await show<EvacuationPreviewView>(options, { method: 'POST', path }, previewText)
}

/** Whole, as text for people. */
export function previewText(answer: EvacuationPreviewView): string {
  const { host, vms, moves, stuck, conflicts, hosts, totalMs, copiedBytes, asOf, approximations } = answer
  if (vms === 0) return `${host} is empty.\n`
  const table = tableText<Move>(
    [
      { head: '#', cell: ({ place }) => String(place), align: 'right' },
      { head: 'VM', cell: ({ vm }) => vm },
      { head: 'to', cell: ({ to }) => to },
      { head: 'begins in', cell: ({ startsInMs }) => spanText(startsInMs), align: 'right' },
      { head: 'takes', cell: ({ durationMs }) => spanText(durationMs), align: 'right' },
      { head: 'copies', cell: (move) => bytesText(move.copiedBytes), align: 'right' },
      { head: 'pauses', cell: ({ downtimeMs }) => pauseText(downtimeMs), align: 'right' },
    ],
    moves,
  )
  const after = tableText<Host>(
    [
      { head: 'host', cell: (one) => one.host },
      { head: 'VMs', cell: (one) => `${one.vms.before} > ${one.vms.after}`, align: 'right' },
      {
        head: 'bound',
        cell: ({ cpu }) => `${coresText(cpu.boundBefore)} > ${coresText(cpu.boundAfter)} of ${coresText(cpu.capacity)}`,
        align: 'right',
      },
      {
        head: 'memory',
        cell: ({ memory }) =>
          `${bytesText(memory.allocatedBefore)} > ${bytesText(memory.allocatedAfter)} of ${bytesText(memory.bytes)}`,
        align: 'right',
      },
    ],
    hosts,
  )
  return [
    `${moves.length} of ${vms} VMs on ${host} would go, as of ${instantText(asOf)}: ${bytesText(copiedBytes)} in ${spanText(totalMs)}.\n`,
    ...conflicts.map(({ text, remedy, isNew }) => `${isNew ? 'Contradiction' : 'Stands already'}: ${text} ${remedy}\n`),
    moves.length === 0 ? '' : `\n${table}`,
    stuck.length === 0 ? '' : `\nCan't go:\n${stuck.map(({ vm, reason }) => `  ${vm}: ${reason}\n`).join('')}`,
    `\nHow full hosts get:\n${after}`,
    `\n${approximations.map((text) => `${text}\n`).join('')}`,
  ].join('')
}
