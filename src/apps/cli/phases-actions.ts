/** What `ethos phases` does. It works on the data folder; a server that runs takes it up within a minute. */
import { closeSync, openSync, readSync } from 'node:fs'
import { WallClock } from '../../drivers/wall-clock.ts'
import { printable } from '../printable.ts'
import { withSite } from '../server/open-site.ts'
import { installPhases, type PhasesVerdict, usePhases, viewPhases } from '../server/phase-models.ts'
import type { SiteStore } from '../../world/site-store.ts'
import { UsageError } from '../usage-error.ts'
import type { DataOption, ListOptions } from './data-options.ts'

/** A person may have written it with many spaces. What is longer is no model, and is not read. */
const FILE_BYTES_MAX = 64 * 1024

export async function install(file: string, options: DataOption): Promise<void> {
  const text = readStart(file)
  if (text.length > FILE_BYTES_MAX) throw new UsageError('file', file, `Expected at most ${FILE_BYTES_MAX} bytes.`)
  await settle({ what: 'phases installed', about: ['file', file], options }, (store, at) =>
    installPhases(store, { text, at, place: file }),
  )
}

export async function use(version: string, options: DataOption): Promise<void> {
  await settle({ what: 'phases chosen', about: ['version', version], options }, (store) =>
    usePhases(store, Number(version)),
  )
}

export async function list(options: ListOptions): Promise<void> {
  const phases = await withSite(options, viewPhases)
  if (options.json === true) {
    process.stdout.write(`${JSON.stringify({ phases }, null, 2)}\n`)
    return
  }
  for (const { version, state, names, installedAt } of phases) {
    const since =
      installedAt === undefined ? 'comes with the program' : new Date(installedAt).toISOString().slice(0, 10)
    const row = `${String(version).padStart(3)}  ${state.padEnd(7)}  ${since.padEnd(22)}  ${names.join(', ')}`
    process.stdout.write(printable(`${row.trimEnd()}\n`))
  }
}

interface Asked {
  readonly what: string
  readonly about: readonly [string, string]
  readonly options: DataOption
}

async function settle(
  { what, about, options }: Asked,
  act: (store: SiteStore, at: number) => Promise<PhasesVerdict>,
): Promise<void> {
  const at = new WallClock().now()
  const verdict = await withSite(options, async (store) => {
    const done = await act(store, at)
    if (done.kind === 'done')
      await store.audit.add({ at, what, from: 'command line', reason: `version ${done.version}` })
    return done
  })
  if (verdict.kind === 'refused') throw new UsageError(about[0], about[1], verdict.reason)
  const when = 'a server that runs tells its agents within a minute, and each takes it up after its next vector'
  process.stdout.write(`Phase model ${verdict.version} is in use: ${when}.\n`)
}

/** At most a byte more than may be. */
function readStart(file: string): string {
  const bytes = Buffer.alloc(FILE_BYTES_MAX + 1)
  try {
    const opened = openSync(file, 'r')
    try {
      return bytes.toString('utf8', 0, readSync(opened, bytes, 0, bytes.length, 0))
    } finally {
      closeSync(opened)
    }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    throw new UsageError('file', file, `It can not be read (${code}).`)
  }
}
