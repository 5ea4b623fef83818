import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { join } from 'node:path'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { StoreError } from '../../world/errors.ts'
import { parseAddress } from './address.ts'

const REMOTE = 'postgres://ethos:secret@db.example/site'

test('a URL is taken apart, and its name for people has no password', () => {
  const address = parseAddress('postgres://eth%40s:s%3Acret@db.example:6543/si%2Fte')
  assert.equal(address.name, 'eth@s@db.example:6543/si/te')
  assert.equal(address.password, 's:cret')
  assert.deepEqual([address.host, address.port, address.user, address.database], ['db.example', 6543, 'eth@s', 'si/te'])
  assert.equal(parseAddress('postgresql://u@[2001:db8::1]/d').host, '2001:db8::1')
})

test('another host is spoken to by TLS with its name checked, unless the URL says otherwise', () => {
  const { tls, tlsWords, warnings } = parseAddress(REMOTE)
  assert.deepEqual(tls, { rejectUnauthorized: true })
  assert.deepEqual(tlsWords, { sslmode: 'verify-full' })
  assert.deepEqual(warnings, [])
})

test('what is less than that is said, but for this very host', () => {
  assert.match(parseAddress(`${REMOTE}?sslmode=disable`).warnings[0], /not encrypted/)
  assert.match(parseAddress(`${REMOTE}?sslmode=require`).warnings[0], /Nobody checks/)
  for (const host of ['127.0.0.1', 'localhost', '[::1]']) {
    const { tls, warnings } = parseAddress(`postgres://ethos@${host}/site`)
    assert.equal(tls, false)
    assert.deepEqual(warnings, [])
  }
})

test('a socket is named by its folder', () => {
  const { host, tls, password } = parseAddress('postgres://ethos@/site?host=/run/postgresql')
  assert.deepEqual([host, tls, password], ['/run/postgresql', false, undefined])
})

test('verify-ca checks the certificate by the CA in a file, and not the name', () => {
  const file = join(mkdtempSync(join(tmpdir(), 'ethos-ca-')), 'ca.pem')
  writeFileSync(file, 'a certificate')
  const { tls } = parseAddress(`${REMOTE}?sslmode=verify-ca&sslrootcert=${file}`)
  assert.ok(tls !== false)
  assert.deepEqual([tls.rejectUnauthorized, tls.ca], [true, 'a certificate'])
  assert.equal(tls.checkServerIdentity?.('other', {} as never), undefined)
  // As libpq does: with a CA, `require` is `verify-ca`.
  assert.deepEqual(
    { ...(parseAddress(`${REMOTE}?sslmode=require&sslrootcert=${file}`).tls as object) }['rejectUnauthorized' as never],
    true,
  )
})

test('a URL that is not usable is refused without being repeated', () => {
  const wrong = {
    'mysql://ethos:secret@db/site': /no URL of the form/,
    'postgres://ethos:sec%ret@db/site': /%25/,
    'postgres://ethos:secret@/site': /\?host=/,
    'postgres://:secret@db/site': /needs a user/,
    'postgres://ethos:secret@db': /needs a user and a database/,
    'postgres://ethos:secret@db:port/site': /no URL of the form/,
    [`${REMOTE}?sslmode=prefer`]: /sslmode is "prefer"/,
    [`${REMOTE}?sslmode=verify-ca`]: /sslrootcert/,
    [`${REMOTE}?sslrootcert=/nowhere/ca.pem`]: /ENOENT/,
    [`${REMOTE}?options=-cfsync=off`]: /"options"/,
  }
  for (const [url, why] of Object.entries(wrong)) {
    assert.throws(
      () => parseAddress(url),
      (error) => {
        assert.ok(error instanceof StoreError && error.code === 'invalid', `${url}: ${String(error)}`)
        assert.match(error.message, why)
        assert.doesNotMatch(JSON.stringify([error.message, error.stack, String(error.cause)]), /secret|sec%ret/)
        return true
      },
    )
  }
})
