/** `ethos` with everything that a person or a script may ask of it; the agent is not among it. */
import { Command } from 'commander'
import { printable } from '../printable.ts'
import { isForOperators } from '../usage-error.ts'
import { ApiError } from './api-error.ts'
import { addBench } from './bench-command.ts'
import { addBacktest } from './backtest-command.ts'
import { addCompletion } from './completion-command.ts'
import { addDemo } from './demo-command.ts'
import { addLedger } from './ledger-command.ts'
import { addPhases } from './phases-command.ts'
import { addManaged } from './manage-command.ts'
import { addMigration } from './migration-command.ts'
import { addReplay } from './replay-command.ts'
import { addReport } from './report-command.ts'
import { addReporter } from './reporter-command.ts'
import { addServer } from './server-command.ts'
import { addSite } from './site-command.ts'
import { addStore } from './store-command.ts'
import { addTokens } from './token-command.ts'
import { readVersion } from './version.ts'

for (const stream of [process.stdout, process.stderr]) stream.on('error', endUnlessNobodyReads)

const program = new Command('ethos')
  .description('Learns each virtual machine’s character and finds it the place where it runs best.')
  .version(readVersion())
  .showHelpAfterError('(--help shows what can be asked)')
  .addHelpText(
    'after',
    '\nExamples:\n  ethos demo                      a real day, replayed and drawn\n  ethos backtest --help           everything that can be asked of a replay',
  )
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
addBacktest(program)
addBench(program)
addReplay(program)
addReport(program)
addDemo(program)
addServer(program)
addSite(program)
addManaged(program)
addLedger(program)
addMigration(program)
addReporter(program)
addTokens(program)
addPhases(program)
addCompletion(program)
addStore(program)
program.command('agent').description('learns what this VM is like to host: `ethos agent --help`')

try {
  await program.parseAsync()
} catch (error) {
  if (!(error instanceof ApiError) && !isForOperators(error)) throw error
  process.stderr.write(printable(`ethos: ${error.message}\n`))
  process.exitCode = error instanceof ApiError ? error.exitCode : 2
}

/** `ethos ... | head` closes the pipe early: no error of ours, and files are still written. */
function endUnlessNobodyReads(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') return
  process.stderr.write(`ethos: what there was to say could not be written (${error.message}).\n`)
  process.exit(2)
}
