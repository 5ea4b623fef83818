import assert from 'node:assert/strict'
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { Authority } from './authority.ts'
import { openDataFolder } from './data-folder.ts'
import { openSite } from './open-site.ts'
import { agreeOnAuthority } from './shared-authority.ts'

const folder = mkdtempSync(join(tmpdir(), 'ethos-shared-'))
const clock = { now: () => Date.now() }
after(() => rmSync(folder, { recursive: true, force: true }))

test('a second server on a store needs the authority of the first, and a rotation of either is known to both', async () => {
  const [first, second] = ['first', 'second'].map((name) => openDataFolder(join(folder, name)))
  const store = await openSite({ data: first })
  const agree = async (data: string): Promise<void> =>
    agreeOnAuthority(store, await Authority.open(data, clock), { at: Date.now(), folder: data })
  await agree(first)
  await agree(first)
  await assert.rejects(agree(second), /Copy its ca-\*\.json files here/)
  rmSync(join(second, 'ca-1.json'))
  copyFileSync(join(first, 'ca-1.json'), join(second, 'ca-1.json'))
  await agree(second)
  await (await Authority.open(second, clock)).rotate(0)
  await agree(second)
  await agree(first)
  assert.equal(
    (JSON.parse((await store.settings.get('authorities'))?.text ?? '') as { roots: string[] }).roots.length,
    2,
  )
  await store.close()
})
