/** Phase model 1, fitted on two weeks of Bitbrains by tools/fit-phases.ts and frozen. */
import type { PhaseModel } from './phases.ts'

/** The model that comes with the program; a server may deliver another. */
export const PHASES_1: PhaseModel = {
  version: 1,
  names: [
    'idle',
    'network service',
    'light disk work',
    'busy writer',
    'file server',
    'receiving data',
    'heavy disk work',
    'compute',
  ],
  features: [
    {
      dimension: 'cpuRefCoresMean',
      unit: 0.02,
      perCore: true,
      centre: 0.289,
      scale: 0.3732,
      weight: 0.81,
    },
    {
      dimension: 'diskReadBytesPerSec',
      unit: 65536,
      perCore: false,
      centre: 0.065,
      scale: 0.2872,
      weight: 0.84,
    },
    {
      dimension: 'diskWriteBytesPerSec',
      unit: 65536,
      perCore: false,
      centre: 0.1051,
      scale: 0.2398,
      weight: 0.95,
    },
    {
      dimension: 'netReceiveBytesPerSec',
      unit: 16384,
      perCore: false,
      centre: 0.1549,
      scale: 0.3537,
      weight: 0.86,
    },
    {
      dimension: 'netSendBytesPerSec',
      unit: 16384,
      perCore: false,
      centre: 0.1139,
      scale: 0.3208,
      weight: 0.8,
    },
  ],
  centroids: [
    [-0.3533, -0.2008, -0.2571, -0.2996, -0.2508],
    [0.3271, -0.134, 0.1653, 2.3958, 2.8213],
    [0.6339, 1.3182, 2.123, 0.3736, 0.1862],
    [1.8391, 1.1098, 4.9417, 3.8822, 4.0291],
    [2.032, 7.6184, 1.0421, 2.1828, 6.6824],
    [2.1573, -0.1819, -0.3218, 3.3555, 0.2393],
    [2.1718, 5.8274, 4.9493, 1.2438, 1.1614],
    [2.7872, -0.1796, -0.1038, -0.0471, 0.0557],
  ],
}
