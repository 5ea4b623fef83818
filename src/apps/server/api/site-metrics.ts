/** What the metrics tell of the site, looked up when they are asked for. */
import { MINUTE_MS, SECOND_MS } from '../../../terms/units.ts'
import { CONTROLLER_STATES } from '../site-answers.ts'
import type { Events } from './events.ts'
import type { Looked } from './metrics.ts'
import type { ApiParts } from './parts.ts'
import type { SiteView } from './site-view.ts'
import { degradedReasons } from './status-routes.ts'
import { VM_STATES } from '../views/vms.ts'
import { stateOf } from './vm-routes.ts'

/** An agent reports every 5 to 15 minutes: two windows missed, and an hour. */
const AGES_MS = [5 * MINUTE_MS, 10 * MINUTE_MS, 30 * MINUTE_MS, 60 * MINUTE_MS] as const

const MOVES_THAT_ARE = { open: 'under way', frozen: 'frozen, because nobody can tell where their VM runs' } as const

const PROMISE_METRICS = {
  medianError: { name: 'error', help: 'Median of |came / promised - 1| over the newest moves, by figure.' },
  coverage: { name: 'coverage', help: 'Share of moves within the range promised for eight of ten, by figure.' },
} as const

export function siteMetrics(parts: ApiParts, site: SiteView, events: Events): readonly Looked[] {
  return [...ofVms(site), ...ofServer(parts, events)]
}

function ofVms(site: SiteView): readonly Looked[] {
  return [
    {
      name: 'ethos_vms',
      help: 'VMs by how they are heard.',
      label: 'state',
      look: async () => {
        const counts: Record<string, number> = Object.fromEntries(VM_STATES.map((state) => [state, 0]))
        for (const vm of (await site.read()).vms) counts[stateOf(vm)]++
        return counts
      },
    },
    {
      name: 'ethos_vms_vector_age_at_most',
      help: 'VMs whose newest good vector is at most so many seconds old.',
      label: 'seconds',
      look: async () => {
        const { at, vms } = await site.read()
        const count = (ageMs: number) => vms.filter(({ vectorAt }) => at - (vectorAt ?? -Infinity) <= ageMs).length
        return Object.fromEntries(AGES_MS.map((ageMs) => [String(ageMs / SECOND_MS), count(ageMs)]))
      },
    },
    {
      name: 'ethos_vector_age_max_seconds',
      help: 'Age of the newest vector of the VM whose newest is the oldest; banned ones and those in quarantine left out.',
      look: async () => {
        const { at, vms } = await site.read()
        const ages = vms.flatMap((vm) => (stateOf(vm) === 'good' ? [at - (vm.vectorAt ?? at)] : []))
        return ages.length === 0 ? {} : { '': Math.max(0, ...ages) / SECOND_MS }
      },
    },
    {
      name: 'ethos_hosts',
      help: 'Hosts by what is known of them: reporting or silent, complete or lacking something.',
      label: 'kind',
      look: async () => {
        const counts = { reporting: 0, silent: 0, complete: 0, lacking: 0 }
        for (const { report, characteristics } of (await site.read()).hosts) {
          counts[report === undefined ? 'silent' : 'reporting']++
          counts[characteristics === undefined ? 'lacking' : 'complete']++
        }
        return counts
      },
    },
  ]
}

function ofServer({ answers, store, trouble, clock, version }: ApiParts, events: Events): readonly Looked[] {
  return [
    { name: 'ethos_event_streams', help: 'Streams of events that are open.', look: () => ({ '': events.count }) },
    {
      name: 'ethos_store_size_bytes',
      help: 'Bytes that the store takes.',
      look: async () => ({ '': await store.upkeep.sizeBytes() }),
    },
    { name: 'ethos_turns', help: 'Turns since the controller’s start.', look: () => ({ '': answers.status().turns }) },
    {
      name: 'ethos_last_turn_age_seconds',
      help: 'Time since the last turn; missing where there was none.',
      look: () => {
        const { lastTurnAt } = answers.status()
        return lastTurnAt === undefined ? {} : { '': Math.max(0, clock.now() - lastTurnAt) / SECOND_MS }
      },
    },
    {
      name: 'ethos_controller',
      help: 'How the controller is: 1 at its state.',
      label: 'state',
      look: () => {
        const { controller } = answers.status()
        return Object.fromEntries(CONTROLLER_STATES.map((state) => [state, state === controller ? 1 : 0]))
      },
    },
    ...(['open', 'frozen'] as const).map((which) => ({
      name: `ethos_moves_${which}`,
      help: `Moves that are ${MOVES_THAT_ARE[which]}; missing where another server takes the turns.`,
      look: (): Readonly<Record<string, number>> => {
        const numbers = answers.moves.numbers()
        return numbers === undefined ? {} : { '': numbers[which] }
      },
    })),
    ...(['medianError', 'coverage'] as const).map((which) => ({
      name: `ethos_move_promise_${PROMISE_METRICS[which].name}`,
      help: PROMISE_METRICS[which].help,
      label: 'figure',
      look: (): Readonly<Record<string, number>> => {
        const promises = Object.entries(answers.moves.numbers()?.promises ?? {})
        return Object.fromEntries(promises.map(([figure, good]) => [figure, good[which]]))
      },
    })),
    {
      name: 'ethos_degraded_reasons',
      help: 'Reasons why answers are worth less than they should be; 0: all is well.',
      look: () => ({ '': degradedReasons({ answers, trouble }).length }),
    },
    { name: 'ethos_build_info', help: 'Version of the program.', label: 'version', look: () => ({ [version]: 1 }) },
  ]
}
