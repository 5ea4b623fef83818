/** The server's small authority: one root, or two while a new one replaces the old (decision 0009). */
import { createHash, X509Certificate } from 'node:crypto'
import { join } from 'node:path'
import { ParseError, parseFields, parseJson, parseNumber, parseText, refuseUnknownFields } from '../../terms/parse.ts'
import { DAY_MS, type EpochMs } from '../../terms/units.ts'
import type { Clock } from '../../world/clock.ts'
import { UsageError } from '../usage-error.ts'
import {
  AGENT_MS,
  type Bearer,
  forBearer,
  forOperator,
  forServer,
  type KeyedCertificate,
  makeRoot,
  readSigner,
  type Signer,
} from './certificates.ts'
import { readSecrets, writeSecretOnce } from './data-folder.ts'

const FILE_PATTERN = /^ca-(\d{1,4})\.json$/
const FILE_FIELDS = ['certificate', 'privateKey', 'servesFrom']
const PEM_LENGTH_MAX = 8192
/** A certificate is renewed with the old key for so long after its end, so that a holiday needs no human (decision 0009). */
export const GRACE_MS = 7 * DAY_MS
/** How long two authorities stand beside each other: longer than any certificate of the old one lives or can be renewed, so that every agent
 *  that could go on without a human has learned of the new one. */
const OVERLAP_MS = AGENT_MS + GRACE_MS + DAY_MS

/** One authority. */
export interface Root extends Signer {
  readonly number: number
  readonly pem: string
  readonly x509: X509Certificate
  /** From when on the server shows a certificate of this root, and those before it end. */
  readonly servesFrom: EpochMs
}

/** Roots of a data folder, oldest first. */
export class Authority {
  private readonly folder: string
  private readonly clock: Pick<Clock, 'now'>
  private roots: readonly Root[]

  private constructor(folder: string, clock: Pick<Clock, 'now'>, roots: readonly Root[]) {
    this.folder = folder
    this.clock = clock
    this.roots = roots
  }

  /** Reads the roots of a data folder, or makes the first. Keys are readable by their owner alone. Throws a `UsageError` where they must be there
   *  and are not: whoever has joined would find another authority, and need a new token. */
  static async open(folder: string, clock: Pick<Clock, 'now'>, wanted: 'made' | 'there' = 'made'): Promise<Authority> {
    let roots = await readRoots(folder)
    if (roots.length === 0 && wanted === 'there') {
      const again = `\`ethos authority rotate --data ${folder}\` makes a new one, and every VM joins again`
      const remedy = `VMs have joined it, and its authority (ca-1.json) is gone. Bring it back from a copy; if there is none, ${again}.`
      throw new UsageError('--data', folder, remedy)
    }
    if (roots.length === 0) {
      await writeRoot(folder, 1, clock.now(), clock.now())
      roots = await readRoots(folder)
    }
    return new Authority(folder, clock, roots)
  }

  /** Looks into the folder again: the command line may have added a root. */
  async refresh(): Promise<void> {
    this.roots = await readRoots(this.folder)
  }

  /** Adds a root that takes over after the overlap; until then both are trusted. Returns it. */
  async rotate(overlapMs = OVERLAP_MS): Promise<Root> {
    const now = this.clock.now()
    await writeRoot(this.folder, this.newest.number + 1, now, now + overlapMs)
    await this.refresh()
    return this.newest
  }

  /** All of them, those that have ended too. */
  get all(): readonly Root[] {
    return this.roots
  }

  /** Those that are trusted now, oldest first: the one that serves, and its successors. */
  get valid(): readonly Root[] {
    return this.roots.slice(this.roots.indexOf(this.serving))
  }

  /** The root of which the server's own certificate is, and that tokens name. */
  get serving(): Root {
    const now = this.clock.now()
    return this.roots.findLast(({ servesFrom }) => servesFrom <= now) ?? this.roots[0]
  }

  /** Who signs what agents are given from now on. */
  get newest(): Root {
    return this.roots.at(-1) as Root
  }

  /** Those that are trusted now, as agents are given them. */
  get pem(): string {
    return this.valid.map(({ pem }) => pem).join('')
  }

  /** What a join token made now pins: SHA-256 of the public key of the root that serves, base64url. */
  get pin(): string {
    return createHash('sha256').update(new Uint8Array(this.serving.certificate.publicKey.rawData)).digest('base64url')
  }

  forServer(names: readonly string[]): Promise<KeyedCertificate> {
    return forServer(this.serving, names, this.clock.now())
  }

  /** A certificate for the key of an agent or a host. @param publicKey SPKI, DER */
  forKey(bearer: Bearer, publicKey: Uint8Array): Promise<string> {
    return forBearer(this.newest, bearer, { publicKey, now: this.clock.now(), forMs: AGENT_MS })
  }

  /** A certificate and a key for an operator. */
  forOperator(name: string, forMs: number): Promise<KeyedCertificate> {
    return forOperator(this.newest, name, { now: this.clock.now(), forMs })
  }
}

async function writeRoot(folder: string, number: number, now: EpochMs, servesFrom: EpochMs): Promise<void> {
  const root = await makeRoot(now)
  // If somebody else was faster, theirs is the one.
  writeSecretOnce(folder, `ca-${number}.json`, `${JSON.stringify({ ...root, servesFrom }, null, 2)}\n`)
}

async function readRoots(folder: string): Promise<readonly Root[]> {
  const roots = await Promise.all(
    readSecrets(folder, FILE_PATTERN).map(async ({ name, text }) => {
      try {
        return await readRoot(name, text)
      } catch {
        // What it says instead is not told: it may be half a key.
        const remedy = 'It is damaged. Bring it back from a copy; without one, move it away, and every VM joins again.'
        throw new ParseError(join(folder, name), '(hidden)', remedy)
      }
    }),
  )
  return roots.toSorted((a, b) => a.number - b.number)
}

async function readRoot(name: string, text: string): Promise<Root> {
  const fields = parseFields(parseJson(text, name), name)
  refuseUnknownFields(fields, FILE_FIELDS, name)
  const certificate = parseText(fields['certificate'], `${name}.certificate`, PEM_LENGTH_MAX)
  const privateKey = parseText(fields['privateKey'], `${name}.privateKey`, PEM_LENGTH_MAX)
  const signer = await readSigner({ certificate, privateKey })
  return {
    ...signer,
    number: Number(FILE_PATTERN.exec(name)?.[1]),
    pem: `${certificate.trim()}\n`,
    x509: new X509Certificate(certificate),
    servesFrom: parseNumber(fields['servesFrom'], `${name}.servesFrom`),
  }
}
