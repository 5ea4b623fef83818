/** The ranker's side of its thread: holds the newest sheet and answers from it. */
import type { HostState } from '../../terms/cluster.ts'
import type { Clock } from '../../world/clock.ts'
import { StoreError } from '../../world/errors.ts'
import type { SiteStore } from '../../world/site-store.ts'
import { TurnAnswers } from './ranker-answers.ts'
import type { FromRanker, ToRanker } from './ranker-messages.ts'
import type { RulesQuestion } from './ranker-questions.ts'
import { readLastTurn } from './rebuild.ts'
import { answerConflicts } from './rule-conflicts.ts'
import type { Answer } from './site-answers.ts'
import { SiteSight } from './site-sight.ts'
import { alertsOf } from './turn-alerts.ts'
import { eventsOf } from './turn-events.ts'
import { decodePacket, type TurnPacket } from './turn-packet.ts'

const NO_HOSTS = {
  reason: 'No host can be ranked: none is registered with all that is needed.',
  remedy: 'Measure each with `ethos bench host --out FILE`, then register it with `ethos hosts add FILE`.',
}

const SLOW_STORE: Answer = {
  kind: 'unavailable',
  reason: 'The store did not tell in time what hosts report. Ask again in a few seconds.',
}
/** A look at what hosts report takes a tenth of a second. Where the store is slow, who asked is told so well before this thread is taken to hang. */
const CONFLICTS_MS_MAX = 5000

export class RankerDesk {
  private readonly openStore: () => Promise<SiteStore>
  private readonly clock: Clock
  private readonly say: (message: FromRanker) => void
  private sight: Promise<{ readonly store: SiteStore; readonly look: SiteSight }> | undefined
  private answers: TurnAnswers | undefined
  private hostStates: ReadonlyMap<string, HostState> = new Map()
  private trouble: { readonly reason: string; readonly remedy?: string } = {
    reason: 'The site is being looked at for the first time.',
    remedy: 'Ask again in a few seconds.',
  }
  private isLooking = false

  constructor(openStore: () => Promise<SiteStore>, clock: Clock, say: (message: FromRanker) => void) {
    this.openStore = openStore
    this.clock = clock
    this.say = say
  }

  async hear(message: ToRanker): Promise<void> {
    switch (message.kind) {
      case 'load':
        return this.load(message.packet)
      case 'look':
        return this.look()
      case 'ask': {
        const { id, question, degraded } = message
        const answer =
          question.what === 'conflicts'
            ? await this.conflicts(question)
            : (this.answers?.answer(question, degraded) ?? { kind: 'unavailable', ...this.trouble })
        this.say({ kind: 'answer', id, answer })
        return
      }
      case 'close':
        await (await this.sight?.catch(() => undefined))?.store.close()
    }
  }

  private load(bytes: Uint8Array): void {
    try {
      this.open(decodePacket(bytes), 'turn')
    } catch (error) {
      // The packet is another process's word: whatever is wrong with it is told, and what stood before stays.
      this.fail('turn', error)
    }
  }

  /** Sees for itself what a controller would see, and takes no turn. */
  private async look(): Promise<void> {
    if (this.isLooking) return
    this.isLooking = true
    try {
      const { look, store } = await this.openSight()
      const settings = await look.readSettings()
      const sight = await look.look(settings)
      if (typeof sight === 'string') throw new StoreError('unreachable', sight)
      const { observation, notes, heardAt, mixes } = sight
      const before = { ...(await look.remember(sight)), mixes }
      const { policy, automation } = settings
      const lastTurn = await readLastTurn(store)
      this.open(
        { before, observation, policy, automation, held: settings.problems, notes, heardAt, ...lastTurn },
        'look',
      )
    } catch (error) {
      this.fail('look', error)
    } finally {
      this.isLooking = false
    }
  }

  /** No turn is needed for it: where there is none yet, hosts can be asked about all the same. */
  private async conflicts(question: RulesQuestion): Promise<Answer> {
    const late = Promise.withResolvers<Answer>()
    const timer = setTimeout(() => late.resolve(SLOW_STORE), CONFLICTS_MS_MAX)
    try {
      return await Promise.race([this.conflictsSeen(question), late.promise])
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      return { kind: 'unavailable', reason: error.message }
    } finally {
      clearTimeout(timer)
    }
  }

  private async conflictsSeen(question: RulesQuestion): Promise<Answer> {
    const { store } = await this.openSight()
    return answerConflicts({ store, clock: this.clock }, question)
  }

  /** Opened once; what failed to open is tried anew. */
  private openSight() {
    this.sight ??= this.openStore().then((store) => ({ store, look: new SiteSight(store, this.clock) }))
    this.sight.catch(() => {
      this.sight = undefined
    })
    return this.sight
  }

  private open(packet: TurnPacket, source: 'turn' | 'look'): void {
    const { inventory, at } = packet.observation
    if (inventory.hosts.length === 0) {
      this.answers = undefined
      this.trouble = NO_HOSTS
    } else {
      this.answers = new TurnAnswers(packet)
    }
    const events = eventsOf(packet, this.hostStates)
    this.hostStates = new Map(inventory.hosts.map(({ id }, h) => [id, inventory.hostStates[h]]))
    this.say({
      kind: 'loaded',
      source,
      asOf: at,
      hosts: inventory.hosts.length,
      vms: inventory.vms.length,
      alerts: alertsOf(packet),
      // The turn that a look finds in the journal was told when it was taken.
      events: source === 'turn' ? events : events.filter(({ name }) => name === 'host'),
    })
  }

  private fail(source: 'turn' | 'look', error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error)
    if (this.answers === undefined) this.trouble = { reason }
    this.say({ kind: 'failed', source, reason })
  }
}
