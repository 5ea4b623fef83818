import { readFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { REPOSITORY, sourceFiles } from './repository.ts'
import { type SourceText, splitSource } from './source-text.ts'

/** What each layer may import beside itself. The compiler refuses the same by project references; this names the rule. */
export const LAYERS = {
  terms: [],
  engine: ['terms'],
  world: ['terms'],
  loop: ['terms', 'engine', 'world'],
  drivers: ['terms', 'world'],
  simulator: ['terms', 'world'],
  rivals: ['terms'],
  apps: ['terms', 'engine', 'world', 'loop', 'drivers', 'simulator', 'rivals'],
} as const satisfies Record<string, readonly string[]>
type Layer = keyof typeof LAYERS

/** The agent brings along nothing and touches its machine in few files, so that a smaller engine than Node can run it. */
const AGENT_FOLDERS = ['src/apps/agent/', 'src/drivers/guest/']
const MACHINE_FILES = /^src\/(drivers\/guest\/node-[a-z-]+|apps\/agent\/entry)\.ts$/

/** Layers that know neither Node nor a clock nor luck of their own, nor any package. */
const PURE_LAYERS: ReadonlySet<Layer> = new Set(['terms', 'engine', 'world', 'loop', 'simulator', 'rivals'])

/** The stores know nothing of each other, and what they share knows neither: each can be changed, or left out, alone. */
const STORES = ['src/drivers/sqlite/', 'src/drivers/postgres/']
const SHARED_BY_STORES = 'src/drivers/site-store/'

/** The dashboard, and what it is made with. */
const WEB = 'web/'
const WEB_PACKAGES: readonly string[] = ['svelte', 'uplot']

/** Every colour of the page has its name here, once for light and once for dark. */
const TOKENS = 'web/src/tokens.css'
/** A colour by its numbers: after `#`, or by a function of CSS. Names of the palette are mixed by `color-mix`, which is none. */
const COLOUR = /#(?:[\da-f]{8}|[\da-f]{6}|[\da-f]{3,4})(?![\w-])|\b(?:rgba?|hsla?|hwb|lab|lch|oklab|oklch|color)\(/gi

/** Words that pure layers may not use, and what they use instead. */
const BANNED: readonly { readonly pattern: RegExp; readonly use: string }[] = [
  { pattern: /\bDate\.now\b/, use: 'the instant carried by the observation, or `Clock.now()` of the world' },
  { pattern: /\bnew Date\b|\bDate\(/, use: 'the instant carried by the observation, as `EpochMs`' },
  { pattern: /\bMath\.random\b/, use: '`Luck` or `drawFraction` of terms/luck.ts, seeded by the caller' },
  { pattern: /\bprocess\./, use: 'an argument: only drivers and apps know the process' },
  { pattern: /\bconsole\./, use: 'a returned event or note: only apps print' },
  { pattern: /\bset(?:Timeout|Interval|Immediate)\b/, use: '`Clock.sleepUntil` of the world' },
  { pattern: /\bperformance\.now\b/, use: '`Clock.now()` of the world, or measure in tools/benchmark.ts' },
  { pattern: /\bglobalThis\b/, use: 'an argument' },
]

const FILE_LINES_MAX = 400
const LINE_LENGTH_MAX = 120
/** For comments and text, which the formatter does not break. */
const LINE_LENGTH_MAX_TEXT = 160

export interface Complaint {
  readonly path: string
  readonly line: number
  readonly message: string
}

export function showComplaint({ path, line, message }: Complaint): string {
  return `${path}:${line}: error: ${message}`
}

/** Reads every source file under `root` and says what is amiss. Functions of more than 60 lines are the linter's. */
export function tidyTree(root = REPOSITORY): {
  readonly files: readonly string[]
  readonly complaints: readonly Complaint[]
} {
  const files = sourceFiles(['src/**/*.ts', 'tools/**/*.ts', 'web/src/**/*.{ts,svelte,css}'], root)
  const packages = readDependencies(root)
  const complaints = files.flatMap((path) => tidyFile(path, readFileSync(join(root, path), 'utf8'), packages))
  return { files, complaints: [...complaints, ...findDeadPlaceholders(files)] }
}

/** Everything amiss in one file. `packages` are those that may be imported at run time. */
export function tidyFile(path: string, source: string, packages: readonly string[] = []): readonly Complaint[] {
  const text = splitSource(source)
  return [
    ...checkLengths(path, source, text),
    ...checkExports(path, text),
    ...checkTasks(path, text),
    ...checkImports(path, text, packages),
    ...checkBannedWords(path, text),
    ...checkColours(path, text),
  ]
}

function checkLengths(path: string, source: string, text: SourceText): Complaint[] {
  const complaints: Complaint[] = []
  const lines = source.replace(/\n$/, '').split('\n')
  const code = text.code.split('\n')
  if (lines.length > FILE_LINES_MAX) {
    const message = `${lines.length} lines; a file has at most ${FILE_LINES_MAX}. Which part of it has a name of its own?`
    complaints.push({ path, line: FILE_LINES_MAX + 1, message })
  }
  lines.forEach((line, i) => {
    const max = code[i].trimEnd() === line ? LINE_LENGTH_MAX : LINE_LENGTH_MAX_TEXT
    if (line.length > max) {
      complaints.push({ path, line: i + 1, message: `${line.length} characters; a line has at most ${max} here` })
    }
  })
  return complaints
}

function checkExports(path: string, text: SourceText): Complaint[] {
  const complaints = find(text.code, /\bexport\s+default\b/g).map(({ line }) => ({
    path,
    line,
    message: 'default export; export it by name',
  }))
  const statements = text.codeAndText.replaceAll(/\bexport\s[^;'"]*?\bfrom\s*'[^']*';?/g, '')
  if (text.code.trim() !== '' && statements.trim() === '') {
    complaints.push({ path, line: 1, message: 'nothing but re-exports; import from the file that holds the thing' })
  }
  return complaints
}

function checkTasks(path: string, text: SourceText): Complaint[] {
  return find(text.comments, /\b(TODO|FIXME|XXX)\b(?!\s*\(?#\d+)/g).map(({ line, word }) => ({
    path,
    line,
    message: `${word} without an issue; write ${word} (#123), or do it`,
  }))
}

function checkImports(path: string, text: SourceText, packages: readonly string[]): Complaint[] {
  const layer = path.startsWith(WEB) ? 'web' : layerOf(path)
  if (layer === undefined || isTestFile(path)) return []
  const pattern = /(?:\bfrom|\bimport\s*\(?)\s*(['"])(?<specifier>[^'"]+)\1/g
  const imports = find(text.codeAndText, pattern).filter(({ match }) => text.code[match.index] !== ' ')
  return imports.flatMap(({ line, match }) => {
    const specifier = match.groups?.['specifier'] ?? ''
    const message =
      layer === 'web'
        ? judgeWebImport(path, specifier, lineAt(text.codeAndText, match.index))
        : judgeImport(path, layer, specifier, packages)
    return message === undefined ? [] : [{ path, line, message }]
  })
}

/** The page is told by the server what is so: of its code it has the nouns, and of its answers the types. */
function judgeWebImport(path: string, specifier: string, statement: string): string | undefined {
  if (!specifier.startsWith('.')) {
    const name = specifier.split('/')[0]
    return WEB_PACKAGES.includes(name)
      ? undefined
      : `web may not import ${specifier}; it has ${WEB_PACKAGES.join(', ')}`
  }
  const target = posix.join(dirname(path), specifier)
  if (target.startsWith(WEB) || target.startsWith('src/terms/')) return undefined
  if (target.startsWith('src/apps/server/views/') && /^\s*import type\b/.test(statement)) return undefined
  return `web may not import ${target}; it may import terms, and types of src/apps/server/views`
}

/** The statement that an import stands in, from the word `import` on. */
function lineAt(source: string, index: number): string {
  return source.slice(Math.max(0, source.lastIndexOf('import', index)), index)
}

function judgeImport(path: string, layer: Layer, specifier: string, packages: readonly string[]): string | undefined {
  const isPure = PURE_LAYERS.has(layer)
  if (specifier.startsWith('.')) return judgeRelativeImport(path, layer, specifier)
  if (isPure) {
    const use = specifier.startsWith('node:') ? 'an interface of world, filled by a driver' : 'code of its own'
    return `${layer} may not import ${specifier}; use ${use}`
  }
  if (isOfAgent(path) && !MACHINE_FILES.test(path)) {
    return `the agent may not import ${specifier}; ask the \`Machine\` (src/drivers/guest/machine.ts), filled by node-*.ts beside it`
  }
  if (specifier.startsWith('node:')) return undefined
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
  return packages.includes(name) ? undefined : `${name} is not among the dependencies of package.json`
}

function isOfAgent(path: string): boolean {
  return AGENT_FOLDERS.some((folder) => path.startsWith(folder))
}

function judgeRelativeImport(path: string, layer: Layer, specifier: string): string | undefined {
  const target = posix.join(dirname(path), specifier)
  if (!target.endsWith('.ts')) return `${specifier} must end in .ts, as the file does`
  if (isTestFile(target)) return `${target} is a test; production code may not import it`
  const other = layerOf(target)
  if (other === layer) return judgeStoreImport(path, target)
  if (other === undefined) return `${layer} may not import ${target}, which is outside all layers`
  const allowed: readonly Layer[] = LAYERS[layer]
  if (allowed.includes(other)) return undefined
  return `${layer} may not import ${other}; it may import ${allowed.length === 0 ? 'nothing' : allowed.join(', ')}`
}

function judgeStoreImport(path: string, target: string): string | undefined {
  const other = STORES.find((folder) => target.startsWith(folder))
  const own = [...STORES, SHARED_BY_STORES].find((folder) => path.startsWith(folder))
  if (other === undefined || own === undefined || own === other) return undefined
  return `${own} may not import ${target}; what the stores share lies in ${SHARED_BY_STORES}`
}

function checkBannedWords(path: string, text: SourceText): Complaint[] {
  const layer = layerOf(path)
  if (layer === undefined || !PURE_LAYERS.has(layer) || isTestFile(path)) return []
  return BANNED.flatMap(({ pattern, use }) =>
    find(text.code, new RegExp(pattern.source, 'g')).map(({ line, word }) => ({
      path,
      line,
      message: `${word} is banned in ${layer}; use ${use}`,
    })),
  )
}

/** A colour that stands elsewhere stays as it is when the palette changes, and in the dark. */
function checkColours(path: string, text: SourceText): Complaint[] {
  if (!path.startsWith(WEB) || path === TOKENS || isTestFile(path)) return []
  return find(text.codeAndText, COLOUR).map(({ line, word }) => ({
    path,
    line,
    message: `${word} is a colour; give it a name in ${TOKENS} and use that: var(--name)`,
  }))
}

/** A placeholder keeps an empty layer compiling; beside real files it is dead. */
function findDeadPlaceholders(files: readonly string[]): Complaint[] {
  return files
    .filter((path) => posix.basename(path) === 'placeholder.ts')
    .filter((path) => files.some((other) => other !== path && other.startsWith(`${posix.dirname(path)}/`)))
    .map((path) => ({ path, line: 1, message: 'this layer has files now; delete its placeholder' }))
}

function readDependencies(root: string): readonly string[] {
  const { dependencies = {}, optionalDependencies = {} } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  ) as { dependencies?: Record<string, string>; optionalDependencies?: Record<string, string> }
  return [...Object.keys(dependencies), ...Object.keys(optionalDependencies)]
}

function layerOf(path: string): Layer | undefined {
  const name = /^src\/([^/]+)\//.exec(path)?.[1]
  return name !== undefined && Object.hasOwn(LAYERS, name) ? (name as Layer) : undefined
}

function isTestFile(path: string): boolean {
  return /\.(?:test|contract|bench)\.ts$/.test(path)
}

function find(text: string, pattern: RegExp) {
  return [...text.matchAll(pattern)].map((match) => ({
    match,
    word: match[0].replace(/\($/, ''),
    line: text.slice(0, match.index).split('\n').length,
  }))
}
