/** `ethos`: the command line. What it is asked for is loaded then, the agent without all else: it has to be small. */
import { keepCompiled } from '../compile-cache.ts'
import { keepGarbageYoung } from '../young-garbage.ts'

/** The agent reads its words itself: as a program of its own it has no library for that. */
if (process.argv[2] === 'agent') {
  const { agentMain } = await import('../agent/main.ts')
  const { nodeMachine } = await import('../../drivers/guest/node-machine.ts')
  const { readVersion } = await import('./version.ts')
  process.exit(await agentMain(nodeMachine(), process.argv.slice(3), { version: readVersion() }))
}
// What is imported before this is compiled anew at each start, so nothing is.
keepGarbageYoung()
keepCompiled()
await import('./program.ts')
