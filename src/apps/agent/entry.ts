/** Where the agent begins when it is a program of its own: one file for Node, or one executable. */
import { nodeMachine } from '../../drivers/guest/node-machine.ts'
import { agentMain } from './main.ts'

/** Put in by the build; absent when the source runs as it is. */
declare const ETHOS_VERSION: string | undefined

process.exitCode = await agentMain(nodeMachine(), process.argv.slice(2), {
  version: typeof ETHOS_VERSION === 'string' ? ETHOS_VERSION : 'development',
})
