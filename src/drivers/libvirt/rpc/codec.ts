/** How values of the protocol look in XDR, both ways: the client writes what the fake daemon of the tests reads. */
import { LibvirtError } from './errors.ts'
import { STRING_BYTES_MAX } from './limits.ts'
import type { XdrReader, XdrWriter } from './xdr.ts'

export interface Codec<Value> {
  readonly write: (writer: XdrWriter, value: Value) => void
  readonly read: (reader: XdrReader) => Value
}

export const INT: Codec<number> = {
  write: (writer, value) => writer.int(value),
  read: (reader) => reader.int(),
}

export const UNSIGNED: Codec<number> = {
  write: (writer, value) => writer.unsigned(value),
  read: (reader) => reader.unsigned(),
}

export const HYPER: Codec<bigint> = {
  write: (writer, value) => writer.hyper(value),
  read: (reader) => reader.hyper(),
}

export const UNSIGNED_HYPER: Codec<bigint> = {
  write: (writer, value) => writer.unsignedHyper(value),
  read: (reader) => reader.unsignedHyper(),
}

/** An unsigned hyper as a number: beyond 2^53 the lowest bits are lost, as in "unlimited". */
export const COUNT: Codec<number> = {
  write: (writer, value) => writer.unsignedHyper(BigInt(value)),
  read: (reader) => Number(reader.unsignedHyper()),
}

export const DOUBLE: Codec<number> = {
  write: (writer, value) => writer.double(value),
  read: (reader) => reader.double(),
}

/** libvirt's ints that mean yes or no: anything but zero is yes. */
export const TRUTH: Codec<boolean> = {
  write: (writer, value) => writer.int(value ? 1 : 0),
  read: (reader) => reader.int() !== 0,
}

export const STRING: Codec<string> = {
  write: (writer, value) => writer.string(value, STRING_BYTES_MAX),
  read: (reader) => reader.string(STRING_BYTES_MAX),
}

export const NOTHING: Codec<void> = {
  write: () => undefined,
  read: () => undefined,
}

export function opaque(bytesMax: number): Codec<Uint8Array> {
  return {
    write: (writer, value) => writer.opaque(value, bytesMax),
    read: (reader) => reader.opaque(bytesMax),
  }
}

/** A value that may be missing: a pointer of the protocol. */
export function optional<Value>(codec: Codec<Value>): Codec<Value | undefined> {
  return {
    write: (writer, value) => {
      writer.bool(value !== undefined)
      if (value !== undefined) codec.write(writer, value)
    },
    read: (reader) => (reader.bool() ? codec.read(reader) : undefined),
  }
}

export function array<Value>(codec: Codec<Value>, max: number): Codec<readonly Value[]> {
  return {
    write: (writer, values) => {
      if (values.length > max) {
        throw new LibvirtError('argument', `${values.length} elements; the protocol carries at most ${max} here.`)
      }
      writer.unsigned(values.length)
      for (const value of values) codec.write(writer, value)
    },
    read: (reader) => {
      const length = reader.arrayLength(max)
      const values: Value[] = []
      for (let i = 0; i < length; i++) values.push(codec.read(reader))
      return values
    },
  }
}

/** The same, and refused before it is sent unless `complaint` has nothing to say. */
export function checked<Value>(codec: Codec<Value>, complaint: (value: Value) => string | undefined): Codec<Value> {
  return {
    write: (writer, value) => {
      const message = complaint(value)
      if (message !== undefined) throw new LibvirtError('argument', message)
      codec.write(writer, value)
    },
    read: codec.read,
  }
}

type Fields<Value> = { readonly [Name in keyof Value]-?: Codec<Value[Name]> }

/** Fields one after the other, in the order in which they are given. */
export function struct<Value extends object>(fields: Fields<Value>): Codec<Value> {
  const entries = Object.entries(fields) as [keyof Value, Codec<Value[keyof Value]>][]
  return {
    write: (writer, value) => {
      for (const [name, codec] of entries) codec.write(writer, value[name])
    },
    read: (reader) => {
      const value: Partial<Value> = {}
      for (const [name, codec] of entries) value[name] = codec.read(reader)
      return value as Value
    },
  }
}
