import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { until } from '../../../tools/server/live-site.ts'
import { MAIN, UserFolder } from './builders.ts'

const user = new UserFolder()
after(() => user.remove())

const TOKEN = /ethos_[0-9a-f]{16}_[\w-]{43}/
/** systemd tells a service by device and inode which of its streams go to the journal. */
const UNDER_SYSTEMD = 'export JOURNAL_STREAM=$(stat -L -c %d:%i /proc/$$/fd/1); exec "$@"'

test('where a journal would keep the first token, it goes into a file that is its owner’s alone', async () => {
  const folder = join(user.path, 'site')
  const words = ['serve', '--data', folder, '--listen', '127.0.0.1:0']
  const server = spawn('sh', ['-c', UNDER_SYSTEMD, 'sh', process.execPath, MAIN, ...words])
  let said = ''
  for (const stream of [server.stdout, server.stderr]) stream.on('data', (text: Buffer) => (said += text.toString()))
  try {
    await until('it says where the token is', () => said.includes('--token-file'))
    const path = join(folder, 'first-token')
    assert.ok(said.includes(`--token-file ${path} && rm ${path}`), said)
    assert.doesNotMatch(said, TOKEN)
    assert.match(readFileSync(path, 'utf8'), new RegExp(`^${TOKEN.source}\n$`))
    assert.equal(statSync(path).mode & 0o777, 0o600)
  } finally {
    server.kill('SIGTERM')
    await once(server, 'exit')
  }
})
