/** Requests for a certificate: outside data, and a proof that the sender holds the private half of the key (decision 0009). */
import { createPublicKey, verify } from 'node:crypto'
import { type Static, Type } from 'typebox'
import { Compile } from 'typebox/compile'

const Text = Type.String({ maxLength: 500 })
const JoinBody = Type.Object({ vm: Text, token: Text, publicKey: Text, proof: Text }, { additionalProperties: false })
const RenewBody = Type.Object({ publicKey: Text, proof: Text }, { additionalProperties: false })
const joinBody = Compile(JoinBody)
const renewBody = Compile(RenewBody)

export type JoinRequest = Static<typeof JoinBody>
export type RenewRequest = Static<typeof RenewBody>

/** Stands for what could not be read: it proves nothing, and takes as long. */
const NO_JOIN: JoinRequest = { vm: '', token: '', publicKey: '', proof: '' }

export function readJoin(body: unknown): JoinRequest {
  const value = readJson(body)
  return joinBody.Check(value) ? value : NO_JOIN
}

export function readRenewal(body: unknown): RenewRequest {
  const value = readJson(body)
  return renewBody.Check(value) ? value : NO_JOIN
}

/** Whether the sender holds the private half of the key on P-256 that it wants certified. */
export function proves({ publicKey, proof }: RenewRequest, text: string): boolean {
  try {
    const key = createPublicKey({ key: Buffer.from(publicKey, 'base64'), format: 'der', type: 'spki' })
    if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') return false
    return verify('sha256', Buffer.from(text), key, Buffer.from(proof, 'base64'))
  } catch {
    return false
  }
}

function readJson(body: unknown): unknown {
  try {
    return JSON.parse(String(body))
  } catch {
    return undefined
  }
}
