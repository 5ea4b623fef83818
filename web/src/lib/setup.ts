/** The way from an empty server to one that moves VMs, as a short list in order: what is there, what is missing, and the command that comes next. */
import type { HostView } from '../../../src/apps/server/views/hosts.ts'
import type { LibvirtView, MigrationsView } from '../../../src/apps/server/views/moves.ts'
import type { StatusView, TokenView } from '../../../src/apps/server/views/site.ts'
import { ageText } from '../../../src/terms/shown.ts'
import { MINUTE_MS } from '../../../src/terms/units.ts'
import { automation, backups, libvirt, tokens } from './setup-later.ts'
import type { Seen } from './setup-facts.ts'
import { firstOf, quoted } from './setup-words.ts'

/** `done`; `part`: something of it; `missing`; `hidden`: your role may not see it; `unknown`: nobody told yet. */
export type StepState = 'done' | 'part' | 'missing' | 'hidden' | 'unknown'

export interface SetupStep {
  readonly name: string
  readonly title: string
  readonly state: StepState
  /** What is there, in a sentence. */
  readonly told: string
  /** What is missing, a line each; of many the first few. */
  readonly lacking: readonly string[]
  readonly commands: readonly SetupCommand[]
  /** Nothing moves without it; others may wait. */
  readonly isNeeded: boolean
  /** Page of the documentation that says more. */
  readonly doc: string
}

export interface SetupCommand {
  /** Where it is typed: `on the host`. */
  readonly where: string
  readonly text: string
}

/** What the server told. */
export interface SetupFacts {
  readonly status: StatusView
  readonly hosts: readonly HostView[]
  readonly migrations: Seen<Pick<MigrationsView, 'driver' | 'ended' | 'open'>>
  readonly libvirt: Seen<LibvirtView>
  readonly tokens: Seen<readonly TokenView[]>
  readonly backups: Seen<readonly { readonly at: number }[]>
  /** The server's address as hosts and guests reach it, such as `https://ethos.example:8470`. */
  readonly server: string
  /** By the site's clock, ms since 1970. */
  readonly now: number
}

/** A host that is silent for longer is told as such: three windows of a minute, as the server has it. */
const SILENT_MS = 3 * MINUTE_MS

export function setupSteps(facts: SetupFacts): readonly SetupStep[] {
  return [
    measured(facts),
    reporting(facts),
    agents(facts),
    turns(facts),
    libvirt(facts),
    automation(facts),
    tokens(facts),
    backups(facts),
  ]
}

/** The first that is needed and not there; absent: all is there that is needed. */
export function nextStep(steps: readonly SetupStep[]): SetupStep | undefined {
  return steps.find(({ isNeeded, state }) => isNeeded && (state === 'missing' || state === 'part'))
}

/** `3 of 5 steps that are needed are done.` */
export function setupText(steps: readonly SetupStep[]): string {
  const needed = steps.filter(({ isNeeded }) => isNeeded)
  const done = needed.filter(({ state }) => state === 'done').length
  const unknown = needed.filter(({ state }) => state === 'unknown' || state === 'hidden').length
  if (unknown > 0) return `${done} of ${needed.length} steps that are needed are done; of ${unknown} nothing is known.`
  return done === needed.length
    ? 'All is there that is needed.'
    : `${done} of ${needed.length} steps that are needed are done.`
}

function measured({ hosts }: SetupFacts): SetupStep {
  const incomplete = hosts.filter(({ isComplete }) => !isComplete)
  const name = incomplete[0]?.host ?? 'kvm-1'
  const isDone = hosts.length > 0 && incomplete.length === 0
  return {
    name: 'measured',
    title: 'Hosts are measured and registered',
    state: hosts.length === 0 ? 'missing' : isDone ? 'done' : 'part',
    told:
      hosts.length === 0
        ? 'No host is registered. What a host can do is measured once, in three minutes.'
        : isDone
          ? `${hosts.length} are registered, each with all that is needed to judge it.`
          : `${hosts.length} are registered; of ${incomplete.length} too little is known to judge them.`,
    lacking: firstOf(incomplete.map(({ host, lacking }) => `${host}: ${lacking ?? 'something is missing.'}`)),
    commands: isDone
      ? []
      : [
          {
            where: 'on the host, best while no VM runs there',
            text: `ethos bench host --disk /var/lib/libvirt/images --host-id ${quoted(name)} --out host.json`,
          },
          { where: 'anywhere, logged in', text: 'ethos hosts add host.json' },
        ],
    isNeeded: true,
    doc: 'docs/bench-host.md',
  }
}

function reporting({ hosts, server, now }: SetupFacts): SetupStep {
  const never = hosts.filter(({ reportedAt }) => reportedAt === undefined)
  const silent = hosts.filter(({ reportedAt }) => reportedAt !== undefined && now - reportedAt > SILENT_MS)
  const good = hosts.length - never.length - silent.length
  const name = never[0]?.host ?? hosts[0]?.host ?? 'kvm-1'
  const isDone = hosts.length > 0 && good === hosts.length
  return {
    name: 'reporting',
    title: 'Hosts report',
    state: good === 0 ? 'missing' : isDone ? 'done' : 'part',
    told: hosts.length === 0 ? 'No host reports.' : `${good} of ${hosts.length} report.`,
    lacking: firstOf([
      ...never.map(({ host }) => `${host} has never reported.`),
      ...silent.map(({ host, reportedAt = now }) => `${host} was last heard ${ageText(now - reportedAt)}.`),
    ]),
    commands: isDone
      ? []
      : [
          { where: 'anywhere, logged in: prints a token', text: `ethos enroll ${quoted(name)} --host` },
          {
            where: 'on the host, with that token in host-token',
            text:
              `ethos reporter --server ${quoted(server)} --host-id ${quoted(name)} --measurement host.json ` +
              '--token-file ./host-token --channels /var/lib/libvirt/qemu/channel/target',
          },
        ],
    isNeeded: true,
    doc: 'docs/reporter.md',
  }
}

function agents({ status, server }: SetupFacts): SetupStep {
  const { good = 0, quarantined = 0, silent = 0, banned = 0 } = status.vms
  const all = Object.values(status.vms).reduce((sum, count) => sum + count, 0)
  const others = [
    ...(quarantined > 0
      ? [`${quarantined} in quarantine: two machines used one identity. See ethos agents list.`]
      : []),
    ...(silent > 0 ? [`${silent} joined and say nothing.`] : []),
    ...(banned > 0 ? [`${banned} shut out.`] : []),
  ]
  return {
    name: 'agents',
    title: 'Guests tell what they are like',
    state: all > 0 && good === all ? 'done' : good > 0 ? 'part' : 'missing',
    told:
      all === 0
        ? 'No VM is known yet: hosts tell of them.'
        : `${good} of ${all} VMs are heard themselves; of the others only what hosts see is known, which is enough to begin.`,
    lacking: others,
    commands: [
      { where: 'anywhere, logged in: prints a token for /etc/ethos/join-token', text: 'ethos enroll web-1' },
      { where: 'in the guest, into /etc/ethos/agent.conf', text: `vm = web-1\nserver = ${server}` },
      { where: 'in the guest', text: 'ethos agent --config /etc/ethos/agent.conf' },
    ],
    isNeeded: false,
    doc: 'docs/agent.md',
  }
}

function turns({ status, now }: SetupFacts): SetupStep {
  const { lastTurnAt, controller } = status
  const isOff = status.automation.level === 'off'
  const isFresh = lastTurnAt !== undefined && now - lastTurnAt <= 15 * MINUTE_MS
  return {
    name: 'turns',
    title: 'Turns are taken',
    state: isFresh && !isOff ? 'done' : lastTurnAt === undefined ? 'missing' : 'part',
    told: isOff
      ? 'Automation is off: no turns are taken.'
      : lastTurnAt === undefined
        ? 'No turn was taken yet. The first comes within a minute or two of the first report.'
        : `${status.turns} turns; the last ${ageText(now - lastTurnAt)}. The controller is ${controller}.`,
    lacking: status.degraded,
    commands: isOff
      ? [{ where: 'anywhere, logged in', text: 'ethos automation --level shadow' }]
      : isFresh
        ? []
        : [{ where: 'anywhere, logged in: says what is wrong', text: 'ethos doctor' }],
    isNeeded: true,
    doc: 'docs/turn-live.md',
  }
}
