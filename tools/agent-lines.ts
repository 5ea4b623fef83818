/** Vectors as an agent offers them, for tests. */
import { parseVmId } from '../src/terms/ids.ts'
import { encodePersonality } from '../src/terms/personality-codec.ts'
import { MINUTE_MS } from '../src/terms/units.ts'
import { aVector } from './builders.ts'

/** Lines of one run of an agent, numbered. */
export function vectorLines(
  vm: string,
  run: string,
  { from, to, endMs }: { readonly from: number; readonly to: number; readonly endMs: number },
): readonly string[] {
  return Array.from({ length: to - from }, (_, i) =>
    encodePersonality(
      aVector({
        vmId: parseVmId(vm),
        sender: run,
        sequence: from + i,
        windowEnd: Math.round(endMs) - (to - from - i) * 5 * MINUTE_MS,
      }),
    ),
  )
}
