/** `ethos bench`: measures hosts. What it does is loaded when it is asked for. */
import type { Command } from 'commander'

const actions = () => import('./bench-actions.ts')

export interface BenchHostOptions {
  readonly quick?: boolean
  readonly hostId?: string
  readonly disk?: string
  readonly peer?: string
  readonly only?: string
  readonly set?: readonly string[]
  readonly corrections?: string
  readonly wattsFrom?: string
  readonly json?: boolean
  readonly out?: string
  readonly send?: string
  readonly tokenFile?: string
  readonly ca?: string
}

const EXAMPLES = `
Examples:
  ethos bench host --quick
  ethos bench host --disk /var/lib/libvirt/images --peer 10.0.0.7 --out host.json
  ethos bench host --set storageType=nvme --set networkBytesPerSec=1250000000
  ethos bench host --send https://ethos.example:8443 --token-file token --ca ca.pem

Exit codes: 0 measured; 2 can't be done as asked, or was not taken by the server;
3 measured, but a benchmark failed; 130 interrupted: what was done is kept.`

export function addBench(program: Command): void {
  const command = program.command('bench').description('measures hosts')
  command
    .command('host')
    .description('what this host can do, by the tools that the field trusts: three minutes, best without VMs on it')
    .option('--quick', '45 seconds: fewer kinds of work, one load step')
    .option('--host-id <id>', 'the host’s name at the server (default: its own)')
    .option('--disk <folder>', 'tests the storage under this folder by a file of 256 MiB, removed afterwards')
    .option('--peer <host[:port]>', 'tests the network to this host, where `iperf3 -s` runs (default: loopback only)')
    .option('--only <types>', 'these kinds of work, with commas between')
    .option('--set <name=value>', 'corrects what is read: storageType=nvme (may be repeated)', collect)
    .option('--corrections <file>', 'corrects what is read: JSON with fields of a host')
    .option('--watts-from <file or program>', 'a meter at the plug: the first number is watts')
    .option('--json', 'the document on standard output')
    .option('--out <file>', 'writes the document')
    .option('--send <url>', 'sends the document to a server')
    .option('--token-file <file>', 'API token of an operator, for --send')
    .option('--ca <file>', 'certificate of the server’s authority, for --send')
    .addHelpText('after', EXAMPLES)
    .action(async (options: BenchHostOptions) => (await actions()).benchHost(options))
  command
    .command('show')
    .description('shows a document that `ethos bench host` wrote')
    .argument('<file>', 'the document; - is standard input')
    .argument('[other]', 'a second one of the same host: how far apart they are')
    .addHelpText('after', '\nExamples:\n  ethos bench show kvm-1.json\n  ethos bench show kvm-1.json again.json')
    .action(async (file: string, other: string | undefined) => (await actions()).showMeasurement(file, other))
}

function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value]
}
