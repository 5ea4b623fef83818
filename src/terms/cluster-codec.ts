import type { Cluster } from './cluster.ts'
import { parseHost } from './host.ts'
import { parseClusterId } from './ids.ts'
import { ParseError, parseFields, parseList } from './parse.ts'

/** Hosts of one cluster at most: beyond this, several engines share the work. */
const HOSTS_MAX = 100_000

export function parseCluster(value: unknown, place = 'cluster'): Cluster {
  const fields = parseFields(value, place)
  const hosts = parseList(fields['hosts'], `${place}.hosts`, HOSTS_MAX).map((item, i) =>
    parseHost(item, `${place}.hosts[${i}]`),
  )
  const placeOf = new Map<string, number>()
  hosts.forEach(({ id }, i) => {
    const earlier = placeOf.get(id)
    if (earlier !== undefined)
      throw new ParseError(`${place}.hosts[${i}].id`, id, `It names hosts[${earlier}] already; ids are unique.`)
    placeOf.set(id, i)
  })
  return { id: parseClusterId(fields['id'], `${place}.id`), hosts }
}

export function encodeCluster(cluster: Cluster): string {
  return JSON.stringify(cluster)
}
