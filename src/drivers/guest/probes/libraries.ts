/** Where the libraries are whose functions are watched. A library that is on disk twice (a container's) is two libraries. */
import type { Looks } from '../machine.ts'

/** Folders of Debian, Red Hat, SUSE, Arch and Alpine. */
const FOLDERS = [
  '/usr/lib/x86_64-linux-gnu',
  '/usr/lib/aarch64-linux-gnu',
  '/lib/x86_64-linux-gnu',
  '/lib/aarch64-linux-gnu',
  '/usr/lib64',
  '/lib64',
  '/usr/lib',
  '/lib',
] as const
const CACHE = '/etc/ld.so.cache'
const CACHE_BYTES_MAX = 1024 * 1024
const MAPS_BYTES_MAX = 256 * 1024
const PROCESSES_MAX = 2000
/** Of one name: the system's, and a few that containers or programs brought along. */
const PATHS_MAX = 4
const LINKS_MAX = 16

/** Files by beginning of their name, each once, whatever links lead there: what the loader's cache names and the usual folders hold; then, as far as we
 *  may look, what running processes have mapped, which come last for anybody can map what he likes under such a name. */
export function findLibraries(looks: Looks, names: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const mapped = mappedFiles(looks, names)
  const cache = looks.readText(CACHE, CACHE_BYTES_MAX) ?? ''
  return new Map(
    names.map((name) => {
      const paths = new Set<string>()
      for (const path of [...cachedFiles(cache, name), ...listedFiles(looks, name), ...mapped]) {
        if (!isLibrary(path, name)) continue
        const real = realPath(looks, path)
        if (real !== undefined && looks.access(real) === 'readable') paths.add(real)
      }
      return [name, [...paths].slice(0, PATHS_MAX)]
    }),
  )
}

/** `libssl.so.3` is of `libssl.so`; `libssl.so.3-old` and `libssl3.so` are not. A probe is defined by a line of words: a path with a blank or
 *  a colon in it can not stand there. */
function isLibrary(path: string, name: string): boolean {
  const file = path.slice(path.lastIndexOf('/') + 1)
  return file.startsWith(name) && /^[.0-9]*$/.test(file.slice(name.length)) && /^\/[A-Za-z0-9/._+-]{1,250}$/.test(path)
}

/** `7f.. r-xp 0002 08:01 123   /usr/lib/x86_64-linux-gnu/libc.so.6`, of every process that we may look into. */
function mappedFiles(looks: Looks, names: readonly string[]): ReadonlySet<string> {
  const found = new Set<string>()
  const processes = (looks.list('/proc') ?? []).filter((entry) => /^\d+$/.test(entry))
  for (const process of processes.slice(0, PROCESSES_MAX)) {
    const text = looks.readText(`/proc/${process}/maps`, MAPS_BYTES_MAX)
    if (text === undefined) continue
    for (const name of names) {
      for (let at = text.indexOf(`/${name}`); at >= 0; at = text.indexOf(`/${name}`, at + 1)) {
        const end = text.indexOf('\n', at)
        const start = text.lastIndexOf('\n', at) + 1
        const path = text.slice(text.indexOf('/', start), end < 0 ? text.length : end)
        if (isLibrary(path, name)) found.add(path)
      }
    }
  }
  return found
}

/** The cache holds its paths as text that ends in NUL; the tables around them are of no use to us. */
function cachedFiles(cache: string, name: string): readonly string[] {
  const found: string[] = []
  for (let at = cache.indexOf(`/${name}`); at >= 0; at = cache.indexOf(`/${name}`, at + 1)) {
    const end = cache.indexOf('\0', at)
    const path = cache.slice(cache.lastIndexOf('\0', at) + 1, end < 0 ? cache.length : end)
    if (!found.includes(path)) found.push(path)
    if (found.length >= PATHS_MAX) break
  }
  return found
}

function listedFiles(looks: Looks, name: string): readonly string[] {
  return FOLDERS.flatMap((folder) =>
    (looks.list(folder) ?? []).filter((file) => file.startsWith(name)).map((file) => `${folder}/${file}`),
  )
}

/** The file itself, whatever links lead to it. Undefined where links go round in a circle. */
export function realPath(looks: Looks, path: string): string | undefined {
  let done = ''
  let rest = path.split('/').filter((part) => part !== '')
  for (let links = 0; rest.length > 0; ) {
    const [part, ...others] = rest
    rest = others
    if (part === '.') continue
    if (part === '..') {
      done = done.slice(0, Math.max(0, done.lastIndexOf('/')))
      continue
    }
    const target = looks.readLink(`${done}/${part}`)
    if (target === undefined) {
      done = `${done}/${part}`
      continue
    }
    if (++links > LINKS_MAX) return undefined
    if (target.startsWith('/')) done = ''
    rest = [...target.split('/').filter((each) => each !== ''), ...rest]
  }
  return done
}
