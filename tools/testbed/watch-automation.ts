/** The server at work on real hosts: a host is emptied while the server dies, contention is seen and a VM leaves by itself, the kill switch holds, and a
 *  person approves what was proposed. */
import type { AlertsTold } from './watch-hosts.ts'
import type { MigrationsView, MigrationView } from '../../src/apps/server/views/moves.ts'
import { readMoveLine } from '../../src/terms/move-record.ts'
import type { JournalLine } from '../../src/world/site-store.ts'
import { AutomationSite, HOSTS, type MoveTold } from './automation-site.ts'
import { waitFor } from './reported-site.ts'
import type { Whereabouts } from './small-guest.ts'

/** On the host that has more wanted than it has. */
export const BUSY_VMS = ['vm1', 'vm2', 'vm3', 'vm4'] as const
/** On the host that is emptied: one that may go, and one whose owner has said no. */
export const LEAVING_VM = 'vm6'
export const STAYING_VM = 'vm5'
/** Each wants more than a quarter of its host's one core, whatever emulating it costs beside that. */
const BUSY = ['cpu=30', 'dirty=1', 'extra=testbed.beat=500'] as const
const QUIET = ['cpu=0', 'dirty=0', 'extra=testbed.beat=1000'] as const
/** Of a core, in the hour before. */
const PAST = { ...Object.fromEntries(BUSY_VMS.map((vm) => [vm, 0.2])), [LEAVING_VM]: 0.1, [STAYING_VM]: 0.1 }
/** Contention is acted on when it is first seen; six VMs are few for shares and for hosts that have to be measured in peace first. */
const POLICY = {
  name: 'live',
  contention: { holdTurns: 1, ofTurns: 1 },
  consolidation: { isEnabled: false },
  safety: { movesShareHourMax: 1, settleWindows: 0 },
} as const
/** Some turns on the busiest machine, and a move. */
const SOON_MS = 240_000
const TURNS_PAUSED = 2
const QUICK_MS = 100

export interface Emptied extends MoveTold {
  /** Hosts on which a QEMU had the VM when the server was killed. */
  readonly processesAtKill: readonly string[]
  /** The journal's steps of the move when it was killed. */
  readonly stepsAtKill: readonly string[]
  readonly evacuation: MigrationsView['evacuations'][number] | undefined
  readonly staying: Whereabouts | undefined
}

export interface Paused {
  /** Number of the journal's last line when the kill switch had answered. */
  readonly since: number
  /** Intents that were recorded from then on until it was lifted. */
  readonly intents: number
  readonly held: readonly string[]
  /** How likely contention is on each host, as the server saw it then. */
  readonly contention: Readonly<Record<string, number | undefined>>
  readonly moves: MigrationsView | undefined
}

export interface WatchedAutomation {
  readonly emptied: Emptied
  readonly decided: MoveTold
  readonly paused: Paused
  readonly approved: MoveTold
  /** What the commands print at the end. */
  readonly printed: { readonly moves: string; readonly ledger: string }
  readonly atEnd: MigrationsView | undefined
  readonly alerts: AlertsTold | number
  end(): Promise<void>
}

interface ContentionTold {
  readonly hosts: readonly { readonly host: string; readonly predicted?: { readonly contention?: number } }[]
}

type Say = (text: string) => void

/** Plays it all and tells what came of it. */
export async function watchAutomation(say: Say): Promise<WatchedAutomation> {
  const beganAt = performance.now()
  const log: Say = (text) => say(`${((performance.now() - beganAt) / 1000).toFixed(0)} s: ${text}`)
  const site = await AutomationSite.up(PAST)
  const { reported } = site
  try {
    await prepare(site)
    log('one host has VMs, and is to be emptied')
    const busy = Promise.all(BUSY_VMS.map((vm) => site.boot(vm, 'host1', ...BUSY)))
    busy.catch(() => undefined)
    const emptied = await emptyThroughDeath(site, log)
    await busy
    await reported.enrol('host1')
    log('a host with more wanted than it has reports')
    const decided = await decide(site, log)
    const paused = await pauseAll(site)
    log('nothing began while paused')
    const approved = await approveOne(site, log)
    const moves = await reported.good(['moves'])
    const ledger = await reported.good(['moves', '--ledger'])
    log(`\n${moves}\n${ledger}`)
    const alerts = await reported.api<AlertsTold>('/v1/alerts')
    const atEnd = await site.moves()
    return { emptied, decided, paused, approved, printed: { moves, ledger }, atEnd, alerts, end: () => site.end() }
  } catch (error) {
    say(JSON.stringify((await site.moves().catch(() => undefined)) ?? 'no word of moves', undefined, 1))
    say(JSON.stringify(await reported.api('/v1/loads').catch(() => 'no loads')))
    say(JSON.stringify(await reported.api('/v1/plans/latest').catch(() => 'no plan')))
    say(HOSTS.map((host) => `${host} said: ${reported.heardOf(host)}`).join('\n'))
    await site.end()
    throw error
  }
}

/** Two guests on the third host, of which one is not to be moved; the settings, and the level `full`. */
async function prepare(site: AutomationSite): Promise<void> {
  const { reported } = site
  const guests = [STAYING_VM, LEAVING_VM].map((vm) => site.boot(vm, 'host3', ...QUIET))
  for (const host of ['host2', 'host3']) await reported.enrol(host)
  await site.setLibvirt()
  await site.set('policy', POLICY)
  await Promise.all(guests)
  const wish = ['--uri', 'urn:ethos:vm', '--key', 'ethos', '--set', "<vm migration='off' reason='licence'/>"]
  await reported.testbed.virsh('host3', 'metadata', STAYING_VM, ...wish, '--live', '--config')
  await reported.good(['hosts', 'maintenance', 'host3', 'on', '--reason', 'new disks'])
  await reported.good(['automation', '--level', 'full', '--confirm', 'full'])
}

/** The server is killed while the VM's memory is on its way, and started again. */
async function emptyThroughDeath(site: AutomationSite, log: Say): Promise<Emptied> {
  const { reported } = site
  const { testbed } = reported
  const hostsOf = (): readonly string[] => HOSTS.filter((host) => testbed.qemus(host).includes(LEAVING_VM))
  // Two hosts have a process for it while its memory is copied: by the kernel's word, which is there at once.
  await waitFor(`${LEAVING_VM} on its way`, SOON_MS, () => (hostsOf().length > 1 ? true : undefined), QUICK_MS)
  // The promise is on record a look later.
  await waitFor('its promise', SOON_MS, async () => promiseIn(await site.journal()), QUICK_MS)
  await reported.site.kill()
  const processesAtKill = hostsOf()
  const stepsAtKill = (await site.journal()).flatMap(({ line }) => readMoveLine(line)?.step ?? [])
  log(`the server is killed: ${LEAVING_VM} is on ${processesAtKill.join(' and ')}`)
  await reported.site.start()
  const view = await ended(site, 'the end of its move', ({ vm }) => vm === LEAVING_VM)
  const told = await site.toldOf(view)
  log(endText(told))
  const evacuation = await waitFor('a host with one VM left', SOON_MS, async () =>
    (await site.moves())?.evacuations.find(({ host, vms }) => host === 'host3' && vms === 1),
  )
  return { ...told, processesAtKill, stepsAtKill, evacuation, staying: await site.whereaboutsOf(STAYING_VM) }
}

function promiseIn(journal: readonly JournalLine[]): JournalLine | undefined {
  return journal.find(({ line }) => line.startsWith('{"kind":"move-promise"'))
}

async function decide(site: AutomationSite, log: Say): Promise<MoveTold> {
  const told = await site.toldOf(
    await ended(site, 'a move that the policy decides', ({ cause }) => cause.kind === 'policy'),
  )
  log(endText(told))
  return told
}

/** A host is free again, and nothing goes there. */
async function pauseAll(site: AutomationSite): Promise<Paused> {
  const { reported } = site
  await reported.good(['automation', 'pause', '--reason', 'switch is being replaced'])
  const since = (await reported.site.journal(1)).at(-1)?.number ?? Number.NaN
  await reported.good(['hosts', 'maintenance', 'host3', 'off'])
  const turns = async (): Promise<number> =>
    (await site.journal()).filter(({ number, line }) => number > since && line.startsWith('{"kind":"turn"')).length
  await waitFor(`${TURNS_PAUSED} turns that are paused`, SOON_MS, async () =>
    (await turns()) > TURNS_PAUSED ? true : undefined,
  )
  const plan = await reported.api<{ readonly held: readonly string[] }>('/v1/plans/latest')
  const loads = await reported.api<ContentionTold>('/v1/loads')
  const hosts = typeof loads === 'number' ? [] : loads.hosts
  const contention = Object.fromEntries(hosts.map(({ host, predicted }) => [host, predicted?.contention]))
  const moves = await site.moves()
  const steps = (await site.journal()).filter(({ number }) => number > since).map(({ line }) => readMoveLine(line))
  const intents = steps.filter((step) => step?.step === 'intent').length
  return { since, intents, held: typeof plan === 'number' ? [] : plan.held, contention, moves }
}

async function approveOne(site: AutomationSite, log: Say): Promise<MoveTold> {
  const { reported } = site
  await reported.good(['automation', '--level', 'partial', '--resume', '--confirm', 'partial'])
  const proposal = await waitFor('a proposal', SOON_MS, async () =>
    (await site.moves())?.proposals.find(({ from, to }) => from === 'host1' && to === 'host3'),
  )
  log(`proposed: ${proposal.vm} to ${proposal.to}, ${proposal.reason} ${proposal.held ?? ''}`)
  await reported.good(['moves', 'approve', proposal.id])
  const told = await site.toldOf(await ended(site, `the end of ${proposal.id}`, ({ id }) => id === proposal.id))
  log(endText(told))
  return told
}

function ended(site: AutomationSite, what: string, is: (move: MigrationView) => boolean): Promise<MigrationView> {
  return waitFor(what, SOON_MS, () => site.endedMove(is))
}

function endText({ view, calls }: MoveTold): string {
  const { vm, from, to, state, reason, promise, figures } = view
  const told = `promised ${JSON.stringify(promise)}, came ${JSON.stringify(figures)}`
  return `${vm} ${from} to ${to}: ${state} by ${calls} call(s). ${reason} ${told}`
}
