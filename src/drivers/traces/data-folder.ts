import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ParseError } from '../../terms/parse.ts'

/** The folder of the project: three above this file. */
export const PROJECT_FOLDER = fileURLToPath(new URL('../../..', import.meta.url))

export interface DataFolderRequest {
  /** `--data DIR`. */
  readonly option?: string
  readonly environment?: Readonly<Record<string, string | undefined>>
  readonly workingFolder?: string
}

/** Where a data set that we may not ship can be had. */
export const DATA_SOURCES = {
  planetlab:
    'PlanetLab days are public at github.com/beloglazov/planetlab-workload-traces: join a day as CSV, one row per VM ' +
    '(docs/traces.md tells how), and put it in a folder given with --data or ETHOS_DATA.',
  bitbrains:
    'Bitbrains GWA-T-12 is public at the Grid Workloads Archive (gwa.ewi.tudelft.nl): docs/traces.md tells the form; ' +
    'put it in a folder given with --data or ETHOS_DATA.',
} as const

/** The data folder: `--data`, else `ETHOS_DATA`, else `./data`, else the project's neighbour where there is one.
 *  A folder that was named must exist; absent means that there is none at all. */
export function findDataFolder(request: DataFolderRequest = {}): string | undefined {
  const environment = request.environment ?? process.env
  if (request.option !== undefined) return existing(request.option, '--data')
  const fromEnvironment = environment['ETHOS_DATA']
  if (fromEnvironment !== undefined && fromEnvironment !== '') return existing(fromEnvironment, 'ETHOS_DATA')
  const unnamed = [join(request.workingFolder ?? '.', 'data'), join(PROJECT_FOLDER, '..', 'shared', 'data')]
  return unnamed.find(isFolder)
}

/** The path of `file` in the data folder; where it is missing, the error says where to get the data. */
export function dataFile(folder: string | undefined, file: string, source: keyof typeof DATA_SOURCES): string {
  if (folder === undefined)
    throw new ParseError('data folder', file, `There is no data folder to read it from. ${DATA_SOURCES[source]}`)
  const path = join(folder, file)
  if (existsSync(path)) return path
  const plain = path.replace(/\.gz$/, '')
  if (existsSync(plain)) return plain
  throw new ParseError('data folder', path, `There is no such file${neighbours(folder, file)}. ${DATA_SOURCES[source]}`)
}

/** Names in a sub-folder that end like `ending`, sorted; none where it does not exist. */
export function listDataFiles(folder: string | undefined, sub: string, ending: RegExp): readonly string[] {
  if (folder === undefined || !isFolder(join(folder, sub))) return []
  return readdirSync(join(folder, sub))
    .filter((name) => ending.test(name))
    .sort()
}

function neighbours(folder: string, file: string): string {
  const sub = file.split('/')[0]
  const names = listDataFiles(folder, sub, /\.csv(\.gz)?$/).map((name) => name.replace(/\.csv(\.gz)?$/, ''))
  return names.length === 0 ? '' : `; there are ${names.slice(0, 12).join(', ')}`
}

function existing(folder: string, origin: string): string {
  if (isFolder(folder)) return folder
  throw new ParseError(origin, folder, 'There is no such folder. Name the folder that holds planetlab/ and the others.')
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}
