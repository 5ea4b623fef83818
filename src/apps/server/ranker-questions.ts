import type { HostId, VmId } from '../../terms/ids.ts'
import type { Rules } from './rule-conflicts.ts'

/** What can be asked of the ranker. Ids are parsed before. */
export type Question = TurnQuestion | RulesQuestion

/** Of the last turn's sheet. */
export type TurnQuestion =
  | { readonly what: 'hosts-for'; readonly vm: VmId }
  | { readonly what: 'pair'; readonly vm: VmId; readonly host: HostId }
  | { readonly what: 'why'; readonly vm: VmId }
  | { readonly what: 'place'; readonly question: unknown }
  | { readonly what: 'forecasts' }
  | { readonly what: 'forecast-of'; readonly vm: VmId }
  | { readonly what: 'likeness'; readonly vm: VmId }
  | { readonly what: 'contention' }
  | { readonly what: 'plan' }
  | { readonly what: 'host-loads' }
  | { readonly what: 'outlook' }
  | { readonly what: 'evacuation'; readonly host: HostId }

/** Of what hosts report now, whatever the last turn saw: which rules can't all be kept, and which of that is new. */
export interface RulesQuestion {
  readonly what: 'conflicts'
  readonly standing: Rules
  readonly wished: Rules
}
