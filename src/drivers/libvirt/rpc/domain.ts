/** A domain as the protocol names it, and the error that carries one. */
import { array, type Codec, INT, optional, STRING, struct } from './codec.ts'
import { LibvirtError, type RemoteErrorDetails } from './errors.ts'
import { UUID_BYTES } from './limits.ts'

/** A VM, in libvirt's words. The UUID is what the daemon finds it by. */
export interface Domain {
  readonly name: string
  /** 32 hexadecimal digits in five groups, lower case. */
  readonly uuid: string
  /** Of the running instance on this host; -1 while it does not run. */
  readonly id: number
}

const UUID_TEXT = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

export const UUID: Codec<string> = {
  write: (writer, uuid) => {
    if (!UUID_TEXT.test(uuid)) throw new LibvirtError('argument', `${JSON.stringify(uuid)} is no UUID.`)
    writer.fixedOpaque(Buffer.from(uuid.replaceAll('-', ''), 'hex'))
  },
  read: (reader) => {
    const digits = reader.fixedOpaque(UUID_BYTES).toString('hex')
    return digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
  },
}

export const DOMAIN = struct<Domain>({ name: STRING, uuid: UUID, id: INT })

/** virNetMessageError, whose domain and network are not used by libvirt. */
interface WireError {
  readonly number: number
  readonly domain: number
  readonly text: string | undefined
  readonly level: number
  readonly object: Domain | undefined
  readonly detail1: string | undefined
  readonly detail2: string | undefined
  readonly detail3: string | undefined
  readonly number1: number
  readonly number2: number
  readonly network: { readonly name: string; readonly uuid: string } | undefined
}

const WIRE_ERROR = struct<WireError>({
  number: INT,
  domain: INT,
  text: optional(STRING),
  level: INT,
  object: optional(DOMAIN),
  detail1: optional(STRING),
  detail2: optional(STRING),
  detail3: optional(STRING),
  number1: INT,
  number2: INT,
  network: optional(struct<{ readonly name: string; readonly uuid: string }>({ name: STRING, uuid: UUID })),
})

export const REMOTE_ERROR: Codec<RemoteErrorDetails> = {
  write: (writer, { number, domain, level, text, details }) => {
    const [detail1, detail2, detail3] = details
    const unused = { object: undefined, number1: -1, number2: -1, network: undefined }
    WIRE_ERROR.write(writer, { number, domain, level, text, detail1, detail2, detail3, ...unused })
  },
  read: (reader) => {
    const { number, domain, level, text, detail1, detail2, detail3 } = WIRE_ERROR.read(reader)
    const details = [detail1, detail2, detail3].filter((detail) => detail !== undefined)
    return { number, domain, level, text: text ?? 'no message', details }
  },
}

/** A list of domains. */
export function domains(max: number): Codec<readonly Domain[]> {
  return array(DOMAIN, max)
}
