/** Where the agent begins when it is a program of its own: one file for Node, or one executable. */
import { restartLean } from '../../drivers/guest/node-lean.ts'

/** Put in by the build; absent when the source runs as it is. */
declare const ETHOS_VERSION: string | undefined

/** Words of what ends soon, for which small memory is not worth another start. */
const BRIEF: ReadonlySet<string> = new Set([
  'doctor',
  'probe-helper',
  'dirty-pages-helper',
  '--once',
  '--domstats',
  '--help',
  '-h',
  '--version',
])

const words = process.argv.slice(2)
// Sources are stripped of their types by WebAssembly, which an engine without compilers has not.
const isBuilt = typeof ETHOS_VERSION === 'string'
if (isBuilt && !words.some((word) => BRIEF.has(word))) restartLean()
void begin()

/** All else is loaded once it is clear that this life is to last. */
async function begin(): Promise<void> {
  const { nodeMachine } = await import('../../drivers/guest/node-machine.ts')
  const { agentMain } = await import('./main.ts')
  process.exitCode = await agentMain(nodeMachine(), words, { version: isBuilt ? ETHOS_VERSION : 'development' })
}
