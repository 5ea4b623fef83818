/** Which component is which page. Each comes in a file of its own once somebody goes there. */
import type { Component } from 'svelte'
import type { Place } from './lib/router.svelte.ts'

/** `name`: of the host or VM that it is about; empty where it is about none. */
export type PageComponent = Component<{ name: string }>

const PAGES: Readonly<Partial<Record<Place, () => Promise<{ default: PageComponent }>>>> = {
  cluster: () => import('./pages/Cluster.svelte'),
  vms: () => import('./pages/Vms.svelte'),
  vm: () => import('./pages/Vm.svelte'),
  plan: () => import('./pages/Plan.svelte'),
  ledger: () => import('./pages/Ledger.svelte'),
  policy: () => import('./pages/Policy.svelte'),
  setup: () => import('./pages/Setup.svelte'),
  backtest: () => import('./pages/Backtest.svelte'),
  hosts: () => import('./pages/Hosts.svelte'),
  host: () => import('./pages/Host.svelte'),
}

export function pageOf(place: Place): (() => Promise<{ default: PageComponent }>) | undefined {
  return PAGES[place]
}
