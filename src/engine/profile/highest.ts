/** The highest numbers of a series, without sorting the rest: a twentieth of it is all that a 95th percentile needs. */
export class Highest {
  private readonly room: Float64Array

  /** @param lengthMax longest series that will be asked about */
  constructor(lengthMax: number) {
    this.room = new Float64Array(lengthMax)
  }

  /** The `count` highest, lowest of them first. Valid until the next call; `count` is at most the length of the series. */
  of(series: Float64Array, count: number): Float64Array {
    const top = this.room.subarray(0, count)
    top.set(series.subarray(0, count))
    top.sort()
    for (let k = count; k < series.length; k++) {
      const value = series[k]
      if (value <= top[0]) continue
      let place = 0
      for (; place + 1 < count && top[place + 1] < value; place++) top[place] = top[place + 1]
      top[place] = value
    }
    return top
  }
}
