/** What `ethos replay` does. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { countText, minuteText } from '../../terms/shown.ts'
import { printable, printableJson } from '../printable.ts'
import { Progress } from '../progress.ts'
import { openDataFolder } from '../server/data-folder.ts'
import { withSite } from '../server/open-site.ts'
import { Replay, type ReplayedFile, type ReplayReport } from '../server/replay/replay-files.ts'
import { TURN_FILE_PATTERN, TURN_FOLDER } from '../server/replay/turn-recorder.ts'
import { UsageError } from '../usage-error.ts'
import type { ReplayOptions } from './replay-command.ts'
import { readVersion } from './version.ts'

const DIFFERENT = 1

export async function replay(files: readonly string[], options: ReplayOptions): Promise<void> {
  const { data, store, move, json } = options
  const paths = files.length > 0 ? files : keptIn(data)
  const replay = new Replay()
  const progress = new Progress(paths.length)
  try {
    for (const path of paths) {
      await read(replay, path, { move, isListed: files.length === 0 })
      progress.step('judging')
    }
  } finally {
    progress.stop()
  }
  const place = { ...(data === undefined ? {} : { data }), ...(store === undefined ? {} : { store }) }
  const isBeside = data !== undefined || store !== undefined
  const report = replay.report(isBeside ? await withSite(place, ({ journal }) => replay.against(journal)) : undefined)
  if (report.turns === 0 && move !== undefined)
    throw new UsageError('--move', move, `No turn that is kept made it. ${KEPT}`)
  if (!isGood(report)) process.exitCode = DIFFERENT
  process.stdout.write(json === true ? `${printableJson(report)}\n` : printable(replayText(report)))
}

const KEPT = 'A server keeps what its newest turns were judged on, as far as `ethos serve --turns-kept` gives it room.'

/** A file that the server has let go of since it was listed is passed over. */
async function read(
  replay: Replay,
  path: string,
  { move, isListed }: { readonly move: string | undefined; readonly isListed: boolean },
): Promise<void> {
  try {
    await replay.file(path, move)
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error)) throw error
    if (isListed && error.code === 'ENOENT') return
    throw new UsageError('file', path, `It can not be read (${String(error.code)}).`)
  }
}

function keptIn(data: string | undefined): readonly string[] {
  if (data === undefined)
    throw new UsageError('--data', 'nothing', 'Expected the server’s data folder, or files of turns.')
  const folder = join(openDataFolder(data, 'there'), TURN_FOLDER)
  const names = listOf(folder).filter((name) => TURN_FILE_PATTERN.test(name))
  if (names.length === 0) throw new UsageError('--data', data, `Nothing is kept in ${TURN_FOLDER}. ${KEPT}`)
  return names.toSorted().map((name) => join(folder, name))
}

function listOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  }
}

/** Nothing that was judged is no proof. */
function isGood({ turns, same, files, journal }: ReplayReport): boolean {
  const isWhole = files.every(({ damage }) => damage === undefined)
  return turns > 0 && same === turns && isWhole && (journal?.otherwise ?? 0) === 0
}

export function replayText(report: ReplayReport): string {
  const { turns, orders, same, from, to, differences, files, journal } = report
  const lines: string[] = []
  const span = from === undefined || to === undefined ? '' : ` of ${minuteText(from)} to ${minuteText(to)}`
  const what = `${countText(turns, 'turn')}${span}, with ${countText(orders, 'order')}`
  if (turns === 0) lines.push('No turn is kept in what was read.')
  else if (same === turns) lines.push(`${what}: ${turns === 1 ? 'it' : 'each'} came out the same, byte for byte.`)
  else lines.push(`${what}: ${same} came out the same, ${turns - same} did not.`)
  for (const { turn, at, field, recorded, replayed } of differences)
    lines.push(`turn ${turn}, ${minuteText(at)}: ${field}`, `  recorded  ${recorded}`, `  replayed  ${replayed}`)
  if (turns - same > differences.length) lines.push(`... and ${turns - same - differences.length} more.`)
  if (same < turns) lines.push(...otherVersions(files))
  for (const { path, isCut, damage } of files)
    if (isCut && damage === undefined)
      lines.push(`${path} ends amid a turn: its server still writes it, or was killed.`)
  for (const { path, damage } of files)
    if (damage !== undefined) lines.push(damage.startsWith(path) ? damage : `${path}: ${damage}`)
  if (journal !== undefined) {
    const { recorded, otherwise, withoutInputs, notRecorded } = journal
    lines.push(`${countText(recorded, 'of these lines stands', 'of these lines stand')} in the journal.`)
    if (otherwise > 0)
      lines.push(`${countText(otherwise, 'line')} of the journal ${otherwise === 1 ? 'is' : 'are'} not what was kept.`)
    if (withoutInputs > 0)
      lines.push(`Of ${countText(withoutInputs, 'turn')} of the journal in that span nothing is kept beside the line.`)
    if (notRecorded > 0)
      lines.push(
        `Of ${countText(notRecorded, 'turn')} the journal has no line: not taken (nothing came of it then), let go of, or on its way.`,
      )
  }
  return lines.map((line) => `${line}\n`).join('')
}

/** The likely reason: another version decides otherwise, as its changelog says. */
function otherVersions(files: readonly ReplayedFile[]): readonly string[] {
  const own = readVersion()
  const others = new Set(files.flatMap(({ version }) => (version === undefined || version === own ? [] : [version])))
  if (others.size > 0)
    return [`Recorded by ethos ${[...others].join(', ')}; this is ${own}, which may decide otherwise.`]
  const nodes = new Set(
    files.flatMap(({ node }) => (node === undefined || node === process.versions.node ? [] : [node])),
  )
  return nodes.size === 0 ? [] : [`Recorded under Node ${[...nodes].join(', ')}; this is ${process.versions.node}.`]
}
