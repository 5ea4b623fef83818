/** Commands that ask a running server: what it knows, what it thinks, and what it should do. What they do is loaded when it is asked for. */
import type { Command } from 'commander'
import type { AskOptions } from './api-client.ts'
import { asking } from './asking.ts'
import { addOptOut } from './moves-command.ts'

const actions = () => import('./site-actions.ts')
const judged = () => import('./judged-actions.ts')
const ASKING = '\nWhich server: --server, else ETHOS_SERVER, else what `ethos login` keeps.'

export interface ListOptions extends AskOptions {
  readonly names?: boolean
}

export interface VmsOptions extends ListOptions {
  readonly host?: string
  readonly find?: string
}

export interface RankOptions extends AskOptions {
  readonly top: string
  readonly refused?: boolean
}

export interface PlaceOptions extends AskOptions {
  readonly like?: string
  readonly vcpus?: string
  readonly memory?: string
  readonly count: string
  readonly apart?: boolean
  readonly file?: string
  readonly top: string
}

export function addSite(program: Command): void {
  program
    .command('login')
    .description('keeps where the server is, whom to trust, and your token')
    .requiredOption('--server <url>', 'such as https://ethos.example:8470')
    .option('--ca <file>', 'the authority of its certificate')
    .option('--fingerprint <digest>', 'or its digest, as `ethos serve` prints it at its start')
    .option('--token-file <file>', 'a file that holds the token; without it, it is read from standard input')
    .addHelpText('after', '\nExample:\n  ethos login --server https://ethos.example:8470 --ca ca.pem < token')
    .action(async (options) => (await import('./login.ts')).login(options))
  addKnown(program)
  addJudged(program)
}

function addKnown(program: Command): void {
  const vms = asking(program.command('vms'))
    .description('VMs: where they run, how busy they are, how old what is known of them is')
    .argument('[vm]', 'one of them, in full')
    .option('--host <host>', 'those on one host')
    .option('--find <text>', 'those whose name holds a text')
    .option('--names', 'names alone, one a line')
    .addHelpText('after', `\nExamples:\n  ethos vms --host kvm-1\n  ethos vms web-1${ASKING}`)
    .action(async (vm: string | undefined, options: VmsOptions) => (await actions()).vms(vm, options))
  addOptOut(vms)
  asking(program.command('status'))
    .description('how the server fares: its turns, its alerts, and why answers may be worth less')
    .addHelpText('after', `\nExample:\n  ethos status${ASKING}`)
    .action(async (options: AskOptions) => (await actions()).status(options))
  asking(program.command('alerts'))
    .description('what an operator should know now, and what to do about it')
    .addHelpText('after', `\nExample:\n  ethos alerts${ASKING}`)
    .action(async (options: AskOptions) => (await actions()).alerts(options))
}

function addJudged(program: Command): void {
  asking(program.command('rank'))
    .description('every host for one VM: ranked with the terms of its score, or refused with what is lacking')
    .argument('<vm>', 'the VM')
    .option('--top <n>', 'how many of the ranked to show; 0: all', '10')
    .option('--refused', 'show each that was refused, not only how many')
    .addHelpText(
      'after',
      `\nExamples:\n  ethos rank web-1\n  ethos rank web-1 --top 0 --refused${ASKING}\nEnds with 1 where no host is suitable.`,
    )
    .action(async (vm: string, options: RankOptions) => (await judged()).rank(vm, options))
  asking(program.command('place'))
    .description('where a VM to come, or a group of them, would go')
    .option('--like <vm>', 'one like that: its size and its habits')
    .option('--vcpus <n>', 'or by size: virtual CPUs')
    .option('--memory <size>', 'and memory, such as 8GiB')
    .option('--count <n>', 'so many of them at once', '1')
    .option('--apart', 'no two of them on one host')
    .option('--file <file>', 'or a question as JSON, as POST /v1/placements takes it')
    .option('--top <n>', 'how many hosts to show for each', '3')
    .addHelpText(
      'after',
      `\nExamples:\n  ethos place --like web-1\n  ethos place --vcpus 4 --memory 8GiB --count 3 --apart${ASKING}\nEnds with 1 where one of them finds no host.`,
    )
    .action(async (options: PlaceOptions) => (await judged()).place(options))
  asking(program.command('why'))
    .description('why a VM was moved, or stays where it is')
    .argument('<vm>', 'the VM')
    .addHelpText('after', `\nExample:\n  ethos why web-1${ASKING}`)
    .action(async (vm: string, options: AskOptions) => (await judged()).why(vm, options))
  asking(program.command('why-not'))
    .description('why a VM is not on a host: every rule and term, against where it is and against the best')
    .argument('<vm>', 'the VM')
    .argument('<host>', 'the host')
    .addHelpText('after', `\nExample:\n  ethos why-not web-1 kvm-7${ASKING}`)
    .action(async (vm: string, host: string, options: AskOptions) => (await judged()).whyNot(vm, host, options))
}
