import { ORDINARY_MIX, type WorkMix } from '../profile/work-mix.ts'
import { type HostSpeeds, speedLog, speedSpread } from './speeds.ts'

/** Speeds of VMs on hosts, remembered for the VM asked last: a ranking asks for each pair several times, and for the VM's home every time. */
export class Paces {
  readonly speeds: HostSpeeds
  /** What kind of work each VM does; undefined where nobody knows. */
  readonly mixes: readonly (WorkMix | undefined)[]
  private rowOf = -1
  private readonly logs: Float64Array
  private readonly spreads: Float64Array

  constructor(speeds: HostSpeeds, mixes: readonly (WorkMix | undefined)[]) {
    this.speeds = speeds
    this.mixes = mixes
    this.logs = new Float64Array(speeds.coreLog.length)
    this.spreads = new Float64Array(speeds.coreLog.length)
  }

  /** Logarithm of the speed against the median host. */
  log(vm: number, host: number): number {
    this.turnTo(vm)
    const known = this.logs[host]
    if (known === known) return known
    return (this.logs[host] = speedLog(this.speeds, this.mixes[vm] ?? ORDINARY_MIX, host))
  }

  /** The same beyond the speed of the host's cores in reference cores, by which its capacity is counted already. */
  restLog(vm: number, host: number): number {
    return this.log(vm, host) - this.speeds.coreLog[host]
  }

  /** Standard deviation of `log`. */
  spread(vm: number, host: number): number {
    this.turnTo(vm)
    const known = this.spreads[host]
    if (known === known) return known
    return (this.spreads[host] = speedSpread(this.speeds, this.mixes[vm] ?? ORDINARY_MIX, host))
  }

  private turnTo(vm: number): void {
    if (this.rowOf === vm) return
    this.rowOf = vm
    this.logs.fill(NaN)
    this.spreads.fill(NaN)
  }
}
