import type { Command } from 'commander'

/** Adds the options by which a command finds its server. */
export function asking(command: Command): Command {
  return command
    .option('--json', 'for programs: the answer as the server gave it')
    .option('--server <url>', 'the server, such as https://ethos.example:8470')
    .option('--ca <file>', 'the authority of its certificate')
    .option('--token-file <file>', 'a file that holds the API token')
}
