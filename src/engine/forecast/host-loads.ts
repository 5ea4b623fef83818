/** What each host will have to carry: its VMs' recent demand added up *aligned in time*, so that peaks which do not coincide may share a host. */
import type { Levels } from '../profile/levels.ts'
import { PRIOR_SAMPLES_SPREAD } from '../profile/levels.ts'

/** Columns parallel to the hosts, as they stand. */
export interface LoadSummary {
  /** Window in which each host's VMs wanted most together. */
  readonly peakWindow: Int32Array
  /** Standard deviation of the aligned sums, in reference cores. */
  readonly alignedSd: Float64Array
  /** Samples that the members have, all together. */
  readonly samples: Float64Array
}

/** Working sheet of one turn. It changes while a plan is made, and is thrown away with the turn. */
export class HostLoads {
  readonly hosts: number
  /** Windows of history that the sums cover. */
  readonly windows: number
  /** Expected demand per host, in reference cores. */
  readonly mean: Float64Array
  /** Sum of the members' variances: what the spread would be if they were independent. */
  readonly variance: Float64Array
  /** VMs on each host; those on their way count on both. */
  readonly count: Int32Array
  private readonly sums: Float32Array
  private readonly samples: Float64Array
  private readonly row: Float64Array
  private readonly leaving: Float64Array
  private readonly nothing: Float64Array
  private readonly history: readonly Float32Array[]
  private readonly levels: Levels
  readonly bandSd: number
  private readonly limits: Float64Array
  /** Bound, mean, variance and shortage of each host as it stands, where `isMeasured` says that they still hold. */
  private readonly asIs: Float64Array
  private readonly isMeasured: Uint8Array
  private rowOf = -1
  /** The same four of the pair asked last: in the first place of one that would come, in the second of one that would leave. */
  private readonly asked = new Float64Array(8)
  private readonly askedHost = new Int32Array(2).fill(-1)
  private readonly askedVm = new Int32Array(2).fill(-1)

  /** @param history demand of every VM per past window, in reference cores, oldest first; NaN is absent
   *  @param bandSd standard deviations above the mean at which the upper bound stands
   *  @param limits demand above which each host is contended, in reference cores. Absent: none is */
  constructor(
    hosts: number,
    history: readonly Float32Array[],
    levels: Levels,
    bandSd: number,
    limits: Float64Array = new Float64Array(hosts).fill(Infinity),
  ) {
    this.hosts = hosts
    this.limits = limits
    this.windows = history.length
    this.history = history
    this.levels = levels
    this.bandSd = bandSd
    this.mean = new Float64Array(hosts)
    this.variance = new Float64Array(hosts)
    this.count = new Int32Array(hosts)
    this.samples = new Float64Array(hosts)
    this.sums = new Float32Array(hosts * this.windows)
    this.row = new Float64Array(this.windows)
    this.leaving = new Float64Array(this.windows)
    this.nothing = new Float64Array(this.windows)
    this.asIs = new Float64Array(hosts * 4)
    this.isMeasured = new Uint8Array(hosts)
  }

  /** A sheet of its own with the same loads: what is tried on it leaves this one as it is.
   *  @param history and `levels`: of the same VMs, and perhaps more behind them */
  branch(history: readonly Float32Array[], levels: Levels): HostLoads {
    const copy = new HostLoads(this.hosts, history, levels, this.bandSd, this.limits)
    copy.mean.set(this.mean)
    copy.variance.set(this.variance)
    copy.count.set(this.count)
    copy.samples.set(this.samples)
    copy.sums.set(this.sums)
    return copy
  }

  /** Puts the VM's expected and past demand on the host. */
  add(vm: number, host: number): void {
    this.apply(vm, host, 1)
  }

  /** Takes them off again. */
  remove(vm: number, host: number): void {
    this.apply(vm, host, -1)
  }

  /** Adds work of the host that is no VM's: the same in every window. In reference cores. */
  addOwnWork(host: number, refCores: number): void {
    if (!(refCores > 0)) return
    const start = host * this.windows
    for (let k = 0; k < this.windows; k++) this.sums[start + k] += refCores
    this.mean[host] += refCores
    this.forget(host)
  }

  /** Demand of the host's present VMs in a past window, in reference cores. */
  sumAt(host: number, window: number): number {
    return this.sums[host * this.windows + window]
  }

  /** Spread of demand between windows, in reference cores. */
  sd(host: number): number {
    this.measure(host, -1, 0)
    return Math.sqrt(this.blendedVariance)
  }

  /** Upper bound of demand: what must fit, in reference cores. */
  bound(host: number): number {
    return this.count[host] === 0 ? 0 : this.measure(host, -1, 0)
  }

  /** The bound if `vm` came to this host. */
  boundWith(host: number, vm: number): number {
    return this.measure(host, vm, 1)
  }

  /** The bound if `vm` left this host. */
  boundWithout(host: number, vm: number): number {
    return this.count[host] <= 1 ? 0 : this.measure(host, vm, -1)
  }

  /** Demand of the VM per past window, as the sums count it. A view, good until the next question. */
  past(vm: number): Float64Array {
    this.load(vm)
    return this.row
  }

  /** Columns by which the bound of any pair can be enclosed without a pass over its past; see `screen.ts`. */
  summarise(): LoadSummary {
    const peakWindow = new Int32Array(this.hosts)
    const alignedSd = new Float64Array(this.hosts)
    for (let h = 0; h < this.hosts; h++) {
      let total = 0
      let squares = 0
      for (let k = 0; k < this.windows; k++) {
        const sum = this.sumAt(h, k)
        total += sum
        squares += sum * sum
        if (sum > this.sumAt(h, peakWindow[h])) peakWindow[h] = k
      }
      const centre = this.windows > 0 ? total / this.windows : 0
      alignedSd[h] = this.windows > 2 ? Math.sqrt(Math.max(0, squares / this.windows - centre * centre)) : 0
    }
    return { peakWindow, alignedSd, samples: this.samples.slice() }
  }

  /** Mean and standard deviation behind the bound last computed: saves computing them again for the same question. */
  get lastMean(): number {
    return this.measuredMean
  }
  get lastSd(): number {
    return Math.sqrt(this.blendedVariance)
  }

  /** What the host would have been short of, had the look-back been now: mean over its windows, in reference cores. */
  get lastShortage(): number {
    return this.measuredShortage
  }

  private measuredMean = 0
  private measuredShortage = 0
  private blendedVariance = 0

  /** What `compute` would give, remembered: ranking asks the same of one pair several times, and of each host as it stands for every VM. */
  private measure(host: number, vm: number, sign: number): number {
    if (vm < 0) return this.measureAsIs(host)
    const slot = sign > 0 ? 0 : 1
    if (this.askedHost[slot] === host && this.askedVm[slot] === vm) return this.recall(this.asked, slot * 4)
    const bound = this.compute(host, vm, sign)
    this.askedHost[slot] = host
    this.askedVm[slot] = vm
    this.note(this.asked, slot * 4, bound)
    return bound
  }

  private measureAsIs(host: number): number {
    if (this.isMeasured[host] === 1) return this.recall(this.asIs, host * 4)
    const bound = this.compute(host, -1, 0)
    this.note(this.asIs, host * 4, bound)
    this.isMeasured[host] = 1
    return bound
  }

  private recall(from: Float64Array, place: number): number {
    this.measuredMean = from[place + 1]
    this.blendedVariance = from[place + 2]
    this.measuredShortage = from[place + 3]
    return from[place]
  }

  private note(to: Float64Array, place: number, bound: number): void {
    to[place] = bound
    to[place + 1] = this.measuredMean
    to[place + 2] = this.blendedVariance
    to[place + 3] = this.measuredShortage
  }

  /** One pass over the aligned sums; the bound never falls below the highest of them. The variance
   *  is that of the sums themselves (which knows about coinciding peaks), drawn towards that of independent members as
   *  long as there are few samples. */
  private compute(host: number, vm: number, sign: number): number {
    const { windows, sums } = this
    const row = this.rowFor(vm, sign)
    const start = host * windows
    let total = 0
    let squares = 0
    let peak = 0
    for (let k = 0; k < windows; k++) {
      const sum = sums[start + k] + row[k]
      total += sum
      squares += sum * sum
      if (sum > peak) peak = sum
    }
    const shortage = peak > this.limits[host] ? this.shortageOf(host, row) : 0
    const centre = windows > 0 ? total / windows : 0
    const aligned = windows > 2 ? Math.max(0, squares / windows - centre * centre) : 0
    const members = this.count[host] + (vm < 0 ? 0 : sign)
    const known = this.samples[host] + (vm < 0 ? 0 : sign * this.levels.samples[vm])
    const weight = members > 0 && windows > 2 ? known / members : 0
    const independent = this.variance[host] + (vm < 0 ? 0 : sign * this.levels.variance[vm])
    this.measuredShortage = windows > 0 ? shortage / windows : 0
    this.measuredMean = Math.max(0, this.mean[host] + (vm < 0 ? 0 : sign * this.levels.mean[vm]))
    this.blendedVariance = Math.max(
      0,
      (weight * aligned + PRIOR_SAMPLES_SPREAD * independent) / (weight + PRIOR_SAMPLES_SPREAD),
    )
    return Math.max(this.measuredMean + this.bandSd * Math.sqrt(this.blendedVariance), peak)
  }

  /** What the windows lack above the host's limit, in all. */
  private shortageOf(host: number, row: Float64Array): number {
    const start = host * this.windows
    const limit = this.limits[host]
    let shortage = 0
    for (let k = 0; k < row.length; k++) {
      const sum = this.sums[start + k] + row[k]
      if (sum > limit) shortage += sum - limit
    }
    return shortage
  }

  /** What comes on top of the host's sums: the VM's past, taken off where it leaves, nothing where nobody comes or goes. */
  private rowFor(vm: number, sign: number): Float64Array {
    if (vm < 0) return this.nothing
    this.load(vm)
    if (sign > 0) return this.row
    for (let k = 0; k < this.row.length; k++) this.leaving[k] = -this.row[k]
    return this.leaving
  }

  private apply(vm: number, host: number, sign: number): void {
    this.load(vm)
    const start = host * this.windows
    for (let k = 0; k < this.windows; k++) this.sums[start + k] += sign * this.row[k]
    this.mean[host] += sign * this.levels.mean[vm]
    this.variance[host] += sign * this.levels.variance[vm]
    this.samples[host] += sign * this.levels.samples[vm]
    this.count[host] += sign
    this.forget(host)
  }

  /** What was measured of the host holds no longer. */
  private forget(host: number): void {
    this.isMeasured[host] = 0
    for (let slot = 0; slot < 2; slot++) if (this.askedHost[slot] === host) this.askedHost[slot] = -1
  }

  /** The VM's own past demand; windows that nobody measured count as its mean. */
  private load(vm: number): void {
    if (this.rowOf === vm) return
    this.rowOf = vm
    const { history, row } = this
    const mean = this.levels.mean[vm]
    for (let k = 0; k < row.length; k++) {
      const demand = history[k][vm]
      row[k] = demand === demand ? demand : mean
    }
  }
}
