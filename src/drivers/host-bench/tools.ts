/** The programs that the suite runs: where they are, and of which version. */
import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { runTool } from './run-tool.ts'

export const TOOLS = ['sysbench', 'stress-ng', 'openssl', 'fio', 'iperf3'] as const
/** Each is the name of its Debian package, too. */
export type ToolName = (typeof TOOLS)[number]

export interface FoundTool {
  readonly path: string
  readonly version: string
}
export type FoundTools = Readonly<Partial<Record<ToolName, FoundTool>>>

const VERSION_WORDS: Readonly<Record<ToolName, string>> = {
  sysbench: '--version',
  'stress-ng': '--version',
  openssl: 'version',
  fio: '--version',
  iperf3: '--version',
}
const VERSION_LIMIT_MS = 5000
/** Folders that daemons and cron have not in their PATH, but Debian's packages use. */
const USUAL_FOLDERS = ['/usr/bin', '/usr/sbin', '/bin', '/sbin']

/** @param searchPath as in the environment variable PATH; absent: that of this process and the usual folders */
export async function findTools(stop: AbortSignal, searchPath?: string): Promise<FoundTools> {
  const found = await Promise.all(TOOLS.map((tool) => findTool(tool, stop, searchPath)))
  return Object.fromEntries(found.flatMap((entry) => (entry === undefined ? [] : [entry])))
}

/** A program's file. Absent: there is none that may be run. */
export function findProgram(name: string, searchPath?: string): string | undefined {
  const folders = searchPath?.split(delimiter) ?? [...(process.env['PATH'] ?? '').split(delimiter), ...USUAL_FOLDERS]
  return folders
    .filter((folder) => folder.startsWith('/'))
    .map((folder) => join(folder, name))
    .find(isProgram)
}

async function findTool(tool: ToolName, stop: AbortSignal, searchPath?: string) {
  const path = findProgram(tool, searchPath)
  if (path === undefined) return undefined
  try {
    const text = await runTool({ tool, path, words: [VERSION_WORDS[tool]], limitMs: VERSION_LIMIT_MS }, stop)
    const version = /\d+(?:\.\d+)+[a-z]?/.exec(text)?.[0] ?? 'unknown'
    return [tool, { path, version }] as const
  } catch {
    return undefined
  }
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}
