/** One past day of one VM's usage in few bytes, for any store: 16 bits a number, compressed. */
import { DAY_MS } from '../../terms/units.ts'
import { SLOT_MS } from '../../terms/usage.ts'
import { ABSENT, numberOfCode } from './number-codes.ts'
import { packColumns, unpackColumns } from './packed-columns.ts'
import { NUMBERS, type UsageColumns } from './usage-columns.ts'

export const SLOTS_OF_DAY = DAY_MS / SLOT_MS

const NOTHING = new Uint8Array(0)

/** Codes of a day of which nothing is known: `NUMBERS` columns of a day's slots. */
export function emptyDay(): Uint16Array {
  return new Uint16Array(NUMBERS * SLOTS_OF_DAY).fill(ABSENT)
}

/** @param codes `NUMBERS` columns of a day's slots */
export function packDay(codes: Uint16Array): Uint8Array {
  return packColumns({ rows: SLOTS_OF_DAY, codes, beside: NOTHING })
}

/** The first columns of what `packDay` wrote, of `NUMBERS` that there are; undefined for anything else. */
export function unpackDay(bytes: Uint8Array, wanted = NUMBERS): Uint16Array | undefined {
  const codes = unpackColumns(bytes, wanted)?.codes
  return codes?.length === Math.min(wanted, NUMBERS) * SLOTS_OF_DAY ? codes : undefined
}

/** Fills in what is known of a day, of the columns that are asked for.
 *  @param shift slot of `filled` with which the day begins; below 0 where the day begins before it */
export function fillDay(
  codes: Uint16Array,
  { shift, slots }: { readonly shift: number; readonly slots: number },
  filled: UsageColumns,
): void {
  const from = Math.max(0, -shift)
  const to = Math.min(SLOTS_OF_DAY, slots - shift)
  for (let column = filled.from; column < filled.to; column++) {
    let numbers: Float32Array | undefined
    for (let slot = from; slot < to; slot++) {
      const code = codes[column * SLOTS_OF_DAY + slot]
      if (code === ABSENT) continue
      numbers ??= filled.column(column)
      numbers[slot + shift] = numberOfCode(code)
    }
  }
}
