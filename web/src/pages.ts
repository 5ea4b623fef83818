/** Which component is which page, and what it is called. Each comes in a file of its own once somebody goes there. */
import type { Component } from 'svelte'
import type { Place, Route } from './lib/router.svelte.ts'

/** `name`: of the host or VM that it is about; empty where it is about none. */
export type PageComponent = Component<{ name: string }>

interface Page {
  readonly title: string
  readonly load: () => Promise<{ default: PageComponent }>
}

const PAGES: Readonly<Partial<Record<Place, Page>>> = {
  cluster: { title: 'Cluster', load: () => import('./pages/Cluster.svelte') },
  hosts: { title: 'Hosts', load: () => import('./pages/Hosts.svelte') },
  host: { title: 'Host', load: () => import('./pages/Host.svelte') },
  vms: { title: 'VMs', load: () => import('./pages/Vms.svelte') },
  vm: { title: 'VM', load: () => import('./pages/Vm.svelte') },
  plan: { title: 'Plan', load: () => import('./pages/Plan.svelte') },
  ledger: { title: 'Ledger', load: () => import('./pages/Ledger.svelte') },
  backtest: { title: 'Backtest', load: () => import('./pages/Backtest.svelte') },
  policy: { title: 'Policy', load: () => import('./pages/Policy.svelte') },
  setup: { title: 'Setup', load: () => import('./pages/Setup.svelte') },
}

export function pageOf(place: Place): (() => Promise<{ default: PageComponent }>) | undefined {
  return PAGES[place]?.load
}

/** As the window and the browser's history have it: `kvm-1 – Host – Ethos`. @param route undefined: there is no such page */
export function titleOf(route: Route | undefined): string {
  const page = route === undefined ? undefined : PAGES[route.place]
  const title = route?.place === 'sign-in' ? 'Sign in' : (page?.title ?? 'No such page')
  return [...(route?.name === undefined ? [] : [plainName(route.name)]), title, 'Ethos'].join(' – ')
}

/** Names come from outside, and a title can't hold back what turns text around, or breaks it. */
function plainName(name: string): string {
  return name.replaceAll(/\p{C}/gu, '\uFFFD')
}
