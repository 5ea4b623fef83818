import { bench } from '../../../../tools/benchmark.ts'
import { Luck } from '../../../terms/luck.ts'
import { pack } from './packing.ts'

const answers = new Map<number, Buffer>()

/** What is ahead of so many hosts, of the form of `/v1/outlook`: 1.2 kB each. */
function answerOf(hosts: number): Buffer {
  const known = answers.get(hosts)
  if (known !== undefined) return known
  const luck = new Luck(1)
  const column = (level: number): number[] =>
    Array.from({ length: 48 }, () => Number((level + luck.fraction() / 20).toFixed(4)))
  const text = JSON.stringify({
    asOf: 1_800_000_000_000,
    hosts: Array.from({ length: hosts }, (_, i) => {
      const level = luck.fraction() / 2
      const demand = { p10: column(level), p50: column(level + 0.1), p90: column(level + 0.2) }
      return {
        host: `host-${String(i).padStart(4, '0')}`,
        state: 'on',
        vms: 10,
        now: { cpu: level, memory: 0.5 },
        demand,
      }
    }),
  })
  const bytes = Buffer.from(text)
  answers.set(hosts, bytes)
  return bytes
}

/** The checksum is what is left of the bytes. */
bench(
  'hosts in an answer that is packed, brotli',
  { smoke: 20, full: 1000 },
  async (hosts) => (await pack(answerOf(hosts), 'br')).length,
  { name: 'gzip', work: async (hosts) => (await pack(answerOf(hosts), 'gzip')).length },
)
