/** Requests for a certificate: outside data, and a proof that the sender holds the private half of the key (decision 0009). */
import { createPublicKey, verify } from 'node:crypto'
import { type Static, Type } from 'typebox'
import { Compile } from 'typebox/compile'
import type { Bearer } from './certificates.ts'

const Text = Type.String({ maxLength: 500 })
const Rest = { token: Text, publicKey: Text, proof: Text }
const AgentJoinBody = Type.Object({ vm: Text, ...Rest }, { additionalProperties: false })
const HostJoinBody = Type.Object({ host: Text, ...Rest }, { additionalProperties: false })
const RenewBody = Type.Object({ publicKey: Text, proof: Text }, { additionalProperties: false })
const agentJoinBody = Compile(AgentJoinBody)
const hostJoinBody = Compile(HostJoinBody)
const renewBody = Compile(RenewBody)

export type RenewRequest = Static<typeof RenewBody>

/** Who wants to join, as it says itself. */
export interface JoinRequest extends RenewRequest {
  readonly role: 'agent' | 'host'
  readonly name: string
  readonly token: string
}

/** Stands for what could not be read: it proves nothing, and takes as long. */
const NO_JOIN: JoinRequest = { role: 'agent', name: '', token: '', publicKey: '', proof: '' }

export function readJoin(body: unknown): JoinRequest {
  const value = readJson(body)
  if (agentJoinBody.Check(value)) return joinOf('agent', value.vm, value)
  if (hostJoinBody.Check(value)) return joinOf('host', value.host, value)
  return NO_JOIN
}

export function readRenewal(body: unknown): RenewRequest {
  const value = readJson(body)
  return renewBody.Check(value) ? value : NO_JOIN
}

function joinOf(role: JoinRequest['role'], name: string, rest: Omit<JoinRequest, 'role' | 'name'>): JoinRequest {
  const { token, publicKey, proof } = rest
  return { role, name, token, publicKey, proof }
}

/** What is signed to join: of another role it is another text. */
export function joinText({ role, name, token, publicKey }: JoinRequest): string {
  return `${role === 'agent' ? 'ethos-join' : 'ethos-join-host'}|${name}|${token.split('.')[0]}|${publicKey}`
}

/** What is signed to renew. */
export function renewText({ role, name }: Bearer, publicKey: string): string {
  return `${role === 'agent' ? 'ethos-renew' : 'ethos-renew-host'}|${name}|${publicKey}`
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
