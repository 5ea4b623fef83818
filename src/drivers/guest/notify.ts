import type { Machine } from './machine.ts'

export type Notice = 'ready' | 'alive' | 'reloading' | 'stopping'

const WORDS: Readonly<Record<Notice, string>> = {
  ready: 'READY=1',
  alive: 'WATCHDOG=1',
  reloading: 'RELOADING=1',
  stopping: 'STOPPING=1',
}
const TIMEOUT_MS = 5000

/** Tells systemd how the service does (sd_notify(3)), if systemd asked to be told. Its socket is a datagram socket, which neither Node nor Bun opens, so
 *  `systemd-notify` says it for us; the unit needs `NotifyAccess=all`. A failure is no reason to stop. */
export async function notify(machine: Machine, notice: Notice): Promise<boolean> {
  if (machine.self.environment('NOTIFY_SOCKET') === undefined) return false
  const { status } = await machine.run('systemd-notify', [`--pid=${machine.self.pid}`, WORDS[notice]], {
    timeoutMs: TIMEOUT_MS,
  })
  return status === 0
}
