import type { Command } from 'commander'
import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { loadScenario } from '../../drivers/scenarios.ts'
import { report } from './report-command.ts'

const SCENARIO = 'azure-day'
const PAGE = join('out', 'azure-day.html')
const EXAMPLES = `
Examples:
  ethos demo
  ethos demo --out /tmp/azure-day.html`

/** `npm start`: the day that ships with the repository, replayed and reported. */
export function addDemo(program: Command): void {
  program
    .command('demo')
    .description(`Replay the Azure day that ships with Ethos (scenarios/${SCENARIO}.json) and write its report.`)
    .option('--out <file>', 'where to write the page', PAGE)
    .addHelpText('after', EXAMPLES)
    .action(demo)
}

async function demo(options: { readonly out: string }): Promise<void> {
  const { trace, hosts, hostCount, rules, vms, seed, policies } = loadScenario(SCENARIO)
  if (options.out === PAGE) makeFolder(dirname(PAGE))
  process.stderr.write(
    `Replaying scenarios/${SCENARIO}.json: a real day of Azure VMs under our policy, two rivals and an oracle that knows the future.\n`,
  )
  await report({
    trace,
    hosts,
    rules,
    seed,
    policy: policies.join(','),
    out: options.out,
    ...(vms === undefined ? {} : { vmCount: vms }),
    ...(hostCount === undefined ? {} : { hostCount }),
  })
}

/** Where it can't be made, the check of outputs says so. */
function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true })
  } catch {}
}
