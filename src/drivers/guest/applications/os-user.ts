import type { Machine } from '../machine.ts'

const PASSWD_BYTES_MAX = 256 * 1024
/** Name of the unit that runs the agent, and thereby of its user where systemd makes one up. */
const UNIT_USER = 'ethos-agent'

/** Name of the user that we run as: databases let it in on local sockets without a password (peer, unix_socket) if they know it. */
export function osUserName(machine: Pick<Machine, 'readText' | 'self'>): string {
  const { userId } = machine.self
  for (const line of (machine.readText('/etc/passwd', PASSWD_BYTES_MAX) ?? '').split('\n')) {
    const [name, , id] = line.split(':')
    if (id === String(userId) && name !== '') return name
  }
  // A user that systemd made up stands in no file.
  return machine.self.environment('USER') ?? UNIT_USER
}
