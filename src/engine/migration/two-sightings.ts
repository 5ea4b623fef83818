/** What two looks at one VM, on the host that it leaves and on the one that it goes to, come to when they are laid together. */
import type { Presence, Sighting } from '../../terms/intent.ts'

/** `at-source`: it runs there, and nothing of it is at the destination. `leftover`: the same, with a copy at the destination that does not run. `copying`: the
 *  source's platform is at it. `switching`: paused by the last step. `finishing`: gone from the source, not yet running. `arriving`: runs at the destination,
 *  and lies paused at the source. `arrived`: runs at the destination alone. `post-copy`: the same, with memory still to come. `paused`: runs nowhere, and can.
 *  `broken`: post-copy that lost its other half. `double`: runs on both. `gone`: on neither. `strange`: fits nothing. The dark ones: a host can't be asked. */
export const PICTURES = [
  'at-source',
  'leftover',
  'copying',
  'switching',
  'finishing',
  'arriving',
  'arrived',
  'post-copy',
  'paused',
  'broken',
  'double',
  'gone',
  'strange',
  'dark-destination',
  'dark',
] as const
export type Picture = (typeof PICTURES)[number]

/** By what the source shows, then what the destination shows, without a migration under way. */
export type PictureTable = Readonly<Record<Presence, Readonly<Record<Presence, Picture>>>>

const STRANGE: Readonly<Record<Presence, Picture>> = {
  absent: 'strange',
  running: 'strange',
  incoming: 'strange',
  'handing-over': 'strange',
  paused: 'strange',
  left: 'strange',
  'post-copy': 'strange',
  'post-copy-broken': 'broken',
}

/** Lies paused at the source. */
const STILL: Readonly<Record<Presence, Picture>> = {
  absent: 'paused',
  running: 'arriving',
  incoming: 'paused',
  'handing-over': 'paused',
  paused: 'paused',
  left: 'paused',
  'post-copy': 'post-copy',
  'post-copy-broken': 'broken',
}

/** Nothing of it at the source. */
const AWAY: Readonly<Record<Presence, Picture>> = {
  ...STRANGE,
  absent: 'gone',
  running: 'arrived',
  incoming: 'finishing',
  // Paused for a migration whose job it no longer shows: a target's last instant.
  'handing-over': 'finishing',
  paused: 'finishing',
  left: 'gone',
}

export const PICTURE_TABLE: PictureTable = {
  running: {
    ...STRANGE,
    absent: 'at-source',
    running: 'double',
    incoming: 'leftover',
    'handing-over': 'leftover',
    paused: 'leftover',
    left: 'at-source',
    'post-copy': 'double',
  },
  'handing-over': STILL,
  paused: STILL,
  left: AWAY,
  absent: AWAY,
  incoming: STRANGE,
  'post-copy': { ...STRANGE, running: 'double', 'post-copy': 'double' },
  'post-copy-broken': { ...STRANGE, running: 'broken', 'post-copy': 'broken', absent: 'broken', left: 'broken' },
}

/** What the two come to.
 *  @param table for tests that break it */
export function layTogether(source: Sighting, destination: Sighting, table: PictureTable = PICTURE_TABLE): Picture {
  if (source.kind === 'unreachable') return 'dark'
  const isAtWork = source.hasJob
  if (destination.kind === 'unreachable') {
    if (source.presence !== 'running') return 'dark'
    return isAtWork ? 'copying' : 'dark-destination'
  }
  const picture = table[source.presence][destination.presence]
  if (!isAtWork) return picture
  if (picture === 'at-source' || picture === 'leftover') return 'copying'
  return picture === 'paused' ? 'switching' : picture
}

/** In the platform's own words, for the journal and for people. */
export function describeSighting(sighting: Sighting): string {
  if (sighting.kind === 'unreachable') return `can't be asked: ${sighting.reason}`
  return `${sighting.presence}${sighting.hasJob ? ', migration under way' : ''} (${sighting.detail})`
}
