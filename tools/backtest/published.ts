import type { PolicyName } from '../../src/apps/backtest/policy-names.ts'

/** One run of CloudSim 3.0.3's own program. */
export interface PublishedRun {
  readonly day: string
  readonly policy: PolicyName
  readonly energyKwh: number
  readonly migrations: number
}

export const PUBLISHED_DAYS = ['20110303', '20110306', '20110309', '20110322', '20110325'] as const
/** The order of the columns below. */
export const PUBLISHED_POLICIES = ['npa', 'dvfs', 'thr-mmt', 'iqr-mmt', 'mad-mmt', 'lr-mmt'] as const

/** What CloudSim 3.0.3 (tag cloudsim-3.0.3 of 2013-05-02, its PlanetLab examples, VM files in byte order of their names) printed:
 *  kWh and migrations by day. */
const PRINTED: Readonly<Record<(typeof PUBLISHED_DAYS)[number], readonly (readonly [kwh: number, moves: number])[]>> = {
  '20110303': [
    [2410.8, 0],
    [802.75, 0],
    [192.62, 26_711],
    [189.98, 26_282],
    [185.79, 26_556],
    [163.48, 27_859],
  ],
  '20110306': [
    [2410.8, 0],
    [625.53, 0],
    [144.74, 20_908],
    [143.97, 20_742],
    [140.07, 20_682],
    [123.28, 20_878],
  ],
  '20110309': [
    [2410.8, 0],
    [704.93, 0],
    [165.27, 23_475],
    [166.75, 23_772],
    [163.01, 23_476],
    [142.09, 24_959],
  ],
  '20110322': [
    [2410.8, 0],
    [1011.14, 0],
    [201.7, 28_902],
    [200.87, 29_058],
    [198.5, 28_604],
    [177.48, 32_038],
  ],
  '20110325': [
    [2410.8, 0],
    [789.25, 0],
    [175.24, 24_883],
    [174.07, 24_864],
    [171.95, 24_252],
    [152.58, 26_513],
  ],
}

export const PUBLISHED_RUNS: readonly PublishedRun[] = PUBLISHED_DAYS.flatMap((day) =>
  PUBLISHED_POLICIES.map((policy, i) => {
    const [energyKwh, migrations] = PRINTED[day][i]
    return { day, policy, energyKwh, migrations }
  }),
)

/** Means over ten days: of single days CloudSim prints only the product of SLATAH with another number. */
export const SLATAH_MEANS: Readonly<Partial<Record<PolicyName, number>>> = {
  npa: 0,
  dvfs: 0,
  'thr-mmt': 0.0505,
  'iqr-mmt': 0.0501,
  'mad-mmt': 0.0505,
  'lr-mmt': 0.0621,
}

/** How near a reproduction must come, relative to what was printed. Policies that move nothing leave no room for luck. */
export const TOLERANCE = { energyFraction: 0.02, energyFractionUnmoving: 0.005, migrationsFraction: 0.03 } as const
/** Absolute, because the mean is of other days: 0.01 is a percentage point. */
export const SLATAH_TOLERANCE = 0.01
