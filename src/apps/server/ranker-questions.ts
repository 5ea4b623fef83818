import type { HostId, VmId } from '../../terms/ids.ts'

/** What can be asked of the ranker. Ids are parsed before. */
export type Question =
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
