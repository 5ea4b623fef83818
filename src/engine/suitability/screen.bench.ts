import { bench } from '../../../tools/benchmark.ts'
import type { TurnContext } from '../context.ts'
import { aLargeContext } from '../../../tools/large-cluster.ts'
import { rankMany } from './rank-many.ts'
import { firstBroken } from './rules.ts'
import { Screen } from './screen.ts'

const IS_FULL = process.env['ETHOS_BENCH'] === 'full'
const HOSTS = IS_FULL ? 1000 : 20

let made: TurnContext | undefined
const context = (): TurnContext => (made ??= aLargeContext(HOSTS))

/** Screens `pairs` pairs, all hosts of one VM after the other. */
function screen(pairs: number): number {
  const screener = new Screen(context())
  const row = { scores: new Float32Array(HOSTS), masks: new Uint16Array(HOSTS) }
  let passed = 1
  let headroom = 0
  for (let i = 0; i * HOSTS < pairs; i++) {
    screener.screenVm((i * 7) % context().hostOf.length, row)
    for (let h = 0; h < HOSTS; h++) passed += row.masks[h] === 0 ? 1 : 0
    headroom += row.scores[i % HOSTS]
  }
  return passed + Math.round(headroom)
}

/** A million pairs cost the rules a second. */
function askRules(pairs: number): number {
  let passed = 1
  for (let i = 0; i * HOSTS < pairs; i++) {
    const vm = (i * 7) % context().hostOf.length
    for (let h = 0; h < HOSTS; h++) passed += firstBroken(context(), vm, h) === undefined ? 1 : 0
  }
  return passed
}

bench('(VM, host) pairs screened: headroom and every rule', { smoke: 400, full: 2_000_000 }, screen, {
  name: 'the rules asked pair by pair up to the first that refuses',
  work: askRules,
})

bench('VMs given their five best of 1,000 hosts', { smoke: 4, full: 500 }, (size) => {
  const vms = Array.from({ length: size }, (_, i) => (i * 7) % context().hostOf.length)
  return rankMany(context(), vms, 5).reduce((sum, best) => sum + best.length, 1)
})
