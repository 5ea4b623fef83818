/** What streams are told of a turn: short texts, made beside the main thread. */
import type { HostState } from '../../terms/cluster.ts'
import { orderRow } from './ranker-rows.ts'
import type { SiteEvent } from './site-answers.ts'
import type { TurnPacket } from './turn-packet.ts'

/** Longest text of an event, in characters. */
const TEXT_LENGTH_MAX = 16 * 1024
/** Events of one kind and turn: whoever wants all asks for the plan. */
const EVENTS_MOST = 100

export function eventsOf(packet: TurnPacket, hostsBefore: ReadonlyMap<string, HostState>): readonly SiteEvent[] {
  const { observation, result, number, durationMs, lateMs, held, automation } = packet
  const { at, inventory } = observation
  const event = (name: SiteEvent['name'], body: object): SiteEvent[] => {
    const text = JSON.stringify(body)
    return text.length > TEXT_LENGTH_MAX ? [] : [{ name, at, text }]
  }
  const hosts = inventory.hosts.flatMap(({ id }, h) => {
    const was = hostsBefore.get(id)
    const state = inventory.hostStates[h]
    return was === undefined || was === state ? [] : event('host', { at, host: id, was, state })
  })
  if (result === undefined) return hosts.slice(0, EVENTS_MOST)
  const outcomes = result.events.flatMap((told) => (told.kind === 'outcome-settled' ? [told.outcome] : []))
  const turn = {
    at,
    turn: number,
    ...(durationMs === undefined ? {} : { durationMs: tenths(durationMs) }),
    ...(lateMs === undefined ? {} : { lateMs: tenths(lateMs) }),
    ...automation,
    held,
    hosts: inventory.hosts.length,
    vms: inventory.vms.length,
    moves: result.orders.length,
    noSuitableHost: result.events.filter(({ kind }) => kind === 'no-suitable-host').length,
  }
  return [
    ...event('turn', turn),
    ...result.orders.slice(0, EVENTS_MOST).flatMap((order) => event('move', { at, ...orderRow(order) })),
    ...outcomes.slice(0, EVENTS_MOST).flatMap((outcome) => event('outcome', { at, ...outcome })),
    ...hosts.slice(0, EVENTS_MOST),
  ]
}

function tenths(ms: number): number {
  return Math.round(ms * 10) / 10
}
