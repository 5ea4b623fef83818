/** What every testbed on this machine shares: whether hosts can be made at all, and networks of which each takes one. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

/** What a host is made of, tried without leaving anything. */
const TRIED = '--mount --net --pid --uts --ipc --cgroup --fork ip link add tried type bridge'.split(' ')

/** Whether this user may make namespaces and bridges. */
export function canMakeHosts(): boolean {
  return spawnSync('unshare', TRIED).status === 0
}

/** The first network of 10.77.0.0/16 that no testbed is on, as its first three numbers. Throws where all are in use.
 *  @param numbers of those that may be taken */
export function freeNetwork(numbers: readonly number[]): string {
  const nets = numbers.map((number) => `10.77.${number}`)
  const net = nets.find((each) => !existsSync(`/sys/class/net/${bridgeOf(each)}`))
  if (net === undefined) throw new Error(`All networks from ${nets[0]}.0 on are in use. Maybe: testbed/testbed.sh down`)
  return net
}

/** Name of the bridge that a testbed on this network has. */
export function bridgeOf(net: string): string {
  return `ethos-${net.split('.')[2]}`
}
