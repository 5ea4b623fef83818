/** The VMs of the demo, by the application that each is imagined to run: its size, the recorded VM whose CPU it follows, and what its guest would tell. */

/** What a guest does for each core second of CPU, or at rest where it says so. All assumed, and chosen so that kinds of work differ. */
export interface Habits {
  /** Share of CPU time spent in the kernel. */
  readonly systemShare: number
  /** Per core second. */
  readonly contextSwitches: number
  readonly requests?: number
  readonly tlsCalls: number
  readonly fileCalls: number
  readonly networkCalls: number
  readonly netReceiveBytes: number
  readonly netSendBytes: number
  readonly diskReadBytes: number
  readonly diskWriteBytes: number
  /** Mean size of a disk operation, in bytes. */
  readonly diskOpBytes: number
  /** Written to memory, per core second. */
  readonly dirtiedBytes: number
  /** Share of the VM's memory in use at rest, and how much more at full load. */
  readonly memoryAtRest: number
  readonly memoryOfLoad: number
  readonly processes: number
}

export interface Application {
  /** VMs are called by it: `web-07`. */
  readonly name: string
  readonly count: number
  readonly vcpus: readonly number[]
  readonly gibPerVcpu: number
  /** Recorded VMs that they follow in turn, `set` and number as columns.json has them; once through, each again on the next day. */
  readonly follows: readonly string[]
  /** One in so many has no agent; 0: all have one. */
  readonly withoutAgent: number
  readonly habits: Habits
}

const KB = 1e3
const MB = 1e6

const WEB: Habits = {
  systemShare: 0.22,
  contextSwitches: 9000,
  requests: 420,
  tlsCalls: 3800,
  fileCalls: 2400,
  networkCalls: 7000,
  netReceiveBytes: 1.6 * MB,
  netSendBytes: 9 * MB,
  diskReadBytes: 60 * KB,
  diskWriteBytes: 220 * KB,
  diskOpBytes: 24 * KB,
  dirtiedBytes: 9 * MB,
  memoryAtRest: 0.34,
  memoryOfLoad: 0.2,
  processes: 96,
}
const DATABASE: Habits = {
  systemShare: 0.3,
  contextSwitches: 14_000,
  requests: 900,
  tlsCalls: 300,
  fileCalls: 9000,
  networkCalls: 5200,
  netReceiveBytes: 2.4 * MB,
  netSendBytes: 3.6 * MB,
  diskReadBytes: 4.5 * MB,
  diskWriteBytes: 7 * MB,
  diskOpBytes: 9 * KB,
  dirtiedBytes: 26 * MB,
  memoryAtRest: 0.62,
  memoryOfLoad: 0.12,
  processes: 140,
}
const BATCH: Habits = {
  systemShare: 0.06,
  contextSwitches: 500,
  tlsCalls: 20,
  fileCalls: 700,
  networkCalls: 150,
  netReceiveBytes: 0.8 * MB,
  netSendBytes: 0.3 * MB,
  diskReadBytes: 9 * MB,
  diskWriteBytes: 3 * MB,
  diskOpBytes: 300 * KB,
  dirtiedBytes: 34 * MB,
  memoryAtRest: 0.3,
  memoryOfLoad: 0.35,
  processes: 60,
}
const QUIET: Habits = {
  systemShare: 0.35,
  contextSwitches: 12_000,
  tlsCalls: 400,
  fileCalls: 3000,
  networkCalls: 4000,
  netReceiveBytes: 0.5 * MB,
  netSendBytes: 0.6 * MB,
  diskReadBytes: 40 * KB,
  diskWriteBytes: 160 * KB,
  diskOpBytes: 16 * KB,
  dirtiedBytes: 8 * MB,
  memoryAtRest: 0.4,
  memoryOfLoad: 0.1,
  processes: 70,
}

/** 140 VMs. Shapes that rise and fall by the day serve people, shapes that come in bursts are batches and builds, flat ones stand behind them. */
export const APPLICATIONS: readonly Application[] = [
  {
    name: 'web',
    count: 26,
    vcpus: [12, 16, 8, 16],
    gibPerVcpu: 2,
    follows: ['m942980'],
    withoutAgent: 9,
    habits: WEB,
  },
  {
    name: 'api',
    count: 18,
    vcpus: [12, 8],
    gibPerVcpu: 2,
    follows: ['m955492', 'm942980'],
    withoutAgent: 6,
    habits: { ...WEB, requests: 700, tlsCalls: 2200, netSendBytes: 4 * MB },
  },
  {
    name: 'db',
    count: 16,
    vcpus: [8, 12],
    gibPerVcpu: 4,
    follows: ['m955492', 'm799526', 'p7142', 'm1331037'],
    withoutAgent: 8,
    habits: DATABASE,
  },
  {
    name: 'cache',
    count: 8,
    vcpus: [4],
    gibPerVcpu: 6,
    follows: ['m1061169', 'm1338378', 'm612046', 'm1331037'],
    withoutAgent: 0,
    habits: {
      ...DATABASE,
      requests: 9000,
      fileCalls: 100,
      diskReadBytes: 10 * KB,
      diskWriteBytes: 200 * KB,
      dirtiedBytes: 40 * MB,
      memoryAtRest: 0.7,
      memoryOfLoad: 0.05,
    },
  },
  {
    name: 'batch',
    count: 14,
    vcpus: [4, 6],
    gibPerVcpu: 2,
    follows: ['m1663289', 'm1221771', 'm1555181', 'p215591'],
    withoutAgent: 5,
    habits: BATCH,
  },
  {
    name: 'build',
    count: 10,
    vcpus: [6, 8],
    gibPerVcpu: 2,
    follows: ['m1948107', 'm594559', 'p227590', 'm358485'],
    withoutAgent: 0,
    habits: { ...BATCH, systemShare: 0.18, contextSwitches: 3000, fileCalls: 12_000, processes: 220 },
  },
  {
    name: 'queue',
    count: 8,
    vcpus: [4],
    gibPerVcpu: 2,
    follows: ['m2008368', 'm1771782', 'm929647', 'm1099406'],
    withoutAgent: 4,
    habits: { ...DATABASE, requests: 2500, memoryAtRest: 0.35 },
  },
  {
    name: 'search',
    count: 8,
    vcpus: [8, 12],
    gibPerVcpu: 4,
    follows: ['m942980', 'm799526'],
    withoutAgent: 0,
    habits: { ...DATABASE, requests: 260, diskOpBytes: 40 * KB, memoryAtRest: 0.55 },
  },
  {
    name: 'mail',
    count: 6,
    vcpus: [4],
    gibPerVcpu: 2,
    follows: ['m793205', 'm358485', 'p83972'],
    withoutAgent: 3,
    habits: { ...QUIET, diskWriteBytes: 2 * MB, tlsCalls: 2500 },
  },
  {
    name: 'desktop',
    count: 12,
    vcpus: [4],
    gibPerVcpu: 2,
    follows: ['m964155', 'm810877', 'm1650226', 'p377211', 'm1650389'],
    withoutAgent: 2,
    habits: { ...QUIET, systemShare: 0.2, contextSwitches: 5000, processes: 180 },
  },
  {
    name: 'dns',
    count: 4,
    vcpus: [2],
    gibPerVcpu: 2,
    follows: ['m282785', 'm1985204'],
    withoutAgent: 2,
    habits: QUIET,
  },
  {
    name: 'monitor',
    count: 6,
    vcpus: [4],
    gibPerVcpu: 4,
    follows: ['m1061254', 'm223811', 'm780697'],
    withoutAgent: 0,
    habits: { ...QUIET, diskWriteBytes: 3 * MB, diskOpBytes: 60 * KB },
  },
  {
    name: 'ldap',
    count: 4,
    vcpus: [2],
    gibPerVcpu: 2,
    follows: ['p86071', 'p215607'],
    withoutAgent: 4,
    habits: QUIET,
  },
]
