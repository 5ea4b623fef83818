import type { Codec } from './codec.ts'

/** One procedure of the program: its number, and how its arguments and its result look on the wire. */
export interface Procedure<Args, Result> {
  readonly name: string
  readonly number: number
  readonly args: Codec<Args>
  readonly result: Codec<Result>
}

/** @param name as remote_protocol.x has it, without `REMOTE_PROC_` */
export function procedure<Args, Result>(
  name: string,
  number: number,
  args: Codec<Args>,
  result: Codec<Result>,
): Procedure<Args, Result> {
  return Object.freeze({ name, number, args, result })
}
