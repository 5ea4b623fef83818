/** Recursive least squares with forgetting (Ljung and Söderström 1983): a linear rule that is fitted anew with every pair, in constant time and room. */

/** What an old pair still counts after each new one: half after some 350 pairs, more than a day of five-minute slots. */
const KEPT = 0.998
/** Doubt of the coefficients at the start: how far from zero one may soon be. Shares of a VM's size are predicted from such shares. */
const DOUBT_START = 10
/** Where features stand still, forgetting makes doubt grow without end; beyond this it is set back to the start. */
const DOUBT_MAX = 1e6

/** One rule: `predict(features)` is near what `learn(features, value)` has told. All of its state is in `state`, so that it can be kept. */
export class LeastSquares {
  /** Coefficients, and then the matrix of doubt, row by row. */
  readonly state: Float64Array
  private readonly count: number
  private readonly gain: Float64Array

  /** @param count features of a pair */
  constructor(count: number) {
    this.count = count
    this.state = new Float64Array(count + count * count)
    this.gain = new Float64Array(count)
    this.doubtAnew()
  }

  predict(features: Float64Array): number {
    let sum = 0
    for (let i = 0; i < this.count; i++) sum += this.state[i] * features[i]
    return sum
  }

  learn(features: Float64Array, value: number): void {
    const { count, state, gain } = this
    let spread = KEPT
    for (let i = 0; i < count; i++) {
      let sum = 0
      for (let k = 0; k < count; k++) sum += state[count + i * count + k] * features[k]
      gain[i] = sum
      spread += features[i] * sum
    }
    const error = value - this.predict(features)
    let doubt = 0
    for (let i = 0; i < count; i++) {
      const step = gain[i] / spread
      state[i] += step * error
      for (let k = 0; k < count; k++) {
        const place = count + i * count + k
        state[place] = (state[place] - step * gain[k]) / KEPT
      }
      doubt += state[count + i * count + i]
    }
    if (!(doubt < DOUBT_MAX)) this.doubtAnew()
  }

  private doubtAnew(): void {
    const { count, state } = this
    state.fill(0, count)
    for (let i = 0; i < count; i++) state[count + i * count + i] = DOUBT_START
  }
}
