import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { freePort } from '../../../tools/real-servers.ts'
import { WallClock } from '../../drivers/wall-clock.ts'
import { storePath } from './data-folder.ts'
import { withSite } from './open-site.ts'
import { startSiteServer } from './site-server.ts'

test('a start whose first token can not be kept is none, and nothing listens after it', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'ethos-start-'))
  context.after(() => rmSync(folder, { recursive: true, force: true }))
  await withSite({ data: folder, wanted: 'made' }, async () => undefined)
  const database = new DatabaseSync(storePath(folder))
  database.exec("CREATE TRIGGER none BEFORE INSERT ON apiTokens BEGIN SELECT RAISE(ABORT, 'no'); END")
  database.close()
  const port = await freePort()
  const options = { dataFolder: folder, host: '127.0.0.1', port, names: ['localhost'], clock: new WallClock() }
  await assert.rejects(startSiteServer({ ...options, version: '0', holder: 'test' }), { name: 'StoreError' })
  const [error] = (await once(
    connect(port, '127.0.0.1').on('connect', () => assert.fail('it listens')),
    'error',
  )) as [NodeJS.ErrnoException]
  assert.equal(error.code, 'ECONNREFUSED')
})
