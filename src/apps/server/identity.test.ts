/** Joining, certificates and their life, who is let in where. Numbers are those of the tests in the threat model of the transport. */
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { createServer } from 'node:https'
import { connect as connectTcp } from 'node:net'
import { after, before, test } from 'node:test'
import { connect, type ConnectionOptions } from 'node:tls'
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../terms/units.ts'
import { aKey, aLine, Bench, type Identity, proofOf } from './builders.ts'
import { judgeToken } from './join-token.ts'
import { bearerOf, forBearer, forServer, makeRoot, readSigner, uriOf } from './certificates.ts'

const bench = new Bench()
before(() => bench.start())
after(() => Bench.removeAll())

const refusals = async () => (await bench.server.store.audit.last(1000)).filter(({ what }) => what === 'join refused')

test('a token is used once, within its time, for its VM, and whole; each refusal is alike outside and written down inside', async () => {
  bench.now += MINUTE_MS
  const used = await bench.token('vm-a')
  await bench.join('vm-a', used)
  const late = await bench.token('vm-a', SECOND_MS)
  bench.now += SECOND_MS
  const [name, id, secret, pin] = (await bench.token('vm-a')).split('.')
  const before = (await refusals()).length
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ['vm-a', used, /was used already/],
    ['vm-a', late, /has expired/],
    ['vm-b', await bench.token('vm-a'), /for another VM/],
    ['vm-a', [name, id, secret.slice(0, -1), pin].join('.'), /the secret .* is another/],
    ['vm-a', [name, id, 'x'.repeat(43), pin].join('.'), /the secret .* is another/],
    ['vm-a', [name, id, '', pin].join('.'), /the secret .* is another/],
    ['vm-a', `ethos1.${'0'.repeat(16)}.${secret}.${pin}`, /no such token/],
  ]
  for (const [vm, token, reason] of cases) {
    const { answer } = await bench.join(vm, token)
    assert.deepEqual([answer.status, answer.text], [401, '{"error":"refused"}'])
    assert.match((await refusals()).at(-1)?.reason ?? '', reason)
  }
  assert.equal((await refusals()).length, before + cases.length)
  // It is good still: nobody loses it by a wrong guess.
  assert.equal((await bench.join('vm-a', [name, id, secret, pin].join('.'))).answer.status, 200)
})

test('whatever a join is, its refusal has one shape', async () => {
  bench.now += MINUTE_MS
  const bodies = [
    '',
    'null',
    '[]',
    '{}',
    '{"vm":1}',
    '{"vm":"a","token":{},"publicKey":"","proof":""}',
    '\u0000',
    '{"__proto__":{"vm":"a"}}',
  ]
  for (const body of bodies) {
    const { status, text } = await bench.ask({ path: '/v1/join', body, tls: { ca: bench.server.authority.pem } })
    assert.deepEqual([status, text], [401, '{"error":"refused"}'], body)
  }
  const strange = { path: '/v1/join', body: 'x', type: 'text/html', tls: { ca: bench.server.authority.pem } }
  assert.deepEqual((await bench.ask(strange)).text, '{"error":"refused"}')
})

test('a key that is not proven, or of another kind, gets no certificate, and the token stays good', async () => {
  bench.now += MINUTE_MS
  const token = await bench.token('vm-k')
  const [, id, secret] = token.split('.')
  const own = aKey()
  const other = aKey()
  const text = `ethos-join|vm-k|${id}|${own.publicKey}`
  for (const proof of [proofOf(other.key, text), proofOf(own.key, `${text} `), '', 'AAAA']) {
    const body = JSON.stringify({ vm: 'vm-k', token: `${id}.${secret}`, publicKey: own.publicKey, proof })
    assert.equal((await bench.ask({ path: '/v1/join', body, tls: { ca: bench.server.authority.pem } })).status, 401)
  }
  assert.equal((await bench.join('vm-k', token)).answer.status, 200)
})

test('guessing is slowed down for each address, and no number of guesses is right', async () => {
  bench.now += MINUTE_MS
  const guesses = await Promise.all(
    Array.from({ length: 200 }, (_, i) =>
      bench.join('vm-g', `ethos1.${i.toString(16).padStart(16, '0')}.${'x'.repeat(43)}.pin`),
    ),
  )
  const number = (wanted: number) => guesses.filter(({ answer }) => answer.status === wanted).length
  // A burst of twenty, and none afterwards while the clock stands.
  assert.deepEqual([number(401), number(429)], [20, 180])
  assert.ok(guesses.every(({ answer }) => answer.status !== 429 || Number(answer.headers['retry-after']) >= 1))
  bench.now += MINUTE_MS
})

test('of a hundred thousand guesses at the secret of a token that is good, none is', async () => {
  const { store } = bench.server
  const [, id, secret] = (await bench.token('vm-h')).split('.')
  const guess = async (token: string) =>
    (await judgeToken(store, { token, role: 'agent', name: 'vm-h', at: bench.now })).kind
  for (let i = 0; i < 100_000; i++) {
    const wrong = i % 2 === 0 ? `${secret.slice(0, 38)}${i.toString(36).padStart(5, '-')}` : i.toString(36)
    if (wrong !== secret) assert.equal(await guess(`${id}.${wrong}`), 'refused')
  }
  for (const token of [
    id,
    `${id}.`,
    `.${secret}`,
    `${id}.${secret}.`.slice(0, -2),
    `${id}.${secret}x`,
    `${id}.${secret.toLowerCase()}`,
  ])
    assert.equal(await guess(token), 'refused', token)
  assert.equal(await guess(`${id}.${secret}`), 'good')
})

test('names of all characters come through a certificate, and no other URI is believed', () => {
  for (const name of ["a,b'c!(d)*", 'web-1', 'vm%2f/..', '<img>', 'x'.repeat(64)])
    assert.deepEqual(bearerOf(uriOf({ role: 'agent', name })), { role: 'agent', name })
  for (const uri of [
    '',
    'ethos://agent/',
    'ethos://root/a',
    'ethos://agent/a/b',
    'ethos://agent/%zz',
    'ethos://agent/%61',
    'x ethos://agent/a',
  ])
    assert.equal(bearerOf(uri), undefined, uri)
})

test('certificates are for one purpose and one name, for a day, and of P-256', async () => {
  const member = await bench.member()
  const certificate = new X509Certificate(member.cert)
  assert.deepEqual([certificate.subjectAltName, certificate.ca], [`URI:ethos://agent/${member.vm}`, false])
  assert.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.2'])
  assert.equal(certificate.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1')
  const endsAt = certificate.validToDate.getTime()
  assert.ok(Math.abs(endsAt - bench.now - DAY_MS) < 1000)
  const seen = await serverCertificate({ host: '127.0.0.1', port: bench.server.port, ca: bench.server.authority.pem })
  assert.deepEqual(seen.keyUsage, ['1.3.6.1.5.5.7.3.1'])
  assert.match(seen.subjectAltName ?? '', /DNS:localhost/)
})

test('a certificate that ends in the middle of a session ends it; it renews for a week with its old key, and no longer', async () => {
  const member = await bench.member()
  assert.equal((await bench.send(member, [aLine(member.vm, 0)])).status, 200)
  bench.now += DAY_MS
  // The connection is the same as before.
  assert.deepEqual((await bench.send(member, [aLine(member.vm, 1)])).text, '{"error":"refused"}')
  bench.now += 7 * DAY_MS - MINUTE_MS
  const { answer, identity } = await bench.renew(member)
  assert.equal(answer.status, 200)
  assert.equal((await bench.send(identity, [aLine(member.vm, 1)])).status, 200)
  bench.now += MINUTE_MS
  assert.equal((await bench.renew(member)).answer.status, 401)
  bench.now += 8 * DAY_MS
  assert.equal((await bench.renew(identity)).answer.status, 401)
  assert.equal((await bench.renew(await bench.member(member.vm))).answer.status, 200)
})

test('at two thirds of its life a certificate is renewed with another key, and both are good until the old one ends', async () => {
  const member = await bench.member()
  bench.now += 16 * HOUR_MS
  const { identity } = await bench.renew(member)
  assert.equal((await bench.send(member, [aLine(member.vm, 0)])).status, 200)
  bench.now += 8 * HOUR_MS
  assert.equal((await bench.send(member, [aLine(member.vm, 1)])).status, 401)
  assert.equal((await bench.send(identity, [aLine(member.vm, 1)])).status, 200)
})

test('a renewal without proof of the new key is refused', async () => {
  const member = await bench.member()
  const { publicKey } = aKey()
  const body = JSON.stringify({ publicKey, proof: proofOf(aKey().key, `ethos-renew|${member.vm}|${publicKey}`) })
  assert.equal((await bench.ask({ path: '/v1/renew', body, tls: member })).status, 401)
})

test('the authority is replaced without a human: agents learn the new one, then the server shows it, then the old one ends', async () => {
  const other = new Bench()
  await other.start()
  const fleet = await other.member()
  const lost = await other.member()
  const { server } = other
  const old = server.authority.pem
  const next = await server.authority.rotate()
  await server.tend()
  assert.equal(server.authority.valid.length, 2)
  // In the overlap the server still shows what all agents know, and who comes anew pins it.
  const during = await other.member()
  assert.ok(during.ca.includes(next.pem) && during.ca.includes(old))
  const renewed = await other.renew(fleet)
  assert.equal((await other.send(renewed.identity, [aLine(fleet.vm, 0)])).status, 200)
  let { identity } = renewed
  while (other.now < next.servesFrom) {
    other.now += 16 * HOUR_MS
    await server.tend()
    identity = (await other.renew(identity)).identity
  }
  assert.equal(server.authority.pem, next.pem)
  assert.equal((await other.send(identity, [aLine(fleet.vm, 1)])).status, 200)
  // Who was away all the time knows neither the server nor is known.
  await assert.rejects(other.send({ ...lost }, [aLine(lost.vm, 0)]), /certificate|signature|issuer/)
  assert.equal((await other.renew({ ...lost, ca: next.pem })).answer.status, 401)
  await other.remove()
})

test("the server's own certificate is renewed while it runs", async () => {
  const other = new Bench({ daysAgo: 80 })
  await other.start()
  const at = { host: '127.0.0.1', port: other.server.port, ca: other.server.authority.pem }
  const first = await serverCertificate(at)
  await other.server.tend()
  assert.equal((await serverCertificate(at)).fingerprint256, first.fingerprint256)
  other.now += 61 * DAY_MS
  await other.server.tend()
  const second = await serverCertificate(at)
  assert.notEqual(second.fingerprint256, first.fingerprint256)
  await other.remove()
})

test('TLS 1.2 and plain text are not spoken', async () => {
  const at = { host: '127.0.0.1', port: bench.server.port, rejectUnauthorized: false }
  await assert.rejects(serverCertificate({ ...at, maxVersion: 'TLSv1.2' }), /protocol version|version/)
  const told = await new Promise<string>((resolve) => {
    let text = ''
    const socket = connectTcp(bench.server.port, '127.0.0.1', () =>
      socket.write('GET /v1/ca HTTP/1.1\r\nhost: a\r\n\r\n'),
    )
    socket.on('data', (part) => (text += part.toString('latin1')))
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(text))
  })
  assert.ok(!told.includes('HTTP/1.1 200') && !told.includes('CERTIFICATE'))
})

test('an identity that this server did not give is nobody: self-signed, of another authority, expired or not', async () => {
  const member = await bench.member()
  const now = bench.now
  for (const at of [now, now - 2 * DAY_MS]) {
    for (const role of ['agent', 'operator'] as const) {
      const signer = await readSigner(await makeRoot(at))
      const { key, publicKey } = aKey()
      const wanted = { publicKey: Buffer.from(publicKey, 'base64'), now: at, forMs: DAY_MS }
      const cert = await forBearer(signer, { role, name: member.vm }, wanted)
      const forged = { vm: member.vm, key, cert, ca: member.ca }
      bench.now += MINUTE_MS
      assert.equal((await bench.send(forged, [aLine(member.vm, 0)])).status, 401)
      assert.equal((await bench.renew({ ...forged })).answer.status, 401)
      assert.equal((await bench.ask({ method: 'GET', path: '/v1/agents', tls: { ...forged } })).status, 401)
    }
  }
})

test("a certificate of the server's own kind opens nothing, and one of an agent's kind makes no server", async () => {
  const { serving } = bench.server.authority
  const { certificate, privateKey } = await forServer(serving, ['127.0.0.1'], bench.now)
  const asServer: Identity = { vm: 'x', key: privateKey, cert: certificate, ca: bench.server.authority.pem }
  assert.equal((await bench.send(asServer, [])).status, 401)
  const today = new Bench({ daysAgo: 0 })
  await today.start()
  const member = await today.member()
  const impostor = createServer({ key: member.key, cert: member.cert })
  await new Promise<void>((resolve) => impostor.listen(0, '127.0.0.1', resolve))
  const { port } = impostor.address() as { port: number }
  await assert.rejects(serverCertificate({ host: '127.0.0.1', port, ca: member.ca }), (error) =>
    /PURPOSE|ALTNAME/.test(codeOf(error)),
  )
  impostor.close()
})

test('a server under a name that its certificate does not hold is not spoken to', async () => {
  const at = { host: '127.0.0.1', port: bench.server.port, ca: bench.server.authority.pem, servername: 'other.example' }
  await assert.rejects(serverCertificate(at), /altnames|Host/)
})

test('who may ask what: agents and hosts of themselves, operators of all, nobody of anything but the authority', async () => {
  const member = await bench.member()
  const { certificate, privateKey } = await bench.server.authority.forOperator('ada', DAY_MS)
  const callers = {
    nobody: { ca: bench.server.authority.pem },
    agent: member,
    operator: { key: privateKey, cert: certificate, ca: member.ca },
  }
  const routes = [
    ['GET /v1/ca', 200, 200, 200],
    ['POST /v1/join', 401, 401, 401],
    ['POST /v1/renew', 401, 401, 403],
    ['POST /v1/vectors', 401, 200, 403],
    ['GET /v1/phases', 401, 200, 403],
    ['GET /v1/agents', 401, 403, 200],
    ['GET /v1/tokens', 401, 403, 403],
    ['GET /v1/vectors', 404, 404, 404],
  ] as const
  for (const [route, ...expected] of routes) {
    bench.now += MINUTE_MS
    const [method, path] = route.split(' ') as ['GET' | 'POST', string]
    const body = method === 'POST' ? { body: '{}' } : {}
    const type = path === '/v1/vectors' ? { type: 'application/x-ndjson' } : {}
    const statuses = []
    for (const tls of Object.values(callers))
      statuses.push((await bench.ask({ method, path, ...body, ...type, tls })).status)
    assert.deepEqual(statuses, expected, route)
  }
})

test('operators see every identity, its counts, and who is in quarantine and why', async () => {
  const good = await bench.member('seen-good')
  const twice = await bench.member('seen-twice')
  await bench.send(good, [aLine(good.vm, 0), aLine(good.vm, 0)])
  await bench.send(twice, [aLine(twice.vm, 0)])
  await bench.send(twice, [aLine(twice.vm, 0, { cpu: 1 })])
  const { certificate, privateKey } = await bench.server.authority.forOperator('ada', DAY_MS)
  const operator = { key: privateKey, cert: certificate, ca: good.ca }
  const { json } = await bench.ask({ method: 'GET', path: '/v1/agents', tls: operator })
  const agents = json['agents'] as readonly Record<string, unknown>[]
  const [seenGood, seenTwice] = ['seen-good', 'seen-twice'].map((vm) => agents.find((agent) => agent['vm'] === vm))
  assert.deepEqual([seenGood?.['state'], seenGood?.['counts']], ['good', { accepted: 1, duplicates: 1 }])
  assert.deepEqual([seenTwice?.['state'], seenTwice?.['vectorsKeptApart']], ['quarantined', 1])
  assert.match(JSON.stringify(seenTwice?.['quarantine']), /number 0 and differ/)
})

function serverCertificate(options: ConnectionOptions): Promise<X509Certificate> {
  return new Promise((resolve, reject) => {
    const socket = connect(options, () => {
      const certificate = socket.getPeerX509Certificate()
      socket.end()
      if (certificate === undefined) reject(new Error('no certificate'))
      else resolve(certificate)
    })
    socket.on('error', reject)
  })
}

function codeOf(error: unknown): string {
  return String((error as { code?: string }).code ?? error)
}
