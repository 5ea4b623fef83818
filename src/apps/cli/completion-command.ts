/** `ethos completion`. */
import type { Command } from 'commander'
import { UsageError } from '../usage-error.ts'
import { completionNodes, completionScript, SHELLS } from './completion.ts'

export function addCompletion(program: Command): void {
  program
    .command('completion')
    .description('prints a script by which your shell completes commands, options and names')
    .argument('<shell>', SHELLS.join(', '))
    .addHelpText(
      'after',
      '\nExamples:\n  source <(ethos completion bash)                 in this shell\n' +
        '  ethos completion bash > /etc/bash_completion.d/ethos\n' +
        '  ethos completion fish > ~/.config/fish/completions/ethos.fish',
    )
    .action((text: string) => {
      const shell = SHELLS.find((known) => known === text)
      if (shell === undefined) throw new UsageError('shell', text, `Expected one of ${SHELLS.join(', ')}.`)
      process.stdout.write(completionScript(shell, completionNodes(program)))
    })
}
