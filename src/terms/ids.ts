/** Ids are branded strings: a `HostId` cannot be handed where a `VmId` is meant. */
import { ParseError } from './parse.ts'

declare const brand: unique symbol

/** Names one VM for its whole life, wherever it runs: at most 64 printable characters. */
export type VmId = string & { readonly [brand]: 'VmId' }
/** Names one host. */
export type HostId = string & { readonly [brand]: 'HostId' }
/** Names one cluster: the hosts among which VMs may move. */
export type ClusterId = string & { readonly [brand]: 'ClusterId' }
/** Names one migration order; unique within a journal. */
export type OrderId = string & { readonly [brand]: 'OrderId' }

/** Longest id we accept, so that a wire vector keeps within its 600 bytes. */
export const ID_LENGTH_MAX = 64

/** Printable ASCII but for the quote and the backslash: an id costs one byte a character in JSON, and no escape. */
const ID_PATTERN = /^[\x21\x23-\x5b\x5d-\x7e]{1,64}$/

export function parseVmId(value: unknown, place = 'VM id'): VmId {
  return parseId(value, place) as VmId
}

export function parseHostId(value: unknown, place = 'host id'): HostId {
  return parseId(value, place) as HostId
}

export function parseClusterId(value: unknown, place = 'cluster id'): ClusterId {
  return parseId(value, place) as ClusterId
}

export function parseOrderId(value: unknown, place = 'order id'): OrderId {
  return parseId(value, place) as OrderId
}

function parseId(value: unknown, place: string): string {
  if (typeof value === 'string' && ID_PATTERN.test(value)) return value
  throw new ParseError(
    place,
    value,
    `Expected 1 to ${ID_LENGTH_MAX} printable ASCII characters without space, quote or backslash.`,
  )
}
