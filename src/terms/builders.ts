/** Builders for the tests of every layer: what is unremarkable about a host. */
import type { HostCharacteristics } from './host.ts'
import { parseHostId } from './ids.ts'

/** 1 Gbit/s, an SSD, cores of one reference core; 100 W idle and 200 W full, straight in between. Its size, and whatever else a test is
 *  about, the caller says. */
export function aPlainHost(
  index: number,
  what: Pick<HostCharacteristics, 'cores' | 'memoryBytes'> & Partial<HostCharacteristics>,
): HostCharacteristics {
  return {
    id: parseHostId(`host-${index}`),
    model: 'Test',
    cpuType: 'test',
    cpuFlags: [],
    refCoresPerCore: 1,
    storageType: 'ssd',
    networkBytesPerSec: 125_000_000,
    powerWatts: [100, 110, 120, 130, 140, 150, 160, 170, 180, 190, 200],
    benchmarks: {},
    ...what,
  }
}
