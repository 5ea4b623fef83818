/** `docs/api.md` is read by people who then type what stands there. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { REPOSITORY } from '../../../../tools/repository.ts'
import { parseVmId } from '../../../terms/ids.ts'
import { DAY_MS } from '../../../terms/units.ts'
import { ApiBench } from './builders.ts'

const TEXT = readFileSync(join(REPOSITORY, 'docs/api.md'), 'utf8')
const bench = new ApiBench()

before(async () => {
  await bench.start({}, (app) => app.get('/v1/ca', { config: { access: 'open' } }, () => bench.authority.pem))
  await bench.store.identities.certify(parseVmId('web-1'), bench.now, bench.now + DAY_MS)
})
after(() => bench.stop())

test('docs/api.md tells of each route with its role, and of no other', async () => {
  const { json } = await bench.ask({ path: '/openapi.json' })
  const there = new Map([
    ['GET /openapi.json', 'open'],
    ['GET /docs', 'open'],
    ['GET /v1/ca', 'open'],
  ])
  for (const [path, methods] of Object.entries(
    json['paths'] as Record<string, Record<string, { description?: string }>>,
  ))
    for (const [method, { description = '' }] of Object.entries(methods))
      there.set(`${method.toUpperCase()} ${path}`, /Role: (\w+)/.exec(description)?.[1] ?? 'open')
  const told = new Map(
    [...TEXT.matchAll(/^\| `((?:GET|PUT|POST|DELETE) [^`]+)` \| (\w+) \|/gm)].map(([, route, role]) => [route, role]),
  )
  assert.deepEqual(Object.fromEntries(told), Object.fromEntries(there))
})

test('its examples for curl do what they say', async () => {
  const token = await bench.token('admin')
  const commands = [...TEXT.matchAll(/^```sh\n([^]*?)^```$/gm)].flatMap(([, block]) => block.trim().split('\n'))
  assert.ok(commands.length >= 10)
  const env = { ...process.env, ETHOS: bench.url, TOKEN: token }
  for (const command of commands) await run(command, env)
  const audit = await bench.store.audit.last(10)
  assert.ok(audit.some(({ what, reason }) => what === 'automation set' && reason.endsWith('fire drill')))
  assert.deepEqual(
    audit.filter(({ what }) => what === 'request refused'),
    [],
  )
})

/** The server runs in this process: what is asked of it must not be waited for without it. */
function run(command: string, env: NodeJS.ProcessEnv): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile('sh', ['-c', command], { cwd: bench.folder, env }, (error, _stdout, stderr) =>
      error === null ? resolve() : reject(new Error(`${command}\n${stderr}`, { cause: error })),
    )
  })
}
