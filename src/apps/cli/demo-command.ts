import { type Command, InvalidArgumentError } from 'commander'
import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { loadScenario } from '../../drivers/scenarios.ts'
import { DEMO_PAGE, DEMO_POLICIES_DEFAULT, DEMO_SPEED, DEMO_SPEED_MAX, demoLibvirt } from './demo-libvirt.ts'
import { UsageError } from '../usage-error.ts'
import { report } from './report-command.ts'

const SCENARIO = 'azure-day'
const PAGE = join('out', 'azure-day.html')
const EXAMPLES = `
Examples:
  ethos demo
  ethos demo --out /tmp/azure-day.html
  sudo ethos demo --libvirt                       an evening on real guests of this machine: five minutes
  sudo ethos demo --libvirt --policy ethos,none --json -

--libvirt needs root on Debian (x64), a clone of the repository, and libvirt and QEMU: docs/demo-libvirt.md.
It runs hosts of its own and touches no other libvirt; Ctrl-C takes all of it down.`

/** `npm run demo:backtest`: the day that ships with the repository, replayed and reported. */
export function addDemo(program: Command): void {
  program
    .command('demo')
    .description(`Replay the Azure day that ships with Ethos (scenarios/${SCENARIO}.json) and write its report.`)
    .option('--out <file>', `where to write the page (${PAGE}; with --libvirt ${DEMO_PAGE})`)
    .option('--libvirt', 'an evening on real hosts and guests of this machine instead, with live migrations')
    .option('--policy <names>', 'with --libvirt: who balances, one evening each', DEMO_POLICIES_DEFAULT)
    .option(
      '--speed <times>',
      'with --libvirt: how much faster than the clock the evening goes',
      parseSpeed,
      DEMO_SPEED,
    )
    .option(
      '--seed <number>',
      'with --libvirt: of the noise in the day before, and of rivals that draw lots',
      parseSeed,
      1,
    )
    .option('--agents', 'with --libvirt: an agent in each guest, and what they tell (takes some minutes more)', false)
    .option('--json <file>', 'with --libvirt: write all figures as JSON; - for standard output')
    .addHelpText('after', EXAMPLES)
    .action(demo)
}

/** Options that mean nothing to the replayed day. */
const LIBVIRT_ONLY = ['policy', 'speed', 'seed', 'agents', 'json'] as const

interface DemoOptions {
  readonly out?: string
  readonly libvirt?: boolean
  readonly policy: string
  readonly speed: number
  readonly seed: number
  readonly agents: boolean
  readonly json?: string
}

async function demo({ libvirt = false, ...options }: DemoOptions, self: Command): Promise<void> {
  if (libvirt) return demoLibvirt({ ...options, out: options.out ?? DEMO_PAGE })
  for (const name of LIBVIRT_ONLY)
    if (self.getOptionValueSource(name) === 'cli')
      throw new UsageError(`--${name}`, options[name], 'It belongs to an evening on real guests: say --libvirt too.')
  await replayDay(options.out ?? PAGE)
}

function parseSpeed(text: string): number {
  const speed = Number(text)
  if (speed >= 10 && speed <= DEMO_SPEED_MAX) return speed
  throw new InvalidArgumentError(`Expected 10 to ${DEMO_SPEED_MAX}.`)
}

function parseSeed(text: string): number {
  const seed = Number(text)
  if (Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32) return seed
  throw new InvalidArgumentError('Expected a whole number from 0 to 4294967295.')
}

async function replayDay(out: string): Promise<void> {
  const { trace, hosts, hostCount, rules, vms, seed, policies } = loadScenario(SCENARIO)
  if (out === PAGE) makeFolder(dirname(PAGE))
  process.stderr.write(
    `Replaying scenarios/${SCENARIO}.json: a real day of Azure VMs under our policy, two rivals and an oracle that knows the future.\n`,
  )
  await report({
    trace,
    hosts,
    rules,
    seed,
    policy: policies.join(','),
    out,
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
