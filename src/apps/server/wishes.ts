/** What people want of single VMs and hosts: which VMs are left alone, and which hosts are to be emptied. */
import { type HostId, parseHostId, parseVmId, type VmId } from '../../terms/ids.ts'
import {
  type Fields,
  parseBoolean,
  parseFields,
  parseJson,
  parseNumber,
  parseOptional,
  parseText,
} from '../../terms/parse.ts'
import type { EpochMs } from '../../terms/units.ts'

/** Names of the settings in the store. */
export const OPT_OUTS_SETTING = 'opt-outs'
export const MAINTENANCE_SETTING = 'maintenance'
export const ACCEPTED_WARNINGS_SETTING = 'accepted-warnings'
/** Warnings of a driver are sentences. */
export const WARNING_LENGTH_MAX = 1000

/** Who wanted it, when and why. */
export interface Wish {
  readonly who: string
  readonly at: EpochMs
  readonly reason: string
}

/** A host that takes no new VM and whose VMs are moved away. */
export interface Maintenance extends Wish {
  /** Blackouts don't hold it up. */
  readonly isForced: boolean
}

/** VMs that are never moved by us. */
export type OptOuts = ReadonlyMap<VmId, Wish>
export type Maintenances = ReadonlyMap<HostId, Maintenance>
/** What preflights warn of and people have accepted, by the warning's own words. */
export type AcceptedWarnings = ReadonlyMap<string, Wish>

/** Reads `{"web-1":{"who":"ann","at":0,"reason":"licence"}}`. Throws a `ParseError`. */
export function parseOptOuts(text: string): OptOuts {
  return parseEntries(text, OPT_OUTS_SETTING, (name, fields, place) => [
    parseVmId(name, place),
    parseWish(fields, place),
  ])
}

/** The same by host, with `isForced`. Throws a `ParseError`. */
export function parseMaintenances(text: string): Maintenances {
  return parseEntries(text, MAINTENANCE_SETTING, (name, fields, place) => {
    const isForced = parseOptional(fields['isForced'], (flag) => parseBoolean(flag, `${place}.isForced`)) ?? false
    return [parseHostId(name, place), { ...parseWish(fields, place), isForced }]
  })
}

/** The same by the words of a warning. Throws a `ParseError`. */
export function parseAcceptedWarnings(text: string): AcceptedWarnings {
  return parseEntries(text, ACCEPTED_WARNINGS_SETTING, (name, fields, place) => [
    parseText(name, place, WARNING_LENGTH_MAX),
    parseWish(fields, place),
  ])
}

export function encodeWishes(wishes: ReadonlyMap<string, Wish>): string {
  return JSON.stringify(Object.fromEntries(wishes))
}

function parseEntries<K, V>(
  text: string,
  place: string,
  parse: (name: string, fields: Fields, place: string) => readonly [K, V],
): ReadonlyMap<K, V> {
  const fields = parseFields(parseJson(text, place), place)
  return new Map(
    Object.entries(fields).map(([name, entry]) =>
      parse(name, parseFields(entry, `${place}.${name}`), `${place}.${name}`),
    ),
  )
}

function parseWish(fields: Fields, place: string): Wish {
  return {
    who: parseText(fields['who'], `${place}.who`, 256),
    at: parseNumber(fields['at'], `${place}.at`, { min: 0, max: 1e15 }),
    reason: parseText(fields['reason'], `${place}.reason`, 200),
  }
}
