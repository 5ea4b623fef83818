import { type Address, type Machine, MachineError } from '../machine.ts'
import { Wire } from './wire.ts'
import { COLLECT_MS_MAX } from './deadline.ts'

/** A connection that is opened when it is needed and kept for the next time. A server that was restarted has closed it in the meantime, so
 *  work on a kept connection that fails by the network is done once more on a new one. */
export class Session<Greeting> {
  private readonly machine: Machine
  private readonly address: Address
  private readonly bytesMax: number
  private readonly greet: (wire: Wire) => Promise<Greeting>
  private open: { readonly wire: Wire; readonly greeting: Greeting } | undefined
  private opening: Wire | undefined
  /** Rises by one each time that it is closed: what began before has no say after. */
  private round = 0

  /** @param greet signs in on a new connection; what it returns is handed to all work on it */
  constructor(
    machine: Machine,
    { address, bytesMax }: { readonly address: Address; readonly bytesMax: number },
    greet: (wire: Wire) => Promise<Greeting>,
  ) {
    this.machine = machine
    this.address = address
    this.bytesMax = bytesMax
    this.greet = greet
  }

  /** Does something on the connection. Whatever goes wrong closes it. */
  async use<T>(work: (wire: Wire, greeting: Greeting) => Promise<T>): Promise<T> {
    const { open: kept, round } = this
    try {
      const { wire, greeting } = kept ?? (await this.connect(round))
      wire.allow()
      return await work(wire, greeting)
    } catch (error) {
      if (round !== this.round) throw error
      this.drop()
      if (kept === undefined || !(error instanceof MachineError) || error.code === 'EMSGSIZE') throw error
    }
    return this.use(work)
  }

  close(): void {
    this.round++
    this.drop()
  }

  private drop(): void {
    this.open?.wire.close()
    this.opening?.close()
    this.open = undefined
    this.opening = undefined
  }

  private async connect(round: number): Promise<{ readonly wire: Wire; readonly greeting: Greeting }> {
    const wire = new Wire(await this.machine.network.connect(this.address, COLLECT_MS_MAX), this.bytesMax)
    if (round !== this.round) {
      wire.close()
      throw new MachineError('ECANCELED', 'closed while it was opened')
    }
    this.opening = wire
    const greeting = await this.greet(wire)
    if (round !== this.round) throw new MachineError('ECANCELED', 'closed while it signed in')
    this.opening = undefined
    this.open = { wire, greeting }
    return this.open
  }
}

/** An address as people write it. */
export function showAddress(address: Address): string {
  return 'path' in address ? address.path : `${address.host}:${address.port}`
}
