/** `ethos server`, `ethos authority`, `ethos operator`: the receiving end, and its keys. What they do is loaded when it is asked for: a library
 *  for certificates and one for HTTP would double what every other command, and the agent, need of memory. */
import type { Command } from 'commander'
import { channelOption, channelsOption, type ChannelWords } from './channel-options.ts'
import { DATA, type DataOption, JSON_OPTION, type ListOptions, STORE } from './data-options.ts'

const actions = () => import('./server-actions.ts')

const EXAMPLES = `
Examples:
  ethos serve --data /var/lib/ethos --listen 0.0.0.0:8470 --name ethos.example
  ethos serve --demo --for 60
  ethos serve --data /var/lib/ethos --channels /var/lib/libvirt/qemu/channel/target
  ethos serve --data /var/lib/ethos --channel web-1=/run/guests/web-1.sock`

export interface ServeOptions extends Partial<DataOption>, ChannelWords {
  readonly demo?: boolean
  readonly for?: string
  readonly listen: string
  readonly name?: readonly string[]
  readonly turnEvery: string
  readonly turnsKept: string
  readonly openMetrics?: boolean
  readonly jsonLogs?: boolean
}

export interface RotateOptions extends DataOption {
  readonly overlapDays: string
}

export interface OperatorOptions extends DataOption {
  readonly operator: string
  readonly out: string
  readonly days: string
}

export function addServer(program: Command): void {
  program
    .command('serve')
    .alias('server')
    .description('runs the server: takes in what agents and hosts tell, takes turns, and answers people and programs')
    .option('--data <folder>', 'where keys and, without --store, all else is kept; made if missing')
    .option(
      '--demo',
      'a simulated cluster at sixty times the clock’s pace, in a folder of its own unless --data names one',
    )
    .option('--for <seconds>', 'with --demo: ends by itself')
    .option(...STORE)
    .option('--listen <host:port>', 'address and port to listen on', '127.0.0.1:8470')
    .option(
      '--name <names...>',
      'names and addresses by which agents call it (default: this machine’s name, localhost)',
    )
    .addOption(channelsOption())
    .addOption(channelOption())
    .option('--turn-every <seconds>', 'between turns', '60')
    .option('--turns-kept <MiB>', 'room for what turns were judged on, for `ethos replay`; 0: it is not kept', '256')
    .option('--open-metrics', '/metrics without a token')
    .option('--json-logs', 'one JSON object a line instead of text')
    .addHelpText('after', EXAMPLES)
    .action(async (options: ServeOptions) => (await actions()).serve(options))
  addAuthority(program)
  program
    .command('operator')
    .description('access for operators')
    .command('create')
    .description('makes a certificate and a key with which an operator may ask the server')
    .requiredOption(...DATA)
    .option(...STORE)
    .requiredOption('--operator <name>', 'who it is for')
    .requiredOption('--out <file>', 'where to write certificate, key and authorities, in PEM')
    .option('--days <n>', 'how long it is good', '90')
    .addHelpText(
      'after',
      '\nExample:\n  ethos operator create --operator ada --out ada.pem --data /var/lib/ethos\n' +
        '  curl --cacert ada.pem --cert ada.pem https://ethos.example:8470/v1/agents',
    )
    .action(async (options: OperatorOptions) => (await actions()).createOperator(options))
}

function addAuthority(program: Command): void {
  const command = program.command('authority').description('the certificate authority of a server')
  command
    .command('list')
    .description('which there are, and until when')
    .requiredOption(...DATA)
    .option(...JSON_OPTION)
    .addHelpText('after', '\nExample:\n  ethos authority list --data /var/lib/ethos')
    .action(async (options: ListOptions) => (await actions()).listAuthorities(options))
  command
    .command('rotate')
    .description('makes a new authority; the old one stays beside it until every agent knows the new')
    .requiredOption(...DATA)
    .option(...STORE)
    .option('--overlap-days <n>', 'how long both are good; 0 ends the old one now, and every VM joins again', '9')
    .addHelpText('after', '\nExample:\n  ethos authority rotate --data /var/lib/ethos')
    .action(async (options: RotateOptions) => (await actions()).rotateAuthority(options))
}
