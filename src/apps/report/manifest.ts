import type { MoveClass } from '../../terms/move.ts'
import type { PolicyKind } from './metrics.ts'

/** Where a typed array lies in the embedded bytes. Offsets are multiples of 4. */
export interface Column {
  readonly type: 'u8' | 'u16' | 'u32' | 'f32'
  readonly offset: number
  readonly length: number
}

/** What the page's script is given: names and numbers as JSON, series as columns behind it. */
export interface Manifest {
  /** Width of one plotted column of time; `stepsPerColumn` steps of the run. */
  readonly columnMs: number
  readonly columns: number
  readonly stepsPerColumn: number
  readonly spanMs: number
  readonly hosts: readonly string[]
  readonly hostCapacity: readonly number[]
  readonly classes: readonly MoveClass[]
  /** A load is `(code - 1) / codesToFull` of capacity; code 0 is "off". */
  readonly codesToFull: number
  readonly policies: readonly PolicyManifest[]
}

export interface PolicyManifest {
  readonly name: string
  readonly kind: PolicyKind
  /** Hosts that ever carried a VM, longest on first: indices into `hosts`. The rows of all grids below. */
  readonly rows: Column
  /** Codes, row-major: `row * columns + column`. */
  readonly load: Column
  readonly hostsOn: Column
  readonly hostsOverloaded: Column
  /** Row with most to see: overload, moves, expected contention. Absent: no host was ever on. */
  readonly eventfulRow?: number
  readonly forecast?: ForecastManifest
  readonly moves: MovesManifest
}

/** As made at each column for the horizon after it. Absent where no forecast was made: code 0. */
export interface ForecastManifest {
  readonly horizonMs: number
  readonly p50: Column
  readonly p95: Column
  /** Probability in steps of 1/254, plus one. */
  readonly contention: Column
}

export interface MovesManifest {
  /** All there were; the columns hold the first of them, up to a limit. */
  readonly total: number
  readonly kept: number
  readonly binMs: number
  /** All moves counted, class-major: `class * bins + bin`. */
  readonly histogram: Column
  readonly second: Column
  readonly from: Column
  readonly to: Column
  readonly class: Column
  /** Indices into `texts`. */
  readonly vmName: Column
  readonly reason: Column
  /** NaN: not reckoned. */
  readonly gain: Column
  readonly cost: Column
  readonly confidence: Column
  readonly texts: readonly string[]
}
