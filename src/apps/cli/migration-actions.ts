/** What `ethos migration` does. */
import { readFileSync } from 'node:fs'
import { readCostModelFile } from '../../drivers/traces/cost-model-file.ts'
import { type MoveRow, readMoves } from '../../drivers/traces/moves-csv.ts'
import { parseCostModel } from '../../engine/migration/cost-model-codec.ts'
import { type MovePromise, promiseMove } from '../../engine/migration/cost-model.ts'
import { checkOutputs, STANDARD_OUTPUT, writeOutput } from '../output-files.ts'
import { UsageError } from '../usage-error.ts'
import type { MigrationPredictOptions } from './migration-command.ts'

/** Larger than any list of moves: a million rows. */
const FILE_BYTES_MAX = 256 * 1024 * 1024

interface Promised {
  readonly row: string
  readonly promise: MovePromise
}

/** @param isOutNamed whether `--out` was given, and not only its default */
export function predictMoves(options: MigrationPredictOptions, isOutNamed: boolean): void {
  const out = options.out ?? STANDARD_OUTPUT
  checkOutputs(
    [{ option: '--out', path: out, mayBeStandardOutput: true }],
    [options.in === STANDARD_OUTPUT ? undefined : options.in, options.model],
  )
  if (options.json === true && isOutNamed && out === STANDARD_OUTPUT) {
    throw new UsageError('--out', out, 'Standard output takes the JSON already: leave out --out, or name a file.')
  }
  const model = parseCostModel(readModel(options.model))
  const rows = readMoves(readInput(options.in), options.in === STANDARD_OUTPUT ? 'standard input' : options.in)
  const promised = rows.map(({ row, facts }: MoveRow): Promised => ({ row, promise: promiseMove(model, facts) }))
  if (options.json === true) {
    process.stdout.write(`${JSON.stringify({ moves: promised.map(asJson) }, null, 2)}\n`)
    if (!isOutNamed) return
  }
  writeOutput('--out', out, asCsv(promised))
}

function readModel(path: string | undefined): unknown {
  if (path === undefined) return readCostModelFile()
  return readOr('--model', path, () => readCostModelFile(path))
}

function readInput(path: string): Uint8Array {
  const bytes = readOr('--in', path, () => readFileSync(path === STANDARD_OUTPUT ? 0 : path))
  if (bytes.length <= FILE_BYTES_MAX) return bytes
  throw new UsageError('--in', path, `It has more than ${FILE_BYTES_MAX} bytes. Split the file?`)
}

function readOr<T>(option: string, path: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : undefined
    if (code === undefined) throw error
    throw new UsageError(option, path, `It can't be read (${code}). Is the path right?`)
  }
}

function asCsv(promised: readonly Promised[]): string {
  const lines = promised.map(({ row, promise }) =>
    [
      row,
      promise.totalMs.toFixed(1),
      promise.downtimeMs.toFixed(1),
      promise.bytesMib.toFixed(3),
      promise.pConverge.toFixed(4),
    ].join(','),
  )
  return `${['row,pred_total_ms,pred_downtime_ms,pred_bytes_mib,p_converge', ...lines].join('\n')}\n`
}

function asJson({ row, promise }: Promised): Readonly<Record<string, unknown>> {
  return {
    row,
    totalMs: short(promise.totalMs),
    totalMsRange: promise.totalMsRange.map(short),
    downtimeMs: short(promise.downtimeMs),
    downtimeMsRange: promise.downtimeMsRange.map(short),
    bytesMib: short(promise.bytesMib),
    bytesMibRange: promise.bytesMibRange.map(short),
    pConverge: Number(promise.pConverge.toFixed(4)),
  }
}

/** Five digits are more than a promise is good for. */
function short(value: number): number {
  return Number(value.toPrecision(5))
}
