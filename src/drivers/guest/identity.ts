/** The identity on disk: one file, whole or not at all, bound to the machine it was made on. */
import { parseFields, ParseError, parseText } from '../../terms/parse.ts'
import { type Machine, MachineError, type TlsIdentity } from './machine.ts'

const NAME = 'identity.json'
const FILE_MODE = 0o600
const FOLDER_MODE = 0o700
const PEM_LENGTH_MAX = 64 * 1024

/** Who we are, to the server: all in PEM. */
export interface Identity extends TlsIdentity {
  readonly vm: string
  readonly authorities: string
  readonly certificate: string
  readonly privateKey: string
}

export type FoundIdentity =
  | { readonly kind: 'found'; readonly identity: Identity }
  | { readonly kind: 'none' }
  | { readonly kind: 'unusable'; readonly reason: string }

/** Reads it. One that was made on another machine, or for another VM, is not used: a template was cloned with its keys in it. */
export function readIdentity(machine: Machine, folder: string, vm?: string): FoundIdentity {
  const path = `${folder}/${NAME}`
  const access = machine.access(path)
  if (access === 'missing') return { kind: 'none' }
  const text = machine.readText(path, 4 * PEM_LENGTH_MAX)
  if (text === undefined)
    return { kind: 'unusable', reason: `${path} can not be read (${access}). Does it belong to this user?` }
  try {
    const fields = parseFields(JSON.parse(text), path)
    const read = (name: string): string => parseText(fields[name], `${path}.${name}`, PEM_LENGTH_MAX)
    if (read('machine') !== machineDigest(machine)) {
      const reason = `${path} was made on another machine: a clone does not use it. Join this VM with a token of its own`
      return { kind: 'unusable', reason }
    }
    const identity: Identity = {
      vm: read('vm'),
      authorities: read('authorities'),
      certificate: read('certificate'),
      privateKey: read('privateKey'),
    }
    if (vm !== undefined && identity.vm !== vm) {
      const reason = `${path} is of ${identity.vm}, and this VM is ${vm}. Join with a token for ${vm}, or write vm = ${identity.vm} into the settings`
      return { kind: 'unusable', reason }
    }
    for (const pem of [identity.certificate, identity.authorities]) machine.secrets.readCertificate(pem)
    return { kind: 'found', identity }
  } catch {
    // What it says instead is not told: it may be half a key.
    return { kind: 'unusable', reason: `${path} is damaged. Join again with a new token` }
  }
}

/** Keeps it: key and certificate in one file, so that a crash never leaves one without the other. Throws `MachineError`. */
export function writeIdentity(machine: Machine, folder: string, identity: Identity): void {
  machine.files.makeFolder(folder, FOLDER_MODE)
  const { vm, authorities, certificate, privateKey } = identity
  const kept = { machine: machineDigest(machine), vm, authorities, certificate, privateKey }
  machine.files.writeWhole(`${folder}/${NAME}`, `${JSON.stringify(kept)}\n`, FILE_MODE)
}

/** A digest of what makes this machine this one: machine-id(5), which a clone is given anew. Where there is none, nothing is bound. */
function machineDigest(machine: Machine): string {
  const id = machine.readText('/etc/machine-id')?.trim() ?? ''
  const text = Uint8Array.from(`ethos identity|${id}`, (character) => character.charCodeAt(0))
  const bytes = machine.secrets.digest('sha256', text)
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** Whether an error is the machine's or the network's, and not our mistake. */
export function isOfTheWorld(error: unknown): error is Error {
  return error instanceof MachineError || error instanceof ParseError
}
