/** The metrics, by the tools of those who will read them. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { aVector } from '../../../../tools/builders.ts'
import { parseVmId } from '../../../terms/ids.ts'
import type { Arrivals, Intake } from '../../../world/site-store.ts'
import { ApiBench } from './builders.ts'
import { FakeAnswers, FakeStore } from './fakes/builders.ts'
import { Metrics, timed } from './metrics.ts'

const skip = existsSync('/usr/bin/prometheus') ? false : 'no Prometheus on this machine'
const bench = new ApiBench({ store: new FakeStore(), answers: new FakeAnswers() })
let token = ''

before(async () => {
  await bench.start()
  token = await bench.token('viewer', { name: 'prometheus' })
})
after(() => bench.stop())

test('promtool has nothing to complain of', { skip }, async () => {
  bench.metrics.ingested('refused', 'out of range')
  const { text } = await bench.ask({ path: '/metrics', token })
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' })
  assert.equal(status, 0, `${stdout}${stderr}`)
  assert.match(text, /^ethos_ingest_vectors_total\{outcome="refused",reason="out of range"\} 1$/m)
  for (const name of [
    'ethos_vms',
    'ethos_hosts',
    'ethos_controller',
    'ethos_store_size_bytes',
    'nodejs_eventloop_lag_p99_seconds',
    'process_resident_memory_bytes',
  ])
    assert.match(text, new RegExp(`^${name}`, 'm'))
})

test('labels have few values, whatever is told', async () => {
  for (let i = 0; i < 500; i++) bench.metrics.ingested('refused', `reason ${i}`)
  const { text } = await bench.ask({ path: '/metrics', token })
  const lines = text.split('\n').filter((line) => line.startsWith('ethos_ingest_vectors_total'))
  assert.ok(lines.length <= 65, `${lines.length}`)
  assert.ok(lines.some((line) => line.includes('reason="other"')))
  for (let i = 0; i < 20; i++) await bench.ask({ path: `/nowhere/${i}`, token })
  const again = (await bench.ask({ path: '/metrics', token })).text
  assert.ok(!again.includes('/nowhere'))
})

test('whoever asks the store is timed, and what becomes of vectors is counted', async () => {
  const metrics = new Metrics()
  const vm = parseVmId('vm-1')
  const heard: Intake = { kind: 'heard', outcomes: ['accepted', 'duplicate'], quarantine: 'two senders' }
  const take = () => Promise.resolve<readonly Intake[]>([heard, { kind: 'shut-out', because: 'banned' }])
  const plain = new FakeStore()
  const watched = timed(
    Object.assign(plain, {
      vectors: { ...plain.vectors, take },
      identities: { ...plain.identities, count: () => Promise.resolve() },
    }),
    metrics,
  )
  const arrivals = (vectors: number, counts: Readonly<Record<string, number>>): Arrivals => ({
    vm,
    at: 0,
    vectors: Array.from({ length: vectors }, () => aVector()),
    isClockOff: Array.from({ length: vectors }, () => false),
    counts,
  })
  await watched.vectors.take([arrivals(3, { 'refused: out of range': 4 }), arrivals(2, {})])
  // Of a VM that said nothing good through its host.
  await watched.identities.count(vm, 'refused: bad data', 5)
  await watched.identities.count(vm, 'too many requests', 7)
  plain.isBroken = true
  await assert.rejects(watched.audit.last(1))
  const text = await metrics.registry.metrics()
  const lines = text.split('\n').filter((line) => /^ethos_(ingest_vectors|store_duration_seconds_count)/.test(line))
  assert.deepEqual(lines.sort(), [
    'ethos_ingest_vectors_total{outcome="accepted",reason=""} 1',
    'ethos_ingest_vectors_total{outcome="duplicate",reason=""} 1',
    'ethos_ingest_vectors_total{outcome="refused",reason="bad data"} 5',
    'ethos_ingest_vectors_total{outcome="refused",reason="out of range"} 4',
    'ethos_ingest_vectors_total{outcome="shut-out",reason="banned"} 2',
    'ethos_ingest_vectors_total{outcome="shut-out",reason="quarantined"} 1',
    'ethos_store_duration_seconds_count{operation="audit.last",result="failed"} 1',
    'ethos_store_duration_seconds_count{operation="identities.count",result="good"} 2',
    'ethos_store_duration_seconds_count{operation="vectors.take",result="good"} 1',
  ])
})

test('without a token there are no metrics, unless they are open', async () => {
  assert.equal((await bench.ask({ path: '/metrics' })).status, 401)
  const open = new ApiBench({ store: new FakeStore(), answers: new FakeAnswers() })
  await open.start({ areMetricsOpen: true })
  assert.equal((await open.ask({ path: '/metrics' })).status, 200)
  await open.stop()
})

test('a Prometheus scrapes them with its token', { skip }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ethos-prometheus-'))
  const port = await freePort()
  writeFileSync(join(folder, 'token'), token)
  writeFileSync(join(folder, 'ca.pem'), bench.authority.pem)
  const config = {
    global: { scrape_interval: '1s' },
    scrape_configs: [
      {
        job_name: 'ethos',
        scheme: 'https',
        authorization: { credentials_file: join(folder, 'token') },
        tls_config: { ca_file: join(folder, 'ca.pem') },
        static_configs: [{ targets: [`127.0.0.1:${bench.port}`] }],
      },
    ],
  }
  // JSON is YAML.
  writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify(config))
  const args = ['--config.file=prometheus.yml', '--storage.tsdb.path=data', `--web.listen-address=127.0.0.1:${port}`]
  const child = spawn('prometheus', args, { cwd: folder, stdio: 'ignore' })
  try {
    let found = ''
    while (found !== '3') {
      assert.equal(child.exitCode, null, 'Prometheus ended')
      await sleep(200)
      found = await query(port, 'ethos_turns{job="ethos"}')
    }
  } finally {
    const ended = new Promise((resolve) => child.once('close', resolve))
    child.kill('SIGKILL')
    await ended
    rmSync(folder, { recursive: true, force: true })
  }
})

async function query(port: number, text: string): Promise<string> {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(text)}`)
    const { data } = (await answer.json()) as { data?: { result: readonly { value: readonly [number, string] }[] } }
    return data?.result[0]?.value[1] ?? ''
  } catch {
    return ''
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}
