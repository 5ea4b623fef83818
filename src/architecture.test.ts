/** A check that has stopped looking passes everything. So each one is fed what it must refuse, in a tree of its own. */
import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { REPOSITORY, runProgram } from '../tools/repository.ts'
import { LAYERS, showComplaint, tidyTree } from '../tools/tidy.ts'

const SETTINGS = ['package.json', 'tsconfig.base.json', 'biome.json', '.oxlintrc.json', '.gitignore']
let tree = ''

before(() => {
  tree = mkdtempSync(join(tmpdir(), 'ethos-architecture-'))
  for (const name of SETTINGS) copyFileSync(join(REPOSITORY, name), join(tree, name))
  for (const layer of Object.keys(LAYERS)) {
    write(`src/${layer}/thing.ts`, `export const THING = '${layer}'\nexport type Thing = typeof THING\n`)
    copyFileSync(join(REPOSITORY, 'src', layer, 'tsconfig.json'), join(tree, 'src', layer, 'tsconfig.json'))
  }
  symlinkSync(join(REPOSITORY, 'node_modules'), join(tree, 'node_modules'))
  runProgram('git', ['init', '--quiet'], tree)
})

after(() => rmSync(tree, { recursive: true, force: true }))

test('the tree itself is accepted, so what follows is refused for its own sake', () => {
  write(
    'tsconfig.json',
    JSON.stringify({ files: [], references: Object.keys(LAYERS).map((l) => ({ path: `src/${l}` })) }),
  )
  assert.deepEqual(runProgram('tsc', ['-b'], tree), { isSuccess: true, output: '' })
  assert.deepEqual(tidyTree(tree).complaints, [])
  assert.equal(lint().isSuccess, true, lint().output)
  assert.equal(format().isSuccess, true, format().output)
})

/** Every pair of layers of which the first may not import the second. */
const FORBIDDEN_IMPORTS = Object.entries(LAYERS).flatMap(([from, allowed]: [string, readonly string[]]) =>
  Object.keys(LAYERS)
    .filter((to) => to !== from && !allowed.includes(to))
    .map((to) => [from, to] as const),
)

test('the forbidden imports are the ones we mean', () => {
  const named = FORBIDDEN_IMPORTS.map(([from, to]) => `${from} -> ${to}`)
  for (const pair of [
    'engine -> drivers',
    'engine -> world',
    'simulator -> engine',
    'rivals -> engine',
    'terms -> engine',
  ]) {
    assert.ok(named.includes(pair), pair)
  }
  for (const pair of ['drivers -> loop', 'loop -> drivers', 'world -> engine']) assert.ok(named.includes(pair), pair)
  // 8 layers have 56 ordered pairs; the table allows 0 + 1 + 1 + 3 + 2 + 2 + 1 + 7 = 17 of them.
  assert.equal(named.length, 39)
})

for (const from of Object.keys(LAYERS)) {
  const targets = FORBIDDEN_IMPORTS.filter(([layer]) => layer === from).map(([, to]) => to)
  if (targets.length === 0) continue
  test(`${from} may not import ${targets.join(', ')}: neither the compiler nor tidy lets it`, () => {
    const badFiles = targets.map((to) => ({
      path: `src/${from}/bad-${to}.ts`,
      source: `import { THING } from '../${to}/thing.ts'\n\nexport const BAD = THING\n`,
    }))
    withFiles(badFiles, () => {
      const { isSuccess, output } = compile(from)
      assert.equal(isSuccess, false, 'the compiler accepted it')
      for (const to of targets) {
        assert.match(output, new RegExp(`src/${from}/bad-${to}\\.ts\\(1,23\\): error TS6(?:307|059): `))
        refusedByTidy(`src/${from}/bad-${to}.ts:1: error: ${from} may not import ${to};`)
      }
    })
  })
}

test('a forbidden type import is refused as well: engine may not know the world even by its types', () => {
  withFile(`src/engine/bad.ts`, `import type { Thing } from '../world/thing.ts'\n\nexport type Bad = Thing\n`, () => {
    refusedByCompiler('engine', /error TS6307: .*thing\.ts' is not/)
    refusedByTidy('src/engine/bad.ts:1: error: engine may not import world;')
  })
})

test('the two stores may not import each other, nor what they share either of them; both may import what they share', () => {
  const files = ['sqlite', 'postgres', 'site-store'].map((folder) => ({
    path: `src/drivers/${folder}/thing.ts`,
    source: 'export const THING = 1\n',
  }))
  const forbidden = [
    ['sqlite', 'postgres'],
    ['postgres', 'sqlite'],
    ['site-store', 'sqlite'],
    ['site-store', 'postgres'],
  ]
  const allowed = [
    ['sqlite', 'site-store'],
    ['postgres', 'site-store'],
  ]
  withFiles([...files, ...allowed.map(importer)], () => assert.deepEqual(tidyTree(tree).complaints, []))
  withFiles([...files, ...forbidden.map(importer)], () => {
    for (const [from, to] of forbidden) {
      const path = `src/drivers/${from}/uses-${to}.ts`
      refusedByTidy(`${path}:1: error: src/drivers/${from}/ may not import src/drivers/${to}/thing.ts; what the stores`)
    }
  })
})

const FORBIDDEN_NAMES: readonly (readonly [source: string, complaint: string])[] = [
  ['export const BAD = process.pid\n', "(1,20): error TS2591: Cannot find name 'process'"],
  ["console.log('bad')\n", "(1,1): error TS2584: Cannot find name 'console'"],
  ['setTimeout(() => 0, 1)\n', "(1,1): error TS2304: Cannot find name 'setTimeout'"],
  ['export const BAD = Buffer.alloc(1)\n', "(1,20): error TS2591: Cannot find name 'Buffer'"],
  ["export { readFileSync } from 'node:fs'\n", "(1,30): error TS2591: Cannot find name 'node:fs'"],
]

for (const layer of ['terms', 'engine', 'world', 'loop', 'simulator', 'rivals']) {
  test(`process, console, setTimeout, Buffer and node:fs do not exist in ${layer}`, () => {
    const badFiles = FORBIDDEN_NAMES.map(([source], i) => ({ path: `src/${layer}/bad-${i}.ts`, source }))
    withFiles(badFiles, () => {
      const { output } = compile(layer)
      FORBIDDEN_NAMES.forEach(([, complaint], i) => {
        assert.ok(output.includes(`src/${layer}/bad-${i}.ts${complaint}`), `expected "${complaint}" in:\n${output}`)
      })
    })
  })
}

test('what the compiler can not see, tidy does: clocks and luck of the language itself', () => {
  const source = 'export const BAD = [Date.now(), new Date(), Math.random()]\n'
  withFile('src/engine/bad.ts', source, () => {
    assert.equal(compile('engine').isSuccess, true)
    refusedByTidy('src/engine/bad.ts:1: error: Date.now is banned in engine; use the instant carried by')
    refusedByTidy('src/engine/bad.ts:1: error: new Date is banned in engine; use the instant carried by')
    refusedByTidy('src/engine/bad.ts:1: error: Math.random is banned in engine; use `Luck`')
  })
})

test('a placeholder beside a real file is refused', () => {
  withFile('src/engine/placeholder.ts', "export const LAYER = 'engine'\n", () => {
    refusedByTidy('src/engine/placeholder.ts:1: error: this layer has files now; delete its placeholder')
  })
})

test('syntax that Node can not strip is refused', () => {
  withFile('src/engine/bad.ts', 'export enum Bad {\n  One,\n}\n', () => {
    refusedByCompiler('engine', /bad\.ts\(1,13\): error TS1294: This syntax is not allowed when 'erasableSyntaxOnly'/)
  })
})

test('the linter refuses a floating promise, which takes types to see', () => {
  const source =
    'async function work(): Promise<number> {\n  return 1\n}\n\nexport function bad(): void {\n  work()\n}\n'
  withFile('src/engine/bad.ts', source, () => refusedByLinter(/src\/engine\/bad\.ts:6:3: Promises must be awaited/))
})

test('the linter refuses a switch that forgets a case, which takes types to see', () => {
  const source =
    "export function bad(kind: 'a' | 'b'): number {\n  switch (kind) {\n    case 'a':\n      return 1\n  }\n  return 2\n}\n"
  withFile('src/engine/bad.ts', source, () => refusedByLinter(/src\/engine\/bad\.ts:2:11: Switch is not exhaustive/))
})

test('the linter refuses a function of more than sixty lines, however it is written', () => {
  const body = '  n += 1\n'.repeat(60)
  const shapes = [
    `export function bad(n: number): number {\n${body}  return n\n}\n`,
    `export const bad = (n: number): number => {\n${body}  return n\n}\n`,
    `export class Bad {\n  go(n: number): number {\n${body}  return n\n  }\n}\n`,
  ]
  for (const source of shapes) {
    withFile('src/engine/bad.ts', source, () => refusedByLinter(/src\/engine\/bad\.ts:\d+:\d+: .*too many lines/))
  }
  const fits = `export function good(n: number): number {\n${'  n += 1\n'.repeat(57)}  return n\n}\n`
  withFile('src/engine/good.ts', fits, () => assert.equal(lint().isSuccess, true, lint().output))
})

test('the linter refuses a default export and an import cycle', () => {
  withFile('src/engine/bad.ts', 'export default 3\n', () => refusedByLinter(/bad\.ts:1:\d+: .*default/i))
  withFile('src/engine/one.ts', "import { TWO } from './two.ts'\n\nexport const ONE = () => TWO\n", () => {
    withFile('src/engine/two.ts', "import { ONE } from './one.ts'\n\nexport const TWO = () => ONE\n", () => {
      refusedByLinter(/src\/engine\/(?:one|two)\.ts:1:\d+: .*cycle/i)
    })
  })
})

test('the format check refuses what the formatter would change', () => {
  withFile('src/engine/bad.ts', 'export const BAD = "bad";\n', () => {
    const { isSuccess, output } = format()
    assert.equal(isSuccess, false)
    assert.match(output, /src\/engine\/bad\.ts format/)
  })
})

/** A file of one folder of drivers that imports from another. */
function importer([from, to]: readonly string[]): { readonly path: string; readonly source: string } {
  return {
    path: `src/drivers/${from}/uses-${to}.ts`,
    source: `import { THING } from '../${to}/thing.ts'\n\nexport const USED = THING\n`,
  }
}

function refusedByCompiler(layer: string, complaint: RegExp): void {
  const { isSuccess, output } = compile(layer)
  assert.equal(isSuccess, false, 'the compiler accepted it')
  assert.match(output, complaint)
}

function refusedByTidy(complaint: string): void {
  const lines = tidyTree(tree).complaints.map(showComplaint)
  assert.ok(
    lines.some((line) => line.startsWith(complaint)),
    `expected "${complaint}" among:\n${lines.join('\n')}`,
  )
}

function refusedByLinter(complaint: RegExp): void {
  const { isSuccess, output } = lint()
  assert.equal(isSuccess, false, 'the linter accepted it')
  assert.match(output, complaint)
}

function compile(layer: string) {
  return runProgram('tsc', ['-b', `src/${layer}`, '--pretty', 'false'], tree)
}

function lint() {
  return runProgram('oxlint', ['--type-aware', '--deny-warnings', '--format', 'unix', 'src'], tree)
}

function format() {
  return runProgram('biome', ['format', 'src'], tree)
}

function withFile(path: string, source: string, check: () => void): void {
  withFiles([{ path, source }], check)
}

function withFiles(files: readonly { readonly path: string; readonly source: string }[], check: () => void): void {
  for (const { path, source } of files) write(path, source)
  try {
    check()
  } finally {
    for (const { path } of files) rmSync(join(tree, path))
  }
}

function write(path: string, source: string): void {
  mkdirSync(dirname(join(tree, path)), { recursive: true })
  writeFileSync(join(tree, path), source)
}
