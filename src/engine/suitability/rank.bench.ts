import { bench } from '../../../tools/benchmark.ts'
import type { Ranking } from '../../terms/ranking.ts'
import { encodeRanking } from '../../terms/ranking-codec.ts'
import type { TurnContext } from '../context.ts'
import { aLargeContext } from '../../../tools/large-cluster.ts'
import { getSuitableHosts } from './rank.ts'

const contexts = new Map<number, TurnContext>()

function contextOf(hosts: number): TurnContext {
  const known = contexts.get(hosts)
  if (known !== undefined) return known
  const context = aLargeContext(hosts)
  contexts.set(hosts, context)
  return context
}

/** Every host for one VM after the other, in full. */
function rank(hosts: number, count: number): number {
  const context = contextOf(hosts)
  let checksum = 0
  for (let i = 0; i < count; i++) {
    const { ranked, refused } = getSuitableHosts(context, (i * 7) % context.hostOf.length)
    checksum += ranked.length + 2 * refused.length
  }
  return checksum
}

/** What no ranking can do without, and nothing else: one pass over the past of each pair, for its mean, spread and peak. */
function passOnly(hosts: number, count: number): number {
  const { loads } = contextOf(hosts)
  let checksum = 0
  for (let i = 0; i < count; i++) {
    const vm = (i * 7) % (hosts * 10)
    for (let h = 0; h < hosts; h++) checksum += loads.boundWith(h, vm) > 0 ? 1 : 0
  }
  return checksum
}

for (const hosts of [100, 300, 1000, 3000]) {
  bench(
    `rankings of ${hosts} hosts with ${hosts * 10} VMs on them, every term and refusal`,
    { smoke: 2, full: Math.round(100_000 / hosts) },
    (size) => rank(process.env['ETHOS_BENCH'] === 'full' ? hosts : hosts / 10, size),
    {
      name: 'the pass over the past of each pair alone',
      work: (size) => passOnly(process.env['ETHOS_BENCH'] === 'full' ? hosts : hosts / 10, size),
    },
  )
}

/** The same text so many times; both ways give it. */
function write(times: number, encode: (ranking: Ranking) => string): number {
  const ranking = getSuitableHosts(contextOf(process.env['ETHOS_BENCH'] === 'full' ? 1000 : 30), 7)
  let checksum = 0
  for (let i = 0; i < times; i++) checksum += encode(ranking).length
  return checksum
}

bench('rankings of 1,000 hosts as JSON', { smoke: 2, full: 100 }, (size) => write(size, encodeRanking), {
  name: 'JSON.stringify',
  work: (size) => write(size, JSON.stringify),
})
