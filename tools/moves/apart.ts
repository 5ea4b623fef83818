/** Runs of moves in a process of their own: a test runner watches every promise, and makes them seven times as slow. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Luck } from '../../src/terms/luck.ts'
import { fuzzMoves } from './fuzz.ts'
import { killDuringMove, type KillPoint } from './kills.ts'
import { MUTANTS } from './mutants.ts'

/** More lines than any of these moves writes. */
const LINES_MOST = 9

const RUNS = { lines: killAtLines, instants: killAtInstants, replies: loseReplies, fuzz, mutants } as const

/** What went wrong, in words; empty where nothing did. */
export async function runApart(what: keyof typeof RUNS, from: number, number: number): Promise<readonly string[]> {
  const file = fileURLToPath(import.meta.url)
  const { stdout } = await promisify(execFile)(process.execPath, [file, what, `${from}`, `${number}`])
  return JSON.parse(stdout) as readonly string[]
}

async function killAtLines(): Promise<readonly string[]> {
  const complaints: string[] = []
  const kinds: readonly Partial<KillPoint>[] = [{}, { isCancelled: true }, { silentMs: 40_000 }, { manner: 'queued' }]
  for (const kind of kinds)
    for (let line = 0; line < LINES_MOST; line++)
      for (const isDurable of [false, true])
        complaints.push(...(await judge({ ...kind, seed: line, at: { line, isDurable } })))
  return complaints
}

async function killAtInstants(from: number, number: number): Promise<readonly string[]> {
  const luck = new Luck(from)
  const complaints: string[] = []
  for (let i = 0; i < number; i++)
    complaints.push(...(await judge({ seed: from + i, at: { ms: luck.fraction() * 18_000 } })))
  return complaints
}

async function loseReplies(from: number, number: number): Promise<readonly string[]> {
  const complaints: string[] = []
  for (let seed = from; seed < from + number; seed++)
    for (const manner of ['lost-before', 'lost-after', 'deaf', 'liar'] as const)
      complaints.push(...(await judge({ seed, at: { ms: (seed % 200) * 300 }, manner })))
  return complaints
}

async function judge(point: KillPoint): Promise<readonly string[]> {
  const { violations, steps, calls, tasks } = await killDuringMove(point)
  const complaints = [...violations]
  if (calls > 1 || tasks > calls) complaints.push(`${calls} calls, ${tasks} migrations`)
  if (steps.length === 0 && calls > 0) complaints.push('it was sent and is not on record')
  if (steps.length > 0 && (steps[0] !== 'intent' || steps.at(-1) !== 'closed'))
    complaints.push(`the journal tells: ${steps.join(' ')}`)
  if (point.manner === 'lost-before' && tasks > 0) complaints.push('what was lost began')
  return complaints.map((complaint) => `${JSON.stringify(point)}: ${complaint}`)
}

async function fuzz(from: number, number: number): Promise<readonly string[]> {
  const complaints: string[] = []
  for (let seed = from; seed < from + number; seed++)
    complaints.push(...(await fuzzMoves(seed)).violations.map((violation) => `seed=${seed}: ${violation}`))
  return complaints
}

/** Those that nobody noticed: with the seed that is known to show them, nor with a few others. */
async function mutants(from: number, number: number): Promise<readonly string[]> {
  const missed: string[] = []
  for (const { name, seed, breakage } of MUTANTS) {
    let isCaught = (await fuzzMoves(seed, breakage)).violations.length > 0
    for (let i = from; i < from + number && !isCaught; i++)
      isCaught = (await fuzzMoves(i, breakage)).violations.length > 0
    if (!isCaught) missed.push(name)
  }
  return missed
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , what, from, number] = process.argv
  const complaints = await RUNS[what as keyof typeof RUNS](Number(from), Number(number))
  process.stdout.write(JSON.stringify(complaints))
}
