/** The list of VMs: all of them, whatever the server's pages hold, and which of them are shown. */
import type { VmsView, VmView } from '../../../src/apps/server/views/vms.ts'
import { withQuery } from './api.ts'
import { readAll } from './pages-of.ts'

export type VmState = VmView['state']

/** What each state means, in the order in which they are offered. */
export const VM_STATE_MEANINGS: Readonly<Record<VmState, string>> = {
  good: 'its vectors are heard',
  silent: 'it has joined, and no vector of it is there',
  seen: 'a host told of it, and it never spoke',
  quarantined: 'what it says is put aside until somebody releases it',
  banned: 'somebody shut it out',
}

/** Longest page of the API. */
const PAGE = 1000

export interface AllVms {
  readonly asOf: number
  readonly vms: readonly VmView[]
}

/** Page by page. @param ask gives the answer at a path */
export async function readAllVms(ask: (path: string) => Promise<VmsView>): Promise<AllVms> {
  let asOf = 0
  const askPage = (cursor: string | undefined): Promise<VmsView> => ask(withQuery('/v1/vms', { limit: PAGE, cursor }))
  const vms = await readAll(askPage, (page) => {
    asOf = page.asOf
    return page.vms
  })
  return { asOf, vms }
}

export interface VmFilter {
  /** Part of the name; empty: any. */
  readonly name: string
  readonly state: VmState | undefined
  /** Empty: any. */
  readonly host: string
}

/** What the address asks for; a state that is none is no wish. */
export function vmFilterOf(query: URLSearchParams): VmFilter {
  const state = query.get('state') ?? ''
  return {
    name: query.get('name') ?? '',
    state: Object.hasOwn(VM_STATE_MEANINGS, state) ? (state as VmState) : undefined,
    host: query.get('host') ?? '',
  }
}

/** Names are found whatever their case; a host is meant whole where there is such a one, else as a part. */
export function filterVms(vms: readonly VmView[], { name, state, host }: VmFilter): readonly VmView[] {
  const part = name.toLowerCase()
  const isWhole = host !== '' && vms.some((vm) => vm.host === host)
  return vms.filter(
    (vm) =>
      (state === undefined || vm.state === state) &&
      (host === '' || (isWhole ? vm.host === host : vm.host?.includes(host) === true)) &&
      (part === '' || vm.vm.toLowerCase().includes(part)),
  )
}

/** How many are in each state that any is in. */
export function countStates(vms: readonly VmView[]): readonly { readonly state: VmState; readonly vms: number }[] {
  const counts = new Map<VmState, number>()
  for (const { state } of vms) counts.set(state, (counts.get(state) ?? 0) + 1)
  const states = Object.keys(VM_STATE_MEANINGS) as VmState[]
  return states.flatMap((state) => (counts.has(state) ? [{ state, vms: counts.get(state) ?? 0 }] : []))
}

/** By name, each once. */
export function hostsOf(vms: readonly VmView[]): readonly string[] {
  return [...new Set(vms.flatMap(({ host }) => (host === undefined ? [] : [host])))].toSorted()
}

/** Where it runs and how, beside the host's name; empty where that is the usual. */
export function runsText({ runs, leavingTo, isPinned }: VmView): string {
  return [
    ...(runs === undefined || runs === 'running' ? [] : [runs]),
    ...(leavingTo === undefined ? [] : [`leaving to ${leavingTo}`]),
    ...(isPinned === true ? ['pinned'] : []),
  ].join(', ')
}
