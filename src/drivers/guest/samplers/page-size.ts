import type { Looks } from '../machine.ts'
import { numberAfter } from './scan.ts'

const USUAL_BYTES = 4096

/** Size of a page in bytes. The kernel tells it in /proc/self/smaps (`KernelPageSize:` of an ordinary mapping); where that can't be read,
 *  4 KiB: x86-64 has no other, and arm64 kernels of Debian and Ubuntu are built with it. */
export function pageBytesOf(looks: Looks): number {
  const kilobytes = numberAfter(looks.readText('/proc/self/smaps', 4096) ?? '', 'KernelPageSize:')
  return kilobytes >= 4 && kilobytes <= 64 ? kilobytes * 1024 : USUAL_BYTES
}
