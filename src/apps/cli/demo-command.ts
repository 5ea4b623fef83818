import type { Command } from 'commander'
import { mkdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { PROJECT_FOLDER } from '../../drivers/traces/data-folder.ts'
import { parseFields, parseJson, parseList, parseNumber, parseText } from '../../terms/parse.ts'
import { report } from './report-command.ts'

const SCENARIO = join('scenarios', 'azure-day.json')
const PAGE = join('out', 'azure-day.html')
const EXAMPLES = `
Examples:
  ethos demo
  ethos demo --out /tmp/azure-day.html`

/** `npm start`: the day that ships with the repository, replayed and reported. */
export function addDemo(program: Command): void {
  program
    .command('demo')
    .description(`Replay the Azure day that ships with Ethos (${SCENARIO}) and write its report.`)
    .option('--out <file>', 'where to write the page', PAGE)
    .addHelpText('after', EXAMPLES)
    .action(demo)
}

async function demo(options: { readonly out: string }): Promise<void> {
  const scenario = parseFields(parseJson(readFileSync(join(PROJECT_FOLDER, SCENARIO), 'utf8'), SCENARIO), SCENARIO)
  if (options.out === PAGE) makeFolder(dirname(PAGE))
  process.stderr.write(
    `Replaying ${SCENARIO}: a real day of Azure VMs under our policy, two rivals and an oracle that knows the future.\n`,
  )
  await report({
    trace: parseText(scenario['trace'], `${SCENARIO}.trace`),
    hosts: parseText(scenario['hosts'], `${SCENARIO}.hosts`),
    rules: parseText(scenario['rules'], `${SCENARIO}.rules`),
    vmCount: parseNumber(scenario['vms'], `${SCENARIO}.vms`, { min: 1, integer: true }),
    seed: parseNumber(scenario['seed'], `${SCENARIO}.seed`, { min: 0, integer: true }),
    policy: parseList(scenario['policies'], `${SCENARIO}.policies`, 20)
      .map((name) => parseText(name, `${SCENARIO}.policies`))
      .join(','),
    out: options.out,
  })
}

/** Where it can't be made, the check of outputs says so. */
function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true })
  } catch {}
}
