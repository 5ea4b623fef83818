/** Phase model 1, fitted on two weeks of Bitbrains by tools/fit-phases.ts and frozen. */
import type { PhaseModel } from './phases.ts'

/** The model that comes with the program; a server may deliver another. */
export const PHASES_1: PhaseModel = {
  version: 1,
  names: ['idle', 'disk work', 'network service', 'busy server', 'disk reading', 'compute'],
  features: [
    {
      dimension: 'cpuRefCoresMean',
      unit: 0.02,
      perCore: true,
      centre: 0.289,
      scale: 0.3732,
      weight: 0.89,
    },
    {
      dimension: 'diskReadBytesPerSec',
      unit: 65536,
      perCore: false,
      centre: 0.065,
      scale: 0.2872,
      weight: 0.93,
    },
    {
      dimension: 'diskWriteBytesPerSec',
      unit: 65536,
      perCore: false,
      centre: 0.1051,
      scale: 0.2398,
      weight: 0.98,
    },
    {
      dimension: 'netReceiveBytesPerSec',
      unit: 16384,
      perCore: false,
      centre: 0.1549,
      scale: 0.3537,
      weight: 0.95,
    },
    {
      dimension: 'netSendBytesPerSec',
      unit: 16384,
      perCore: false,
      centre: 0.1139,
      scale: 0.3208,
      weight: 0.95,
    },
  ],
  centroids: [
    [-0.3489, -0.2006, -0.2569, -0.303, -0.2522],
    [0.5405, 1.4163, 2.1903, 0.3453, 0.1399],
    [0.6828, -0.1695, -0.0067, 2.6475, 1.7836],
    [1.7281, 1.0232, 4.1183, 4.2442, 4.6535],
    [2.1149, 6.5787, 3.404, 1.498, 3.3378],
    [2.9419, -0.1869, 0.0046, 0.4423, 0.0905],
  ],
}
