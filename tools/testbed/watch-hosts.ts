/** Three real hosts that report: on the first a guest that moves to the second, on the third one whose reporter is killed and comes back. */
import { setTimeout as pause } from 'node:timers/promises'
import { LibvirtVms, virshDomstats } from '../../src/apps/reporter/libvirt-vms.ts'
import type { ReportedVm } from '../../src/terms/host-report.ts'
import type { HostId } from '../../src/terms/ids.ts'
import type { PersonalityVector } from '../../src/terms/personality.ts'
import type { Identity } from '../../src/world/site-store.ts'
import { type Guest, GuestLost } from './guest.ts'
import { ReportedSite, waitFor } from './reported-site.ts'

export const HOSTS = ['host1', 'host2', 'host3'] as const
/** No agent in it: it is known by what its host tells. */
export const QUIET_VM = 'vm9'
const VIRSH = '/usr/bin/virsh'
const TRIES = 3
const VECTOR_MS_MAX = 240_000
const LOOK_MS = 500
/** Two windows and two turns on a busy machine. */
const SOON_MS = 90_000
/** A host is silent for three minutes at the least before it counts for unreachable. */
const SILENT_MS_MAX = 300_000

export interface LoadsTold {
  readonly hosts: readonly { readonly host: string; readonly state: string; readonly doubt?: string }[]
}

export interface RankingTold {
  readonly host?: string
  readonly gate?: string
  readonly ranked: readonly { readonly host: string }[]
  readonly refused: readonly { readonly host: string; readonly verdict: { readonly lacking: string } }[]
}

export interface AlertsTold {
  readonly alerts: readonly { readonly kind: string; readonly about?: string; readonly what: string }[]
}

/** What the newest reports said of a VM at one instant of its move. */
export interface MoveSample {
  readonly running: readonly HostId[]
  readonly incoming: readonly HostId[]
  /** Which report of the source that was. */
  readonly ofSource: number
  /** What asking for its ranking would have ended with. */
  readonly rank: number
}

/** What a reporter on either end would tell of a VM at one instant. Absent: it is not there. */
export interface MoveLook {
  readonly atSource?: ReportedVm['state']
  readonly atTarget?: ReportedVm['state']
}

export interface MovedGuest {
  readonly vm: string
  readonly looks: readonly MoveLook[]
  readonly samples: readonly MoveSample[]
  readonly identities: readonly (Identity | undefined)[]
  readonly vectors: readonly PersonalityVector[]
  readonly vectorsBeforeMove: number
  readonly ranking: RankingTold | undefined
  readonly toldHost: string | undefined
}

export interface Listed {
  readonly vm: string
  readonly host?: string
  readonly vcpus?: number
  readonly memoryBytes?: number
  readonly runs?: string
}

export interface WatchedHosts {
  readonly names: readonly string[]
  /** As the server lists them, and as domstats tells their memory in KiB. */
  readonly listed: readonly Listed[]
  readonly memoryKib: Readonly<Record<string, number>>
  readonly moved: MovedGuest
  readonly silence: Silence
  readonly endedWith: number | string | null
  end(): Promise<void>
}

export interface Silence {
  readonly during: LoadsTold | number
  readonly alertsDuring: AlertsTold
  readonly rankingDuring: RankingTold | undefined
  readonly othersDuring: RankingTold | undefined
  readonly alertsAfter: AlertsTold
  readonly heard: string
}

/** Builds it all up, and tells what the server came to know. */
export async function watchHosts(say: (text: string) => void = () => undefined): Promise<WatchedHosts> {
  const site = await ReportedSite.up(HOSTS)
  try {
    await site.testbed.startSmallGuest('host3', QUIET_VM)
    await waitFor(`${QUIET_VM} on the list`, SOON_MS, () => listedOf(site, QUIET_VM))
    const names = (await site.good(['hosts', '--names'])).trim().split('\n')
    const resting = restOf(site)
    const [moved, silence] = await Promise.all([moveUntilWhole(site, say), silenceOf(site, say)])
    const rest = await resting
    const listed = await allVms(site)
    const memoryKib = {
      [rest.vm]: await memoryOf(site, 'host2', rest.vm),
      [QUIET_VM]: await memoryOf(site, 'host3', QUIET_VM),
    }
    const endedWith = await site.endReporter('host3', 'SIGTERM')
    return { names, listed, memoryKib, moved, silence, endedWith, end: () => site.end() }
  } catch (error) {
    say(HOSTS.map((host) => `${host} said: ${site.heardOf(host)}`).join('\n'))
    await site.end()
    throw error
  }
}

async function allVms(site: ReportedSite): Promise<readonly Listed[]> {
  const told = await site.api<{ readonly vms: readonly Listed[] }>('/v1/vms')
  return typeof told === 'number' ? [] : told.vms
}

async function listedOf(site: ReportedSite, vm: string): Promise<Listed | undefined> {
  return (await allVms(site)).find((one) => one.vm === vm && one.host !== undefined)
}

async function rankingOf(site: ReportedSite, vm: string): Promise<RankingTold | undefined> {
  const told = await site.api<RankingTold>(`/v1/vms/${vm}/hosts`)
  return typeof told === 'number' ? undefined : told
}

async function alertsOf(site: ReportedSite): Promise<AlertsTold | undefined> {
  const told = await site.api<AlertsTold>('/v1/alerts')
  return typeof told === 'number' ? undefined : told
}

async function memoryOf({ testbed }: ReportedSite, host: string, vm: string): Promise<number> {
  const text = await testbed.virsh(host, 'domstats', '--balloon', vm)
  return Number(/balloon\.maximum=(\d+)/.exec(text)?.[1])
}

function settingsOf(vm: string): string {
  return `vm = ${vm}\nuplink = virtio\nvector-every = 1min\nwindow = 1min\n`
}

/** A guest that stays where it is, and is heard through its host. */
async function restOf(site: ReportedSite): Promise<{ readonly vm: string }> {
  for (let attempt = 1; ; attempt++) {
    const vm = `vm${attempt + 20}`
    try {
      await site.testbed.startGuest('host2', { vm, settings: settingsOf(vm) })
      await waitFor(`a vector of ${vm}`, VECTOR_MS_MAX, async () =>
        (await site.site.vectors(vm)).length > 0 ? vm : undefined,
      )
      return { vm }
    } catch (error) {
      if (!(error instanceof GuestLost) || attempt === TRIES) throw error
    }
  }
}

async function moveUntilWhole(site: ReportedSite, say: (text: string) => void): Promise<MovedGuest> {
  for (let attempt = 1; ; attempt++) {
    // Another name: to the server a second machine under the first one's would be a clone.
    const vm = `vm${attempt}`
    try {
      return await moveOne(site, vm, say)
    } catch (error) {
      if (!(error instanceof GuestLost) || attempt === TRIES) throw error
      say(`another in place of ${vm}, which the emulator lost: ${error.message}`)
      for (const host of HOSTS) await site.testbed.virsh(host, 'destroy', vm).catch(() => undefined)
    }
  }
}

async function moveOne(site: ReportedSite, vm: string, say: (text: string) => void): Promise<MovedGuest> {
  const guest = await site.testbed.startGuest('host1', { vm, settings: settingsOf(vm) })
  const vectorsOf = async (more: number): Promise<number> =>
    waitFor(`vector ${more} of ${vm}`, VECTOR_MS_MAX, async () => {
      const { length } = await site.site.vectors(vm)
      return length >= more ? length : undefined
    })
  await vectorsOf(1)
  say(`${vm} is heard through host1`)
  await waitFor(`${vm} on host1`, SOON_MS, () => placedOn(site, vm, 'host1'))
  const before = await site.site.identity(vm)
  const vectorsBeforeMove = (await site.site.vectors(vm)).length
  const { samples, looks } = await sampleMove(site, guest)
  say(`${vm} has moved: ${samples.length} looks meanwhile`)
  const ranking = await waitFor(`${vm} on host2`, SOON_MS, () => placedOn(site, vm, 'host2'))
  await vectorsOf(vectorsBeforeMove + 2)
  const identities = [before, await site.site.identity(vm)]
  const vectors = await site.site.vectors(vm)
  const toldHost = (await listedOf(site, vm))?.host
  return { vm, looks, samples, identities, vectors, vectorsBeforeMove, ranking, toldHost }
}

/** Its ranking, once that is of a certain host. */
async function placedOn(site: ReportedSite, vm: string, host: string): Promise<RankingTold | undefined> {
  const ranking = await rankingOf(site, vm)
  return ranking?.host === host && ranking.ranked.length + ranking.refused.length === HOSTS.length ? ranking : undefined
}

/** Moves it, and looks at what hosts tell until none tells of the source any more. The move is not slowed down: emulated guests are lost then. */
async function sampleMove(site: ReportedSite, guest: Guest): Promise<Pick<MovedGuest, 'samples' | 'looks'>> {
  const samples: MoveSample[] = []
  const looks: MoveLook[] = []
  const look = await lookersOf(site, guest.vm)
  const move = { isUnderWay: true, isLost: false }
  const moving = guest.moveTo('host2').finally(() => (move.isUnderWay = false))
  moving.catch(() => (move.isLost = true))
  const looking = (async () => {
    while (move.isUnderWay || (!move.isLost && samples.at(-1)?.running.join() !== 'host2')) {
      samples.push(await sampleOf(site, guest.vm))
      if (samples.length > SOON_MS / LOOK_MS) break
      await pause(LOOK_MS)
    }
  })()
  const glancing = (async () => {
    while (move.isUnderWay) looks.push(await look())
    looks.push(await look())
  })()
  await Promise.all([moving, looking, glancing])
  return { samples, looks }
}

/** What a reporter on either host makes of its libvirt, look by look. */
async function lookersOf({ testbed }: ReportedSite, vm: string): Promise<() => Promise<MoveLook>> {
  const lookers = await Promise.all(
    ['host1', 'host2'].map(async (host) => ({ uri: await testbed.uri(host), vms: new LibvirtVms(1, () => undefined) })),
  )
  return async () => {
    const [atSource, atTarget] = await Promise.all(
      lookers.map(async ({ uri, vms }) => {
        vms.look(await virshDomstats({ program: VIRSH, uri }), Date.now())
        return vms.report().find((told) => told.vm.id === vm)?.state
      }),
    )
    return { ...(atSource === undefined ? {} : { atSource }), ...(atTarget === undefined ? {} : { atTarget }) }
  }
}

async function sampleOf(site: ReportedSite, vm: string): Promise<MoveSample> {
  const reports = await site.site.reports()
  const told = reports.flatMap(({ hostId, vms }) =>
    vms.filter((one) => one.vm.id === vm).map(({ state }) => ({ hostId, state })),
  )
  const hostsThat = (isSo: (state: string) => boolean): readonly HostId[] =>
    told.filter(({ state }) => isSo(state)).map(({ hostId }) => hostId)
  return {
    running: hostsThat((state) => state !== 'incoming'),
    incoming: hostsThat((state) => state === 'incoming'),
    ofSource: reports.find(({ hostId }) => hostId === 'host1')?.windowEnd ?? 0,
    rank: await site.api(`/v1/vms/${vm}/hosts`).then((told) => (typeof told === 'number' ? told : 0)),
  }
}

function isStale({ kind, about }: AlertsTold['alerts'][number]): boolean {
  return kind === 'host-stale' && about === 'host3'
}

async function silenceOf(site: ReportedSite, say: (text: string) => void): Promise<Silence> {
  await waitFor(`${QUIET_VM} ranked`, SOON_MS, () => placedOn(site, QUIET_VM, 'host3'))
  await site.endReporter('host3', 'SIGKILL')
  const alertsDuring = await waitFor('an alert of the silent host', SILENT_MS_MAX, async () => {
    const told = await alertsOf(site)
    return told?.alerts.some(isStale) === true ? told : undefined
  })
  say('host3 is silent, and an alert says so')
  const during = await site.api<LoadsTold>('/v1/loads')
  const rankingDuring = await rankingOf(site, QUIET_VM)
  const other = (await allVms(site)).find(({ host }) => host === 'host1' || host === 'host2')
  const othersDuring = other === undefined ? undefined : await rankingOf(site, other.vm)
  await site.startReporter('host3')
  const alertsAfter = await waitFor('the alert to end', SOON_MS, async () => {
    const told = await alertsOf(site)
    return told?.alerts.some(isStale) === false ? told : undefined
  })
  await waitFor(`${QUIET_VM} ranked again`, SOON_MS, () => placedOn(site, QUIET_VM, 'host3'))
  say('host3 reports again, and the alert is gone')
  return { during, alertsDuring, rankingDuring, othersDuring, alertsAfter, heard: site.heardOf('host3') }
}
