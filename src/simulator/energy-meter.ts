import type { EpochMs } from '../terms/units.ts'

/** Integrates the watts of every host over time: trapezoids between the instants at which somebody looks. */
export class EnergyMeter {
  private readonly watts: Float64Array
  private readonly markedAt: Float64Array
  private totalJoules = 0

  constructor(hosts: number) {
    this.watts = new Float64Array(hosts)
    this.markedAt = new Float64Array(hosts)
  }

  get joules(): number {
    return this.totalJoules
  }

  /** The host has drawn `watts` since `since`: where its account begins. */
  begin(host: number, since: EpochMs, watts: number): void {
    this.markedAt[host] = since
    this.watts[host] = watts
  }

  /** At `at` the host draws `watts`, and from then on `wattsAfter` where power jumps. */
  charge(host: number, at: EpochMs, watts: number, wattsAfter = watts): void {
    this.totalJoules += ((this.watts[host] + watts) / 2) * ((at - this.markedAt[host]) / 1000)
    this.markedAt[host] = at
    this.watts[host] = wattsAfter
  }
}
