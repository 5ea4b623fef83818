/** `npm run lock`: names in package-lock.json the packages of platforms that the registry at hand does not carry. Such a registry makes
 *  `npm install` leave them out, and `npm ci` then refuses the lock file everywhere. What is added has no checksum: only platforms other
 *  than ours install it, and a registry that carries it fills the checksum in. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { REPOSITORY } from './repository.ts'

export interface LockEntry {
  readonly version?: string
  readonly dev?: boolean
  readonly optional?: boolean
  readonly os?: readonly string[]
  readonly cpu?: readonly string[]
  readonly libc?: readonly string[]
  readonly optionalDependencies?: Readonly<Record<string, string>>
}
type Packages = Readonly<Record<string, LockEntry>>

const SYSTEMS = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'win32']
const PROCESSORS = ['arm', 'arm64', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'x64']

/** Optional packages that others ask for and the lock file does not name, as it should name them. */
export function missingEntries(packages: Packages): Packages {
  const missing: Record<string, LockEntry> = {}
  for (const [path, { dev, optionalDependencies = {} }] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(optionalDependencies)) {
      const isNamed = `node_modules/${name}` in packages || `${path}/node_modules/${name}` in packages
      if (!isNamed)
        missing[`node_modules/${name}`] = { version, ...platformOf(name), ...(dev ? { dev } : {}), optional: true }
    }
  }
  return missing
}

function platformOf(name: string): Pick<LockEntry, 'os' | 'cpu' | 'libc'> {
  const words = name.split(/[-/]/)
  const os = SYSTEMS.filter((system) => words.includes(system))
  const cpu = PROCESSORS.filter((processor) => words.includes(processor))
  if (os.length !== 1 || cpu.length !== 1)
    throw new Error(`${name}: which platform is it for? Name it in the lock file by hand.`)
  if (os[0] !== 'linux') return { os, cpu }
  return { os, cpu, libc: [words.some((word) => word.startsWith('musl')) ? 'musl' : 'glibc'] }
}

if (import.meta.main) {
  const path = join(REPOSITORY, 'package-lock.json')
  const lock = JSON.parse(readFileSync(path, 'utf8')) as { packages: Packages }
  const missing = missingEntries(lock.packages)
  const entries = Object.entries({ ...lock.packages, ...missing }).toSorted(([a], [b]) => (a < b ? -1 : 1))
  writeFileSync(path, `${JSON.stringify({ ...lock, packages: Object.fromEntries(entries) }, null, 2)}\n`)
  process.stdout.write(`${Object.keys(missing).length} packages of other platforms added to package-lock.json\n`)
}
