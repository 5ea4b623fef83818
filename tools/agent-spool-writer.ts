/** Adds lines to a spool and prints what became of it. Words: folder, how many. What the kernel does to its calls meanwhile is the test's. */
import { nodeMachine } from '../src/drivers/guest/node-machine.ts'
import { Spool } from '../src/drivers/guest/spool.ts'
import { vectorLines } from './agent-lines.ts'

const [folder = '', count = ''] = process.argv.slice(2)
const spool = new Spool(nodeMachine(), folder, 1024 * 1024)
const degraded = new Set<string>()
for (const line of vectorLines('vm-1', 'run-1', { from: 0, to: Number(count), endMs: 0 })) {
  spool.add(line)
  const why = /\bE[A-Z]{2,}\b/.exec(spool.state.degraded ?? '')?.[0]
  if (why !== undefined) degraded.add(why)
}
const { waiting, lost } = spool.state
process.stdout.write(
  `${JSON.stringify({ waiting, lost, degraded: [...degraded], isDegraded: 'degraded' in spool.state })}\n`,
)
spool.close()
