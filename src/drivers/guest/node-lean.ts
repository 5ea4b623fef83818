/** The engine as an agent needs it: small rather than fast. Its switches are read only when it starts, so the process begins anew with them, as the
 *  same process: same number, same files, same supervisor. What each brought stands in docs/agent-cost.md. */

/** Set in the second life, so that there is no third. Whoever sets it to `off` keeps the engine as it comes. */
const LEAN = 'ETHOS_LEAN'

/** V8 without its compilers and with small heaps; its helpers' work is done by the one thread that there is. */
const NODE_SWITCHES = ['--lite-mode', '--single-threaded'] as const
/** Switches of V8 are nobody's promise: versions that they were measured with. An engine that does not know one would not start. */
const NODE_MAJORS = [24, 26] as const

/** glibc would keep a heap per thread. JavaScriptCore without its compilers neither maps nor touches what they need. */
const ENVIRONMENTS = {
  node: { MALLOC_ARENA_MAX: '1' },
  bun: { BUN_JSC_useJIT: '0' },
} as const

/** What a process is, as far as it matters here. */
export interface Life {
  readonly execPath: string
  readonly execArgv: readonly string[]
  /** The program's own words: the script, then its words. */
  readonly argv: readonly string[]
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly versions: Readonly<Record<string, string | undefined>>
}

export interface NextLife {
  readonly words: readonly string[]
  readonly environment: Readonly<Record<string, string>>
}

/** How to begin anew; undefined where that has been done, is not wanted, or is not known to help. What the user has set already stays. */
export function nextLife({ execPath, execArgv, argv, environment, versions }: Life): NextLife | undefined {
  if (environment[LEAN] !== undefined) return undefined
  // To read TypeScript as it is, Node needs WebAssembly, and that a compiler.
  if (argv[1]?.endsWith('.ts')) return undefined
  const isBun = versions['bun'] !== undefined
  const major = Number.parseInt(versions['node'] ?? '', 10)
  if (!isBun && !(major >= NODE_MAJORS[0] && major <= NODE_MAJORS[1])) return undefined
  const kept = Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined)
  const wanted = isBun ? ENVIRONMENTS.bun : ENVIRONMENTS.node
  // An executable of Bun's is its own script, which it puts between its name and the words.
  const words = isBun ? argv.slice(2) : [...NODE_SWITCHES, ...execArgv, ...argv.slice(1)]
  return { words: [execPath, ...words], environment: { ...wanted, ...Object.fromEntries(kept), [LEAN]: 'on' } }
}

/** Does not return where the process begins anew. */
export function restartLean(): void {
  const { execPath, execArgv, argv, env, versions } = process
  const next = nextLife({ execPath, execArgv, argv, environment: env, versions })
  if (next !== undefined) process.execve?.(execPath, next.words, next.environment)
}
