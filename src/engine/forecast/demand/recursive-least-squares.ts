/** Recursive least squares with forgetting (Ljung, System Identification, 1999, 11.2), in plain arrays. */

export class RecursiveLeastSquares {
  readonly weights: Float64Array
  private readonly inverse: Float64Array
  private readonly gain: Float64Array
  private readonly size: number
  private readonly forgetting: number

  constructor(size: number, forgetting: number, prior = 1) {
    this.size = size
    this.forgetting = forgetting
    this.weights = new Float64Array(size)
    this.gain = new Float64Array(size)
    this.inverse = new Float64Array(size * size)
    for (let i = 0; i < size; i++) this.inverse[i * size + i] = prior
  }

  predict(inputs: Float64Array, at = 0): number {
    let sum = 0
    for (let i = 0; i < this.size; i++) sum += this.weights[i] * inputs[at + i]
    return sum
  }

  learn(inputs: Float64Array, at: number, target: number): void {
    const { size, gain, inverse, forgetting, weights } = this
    let scale = forgetting
    for (let i = 0; i < size; i++) {
      let sum = 0
      for (let j = 0; j < size; j++) sum += inverse[i * size + j] * inputs[at + j]
      gain[i] = sum
      scale += inputs[at + i] * sum
    }
    const error = target - this.predict(inputs, at)
    for (let i = 0; i < size; i++) weights[i] += (gain[i] / scale) * error
    let trace = 0
    for (let i = 0; i < size; i++) {
      for (let j = 0; j <= i; j++) {
        const value = (inverse[i * size + j] - (gain[i] * gain[j]) / scale) / forgetting
        inverse[i * size + j] = value
        inverse[j * size + i] = value
      }
      trace += inverse[i * size + i]
    }
    // Without news in some direction forgetting lets it grow for ever.
    if (trace > TRACE_MAX) for (let k = 0; k < inverse.length; k++) inverse[k] *= TRACE_MAX / trace
  }
}

const TRACE_MAX = 1e4
