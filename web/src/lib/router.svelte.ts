/** Which page is shown: what the address says. */

export const PLACES = [
  'cluster',
  'hosts',
  'host',
  'vms',
  'vm',
  'plan',
  'ledger',
  'backtest',
  'policy',
  'setup',
  'sign-in',
] as const
export type Place = (typeof PLACES)[number]

export interface Route {
  readonly place: Place
  /** The host or VM that it is about. */
  readonly name?: string
}

/** What an address is of; undefined: of no page. */
export function routeOf(pathname: string): Route | undefined {
  const [first = '', second, ...more] = pathname.split('/').slice(1)
  if (more.length > 0) return undefined
  if (first === '' && second === undefined) return { place: 'cluster' }
  if (second !== undefined) {
    const name = decoded(second)
    if (name === undefined || name === '') return undefined
    if (first === 'hosts') return { place: 'host', name }
    return first === 'vms' ? { place: 'vm', name } : undefined
  }
  const place = PLACES.find((one) => one === first)
  return place === undefined || place === 'host' || place === 'vm' || place === 'cluster' ? undefined : { place }
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

export function hrefOf({ place, name }: Route): string {
  if (place === 'cluster') return '/'
  if (place === 'host') return `/hosts/${encodeURIComponent(name ?? '')}`
  if (place === 'vm') return `/vms/${encodeURIComponent(name ?? '')}`
  return `/${place}`
}

export const hostHref = (name: string): string => hrefOf({ place: 'host', name })
export const vmHref = (name: string): string => hrefOf({ place: 'vm', name })

export class Router {
  route: Route | undefined = $state.raw()
  /** What stands behind the question mark: filters, so that they can be linked to. */
  query: URLSearchParams = $state.raw(new URLSearchParams())

  /** Follows the browser's history and clicks on our own links from now on. */
  start(): void {
    this.read()
    window.addEventListener('popstate', () => this.read())
    document.addEventListener('click', (event) => this.follow(event))
  }

  go(href: string, { isReplacing = false } = {}): void {
    if (isReplacing) history.replaceState(null, '', href)
    else history.pushState(null, '', href)
    this.read()
    if (!isReplacing) window.scrollTo(0, 0)
  }

  /** Sets one word of the query, without a step in the history. */
  set(name: string, value: string | undefined): void {
    const query = new URLSearchParams(location.search)
    if (value === undefined || value === '') query.delete(name)
    else query.set(name, value)
    const text = query.toString()
    this.go(`${location.pathname}${text === '' ? '' : `?${text}`}`, { isReplacing: true })
  }

  private read(): void {
    this.route = routeOf(location.pathname)
    this.query = new URLSearchParams(location.search)
  }

  private follow(event: MouseEvent): void {
    if (
      event.defaultPrevented ||
      event.button !== 0 ||
      event.metaKey ||
      event.ctrlKey ||
      event.shiftKey ||
      event.altKey
    )
      return
    const link = event.target instanceof Element ? event.target.closest('a') : null
    if (link === null || link.origin !== location.origin || link.target !== '' || link.hasAttribute('download')) return
    if (routeOf(link.pathname) === undefined) return
    // Within a page the browser goes there, and takes the focus along.
    if (link.hash !== '' && link.pathname === location.pathname && link.search === location.search) return
    event.preventDefault()
    if (link.href !== location.href) this.go(`${link.pathname}${link.search}${link.hash}`)
  }
}

export const router = new Router()
