import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StoreError } from '../../world/errors.ts'
import { asStoreError, isCollision, isLost } from './failures.ts'

function fromServer(code: string): Error {
  return Object.assign(new Error('what the server says'), { code })
}

/** SQLSTATE by the PostgreSQL manual, appendix A; what Node says of a line; and what `pg` says without a code. */
test('each error of the server, its client and the line has one meaning', () => {
  const meanings = {
    unreachable: ['08006', '57P01', '57P03', '25006', '53300', 'ECONNREFUSED', 'ENOTFOUND', 'ETIMEDOUT', 'EPIPE'],
    full: ['53100'],
    io: ['53200', '57014', '55P03', '40P01', '58030', '42601', 'XX000'],
    corrupt: ['XX001', 'XX002', '42P01'],
    invalid: ['28P01', '3D000', '42501', '23505', '22021', 'ERR_TLS_CERT_ALTNAME_INVALID', 'SELF_SIGNED_CERT_IN_CHAIN'],
  } as const
  for (const [meaning, codes] of Object.entries(meanings)) {
    for (const code of codes) {
      const error = asStoreError('PostgreSQL somewhere', fromServer(code))
      assert.ok(error instanceof StoreError)
      assert.equal(error.code, meaning, code)
      assert.match(error.message, /^PostgreSQL somewhere: what the server says\. /)
    }
  }
  for (const message of [
    'Connection terminated unexpectedly',
    'Query read timeout',
    'timeout exceeded when trying to connect',
  ])
    assert.ok(isLost(new Error(message)))
  assert.ok(isCollision(fromServer('40001')) && !isCollision(fromServer('23505')))
})

test('what several addresses of one name say is said', () => {
  const refused = new AggregateError([new Error('refused by ::1'), new Error('refused by 127.0.0.1')])
  const error = asStoreError('PostgreSQL', Object.assign(refused, { code: 'ECONNREFUSED' }))
  assert.match(String(error), /refused by ::1; refused by 127\.0\.0\.1/)
})

test('our own mistake stays one', () => {
  const mistake = new TypeError('undefined is not a function')
  assert.equal(asStoreError('PostgreSQL', mistake), mistake)
})
