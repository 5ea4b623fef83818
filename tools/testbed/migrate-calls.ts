/** Calls to migrate that reached hosts' libvirtds, by their own logs: nothing that a mover says is believed here. */
import type { Testbed } from './testbed.ts'

/** Flags of each call to migrate a VM. @param since how long each host's log was at the beginning; absent: all counts */
export function migrateCalls(
  testbed: Testbed,
  vm: string,
  hosts: readonly string[],
  since: readonly number[] = [],
): readonly number[] {
  const call = new RegExp(`virDomainMigratePerform3Params:.*name=${vm},.*flags=(0x[0-9a-f]+)`, 'g')
  const logs = hosts.map((host, i) => testbed.daemonLog(host).slice(since[i] ?? 0))
  return logs.flatMap((log) => [...log.matchAll(call)].map(([, flags]) => Number(flags)))
}
