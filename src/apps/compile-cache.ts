/** Keeps what Node compiles between starts: more than half of a command's CPU time, and a quarter of a server's until its first turn, went into
 *  compiling sources and stripping their types. */
import { accessSync, constants, mkdirSync, statSync } from 'node:fs'
import { constants as compile, enableCompileCache, flushCompileCache } from 'node:module'
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'

const FOLDER = 'ethos-compiled'

/** From now on, for this process, its threads and its children. Where there is no folder that is ours alone there is no cache: code is run from it, so who
 *  could write there could do all that we may. */
export function keepCompiled(env: NodeJS.ProcessEnv = process.env): void {
  // Coverage is counted on what was compiled here; and an operator may have said otherwise.
  const isAsked = env['NODE_V8_COVERAGE'] === undefined && env['NODE_COMPILE_CACHE'] === undefined
  const folder = isAsked ? ownFolder(env) : undefined
  if (folder === undefined) return
  const { status } = enableCompileCache(folder)
  if (status === compile.compileCacheStatus.ENABLED) env['NODE_COMPILE_CACHE'] = folder
}

/** Writes what was compiled so far, rather than at the end: who is killed has no end. Without a cache it does nothing. */
export function writeCompiled(): void {
  flushCompileCache()
}

/** systemd's `CacheDirectory=`, or the user's own (XDG Base Directory Specification). Undefined: there is none that nobody else may write to. */
export function ownFolder(env: NodeJS.ProcessEnv): string | undefined {
  const given = [env['CACHE_DIRECTORY']?.split(':')[0], env['XDG_CACHE_HOME']].find((path) => isAbsolute(path ?? ''))
  const folder = join(given ?? join(homedir(), '.cache'), FOLDER)
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const { uid, mode } = statSync(folder)
    accessSync(folder, constants.W_OK | constants.X_OK)
    return uid === process.getuid?.() && (mode & 0o022) === 0 ? folder : undefined
  } catch {
    // A home that can't be written to is nothing that a command should fail by.
    return undefined
  }
}
