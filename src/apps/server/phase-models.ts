/** Which phase model the agents of this server use: one that an operator installed, else the one that comes with the program. */
import { decodePhaseModel, encodePhaseModel, parsePhaseModel, type PhaseModel } from '../../engine/profile/phases.ts'
import { PHASES_1 } from '../../engine/profile/phases-1.ts'
import { ParseError, parseJson } from '../../terms/parse.ts'
import type { EpochMs } from '../../terms/units.ts'
import type { PhaseRow, SiteStore } from '../../world/site-store.ts'
import { digestOf } from './digest.ts'

/** A model and its one form, which is what agents are sent. */
export interface ServedPhases {
  readonly version: number
  readonly text: string
}

export const BUILT_IN: ServedPhases = { version: PHASES_1.version, text: encodePhaseModel(PHASES_1) }

/** One model, as `ethos phases list --json` tells it. */
export interface PhasesView {
  readonly version: number
  readonly state: 'in use' | 'kept' | 'damaged'
  readonly names: readonly string[]
  readonly digest: string
  /** Absent for the one that comes with the program. */
  readonly installedAt?: EpochMs
}

/** What agents are told and sent now. What lies damaged in the store is not sent: then there is a `trouble`, and no model. */
export async function servedPhases(store: SiteStore): Promise<ServedPhases | { readonly trouble: string }> {
  const row = await store.phases.current()
  if (row === undefined) return BUILT_IN
  const read = readRow(row)
  return typeof read === 'string' ? { trouble: read } : { version: row.version, text: row.model }
}

export type PhasesVerdict =
  | { readonly kind: 'done'; readonly version: number; readonly isNew: boolean }
  | { readonly kind: 'refused'; readonly reason: string }

/** Takes a model in and makes it the current. A version names one model for ever, and each is newer than all before. Throws `ParseError`. */
export async function installPhases(
  store: SiteStore,
  { text, at, place }: { readonly text: string; readonly at: EpochMs; readonly place: string },
): Promise<PhasesVerdict> {
  const model = parsePhaseModel(parseJson(text, place), place)
  const { version } = model
  const form = encodePhaseModel(model)
  const known = await knownForms(store)
  const before = known.get(version)
  if (before === form) return usePhases(store, version)
  const newest = Math.max(...known.keys())
  if (before !== undefined) {
    const reason = `Version ${version} is another model already, and vectors name it. Give this one version ${newest + 1}.`
    return { kind: 'refused', reason }
  }
  if (version < newest)
    return { kind: 'refused', reason: `Version ${newest} is there already. Give this one version ${newest + 1}.` }
  await store.phases.add({ version, model: form, digest: digestOf(form), installedAt: at })
  return { kind: 'done', version, isNew: true }
}

/** Makes a model that is known the current: forwards or back. */
export async function usePhases(store: SiteStore, version: number): Promise<PhasesVerdict> {
  const row = (await store.phases.list()).find((known) => known.version === version)
  if (row === undefined && version !== BUILT_IN.version)
    return { kind: 'refused', reason: 'There is no such model. `ethos phases list` shows which there are.' }
  const read = row === undefined ? undefined : readRow(row)
  if (typeof read === 'string') return { kind: 'refused', reason: read }
  await store.phases.use(version)
  return { kind: 'done', version, isNew: false }
}

/** All of them, the oldest first. */
export async function viewPhases(store: SiteStore): Promise<readonly PhasesView[]> {
  const rows = await store.phases.list()
  const isBuiltInUsed = rows.every(({ isCurrent }) => !isCurrent)
  const builtIn: PhasesView = {
    version: BUILT_IN.version,
    state: isBuiltInUsed ? 'in use' : 'kept',
    names: PHASES_1.names,
    digest: digestOf(BUILT_IN.text),
  }
  const installed = rows.map((row): PhasesView => {
    const read = readRow(row)
    const { version, digest, installedAt } = row
    if (typeof read === 'string') return { version, state: 'damaged', names: [], digest, installedAt }
    return { version, state: row.isCurrent ? 'in use' : 'kept', names: read.names, digest, installedAt }
  })
  return [builtIn, ...installed]
}

/** The model of a row, or why it is none. */
function readRow({ version, model, digest }: PhaseRow): PhaseModel | string {
  const reason = `Phase model ${version} is damaged in the store: install it again under a new version.`
  if (digestOf(model) !== digest) return reason
  try {
    const read = decodePhaseModel(model)
    return read.version === version ? read : reason
  } catch (error) {
    if (error instanceof ParseError) return reason
    throw error
  }
}

async function knownForms(store: SiteStore): Promise<ReadonlyMap<number, string>> {
  const installed = (await store.phases.list()).map(({ version, model }) => [version, model] as const)
  return new Map([[BUILT_IN.version, BUILT_IN.text], ...installed])
}
