/** Hosts that report of themselves and speak for their VMs (decision 0013). */
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { after, before, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import type { HostReport } from '../../terms/host-report.ts'
import { parseHostId, parseVmId } from '../../terms/ids.ts'
import { DAY_MS, HOUR_MS, MiB, MINUTE_MS } from '../../terms/units.ts'
import type { ByResource } from '../../terms/usage.ts'
import { aLine, type Answer, Bench, findVm, type Identity, linesOf } from './builders.ts'
import { Desk } from './desk.ts'
import { createToken } from './join-token.ts'
import { makeLog } from './log.ts'

const bench = new Bench()
before(() => bench.start())
after(() => Bench.removeAll())

const aVmReport = (id: string): HostReport['vms'][number] => ({
  vm: { id: parseVmId(id), vcpus: 2, refCoresPerVcpu: 1, memoryBytes: 4e9 },
  state: 'running',
  mean: { cpu: 0.5, memory: 2e9 },
  max: { cpu: 1 },
})

const aReport = (host: string, rest: Partial<HostReport> = {}): HostReport => ({
  hostId: parseHostId(host),
  windowEnd: 300_000,
  windowMs: 300_000,
  state: 'on',
  cpuRefCoresMean: 3.5,
  vms: [aVmReport('on-it')],
  ...rest,
})

const someVms = (from: number, number: number): HostReport['vms'] =>
  Array.from({ length: number }, (_, i) => aVmReport(`named-${from + i}`))

const report = (host: Identity, body: unknown, about = host.vm): Promise<Answer> =>
  bench.ask({
    path: `/v1/hosts/${about}/reports`,
    body: typeof body === 'string' ? body : JSON.stringify(body),
    tls: host,
  })

/** As a reporter sends what is longer than it may be otherwise. */
const reportPacked = (host: Identity, packed: Buffer): Promise<Answer> =>
  bench.ask({ path: `/v1/hosts/${host.vm}/reports`, body: packed, type: 'application/gzip', tls: host })

test('a host joins by a token of its own kind, with a certificate for one purpose', async () => {
  const host = await bench.host('kvm-join')
  const { subjectAltName, keyUsage, ca } = new X509Certificate(host.cert)
  assert.deepEqual([subjectAltName, keyUsage, ca], ['URI:ethos://host/kvm-join', ['1.3.6.1.5.5.7.3.2'], false])
  const { answer, identity } = await bench.renew(host, 'host')
  assert.equal(answer.status, 200)
  assert.equal((await bench.send(identity, [aLine('renewed-1', 0)])).status, 200)
})

test('a token of a VM makes no host of its name, and one of a host no VM', async () => {
  bench.now += MINUTE_MS
  const { authority, store } = bench.server
  const ofVm = await bench.token('twin')
  const ofHost = await createToken(store, { for: { host: parseHostId('twin') }, pin: authority.pin, at: bench.now })
  assert.equal((await bench.join('twin', ofVm, { role: 'host' })).answer.status, 401)
  assert.equal((await bench.join('twin', ofHost)).answer.status, 401)
  const reasons = (await store.audit.last(2)).map(({ reason }) => reason.replace(/[0-9a-f]{16}/, 'ID'))
  assert.deepEqual(reasons, ['token ID is for another host', 'token ID is for another VM'])
  assert.equal((await bench.join('twin', ofHost, { role: 'host' })).answer.status, 200)
  assert.equal(await findVm(store, 'twin'), undefined)
})

test('a host speaks for many VMs at once, each line is told of by its number, and the VMs are heard through it', async () => {
  const host = await bench.host('kvm-many')
  const lines = Array.from({ length: 500 }, (_, i) => aLine(`many-${i % 250}`, Math.floor(i / 250)))
  const { status, json } = await bench.send(host, lines)
  assert.deepEqual([status, json], [200, { accepted: 500, duplicates: 0, refused: [], later: [], phases: 1 }])
  assert.deepEqual((await bench.send(host, lines.slice(0, 3))).json['duplicates'], 3)
  assert.deepEqual(await linesOf(bench.server.store, 'many-7'), [aLine('many-7', 0), aLine('many-7', 1)])
  assert.deepEqual((await findVm(bench.server.store, 'many-7'))?.via, { host: 'kvm-many' })
  assert.equal((await bench.send(host, [...lines, aLine('many-0', 9)])).status, 413)
})

test('of a line that fails the gate the host hears why; it is counted of its VM, whose last good vector stays and ages', async () => {
  const host = await bench.host('kvm-gate')
  await bench.send(host, [aLine('gate-1', 0)])
  const arrivedAt = bench.now
  bench.now += HOUR_MS
  const { json } = await bench.send(host, [
    aLine('gate-1', 1, { cpu: -1 }),
    'rubbish',
    aLine('gate-2', 0),
    aLine('gate-2', 1).replace('"seq":1', '"seq":01'),
  ])
  assert.equal(json['accepted'], 1)
  const refused = json['refused'] as readonly { line: number; reason: string }[]
  assert.deepEqual(
    refused.map(({ line }) => line),
    [0, 1, 3],
  )
  assert.match(refused[0].reason, /no machine can measure/)
  const kept = (await bench.server.store.vectors.latest()).find(({ vector }) => vector.vmId === 'gate-1')
  assert.deepEqual([kept?.arrivedAt, kept?.vector.sequence], [arrivedAt, 0])
  // Counted without haste.
  await bench.server.tend()
  assert.deepEqual((await findVm(bench.server.store, 'gate-1'))?.counts, { accepted: 1, 'refused: out of range': 1 })
  const [record] = await bench.server.store.audit.last(1)
  assert.deepEqual([record.what, record.about], ['vectors refused', 'kvm-gate'])
})

test('a VM with a certificate of its own is not taken from a host, whatever the host says; once that has ended it is', async () => {
  const host = await bench.host('kvm-hostile')
  await bench.send(host, [aLine('victim', 0, { sender: 'as-relayed' })])
  const victim = await bench.member('victim')
  assert.equal((await bench.send(victim, [aLine('victim', 0, { sender: 'its-own' })])).status, 200)
  const { json } = await bench.send(host, [aLine('victim', 1, { sender: 'as-relayed' }), aLine('other', 0)])
  assert.equal(json['accepted'], 1)
  assert.match(JSON.stringify(json['refused']), /"line":0,"reason":"it has a certificate of its own until /)
  const victimNow = await findVm(bench.server.store, 'victim')
  assert.deepEqual([victimNow?.via, victimNow?.quarantine], ['https', undefined])
  bench.now += DAY_MS + HOUR_MS
  const next = await bench.renew(host, 'host')
  assert.equal((await bench.send(next.identity, [aLine('victim', 1, { sender: 'its-own' })])).json['accepted'], 1)
})

test('a VM that moved from one host to another goes on where it was', async () => {
  const [a, b] = [await bench.host('kvm-a'), await bench.host('kvm-b')]
  await bench.send(a, [aLine('mover', 0), aLine('mover', 1)])
  assert.equal((await bench.send(b, [aLine('mover', 1), aLine('mover', 2)])).json['accepted'], 1)
  assert.deepEqual((await findVm(bench.server.store, 'mover'))?.via, { host: 'kvm-b' })
  // The first host brings what it still had.
  assert.deepEqual((await bench.send(a, [aLine('mover', 1)])).json['duplicates'], 1)
  const mover = await findVm(bench.server.store, 'mover')
  assert.deepEqual([mover?.quarantine, mover?.vectorsKept], [undefined, 3])
})

test('two VMs under one name are quarantined through hosts too, and the lines of others in the batch are kept', async () => {
  const host = await bench.host('kvm-clones')
  await bench.send(host, [aLine('clone', 0, { sender: 'one' }), aLine('clone', 0, { sender: 'two' })])
  const { json } = await bench.send(host, [aLine('honest', 0), aLine('clone', 1, { sender: 'one' })])
  assert.deepEqual([json['accepted'], json['later']], [1, [{ line: 1, reason: 'quarantined' }]])
  assert.deepEqual((await bench.send(host, [aLine('clone', 2, { sender: 'one' })])).json['later'], [
    { line: 0, reason: 'quarantined' },
  ])
  await bench.server.store.identities.ban(parseVmId('honest'), bench.now)
  assert.deepEqual((await bench.send(host, [aLine('honest', 1)])).json['later'], [{ line: 0, reason: 'banned' }])
})

test('nobody is let in for lines that are refused, nor more VMs at once than a host has', async () => {
  const other = new Bench()
  await other.start({ limits: { newVms: { everyMs: 10_000, burst: 3 } } })
  const host = await other.host('kvm-inventor')
  await other.send(host, [aLine('refused-only', 0, { cpu: -1 })])
  const lines = Array.from({ length: 5 }, (_, i) => aLine(`invented-${i}`, 0))
  const { json } = await other.send(host, lines)
  const reason = 'its host has brought too many that nobody knows'
  assert.deepEqual([json['accepted'], json['later']], [3, [3, 4].map((line) => ({ line, reason }))])
  other.now += 10_000
  assert.deepEqual((await other.send(host, lines)).json['accepted'], 1)
  const names = (await other.server.store.identities.list()).map(({ vm }) => vm)
  assert.deepEqual(names, ['invented-0', 'invented-1', 'invented-2', 'invented-3'])
  await other.remove()
})

test('what a host says of VMs that nobody knows, or that can not be read, is counted as refused, and asks no write of the store', async () => {
  const other = new Bench()
  const ofNobody = new Map<string, number>()
  const written: string[] = []
  await other.start({
    countOfNobody: (what, number) => void ofNobody.set(what, (ofNobody.get(what) ?? 0) + number),
    watched: (store) => {
      const { identities } = store
      const count: typeof identities.count = (vm, ...rest) => {
        written.push(vm)
        return identities.count(vm, ...rest)
      }
      return Object.assign(Object.create(store) as typeof store, {
        identities: Object.assign(Object.create(identities) as typeof identities, { count }),
      })
    },
  })
  const host = await other.host('kvm-babbler')
  await other.send(host, [aLine('known', 0)])
  const invented = Array.from({ length: 400 }, (_, i) => aLine(`invented-${i}`, 0, { cpu: -1 }))
  await other.send(host, [...invented, aLine('known', 1, { cpu: -1 }), 'rubbish'])
  await other.server.tend()
  assert.deepEqual(written, ['known'])
  assert.equal(ofNobody.get('refused: out of range'), 400)
  assert.equal(
    [...ofNobody.values()].reduce((sum, number) => sum + number),
    401,
  )
  await other.remove()
})

test('counts that wait to be written are bounded: what is of one VM too many is of nobody', () => {
  const ofNobody: string[] = []
  const { store } = bench.server
  const log = makeLog('text', () => undefined)
  const desk = new Desk({
    store,
    log,
    clock: { now: () => bench.now },
    countOfNobody: (what) => void ofNobody.push(what),
  })
  for (let i = 0; i < 10_000; i++) desk.countLater(`waits-${i}`, 'refused: bad data')
  assert.deepEqual(ofNobody, [])
  desk.countLater('one-too-many', 'refused: bad data')
  desk.countLater('waits-0', 'refused: bad data')
  assert.deepEqual(ofNobody, ['refused: bad data'])
})

test('one VM that says too much is told to wait, and no other VM of its host with it', async () => {
  const host = await bench.host('kvm-loud')
  for (let batch = 0; batch < 2; batch++)
    await bench.send(
      host,
      Array.from({ length: 300 }, (_, i) => aLine('loud', batch * 300 + i)),
    )
  const { json } = await bench.send(host, [aLine('loud', 600), aLine('soft', 0)])
  assert.deepEqual([json['accepted'], json['later']], [1, [{ line: 0, reason: 'it may say more in 10 s' }]])
})

test('a host that is not on the list is told so, and how it gets there; once it is, it goes on by itself, and once it is off again it does not', async () => {
  const host = await bench.host('kvm-new', { isRegistered: false })
  const { store } = bench.server
  for (const answer of [
    await bench.send(host, [aLine('new-1', 0)]),
    await report(host, aReport('kvm-new')),
    (await bench.renew(host, 'host')).answer,
  ]) {
    assert.deepEqual(
      [answer.status, answer.json['command']],
      [409, 'ethos bench host --out kvm-new.json && ethos hosts add kvm-new.json'],
    )
  }
  assert.equal(await findVm(store, 'new-1'), undefined)
  assert.match(bench.said.join(''), /request refused \(about kvm-new, /)
  await store.hosts.put({ hostId: parseHostId('kvm-new'), changedAt: bench.now })
  assert.equal((await report(host, aReport('kvm-new'))).status, 200)
  await store.hosts.remove(parseHostId('kvm-new'))
  // At once: a report that is kept would show the host again.
  assert.equal((await report(host, aReport('kvm-new', { windowEnd: 600_000 }))).status, 409)
  assert.ok(!(await store.hosts.reports()).some(({ hostId }) => hostId === 'kvm-new'))
  bench.now += 11_000
  assert.equal((await bench.send(host, [aLine('new-2', 0)])).status, 409)
})

test('a report is kept with the time of its arrival, and with it what its VMs used', async () => {
  const host = await bench.host('kvm-report')
  const { vm, ...used } = aVmReport('reported')
  const ruled = { ...vm, antiAffinityGroup: 'web', isPinned: true, cpuFlags: ['avx2', 'aes'], isHostPassthrough: true }
  const told = aReport('kvm-report', { vms: [{ ...used, vm: ruled }], windowEnd: bench.now - 7000, watts: 180 })
  assert.deepEqual((await report(host, told)).json, { kept: true, vms: 1 })
  const { store } = bench.server
  const kept = (await store.hosts.reports()).find(({ hostId }) => hostId === 'kvm-report')
  assert.deepEqual(kept, { ...told, arrivedAt: bench.now })
})

test('a host that names ever new VMs in its reports is told to wait, and what it named before it may go on naming', async () => {
  const host = await bench.host('kvm-namer')
  const first = aReport('kvm-namer', { vms: someVms(0, 5999), windowEnd: bench.now })
  const packed = gzipSync(JSON.stringify(first))
  assert.equal((await reportPacked(host, packed)).status, 200)
  assert.equal((await report(host, { ...first, vms: someVms(9000, 50) })).status, 429)
  assert.equal((await reportPacked(host, packed)).status, 200)
  bench.now += 500_000
  assert.equal((await report(host, { ...first, vms: someVms(9000, 50), windowEnd: bench.now })).status, 200)
})

test('a report of another host, of nonsense, or of too much is refused in words and written down', async () => {
  const host = await bench.host('kvm-liar')
  const good = aReport('kvm-liar')
  assert.equal((await report(host, aReport('kvm-report'), 'kvm-report')).status, 403)
  const cases: readonly (readonly [unknown, RegExp])[] = [
    [aReport('kvm-report'), /report\.hostId: "kvm-report" .*reports of itself: kvm-liar/],
    ['{', /Expected valid JSON/],
    ['{}', /report: /],
    [{ ...good, cpuRefCoresMean: -1 }, /report\.cpuRefCoresMean: -1 /],
    [JSON.stringify(good).replace('3.5', '1e999'), /report\.cpuRefCoresMean/],
    [{ ...good, watts: '180' }, /report\.watts: "180"/],
    [{ ...good, state: 'off' }, /report\.state/],
    [{ ...good, run: 'rm' }, /report\.run: "rm" .*not known here/],
    [{ ...good, vms: [{ ...aVmReport('a'), mean: { cpu: 1e300 } }] }, /report\.vms\[0\]\.mean\.cpu/],
    [{ ...good, vms: [{ ...aVmReport('a'), leavingTo: 'a b' }] }, /report\.vms\[0\]\.leavingTo/],
    [{ ...good, vms: [{ ...aVmReport('a'), vm: { ...aVmReport('a').vm, cpuFlags: 'avx2' } }] }, /vm\.cpuFlags: "avx2"/],
    [{ ...good, vms: [aVmReport('a'), aVmReport('a')] }, /report\.vms\[1\]\.vm\.id: "a" .*told of once/],
  ]
  for (const [body, says] of cases) {
    bench.now += MINUTE_MS
    const { status, json } = await report(host, body)
    assert.deepEqual([status, json['error']], [400, 'bad report'])
    assert.match(String(json['reason']), says)
    assert.ok(String(json['reason']).length < 400)
  }
  assert.equal((await report(host, 'x'.repeat(1024 * 1024 + 1))).status, 413)
  assert.ok(!(await bench.server.store.hosts.reports()).some(({ hostId }) => hostId === 'kvm-liar'))
  bench.now += MINUTE_MS
  const most = { ...good, vms: someVms(0, 6000) }
  assert.deepEqual((await reportPacked(host, gzipSync(JSON.stringify(most)))).json, { kept: true, vms: 6000 })
})

/** Every number, with all its digits. */
function full(i: number): ByResource {
  const number = Math.sin(i + 1) ** 2 * 1e7
  return {
    cpu: number / 1e7,
    memory: number,
    diskRead: number / 3,
    diskWrite: number / 7,
    netReceive: number / 11,
    netSend: number / 13,
  }
}

test('a report of 5,000 VMs with every number in full goes packed; what is no gzip, or unpacks to too much, is refused in words', async () => {
  const host = await bench.host('kvm-large')
  const vms = someVms(0, 5000).map((vm, i) => ({ ...vm, mean: full(i), max: full(i + 0.5) }))
  const text = JSON.stringify(aReport('kvm-large', { vms }))
  const packed = gzipSync(text)
  assert.ok(text.length > 2 * MiB && packed.length < MiB, `${text.length} ${packed.length}`)
  assert.equal((await report(host, text)).status, 413)
  assert.deepEqual((await reportPacked(host, packed)).json, { kept: true, vms: 5000 })
  const kept = (await bench.server.store.hosts.reports()).find(({ hostId }) => hostId === 'kvm-large')
  assert.deepEqual(kept?.vms, vms)
  const cases: readonly (readonly [Buffer, RegExp])[] = [
    [packed.subarray(0, 1000), /report: "1000 bytes" .*no whole gzip/],
    [Buffer.from('{}'), /no whole gzip/],
    [gzipSync(Buffer.alloc(9 * MiB, 32)), /at most 8 MiB once unpacked/],
    [gzipSync(JSON.stringify({ ...aReport('kvm-large'), vms: someVms(0, 6001) })), /report\.vms/],
  ]
  for (const [body, says] of cases) {
    bench.now += MINUTE_MS
    const { status, json } = await reportPacked(host, body)
    assert.equal(status, 400)
    assert.match(String(json['reason']), says)
  }
  assert.equal((await reportPacked(host, Buffer.alloc(MiB + 1))).status, 413)
})

test('a report that two machines send by turns is kept as a word that nobody can trust', async () => {
  const host = await bench.host('kvm-twins')
  const isShared: (boolean | undefined)[] = []
  for (let i = 0; i < 6; i++) {
    bench.now += MINUTE_MS
    const twin = 'ab'[i % 2]
    const header = `${twin.repeat(16)} ${Math.floor(i / 2) + 1} ${String(i % 2).repeat(16)}`
    const body = JSON.stringify(aReport('kvm-twins', { windowEnd: bench.now }))
    const path = '/v1/hosts/kvm-twins/reports'
    assert.equal((await bench.ask({ path, body, headers: { 'ethos-reporter': header }, tls: host })).status, 200)
    isShared.push((await bench.server.store.hosts.reports()).find(({ hostId }) => hostId === 'kvm-twins')?.isShared)
  }
  assert.deepEqual(isShared, [undefined, undefined, undefined, undefined, true, true])
})

test('agents and operators report for no host, and hosts ask nothing of operators', async () => {
  const [host, member] = [await bench.host('kvm-ask'), await bench.member()]
  const { certificate, privateKey } = await bench.server.authority.forOperator('ada', DAY_MS)
  const operator = { vm: 'ada', key: privateKey, cert: certificate, ca: member.ca }
  assert.equal((await report(member, aReport('kvm-ask'), 'kvm-ask')).status, 403)
  assert.equal((await report(operator, aReport('kvm-ask'), 'kvm-ask')).status, 403)
  assert.equal((await bench.ask({ method: 'GET', path: '/v1/agents', tls: host })).status, 403)
  assert.equal((await bench.ask({ method: 'GET', path: '/v1/phases', tls: host })).status, 200)
})

test('clocks of agents may be anywhere from a year ago to ten years ahead: what counts is when they were heard', async () => {
  const host = await bench.host('kvm-clocks')
  const years = 365 * DAY_MS
  const offs = [-years, -5000, 0, 5000, HOUR_MS, 10 * years]
  const lines = offs.map((off, i) => aLine(`clock-${i}`, 0, { windowEnd: bench.now + off }))
  assert.equal((await bench.send(host, lines)).json['accepted'], offs.length)
  const latest = (await bench.server.store.vectors.latest()).filter(({ vector }) => vector.vmId.startsWith('clock-'))
  assert.ok(latest.every(({ arrivedAt }) => arrivedAt === bench.now))
  assert.deepEqual(
    latest.map(({ isClockOff }) => isClockOff),
    [false, false, false, false, true, true],
  )
})
