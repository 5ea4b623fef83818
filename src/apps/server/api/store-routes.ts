/** What is kept: how much, whether it is whole, and copies of it. */
import { mkdir, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Finding } from '../../../world/site-store.ts'
import { BackupBody, BackupView, FindingsView, StoreView } from '../views/site.ts'
import type { ApiParts } from './parts.ts'
import { conflict, type Reply, value } from './reply.ts'
import { type Route, route } from './route.ts'

const ENDING = '.backup'
/** Listed at most: who keeps more has a program that tends them. */
const BACKUPS_MAX = 1000

export function storeRoutes(parts: ApiParts): readonly Route[] {
  const { store, clock } = parts
  const turnstile = new Turnstile()
  const base = { access: 'admin', tag: 'store' } as const
  return [
    route({
      ...base,
      method: 'GET',
      path: '/v1/store',
      summary: 'The store: its size, its schema, and the backups in the server’s folder.',
      answer: StoreView,
      handle: async () =>
        value({
          name: store.name,
          schemaVersion: await store.upkeep.schemaVersion(),
          sizeBytes: await store.upkeep.sizeBytes(),
          backups: await listBackups(parts.backupFolder),
        }),
    }),
    route({
      ...base,
      method: 'POST',
      path: '/v1/store/check',
      summary: 'Looks at everything that can be looked at, the chain of the journal included. Nothing is changed.',
      answer: FindingsView,
      handle: () =>
        turnstile.pass('check', async () => {
          const findings: readonly Finding[] = await store.upkeep.check()
          return value({ findings, journal: await store.journal.verify() })
        }),
    }),
    route({
      ...base,
      method: 'POST',
      path: '/v1/store/backups',
      summary: 'A consistent copy in the server’s backup folder, while all goes on.',
      body: BackupBody,
      status: 201,
      answer: BackupView,
      handle: ({ body, caller }) =>
        turnstile.pass('backup', async () => {
          const name = `${body.name}${ENDING}`
          const path = join(parts.backupFolder, name)
          await mkdir(parts.backupFolder, { recursive: true, mode: 0o700 })
          if (await isThere(path)) return conflict(`There is a backup ${body.name} already.`, 'Choose another name.')
          const begin = performance.now()
          await store.upkeep.backup(path)
          const tookMs = Math.round(performance.now() - begin)
          await store.audit.add({ at: clock.now(), what: 'backup made', from: caller.name, reason: name })
          return value({ name: body.name, sizeBytes: (await stat(path)).size, tookMs }, { status: 201 })
        }),
    }),
  ]
}

/** Lets one long work of a kind be done at a time. */
class Turnstile {
  private readonly inside = new Set<string>()

  async pass(kind: string, act: () => Promise<Reply>): Promise<Reply> {
    if (this.inside.has(kind)) return conflict(`A ${kind} is under way already.`, 'Wait until it has ended.')
    this.inside.add(kind)
    try {
      return await act()
    } finally {
      this.inside.delete(kind)
    }
  }
}

async function listBackups(folder: string): Promise<readonly object[]> {
  const names = await readdir(folder).catch(() => [])
  const backups = names.filter((name) => name.endsWith(ENDING)).sort()
  return Promise.all(
    backups.slice(-BACKUPS_MAX).map(async (name) => {
      const { size, mtimeMs } = await stat(join(folder, name))
      return { name: name.slice(0, -ENDING.length), sizeBytes: size, at: Math.round(mtimeMs) }
    }),
  )
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
