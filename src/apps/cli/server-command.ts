import type { Command } from 'commander'
import { WallClock } from '../../drivers/wall-clock.ts'
import { AgentStore } from '../../drivers/sqlite/agent-store.ts'
import { parseVmId } from '../../terms/ids.ts'
import { MINUTE_MS } from '../../terms/units.ts'
import { join } from 'node:path'
import { Authority } from '../server/authority.ts'
import { createToken } from '../server/join-token.ts'
import { startServer } from '../server/server.ts'
import { UsageError } from '../usage-error.ts'

const PORT = 8470

/** `ethos server`, `ethos token create`, `ethos agents`: the first slice of the service. */
export function addServer(program: Command): void {
  addServing(program)
  addTokens(program)
  addAgents(program)
}

function addServing(program: Command): void {
  program
    .command('server')
    .description('takes in what agents tell, over TLS')
    .requiredOption('--data <folder>', 'where identities, keys and vectors are kept')
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--port <number>', 'port to listen on', String(PORT))
    .option('--name <names...>', 'names and addresses by which agents call it', ['localhost', '127.0.0.1'])
    .addHelpText('after', '\nExample:\n  ethos server --data /var/lib/ethos --host 0.0.0.0 --name ethos.example')
    .action(async (options: { data: string; host: string; port: string; name: string[] }) => {
      const server = await startServer({
        dataFolder: options.data,
        host: options.host,
        port: parsePort(options.port),
        names: options.name,
        clock: new WallClock(),
        isLogging: true,
      })
      const stop = (): void => void server.close()
      process.once('SIGTERM', stop)
      process.once('SIGINT', stop)
    })
}

function addTokens(program: Command): void {
  program
    .command('token')
    .description('makes a one-time token with which one VM joins: `ethos token create --vm web-1 --data DIR`')
    .argument('<create>', 'what to do with tokens: create')
    .requiredOption('--data <folder>', "the server's data folder")
    .requiredOption('--vm <id>', 'the VM that it is for')
    .option('--minutes <number>', 'how long it may be used', '10')
    .action(async (what: string, options: { data: string; vm: string; minutes: string }) => {
      if (what !== 'create') throw new UsageError('token', what, 'Expected: ethos token create')
      const minutes = Number(options.minutes)
      if (!(minutes >= 1 && minutes <= 1440)) throw new UsageError('--minutes', options.minutes, 'Expected 1 to 1440.')
      const at = Date.now()
      const authority = await Authority.open(options.data, at)
      const store = new AgentStore(join(options.data, 'agents.sqlite'))
      const made = { vm: parseVmId(options.vm, '--vm'), pin: authority.pin, at, forMs: minutes * MINUTE_MS }
      process.stdout.write(`${createToken(store, made)}\n`)
      store.close()
    })
}

function addAgents(program: Command): void {
  program
    .command('agents')
    .description('who has joined, when it was heard last, and who is in quarantine and why')
    .requiredOption('--data <folder>', "the server's data folder")
    .option('--ban <vm>', 'shut this VM out for good')
    .option('--release <vm>', 'end the quarantine of this VM')
    .action((options: { data: string; ban?: string; release?: string }) => {
      const store = new AgentStore(join(options.data, 'agents.sqlite'))
      if (options.ban !== undefined) store.ban(parseVmId(options.ban, '--ban'))
      if (options.release !== undefined) store.quarantine(parseVmId(options.release, '--release'), null)
      const agents = store.agents()
      if (agents.length === 0)
        process.stdout.write('No VM has joined yet. `ethos token create` makes a token for one.\n')
      for (const { vm, heardAt, banned, quarantine } of agents) {
        const heard = heardAt === null ? 'never heard' : `heard ${new Date(heardAt).toISOString()}`
        const state = banned !== 0 ? 'banned' : quarantine === null ? 'good' : `quarantined: ${quarantine}`
        process.stdout.write(`${vm.padEnd(40)} ${heard.padEnd(32)} ${state}\n`)
      }
      store.close()
    })
}

function parsePort(text: string): number {
  const port = Number(text)
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port
  throw new UsageError('--port', text, 'Expected 0 to 65535.')
}
