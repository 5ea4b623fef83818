/** Which libvirts the server may move VMs between: a setting of the store, made into a driver by the controller's process. */
import { LibvirtDriver } from '../../drivers/libvirt/driver/libvirt-driver.ts'
import { LibvirtMoveFacts } from '../../drivers/libvirt/driver/move-facts.ts'
import { LibvirtPlatform } from '../../drivers/libvirt/driver/platform.ts'
import { checkSite, type LibvirtHost, type LibvirtSite } from '../../drivers/libvirt/driver/sites.ts'
import { parseHostId } from '../../terms/ids.ts'
import {
  type Fields,
  parseBoolean,
  parseFields,
  parseJson,
  parseList,
  parseNumber,
  parseOptional,
  parseText,
  parseWord,
  refuseUnknownFields,
} from '../../terms/parse.ts'
import type { MigrationDriver } from '../../world/migration-driver.ts'
import type { PlatformReader } from '../../world/platform-reader.ts'
import type { VmFactsReader } from '../../world/vm-facts-reader.ts'

export const LIBVIRT_SETTING = 'libvirt'
const NAMES_MAX = 10_000
const LOCK_MANAGERS = ['lockd', 'sanlock', 'none'] as const
const SITE_FIELDS = [
  'hosts',
  'sharedPaths',
  'sharedPools',
  'lockManager',
  'isEncrypted',
  'optOuts',
  'postCopyVms',
  'downtimeLimitMs',
] as const
const HOST_FIELDS = ['id', 'uri', 'peerUri', 'dataUri', 'networks', 'linkMbitPerSec'] as const

/** Reads one. Throws a `ParseError` that names the place; a password in a URI is refused and never repeated. */
export function parseLibvirtSite(value: unknown, place = LIBVIRT_SETTING): LibvirtSite {
  const fields = parseFields(value, place)
  refuseUnknownFields(fields, SITE_FIELDS, place)
  const namesOf = (name: string): readonly string[] | undefined =>
    parseOptional(fields[name], (list) => parseNames(list, `${place}.${name}`))
  const hosts = parseList(fields['hosts'], `${place}.hosts`, NAMES_MAX).map((host, i) =>
    parseHost(parseFields(host, `${place}.hosts[${i}]`), `${place}.hosts[${i}]`),
  )
  const site: LibvirtSite = withoutAbsent<LibvirtSite>({
    hosts,
    sharedPaths: namesOf('sharedPaths'),
    sharedPools: namesOf('sharedPools'),
    optOuts: namesOf('optOuts'),
    postCopyVms: namesOf('postCopyVms'),
    lockManager: parseOptional(fields['lockManager'], (word) => parseWord(word, `${place}.lockManager`, LOCK_MANAGERS)),
    isEncrypted: parseOptional(fields['isEncrypted'], (flag) => parseBoolean(flag, `${place}.isEncrypted`)),
    downtimeLimitMs: parseOptional(fields['downtimeLimitMs'], (ms) => parseNumber(ms, `${place}.downtimeLimitMs`)),
  })
  checkSite(site)
  return site
}

/** The driver that a setting asks for; undefined where there is none, or it names no host. Throws a `ParseError`. */
export function driverOf(setting: string | undefined): MigrationDriver | undefined {
  if (setting === undefined) return undefined
  const site = parseLibvirtSite(parseJson(setting, LIBVIRT_SETTING))
  return site.hosts.length === 0 ? undefined : new LibvirtDriver(site)
}

/** Who reads, over a driver's own connections, what a promise rests on; undefined where the driver's platform has nobody who does. */
export function factsReaderOf(driver: MigrationDriver): VmFactsReader | undefined {
  return driver instanceof LibvirtDriver ? new LibvirtMoveFacts(driver.hosts, driver.site) : undefined
}

/** Who reads what the hosts of a driver's platform are; undefined where nobody does. */
export function platformReaderOf(driver: MigrationDriver): PlatformReader | undefined {
  return driver instanceof LibvirtDriver ? new LibvirtPlatform(driver.site) : undefined
}

/** Whether a setting names hosts that VMs can be moved between. What can't be understood does not. */
export function hasDriver(setting: string | undefined): boolean {
  if (setting === undefined) return false
  try {
    return parseLibvirtSite(parseJson(setting, LIBVIRT_SETTING)).hosts.length > 0
  } catch {
    return false
  }
}

function parseHost(fields: Fields, place: string): LibvirtHost {
  refuseUnknownFields(fields, HOST_FIELDS, place)
  const textOf = (name: string): string | undefined =>
    parseOptional(fields[name], (text) => parseText(text, `${place}.${name}`, 512))
  return withoutAbsent<LibvirtHost>({
    id: parseHostId(fields['id'], `${place}.id`),
    uri: parseText(fields['uri'], `${place}.uri`, 512),
    peerUri: textOf('peerUri'),
    dataUri: textOf('dataUri'),
    networks: parseOptional(fields['networks'], (list) => parseNames(list, `${place}.networks`)),
    linkMbitPerSec: parseOptional(fields['linkMbitPerSec'], (mbit) => parseNumber(mbit, `${place}.linkMbitPerSec`)),
  })
}

function parseNames(value: unknown, place: string): readonly string[] {
  return parseList(value, place, NAMES_MAX).map((name, i) => parseText(name, `${place}[${i}]`, 512))
}

function withoutAbsent<T extends object>(fields: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(fields).filter(([, field]) => field !== undefined)) as T
}
