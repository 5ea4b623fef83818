import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { freePort, type RunningServer, serverFolder, skipWithout, startServer } from '../../../../tools/real-servers.ts'
import { nodeMachine } from '../node-machine.ts'
import { ApacheCollector, readServerStatus } from './apache.ts'
import { CollectError, ratesBetween } from './application.ts'
import { NginxCollector, readStubStatus } from './nginx.ts'
import { PrometheusCollector } from './prometheus.ts'
import { parseSelectors } from './selector.ts'
import { WebPageCollector } from './web-page.ts'

const NGINX = '/usr/sbin/nginx'
const APACHE = '/usr/sbin/apache2'
const MODULES = '/usr/lib/apache2/modules'
const PROMETHEUS = '/usr/bin/prometheus'
const EXPORTER = '/usr/bin/prometheus-node-exporter'
const machine = nodeMachine()
const servers: RunningServer[] = []
const folder = serverFolder('www-data')
const ports = { nginx: 0, apache: 0, prometheus: 0, exporter: 0 }
const without = {
  nginx: skipWithout(NGINX),
  apache: skipWithout(APACHE, MODULES),
  prometheus: skipWithout(PROMETHEUS),
  exporter: skipWithout(EXPORTER),
}

const answers = (url: string) => async (): Promise<boolean> => (await fetch(url)).status < 500
const ask = async (url: string, times: number): Promise<void> => {
  for (let i = 0; i < times; i++) await (await fetch(url)).text()
}

before(async () => {
  for (const name of Object.keys(ports) as (keyof typeof ports)[]) ports[name] = await freePort()
  if (without.nginx === false) servers.push(await startNginx(ports.nginx))
  if (without.apache === false) servers.push(await startApache(ports.apache))
  if (without.prometheus === false) servers.push(await startPrometheus(ports.prometheus))
  if (without.exporter === false) servers.push(await startExporter(ports.exporter))
})
after(async () => {
  for (const server of servers) await server.stop()
  folder.remove()
})

function startNginx(port: number): Promise<RunningServer> {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${folder.path}/nginx-${name};`)
    .join(' ')
  const file = folder.write(
    'nginx.conf',
    `pid ${folder.path}/nginx.pid; daemon off; error_log stderr; worker_processes 1;
    events { worker_connections 64; }
    http { access_log off; ${temporary} server { listen 127.0.0.1:${port};
      location = /nginx_status { stub_status; } location = /other { return 200 "hello"; } location / { return 404; } } }`,
  )
  return startServer('www-data', NGINX, ['-c', file, '-e', 'stderr'], answers(`http://127.0.0.1:${port}/`))
}

function startApache(port: number): Promise<RunningServer> {
  const modules = ['mpm_event', 'authz_core', 'authz_host', 'status', 'alias']
    .map((name) => `LoadModule ${name}_module ${MODULES}/mod_${name}.so`)
    .join('\n')
  folder.write('page', 'hello')
  const file = folder.write(
    'apache.conf',
    `ServerRoot ${folder.path}\nServerName localhost\nListen 127.0.0.1:${port}\nPidFile ${folder.path}/apache.pid\n${modules}
    ErrorLog ${folder.path}/apache.log\nDocumentRoot ${folder.path}\nDefaultRuntimeDir ${folder.path}\nExtendedStatus On
    <Location /server-status>\nSetHandler server-status\nRequire local\n</Location>\n`,
  )
  const words = ['-X', '-f', file]
  return startServer('www-data', APACHE, words, answers(`http://127.0.0.1:${port}/page`))
}

function startPrometheus(port: number): Promise<RunningServer> {
  const file = folder.write('prometheus.yml', 'global:\n  scrape_interval: 1h\n')
  const words = [
    `--config.file=${file}`,
    `--storage.tsdb.path=${join(folder.path, 'tsdb')}`,
    `--web.listen-address=127.0.0.1:${port}`,
  ]
  return startServer('www-data', PROMETHEUS, words, async () => {
    const { status } = await fetch(`http://127.0.0.1:${port}/-/ready`)
    return status === 200
  })
}

function startExporter(port: number): Promise<RunningServer> {
  const words = [`--web.listen-address=127.0.0.1:${port}`, '--collector.disable-defaults', '--collector.loadavg']
  return startServer('www-data', EXPORTER, words, answers(`http://127.0.0.1:${port}/`))
}

test('nginx: requests, the own ones taken out; latency, reads and cache are absent', {
  skip: without.nginx,
}, async () => {
  const collector = new NginxCollector(machine, { name: '', url: `http://127.0.0.1:${ports.nginx}/nginx_status` })
  const was = await collector.collect()
  await ask(`http://127.0.0.1:${ports.nginx}/other`, 400)
  await collector.collect()
  const is = await collector.collect()
  // 400 requests in 20 s; the two of ours in between are not counted.
  const rates = ratesBetween(was, is, 20_000)
  assert.equal(rates.requestsPerSec, 20)
  for (const absent of ['latencyMsMean', 'readShare', 'cacheHitShare', 'lockWaitShare'] as const)
    assert.equal(rates[absent], Number.NaN)
})

const read = (path: string) =>
  new NginxCollector(machine, { name: '', url: `http://127.0.0.1:${ports.nginx}${path}` }).collect()

test('a page that is no status page is refused, and so is one that is not there', { skip: without.nginx }, async () => {
  await assert.rejects(read('/other'), (error) => error instanceof CollectError && error.isRefusal)
  await assert.rejects(read('/nothing'), /status 404/)
})

test('Apache: requests, the own ones taken out, and the mean time they took', { skip: without.apache }, async () => {
  const url = `http://127.0.0.1:${ports.apache}/server-status`
  const collector = new ApacheCollector(machine, { name: '', url })
  const was = await collector.collect()
  await ask(`http://127.0.0.1:${ports.apache}/page`, 300)
  const is = await collector.collect()
  // 300 in 10 s, each well below a tenth of a second.
  const rates = ratesBetween(was, is, 10_000)
  assert.equal(rates.requestsPerSec, 30)
  assert.ok(rates.latencyMsMean >= 0 && rates.latencyMsMean < 100, String(rates.latencyMsMean))
  assert.equal(collector.lacks(), undefined)
})

test('which of the two a web server is, is found by its status page', {
  skip: without.nginx || without.apache,
}, async () => {
  const nginx = new WebPageCollector(machine, `http://127.0.0.1:${ports.nginx}`)
  const apache = new WebPageCollector(machine, `http://127.0.0.1:${ports.apache}`)
  await nginx.collect()
  await apache.collect()
  assert.deepEqual([nginx.title, apache.title], ['nginx', 'Apache'])
})

test('Prometheus tells about itself what it did: queries counted exactly', { skip: without.prometheus }, async () => {
  const url = `http://127.0.0.1:${ports.prometheus}/metrics`
  const mapping = {
    latency: parseSelectors('prometheus_http_request_duration_seconds{handler="/api/v1/query"}', 'here'),
  }
  const collector = new PrometheusCollector(machine, { name: 'self', url, mapping })
  // A series is there from its first request on.
  await ask(`http://127.0.0.1:${ports.prometheus}/api/v1/query?query=1`, 1)
  const was = await collector.collect()
  await ask(`http://127.0.0.1:${ports.prometheus}/api/v1/query?query=1`, 120)
  const rates = ratesBetween(was, await collector.collect(), 10_000)
  assert.equal(rates.requestsPerSec, 12) // 120 in 10 s
  assert.ok(rates.latencyMsMean > 0 && rates.latencyMsMean < 1000, String(rates.latencyMsMean))
})

test('without a mapping the usual names are tried, the own requests among them', {
  skip: without.prometheus,
}, async () => {
  const url = `http://127.0.0.1:${ports.prometheus}/metrics`
  const collector = new PrometheusCollector(machine, { name: '', url, mapping: {} })
  const was = await collector.collect()
  await ask(`http://127.0.0.1:${ports.prometheus}/api/v1/query?query=1`, 99)
  // 99 queries and one page of metrics: that of the look before is counted once it is served.
  assert.equal(ratesBetween(was, await collector.collect(), 10_000).requestsPerSec, 10)
})

test('node_exporter: its own counter, and a gauge as a level', { skip: without.exporter }, async () => {
  const url = `http://127.0.0.1:${ports.exporter}/metrics`
  const mapping = {
    requests: parseSelectors('promhttp_metric_handler_requests_total{code="200"}', 'here'),
    cacheHitShare: parseSelectors('node_load1', 'here'),
    reads: parseSelectors('no_such_total', 'here'),
  }
  const collector = new PrometheusCollector(machine, { name: '', url, mapping })
  const was = await collector.collect()
  await ask(url, 9)
  // Nine pages, and that of the look before.
  assert.equal(ratesBetween(was, await collector.collect(), 1000).requestsPerSec, 10)
  assert.deepEqual(collector.lacks(), { because: 'mapped, but not on the page (yet): no_such_total' })
})

test('status pages of other shapes are told apart from rubbish', () => {
  assert.equal(readStubStatus('<html>Active connections: 1</html>'), undefined)
  assert.equal(readServerStatus('Total Accesses: 5\n'), undefined)
  // Without ExtendedStatus there are workers only.
  assert.deepEqual(readServerStatus('localhost\nBusyWorkers: 2\nIdleWorkers: 48\nScoreboard: ____\n'), {
    totals: {},
    details: [
      { name: 'workers busy', unit: 'workers', value: 2 },
      { name: 'workers idle', unit: 'workers', value: 48 },
    ],
  })
})
