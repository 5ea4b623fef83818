/** `ethos demo --libvirt`: an evening on real guests, under several balancers in turn. */
import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { ethos } from '../../engine/turn.ts'
import { none } from '../../rivals/none.ts'
import { proxlb } from '../../rivals/proxlb.ts'
import { proxmoxCrs } from '../../rivals/proxmox-crs.ts'
import { watcherStabilization } from '../../rivals/watcher-stabilization.ts'
import { encodePersonality } from '../../terms/personality-codec.ts'
import type { AnyBalancer } from '../backtest/balancers.ts'
import { tellAgents } from '../demo/agents.ts'
import { drawWaiting, tellFigures } from '../demo/drawing.ts'
import { drawPage } from '../demo/page.ts'
import { type DemoResult, playDemo } from '../demo/play.ts'
import { EVENING } from '../demo/scenario.ts'
import { GuestLost, whyNoAgents, whyNoStage } from '../demo/stage.ts'
import { checkOutputs, STANDARD_OUTPUT, writeOutput } from '../output-files.ts'
import { printable, printableJson } from '../printable.ts'
import { UsageError } from '../usage-error.ts'

const BALANCERS: Readonly<Record<string, AnyBalancer>> = Object.fromEntries(
  [ethos, watcherStabilization, proxmoxCrs, proxlb, none].map((balancer) => [balancer.name, balancer]),
)
const DEMO_POLICIES = Object.keys(BALANCERS)
export const DEMO_POLICIES_DEFAULT = 'ethos,proxmox-crs,none'
export const DEMO_PAGE = join('out', 'libvirt-evening.html')
/** A slot of five minutes is five seconds. */
export const DEMO_SPEED = 60
export const DEMO_SPEED_MAX = 120
const INTERRUPTED = 130

/** What every output says of how its numbers came about. */
const NOTES = [
  'Real libvirt, QEMU and live migrations; hosts are namespaces of this machine with a share of its CPU each, and guests are emulated (no KVM).',
  "The day before, which the forecast rests on, is made up from the guests' own course with noise: it was not lived through.",
]
const WITHOUT_AGENTS =
  'Guests carry no agent: what they are like is computed from what their hosts tell of them (vcpu.delay is what a guest waited for).'
const WITH_AGENTS =
  'Guests carry an agent each; what policies go by is computed from what their hosts tell of them all the same (vcpu.delay is what a guest waited for).'

export interface LibvirtDemoOptions {
  readonly out: string
  readonly policy: string
  readonly speed: number
  readonly seed: number
  readonly agents: boolean
  readonly json?: string
}

export async function demoLibvirt(options: LibvirtDemoOptions): Promise<void> {
  const balancers = parseBalancers(options.policy)
  const outputs = [{ option: '--out', path: options.out }]
  if (options.out === DEMO_PAGE) mkdirSync(dirname(DEMO_PAGE), { recursive: true })
  const json = options.json === undefined ? [] : [{ option: '--json', path: options.json, mayBeStandardOutput: true }]
  checkOutputs([...outputs, ...json], [])
  const reason = whyNoStage() ?? (options.agents ? whyNoAgents() : undefined)
  if (reason !== undefined) throw new UsageError('--libvirt', 'this machine', reason)
  const stop = stopOnSignals()
  const begun = performance.now()
  try {
    const result = await playDemo({
      balancers,
      speed: options.speed,
      seed: options.seed,
      hasAgents: options.agents,
      signal: stop.signal,
      tell: (text) => process.stderr.write(printable(`${seconds(begun).padStart(5)} s  ${text}\n`)),
    })
    tellResult(result, options)
  } catch (error) {
    if (!stop.signal.aborted) throw forOperators(error)
    process.stderr.write('Interrupted; guests and hosts are gone.\n')
    process.exitCode = INTERRUPTED
  } finally {
    stop.release()
  }
}

/** What the testbed's scripts complained of, or that the emulator spoilt one guest after the other: not a mistake of ours. */
function forOperators(error: unknown): unknown {
  if (error instanceof GuestLost)
    return new UsageError('--libvirt', error.message, 'Too many guests were spoilt: begin again, on a quieter machine.')
  if (!(error instanceof Error && 'stderr' in error)) return error
  const said = String(error.stderr).trim().split('\n').at(-1) ?? ''
  return new UsageError('--libvirt', said, 'The testbed does not come up; testbed/README.md tells what it needs.')
}

function tellResult({ figures, runs, lost }: DemoResult, options: LibvirtDemoOptions): void {
  const notes = [
    ...NOTES,
    options.agents ? WITH_AGENTS : WITHOUT_AGENTS,
    `Spoilt by the emulator and replaced: ${lost.length === 0 ? 'no guest' : lost.join('; ')}.`,
  ]
  const agents = runs.flatMap(({ agentsTold }) =>
    agentsTold === undefined ? [] : [`${tellAgents(EVENING.guests, agentsTold)}\n`],
  )
  const text = `\n${drawWaiting(runs, figures)}\n${tellFigures(figures)}\n${agents.join('')}${notes.join('\n')}\n`
  const words = options.json === STANDARD_OUTPUT ? process.stderr : process.stdout
  words.write(printable(text))
  writeOutput('--out', options.out, drawPage(runs, figures, notes))
  words.write(`\nThe page: ${options.out}\n`)
  if (options.json === undefined) return
  const looks = runs.map(({ policy, restShare, hostShare, agentsTold, looks: seen }) => ({
    policy,
    guestAtRestCores: restShare,
    hostCores: hostShare,
    ...(agentsTold === undefined ? {} : { agents: agentsTold.map(encodePersonality) }),
    looks: seen.map(({ at, guests }) => ({ atMs: Math.round(at), guests: Object.fromEntries(guests) })),
  }))
  writeOutput('--json', options.json, `${printableJson({ ...figures, lost, notes, runs: looks })}\n`)
}

function parseBalancers(text: string): readonly AnyBalancer[] {
  const names = [...new Set(text.split(',').map((name) => name.trim()))]
  return names.map((name) => {
    const balancer = DEMO_POLICIES.includes(name) ? BALANCERS[name] : undefined
    if (balancer === undefined)
      throw new UsageError(
        '--policy',
        name,
        `Expected a list of: ${DEMO_POLICIES.join(', ')}; the first is compared with the rest.`,
      )
    return balancer
  })
}

/** The first signal ends the demo in order; the second one ends the process, which takes the hosts down as its last act. */
function stopOnSignals(): { readonly signal: AbortSignal; readonly release: () => void } {
  const controller = new AbortController()
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(INTERRUPTED)
    process.stderr.write('\nTaking everything down (once more to do so at once).\n')
    controller.abort(new Error('interrupted'))
  }
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const name of signals) process.on(name, stop)
  return { signal: controller.signal, release: () => signals.forEach((name) => process.off(name, stop)) }
}

function seconds(since: number): string {
  return ((performance.now() - since) / 1000).toFixed(0)
}
