/** A ledger of many moves, as the server would tell it: an imagined site has none. */
import type { LedgerMovesView, LedgerMoveView } from '../../../src/apps/server/views/ledger.ts'
import { hashPair } from '../../../src/terms/luck.ts'
import { MINUTE_MS } from '../../../src/terms/units.ts'
import type { ImaginedSite } from '../../server/imagined-site.ts'

const SEED = 7

/** The newest first, a minute apart. */
export function imaginedLedger({ hosts, vms }: ImaginedSite, moves: number, asOf: number): LedgerMovesView {
  const moveOf = (i: number): LedgerMoveView => ({
    id: `1-${moves - i}`,
    vm: one(vms, draw(i, 0)),
    from: one(hosts, draw(i, 1)),
    to: one(hosts, draw(i, 2)),
    class: draw(i, 3) < 0.8 ? 'contention' : 'energy',
    reason: 'CPU of the host is likely to run short.',
    decidedAt: asOf - (i + 1) * MINUTE_MS,
    state: 'done',
    settledAt: asOf - i * MINUTE_MS,
    confidence: draw(i, 4),
    gain: { model: 'contention', promised: draw(i, 5), realised: draw(i, 6) },
    cost: { model: 'cost', promised: draw(i, 7) / 10, realised: draw(i, 8) / 10 },
    migration: {
      model: 'rounds',
      totalMs: { promised: 10_000 * draw(i, 9), realised: 10_000 * draw(i, 10) },
      downtimeMs: { promised: 100 * draw(i, 11), realised: 100 * draw(i, 12) },
      copiedBytes: { promised: 1e9 * draw(i, 13), realised: 1e9 * draw(i, 14) },
    },
    contention: { model: 'quantiles', foreseen: draw(i, 15), came: draw(i, 16) < 0.5 },
    unknown: [],
  })
  return {
    asOf,
    since: asOf - (moves + 1) * MINUTE_MS,
    currency: 'EUR',
    moves: Array.from({ length: moves }, (_, i) => moveOf(i)),
  }
}

/** From 0 to 1, always the same of a move and a question. */
function draw(move: number, what: number): number {
  return hashPair(move, what, SEED) / 2 ** 32
}

function one(all: readonly { readonly id: string }[], share: number): string {
  return all[Math.floor(share * all.length)].id
}
