/** Documents are read by people who then type what stands there. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { test } from 'node:test'
import { REPOSITORY, sourceFiles } from '../tools/repository.ts'

/** Code spans and fenced blocks hold examples, not links. */
const CODE = /^```[^]*?^```$|`[^`\n]*`/gm
const PAGES = sourceFiles(['*.md', 'docs/**/*.md', 'decisions/*.md']).map((path) => ({ path, text: read(path) }))

test('there are documents to check', () => {
  const paths = new Set(PAGES.map(({ path }) => path))
  for (const path of ['README.md', 'ARCHITECTURE.md', 'docs/backtest.md', 'docs/traces.md']) assert.ok(paths.has(path))
})

test('every relative link leads to a file, and to a heading where it names one', () => {
  const broken = PAGES.flatMap(({ path, text }) =>
    linksOf(text)
      .filter((link) => !leadsSomewhere(path, link))
      .map((link) => `${path}: ${link}`),
  )
  assert.deepEqual(broken, [])
})

test('every npm script that a document names exists', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
  for (const { path, text } of PAGES) {
    for (const [, name] of text.matchAll(/\bnpm run (?:-s )?([\w:-]+)/g))
      assert.ok(name in scripts, `${path}: npm run ${name}`)
    for (const [, name] of text.matchAll(/\bnpm (start|test)\b/g)) assert.ok(name in scripts, `${path}: npm ${name}`)
  }
})

test('docs/backtest.md tells of each option of ethos backtest, and of no other', () => {
  const rows = read('docs/backtest.md').matchAll(/^\| `(--[\w-]+)[^`]*` \|/gm)
  const told = [...rows].map(([, option]) => option)
  assert.deepEqual(told.toSorted(), optionsOf('backtest').toSorted())
})

test('every option in a document is an option of some command', () => {
  const ofSite = [
    'login',
    'rank',
    'vms',
    'enroll',
    'hosts',
    'policy',
    'bench host',
    'doctor',
    'reporter',
    'tokens create',
  ]
  const ofServer = [
    ...ofSite,
    'server',
    'audit',
    'authority list',
    'authority rotate',
    'operator create',
    'phases list',
  ]
  const commands = ['backtest', 'report', 'demo', 'agent', 'token create', 'agents list', ...ofServer]
  const known = new Set(commands.flatMap(optionsOf).concat(['--help', '--seed', '--no-executable']))
  for (const path of [
    'README.md',
    'docs/agent.md',
    'docs/server.md',
    'docs/reporter.md',
    'docs/backtest.md',
    'docs/traces.md',
    'docs/errors.md',
    'docs/policy.md',
    'docs/engine.md',
  ]) {
    for (const [option] of read(path).matchAll(/(?<![\w-])--[a-z][\w-]*/g))
      assert.ok(known.has(option), `${path}: ${option}`)
  }
})

function optionsOf(command: string): readonly string[] {
  const words = [join(REPOSITORY, 'src/apps/cli/main.ts'), ...command.split(' '), '--help']
  const help = execFileSync(process.execPath, words, { encoding: 'utf8' })
  return [...help.matchAll(/^ {2}(?:-\w, )?(--[\w-]+)/gm)]
    .map(([, option]) => option)
    .filter((option) => option !== '--help')
}

function linksOf(text: string): readonly string[] {
  return [...text.replaceAll(CODE, '').matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, link]) => link)
    .filter((link) => !/^[a-z]+:/.test(link))
}

function leadsSomewhere(from: string, link: string): boolean {
  const [file, heading] = link.split('#')
  const target = file === '' ? from : posix.join(dirname(from), file)
  if (!existsSync(join(REPOSITORY, target))) return false
  return heading === undefined || headingsOf(read(target)).includes(heading)
}

/** As GitHub makes them: lower case, punctuation dropped, spaces to hyphens. */
function headingsOf(text: string): readonly string[] {
  return [...text.replaceAll(/^```[^]*?^```$/gm, '').matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

function read(path: string): string {
  return readFileSync(join(REPOSITORY, path), 'utf8')
}
