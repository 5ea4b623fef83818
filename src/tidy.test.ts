import assert from 'node:assert/strict'
import { test } from 'node:test'
import { splitSource } from '../tools/source-text.ts'
import { showComplaint, tidyFile, tidyTree } from '../tools/tidy.ts'

/** Fewer files than this were never in the repository: a check that found them all missing must not call them tidy. */
const FILES_MIN = 50

test('every source file keeps the house rules', () => {
  const { files, complaints } = tidyTree()
  assert.ok(files.length >= FILES_MIN, `found ${files.length} files, expected at least ${FILES_MIN}`)
  assert.deepEqual(complaints.map(showComplaint), [])
})

const BITES: readonly (readonly [rule: string, path: string, source: string, complaint: string])[] = [
  [
    'a layer imports what is beside it',
    'src/simulator/world.ts',
    "const a = 1\nimport { plan } from '../engine/plan.ts'\n",
    'src/simulator/world.ts:2: error: simulator may not import engine; it may import terms, world',
  ],
  [
    'a type import is an import',
    'src/engine/turn.ts',
    "import type { Clock } from '../world/clock.ts'\n",
    'src/engine/turn.ts:1: error: engine may not import world; it may import terms',
  ],
  [
    'an import may stand anywhere',
    'src/terms/vm.ts',
    "const later = await import('../engine/turn.ts')\n",
    'src/terms/vm.ts:1: error: terms may not import engine; it may import nothing',
  ],
  [
    'an import may be broken over lines',
    'src/rivals/random.ts',
    "import {\n  a,\n  b,\n} from '../../tools/tidy.ts'\n",
    'src/rivals/random.ts:4: error: rivals may not import tools/tidy.ts, which is outside all layers',
  ],
  [
    'pure layers know no Node',
    'src/engine/plan/decide.ts',
    "import { readFileSync } from 'node:fs'\n",
    'src/engine/plan/decide.ts:1: error: engine may not import node:fs; use an interface of world, filled by a driver',
  ],
  [
    'pure layers know no package',
    'src/loop/loop.ts',
    "import { Command } from 'commander'\n",
    'src/loop/loop.ts:1: error: loop may not import commander; use code of its own',
  ],
  [
    'a package must be a dependency, and not one of development',
    'src/apps/cli/main.ts',
    "import fc from 'fast-check'\n",
    'src/apps/cli/main.ts:1: error: fast-check is not among the dependencies of package.json',
  ],
  [
    'the agent touches its machine in one place',
    'src/drivers/guest/samplers/cpu.ts',
    "import { readFileSync } from 'node:fs'\n",
    'src/drivers/guest/samplers/cpu.ts:1: error: the agent may not import node:fs; ask the `Machine` (src/drivers/guest/machine.ts), ' +
      'filled by node-*.ts beside it',
  ],
  [
    'production code imports no test',
    'src/apps/cli/main.ts',
    "import { a } from './help.test.ts'\n",
    'src/apps/cli/main.ts:1: error: src/apps/cli/help.test.ts is a test; production code may not import it',
  ],
  [
    'exports have names',
    'src/apps/cli/main.ts',
    'export default 3\n',
    'src/apps/cli/main.ts:1: error: default export; export it by name',
  ],
  [
    'no barrels',
    'src/terms/index.ts',
    "/** All. */\nexport * from './vm.ts'\nexport { a, type B } from './host.ts'\n",
    'src/terms/index.ts:1: error: nothing but re-exports; import from the file that holds the thing',
  ],
  [
    'a task has an issue',
    'src/terms/vm.ts',
    '// TODO: later\nexport const a = 1 // TODO (#12): with an issue\n',
    'src/terms/vm.ts:1: error: TODO without an issue; write TODO (#123), or do it',
  ],
  [
    'a colour by its digits',
    'web/src/parts/Dialog.svelte',
    '<style>\n  p {\n    color: #a3271b;\n  }\n</style>\n',
    'web/src/parts/Dialog.svelte:3: error: #a3271b is a colour; give it a name in web/src/tokens.css and use that: var(--name)',
  ],
  [
    'a colour that code hands to a style',
    'web/src/lib/charts.ts',
    "export const line = { stroke: '#FFF' }\n",
    'web/src/lib/charts.ts:1: error: #FFF is a colour; give it a name in web/src/tokens.css and use that: var(--name)',
  ],
  [
    'a file fits a sitting',
    'src/apps/long.ts',
    'export const a = 1\n'.repeat(401),
    'src/apps/long.ts:401: error: 401 lines; a file has at most 400. Which part of it has a name of its own?',
  ],
  [
    'a line of code fits a screen',
    'src/apps/wide.ts',
    `export const a = [${'1, '.repeat(40)}]\n`,
    'src/apps/wide.ts:1: error: 139 characters; a line has at most 120 here',
  ],
  [
    'text may be longer, but not without end',
    'src/apps/wide.ts',
    `export const a = '${'x'.repeat(120)}'\nexport const b = '${'x'.repeat(160)}'\n`,
    'src/apps/wide.ts:2: error: 179 characters; a line has at most 160 here',
  ],
]

for (const [rule, path, source, complaint] of BITES) {
  test(`tidy bites: ${rule}`, () => {
    assert.deepEqual(tidyFile(path, source).map(showComplaint), [complaint])
  })
}

const BANNED_USES: readonly (readonly [use: string, word: string])[] = [
  ['Date.now()', 'Date.now'],
  ['new Date(0)', 'new Date'],
  ['Date()', 'Date'],
  ['Math.random()', 'Math.random'],
  ['process.exit()', 'process.'],
  ["console.log('a')", 'console.'],
  ['setTimeout(f, 1)', 'setTimeout'],
  ['setInterval(f, 1)', 'setInterval'],
  ['setImmediate(f)', 'setImmediate'],
  ['performance.now()', 'performance.now'],
  ['globalThis', 'globalThis'],
]

for (const [use, word] of BANNED_USES) {
  test(`tidy bites: ${word} in pure layers`, () => {
    for (const layer of ['terms', 'engine', 'world', 'loop', 'simulator', 'rivals']) {
      const complaints = tidyFile(`src/${layer}/a.ts`, `\n\nexport const a = ${use}\n`).map(showComplaint)
      assert.equal(complaints.length, 1)
      assert.ok(
        complaints[0].startsWith(`src/${layer}/a.ts:3: error: ${word} is banned in ${layer}; use `),
        complaints[0],
      )
    }
    assert.deepEqual(tidyFile('src/drivers/a.ts', `export const a = ${use}\n`), [])
    assert.deepEqual(tidyFile('src/engine/a.test.ts', `export const a = ${use}\n`), [])
  })
}

for (const use of [
  'rgb(0 0 0 / 35%)',
  'rgba(0, 0, 0, 0.3)',
  'hsl(9 9% 9%)',
  'oklch(0.5 0.1 20)',
  'color(srgb 1 0 0)',
]) {
  test(`tidy bites: ${use} outside the tokens`, () => {
    const source = `a {\n  background: ${use};\n}\n`
    const [complaint, ...more] = tidyFile('web/src/base.css', source).map(showComplaint)
    assert.ok(
      complaint.startsWith(`web/src/base.css:2: error: ${use.slice(0, use.indexOf('('))} is a colour; `),
      complaint,
    )
    assert.deepEqual(more, [])
    assert.deepEqual(tidyFile('web/src/tokens.css', source), [])
  })
}

test('a name of the palette is no colour, mixed or not, nor is what only looks like one', () => {
  const style = 'a { color: color-mix(in srgb, var(--ink) 40%, transparent); } /* not #fff */ #face-to { top: 0; }\n'
  assert.deepEqual(tidyFile('web/src/base.css', style), [])
  const page = '{#each rows as row (row.id)}\n  <a href="#main">{row.id}</a>\n{/each}\n{#if a}\n  b\n{/if}\n'
  assert.deepEqual(tidyFile('web/src/parts/Dialog.svelte', page), [])
})

test('a banned word in a comment or in text is only talked about', () => {
  const source =
    "/** Not Date.now. */\nexport const a = 'Math.random()' // console.log\nexport const b = `process.${'x'}`\n"
  assert.deepEqual(tidyFile('src/engine/a.ts', source), [])
})

test('the word from in text imports nothing', () => {
  assert.deepEqual(tidyFile('src/terms/a.ts', "export const a = [b['from'], 'x', `import '../engine/a.ts'`]\n"), [])
})

test('a banned word inside a template substitution is used', () => {
  const source = 'export const a = `it is ${fine({ a: 1 })} at ${Date.now()} sharp` + `}`\n'
  assert.equal(tidyFile('src/engine/a.ts', source).length, 1)
})

test('code, comments and text are told apart', () => {
  // A quote in a regular expression opens no text; a division is no regular expression; a mark in text is no comment.
  const source = "const a = /['\"]/.test(b) // c\nconst d = e / f / g\nconst h = 'i // j'\nconst k = /[/]'/\n"
  const { code, comments } = splitSource(source)
  assert.deepEqual(
    code.split('\n').map((line) => line.replaceAll(/\s+/g, ' ').trim()),
    ['const a = .test(b)', 'const d = e / f / g', 'const h =', 'const k =', ''],
  )
  assert.equal(comments.trim(), '// c')
  assert.equal(code.length, source.length)
})
