/** `ethos reporter`: what runs on a host of VMs. What it does is loaded when it is asked for. */
import type { Command } from 'commander'
import { channelOption, channelsOption, type ChannelWords } from './channel-options.ts'

const actions = () => import('./reporter-actions.ts')

export interface ReporterCommandOptions extends ChannelWords {
  readonly server: string
  readonly hostId: string
  readonly state: string
  readonly tokenFile: string
  readonly measurement?: string
  readonly connect: string
  readonly virsh: string
  readonly every: string
  readonly maintenanceFile: string
  readonly jsonLogs?: boolean
}

export function addReporter(program: Command): void {
  program
    .command('reporter')
    .description(
      'on a host of VMs: reports of it and of what runs there, and relays what guests say over their channels',
    )
    .requiredOption('--server <url>', 'the server, such as https://ethos.example:8470')
    .requiredOption('--host-id <id>', 'this host, as it is registered there')
    .option('--state <folder>', 'where its identity is kept', '/var/lib/ethos-reporter')
    .option(
      '--token-file <file>',
      'where an operator leaves a token (`ethos enroll HOST --host`)',
      '/etc/ethos/host-token',
    )
    .option('--measurement <file>', 'what `ethos bench host --out` wrote here: how much a core is worth')
    .option('--connect <uri>', 'libvirt’s address', 'qemu:///system')
    .option('--virsh <program>', 'the program that asks libvirt', '/usr/bin/virsh')
    .addOption(channelsOption())
    .addOption(channelOption())
    .option('--every <seconds>', 'between reports', '60')
    .option(
      '--maintenance-file <file>',
      'while there is such a file the host reports maintenance',
      '/run/ethos-maintenance',
    )
    .option('--json-logs', 'one JSON object a line instead of text')
    .addHelpText(
      'after',
      '\nExample:\n  ethos reporter --server https://ethos.example:8470 --host-id kvm-1 --measurement kvm-1.json \\\n' +
        '    --channels /var/lib/libvirt/qemu/channel/target',
    )
    .action(async (options: ReporterCommandOptions) => (await actions()).report(options))
}
