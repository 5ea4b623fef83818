/** libvirt's typed parameters: a name and a value of one of seven types. Statistics, job figures and the wishes of a migration travel as these. */
import type { Codec } from './codec.ts'
import { LibvirtError, protocolError } from './errors.ts'
import { FIELD_NAME_BYTES_MAX, STRING_BYTES_MAX } from './limits.ts'
import type { XdrReader, XdrWriter } from './xdr.ts'

/** As it is read: 64-bit values are bigints, all other numbers are numbers. */
export interface TypedParameter {
  readonly field: string
  readonly value: number | bigint | boolean | string
}

/** As it is sent: the daemon wants exactly the type that it knows for the field. */
export type SentParameter =
  | { readonly field: string; readonly type: 'int' | 'unsigned'; readonly value: number }
  | { readonly field: string; readonly type: 'hyper' | 'unsignedHyper'; readonly value: bigint }
  | { readonly field: string; readonly type: 'double'; readonly value: number }
  | { readonly field: string; readonly type: 'boolean'; readonly value: boolean }
  | { readonly field: string; readonly type: 'string'; readonly value: string }

/** virTypedParameterType. */
const TYPE = { int: 1, unsigned: 2, hyper: 3, unsignedHyper: 4, double: 5, boolean: 6, string: 7 } as const
const TYPE_NAMES = new Map<number, SentParameter['type']>(
  Object.entries(TYPE).map(([name, number]) => [number, name as SentParameter['type']]),
)

const READERS: Readonly<Record<SentParameter['type'], (reader: XdrReader) => TypedParameter['value']>> = {
  int: (reader) => reader.int(),
  unsigned: (reader) => reader.unsigned(),
  hyper: (reader) => reader.hyper(),
  unsignedHyper: (reader) => reader.unsignedHyper(),
  double: (reader) => reader.double(),
  boolean: (reader) => reader.int() !== 0,
  string: (reader) => reader.string(STRING_BYTES_MAX),
}

export const SENT_PARAMETER: Codec<SentParameter> = {
  write: (writer, parameter) => {
    if (Buffer.byteLength(parameter.field) > FIELD_NAME_BYTES_MAX) {
      throw new LibvirtError('argument', `${parameter.field} is longer than a field's name may be, 79 bytes.`)
    }
    writer.string(parameter.field, STRING_BYTES_MAX)
    writer.int(TYPE[parameter.type])
    writeValue(writer, parameter)
  },
  read: (reader) => {
    const field = reader.string(STRING_BYTES_MAX)
    const number = reader.int()
    const type = TYPE_NAMES.get(number)
    if (type === undefined) throw protocolError(`Parameter ${field} is of type ${number}; 1 to 7 are known.`)
    return { field, type, value: READERS[type](reader) } as SentParameter
  },
}

/** The same without its type, which its value tells well enough to a reader. Written as libvirt would type it: only who plays the daemon does so. */
export const TYPED_PARAMETER: Codec<TypedParameter> = {
  write: (writer, { field, value }) => SENT_PARAMETER.write(writer, guessType(field, value)),
  read: (reader) => {
    const { field, value } = SENT_PARAMETER.read(reader)
    return { field, value }
  },
}

function writeValue(writer: XdrWriter, parameter: SentParameter): void {
  switch (parameter.type) {
    case 'int':
      return writer.int(parameter.value)
    case 'unsigned':
      return writer.unsigned(parameter.value)
    case 'hyper':
      return writer.hyper(parameter.value)
    case 'unsignedHyper':
      return writer.unsignedHyper(parameter.value)
    case 'double':
      return writer.double(parameter.value)
    case 'boolean':
      return writer.int(parameter.value ? 1 : 0)
    case 'string':
      return writer.string(parameter.value, STRING_BYTES_MAX)
  }
}

/** The type as which libvirt itself tells such a value: for playing the daemon in tests. */
function guessType(field: string, value: TypedParameter['value']): SentParameter {
  if (typeof value === 'bigint') return { field, type: value < 0n ? 'hyper' : 'unsignedHyper', value }
  if (typeof value === 'boolean') return { field, type: 'boolean', value }
  if (typeof value === 'string') return { field, type: 'string', value }
  return { field, type: Number.isInteger(value) ? 'int' : 'double', value }
}
