import { deflateRawSync } from 'node:zlib'
import { MOVE_CLASSES } from '../../terms/move.ts'
import { MINUTE_MS } from '../../terms/units.ts'
import type { BacktestRun, MoveRecord, RunDetail } from '../backtest/result.ts'
import type { Column, ForecastManifest, Manifest, MovesManifest, PolicyManifest } from './manifest.ts'
import { policyKind } from './metrics.ts'
import { CODES_TO_FULL, loadCode, probabilityCode } from './quantise.ts'

/** Cells of all heat maps together, at most: a longer run has several steps in one column, so the file stays small. */
const CELLS_MAX = 8_000_000
/** Moves told one by one, per policy. The histogram counts all of them. */
const MOVES_MAX = 20_000
const BIN_MS = 15 * MINUTE_MS

/** The run as the page embeds it: `[length of JSON, u32][JSON][columns]`, deflated, in base64. */
export function packRun(run: BacktestRun): string {
  const bytes = new ByteList()
  const rowsOf = run.details.map((detail) => hostsEverOn(run, detail))
  const cells = rowsOf.reduce((sum, rows) => sum + rows.length * run.steps, 0)
  const grid: Grid = gridOf(run, Math.max(1, Math.ceil(cells / CELLS_MAX)))
  const manifest: Manifest = {
    columnMs: grid.stepsPerColumn * run.stepMs,
    columns: grid.columns,
    stepsPerColumn: grid.stepsPerColumn,
    spanMs: run.steps * run.stepMs,
    hosts: run.hosts,
    hostCapacity: run.hostCapacity,
    classes: MOVE_CLASSES,
    codesToFull: CODES_TO_FULL,
    policies: run.details.map((detail, i) => packPolicy({ run, grid, detail, rows: rowsOf[i], bytes })),
  }
  return deflateRawSync(bytes.behind(JSON.stringify(manifest)), { level: 9 }).toString('base64')
}

interface Grid {
  readonly columns: number
  readonly stepsPerColumn: number
}

interface PolicyInput {
  readonly run: BacktestRun
  readonly grid: Grid
  readonly detail: RunDetail
  readonly rows: Uint32Array
  readonly bytes: ByteList
}

function gridOf(run: BacktestRun, stepsPerColumn: number): Grid {
  return { columns: Math.ceil(run.steps / stepsPerColumn), stepsPerColumn }
}

/** Longest on first, then busiest, then by name: indices into `run.hosts`. */
export function hostsEverOn(run: BacktestRun, detail: RunDetail): Uint32Array {
  const hosts = run.hosts.length
  const stepsOn = new Uint32Array(hosts)
  const demandSum = new Float64Array(hosts)
  for (let step = 0; step < run.steps; step++) {
    for (let host = 0; host < hosts; host++) {
      const demand = detail.hostDemand[step * hosts + host]
      if (Number.isNaN(demand)) continue
      stepsOn[host]++
      demandSum[host] += demand
    }
  }
  const everOn = Uint32Array.from(run.hosts.keys()).filter((host) => stepsOn[host] > 0)
  return everOn.sort((a, b) => stepsOn[b] - stepsOn[a] || demandSum[b] - demandSum[a] || a - b)
}

function packPolicy({ run, grid, detail, rows, bytes }: PolicyInput): PolicyManifest {
  const toLoad = (value: number, host: number): number => loadCode(value / run.hostCapacity[host])
  const loads = (series: Float32Array): Uint16Array =>
    peakCodes({ run, grid, rows, series, code: toLoad, into: new Uint16Array(rows.length * grid.columns) })
  const load = loads(detail.hostDemand)
  const made = detail.forecast
  const contention =
    made === undefined
      ? undefined
      : peakCodes({
          run,
          grid,
          rows,
          series: made.contention,
          code: probabilityCode,
          into: new Uint8Array(rows.length * grid.columns),
        })
  const forecast: ForecastManifest | undefined =
    made === undefined || contention === undefined
      ? undefined
      : {
          horizonMs: made.horizonMs,
          p50: bytes.add(loads(made.p50)),
          p95: bytes.add(loads(made.p95)),
          contention: bytes.add(contention),
        }
  const eventfulRow = findEventfulRow({ rows, load, contention, columns: grid.columns, moves: detail.moves })
  return {
    name: detail.policy,
    kind: policyKind(detail.policy),
    rows: bytes.add(rows),
    load: bytes.add(load),
    ...countHosts({ run, grid, detail, bytes }),
    ...(eventfulRow === undefined ? {} : { eventfulRow }),
    ...(forecast === undefined ? {} : { forecast }),
    moves: packMoves(run, detail.moves, bytes),
  }
}

/** The highest code of the steps in each column, so that an overload of one step stays in sight. */
function peakCodes<Codes extends Uint8Array | Uint16Array>(input: {
  readonly run: BacktestRun
  readonly grid: Grid
  readonly rows: Uint32Array
  readonly series: Float32Array
  readonly code: (value: number, host: number) => number
  readonly into: Codes
}): Codes {
  const { run, grid, rows, series, code, into: codes } = input
  rows.forEach((host, row) => {
    for (let step = 0; step < run.steps; step++) {
      const cell = row * grid.columns + Math.floor(step / grid.stepsPerColumn)
      codes[cell] = Math.max(codes[cell], code(series[step * run.hosts.length + host], host))
    }
  })
  return codes
}

function countHosts(input: Omit<PolicyInput, 'rows'>): Pick<PolicyManifest, 'hostsOn' | 'hostsOverloaded'> {
  const { run, grid, detail, bytes } = input
  const on = new Float32Array(grid.columns)
  const overloaded = new Float32Array(grid.columns)
  for (let step = 0; step < run.steps; step++) {
    const column = Math.floor(step / grid.stepsPerColumn)
    let stepOn = 0
    let stepOverloaded = 0
    for (let host = 0; host < run.hosts.length; host++) {
      const demand = detail.hostDemand[step * run.hosts.length + host]
      if (Number.isNaN(demand)) continue
      stepOn++
      if (demand > run.hostCapacity[host]) stepOverloaded++
    }
    on[column] = Math.max(on[column], stepOn)
    overloaded[column] = Math.max(overloaded[column], stepOverloaded)
  }
  return { hostsOn: bytes.add(on), hostsOverloaded: bytes.add(overloaded) }
}

/** A move counts once, a step of overload twice, one of expected contention once; halved for hosts mostly off. */
function findEventfulRow(input: {
  readonly rows: Uint32Array
  readonly load: Uint16Array
  readonly contention: Uint8Array | undefined
  readonly columns: number
  readonly moves: readonly MoveRecord[]
}): number | undefined {
  const { rows, load, contention, columns, moves } = input
  if (rows.length === 0) return undefined
  const overCode = loadCode(1)
  const expectedCode = probabilityCode(0.5)
  const events = new Map<number, number>()
  const tell = (host: number, weight: number): unknown => events.set(host, (events.get(host) ?? 0) + weight)
  for (const move of moves) {
    tell(move.from, 1)
    tell(move.to, 1)
  }
  const scores = Array.from(rows, (host, row) => {
    let score = events.get(host) ?? 0
    let columnsOn = 0
    for (let cell = row * columns; cell < (row + 1) * columns; cell++) {
      if (load[cell] > 0) columnsOn++
      if (load[cell] > overCode) score += 2
      if (contention !== undefined && contention[cell] > expectedCode) score++
    }
    return columnsOn * 2 < columns ? score / 2 : score
  })
  return scores.indexOf(Math.max(...scores))
}

function packMoves(run: BacktestRun, moves: readonly MoveRecord[], bytes: ByteList): MovesManifest {
  const inTime = moves.toSorted((a, b) => a.second - b.second)
  const kept = inTime.slice(0, MOVES_MAX)
  const texts = new TextList()
  const binMs = Math.max(BIN_MS, run.stepMs)
  const absent = Number.NaN
  return {
    total: moves.length,
    kept: kept.length,
    binMs,
    histogram: bytes.add(countMoves(inTime, Math.max(1, Math.ceil((run.steps * run.stepMs) / binMs)), binMs)),
    second: bytes.add(Uint32Array.from(kept, (move) => move.second)),
    from: bytes.add(Uint32Array.from(kept, (move) => move.from)),
    to: bytes.add(Uint32Array.from(kept, (move) => move.to)),
    class: bytes.add(Uint8Array.from(kept, (move) => MOVE_CLASSES.indexOf(move.class))),
    vmName: bytes.add(Uint32Array.from(kept, (move) => texts.add(move.vmName))),
    reason: bytes.add(Uint32Array.from(kept, (move) => texts.add(move.reason))),
    gain: bytes.add(Float32Array.from(kept, (move) => move.gain ?? absent)),
    cost: bytes.add(Float32Array.from(kept, (move) => move.cost ?? absent)),
    confidence: bytes.add(Float32Array.from(kept, (move) => move.confidence ?? absent)),
    texts: texts.list,
  }
}

function countMoves(moves: readonly MoveRecord[], bins: number, binMs: number): Uint32Array {
  const counts = new Uint32Array(MOVE_CLASSES.length * bins)
  for (const move of moves) {
    const bin = Math.min(bins - 1, Math.floor((move.second * 1000) / binMs))
    counts[MOVE_CLASSES.indexOf(move.class) * bins + bin]++
  }
  return counts
}

/** Each text once, by number. */
class TextList {
  readonly list: string[] = []
  private readonly numbers = new Map<string, number>()

  add(text: string): number {
    const known = this.numbers.get(text)
    if (known !== undefined) return known
    this.numbers.set(text, this.list.length)
    return this.list.push(text) - 1
  }
}

/** Typed arrays one behind the other, each at a multiple of 4. */
class ByteList {
  private readonly parts: Uint8Array[] = []
  private length = 0

  add(array: Uint8Array | Uint16Array | Uint32Array | Float32Array): Column {
    const offset = this.length
    this.parts.push(new Uint8Array(array.buffer, array.byteOffset, array.byteLength))
    const padding = (4 - (array.byteLength % 4)) % 4
    if (padding > 0) this.parts.push(new Uint8Array(padding))
    this.length += array.byteLength + padding
    return { type: typeOf(array), offset, length: array.length }
  }

  behind(json: string): Buffer {
    const text = Buffer.from(json)
    const padding = Buffer.alloc((4 - (text.length % 4)) % 4, ' ')
    const head = Buffer.alloc(4)
    head.writeUInt32LE(text.length + padding.length)
    return Buffer.concat([head, text, padding, ...this.parts])
  }
}

function typeOf(array: Uint8Array | Uint16Array | Uint32Array | Float32Array): Column['type'] {
  if (array instanceof Uint8Array) return 'u8'
  if (array instanceof Uint16Array) return 'u16'
  return array instanceof Uint32Array ? 'u32' : 'f32'
}
