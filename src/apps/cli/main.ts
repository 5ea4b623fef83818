/** `ethos`: the command line. */
import { Command } from 'commander'
import { PlacementError } from '../../simulator/placement-error.ts'
import { ParseError } from '../../terms/parse.ts'
import { UsageError } from '../usage-error.ts'
import { addBacktest } from './backtest-command.ts'
import { addDemo } from './demo-command.ts'
import { addReport } from './report-command.ts'

const program = new Command('ethos')
  .description('Learns each virtual machine’s character and finds it the place where it runs best.')
  .version('0.1.0')
  .showHelpAfterError('(--help shows what can be asked)')
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
addBacktest(program)
addReport(program)
addDemo(program)

try {
  await program.parseAsync()
} catch (error) {
  if (!isForOperators(error)) throw error
  process.stderr.write(`ethos: ${error.message}\n`)
  process.exitCode = 2
}

/** Errors whose message says all that the reader needs; anything else is our own mistake and shows where. */
function isForOperators(error: unknown): error is Error {
  return error instanceof ParseError || error instanceof UsageError || error instanceof PlacementError
}
