/** Asks as the agent asks, on whichever engine runs this: `ask.ts '[{...}]'`, a list of requests. Prints a list of statuses, or codes of errors. */
import { MachineError } from '../../src/drivers/guest/machine.ts'
import { nodeMachine } from '../../src/drivers/guest/node-machine.ts'

export interface Asked {
  readonly url: string
  readonly authorities: string
}

const { network } = nodeMachine()
const outcomes: (number | string)[] = []
for (const { url, authorities } of JSON.parse(process.argv[2]) as readonly Asked[]) {
  const bounds = { timeoutMs: 10_000, answerBytesMax: 65_536 }
  try {
    outcomes.push((await network.request({ method: 'GET', url, tls: { authorities }, ...bounds })).status)
  } catch (error) {
    outcomes.push(error instanceof MachineError ? error.code : String(error))
  }
}
network.dropConnections()
process.stdout.write(JSON.stringify(outcomes))
