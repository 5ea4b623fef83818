import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { REPOSITORY, sourceFiles } from '../tools/repository.ts'
import { splitSource } from '../tools/source-text.ts'

const EXPORTED_TYPE = /^export (?:abstract )?(?:interface|type|class) (?<name>\w+)/gm
/** An entry: a term in bold, then the names of its types, then a colon. It may go on over several lines. */
const ENTRY = /^- \*\*(?<term>[^*]+)\*\*(?: \((?<types>`[^)]*`)\))?: /

interface Entry {
  readonly term: string
  readonly types: readonly string[]
}

test('each name in the glossary is a type of the terms', () => {
  const types = new Set(exportedTypes().map(({ name }) => name))
  const unknown = entries().flatMap(({ term, types: names }) =>
    names.filter((name) => !types.has(name)).map((name) => `${term}: ${name} is not exported by src/terms`),
  )
  assert.deepEqual(unknown, [])
})

test('each type of the terms is explained in the glossary', () => {
  const explained = new Set(entries().flatMap(({ types }) => types))
  const missing = exportedTypes()
    .filter(({ name }) => !explained.has(name))
    .map(({ name, path }) => `${path}: ${name} has no entry in GLOSSARY.md`)
  assert.deepEqual(missing, [])
})

test('each term and each type is explained once', () => {
  for (const words of [entries().map(({ term }) => term), entries().flatMap(({ types }) => types)]) {
    assert.deepEqual(
      words.filter((word, i) => words.indexOf(word) !== i),
      [],
    )
  }
})

test('every line that looks like an entry is one', () => {
  const lines = glossary().filter((line) => line.startsWith('- ') || line.startsWith('* '))
  assert.deepEqual(
    lines.filter((line) => !ENTRY.test(line)),
    [],
  )
})

test('the check looks at something: the terms and the glossary are not empty', () => {
  assert.ok(exportedTypes().length >= 50, `${exportedTypes().length} types`)
  assert.ok(entries().length >= 80, `${entries().length} entries`)
  for (const term of ['pre-copy', 'dirty page rate', 'steal', 'hysteresis', 'presence mask', 'SLATAH', 'balancer']) {
    assert.ok(
      entries().some((entry) => entry.term === term),
      term,
    )
  }
})

function entries(): readonly Entry[] {
  return glossary().flatMap((line) => {
    const { term, types } = ENTRY.exec(line)?.groups ?? {}
    if (term === undefined) return []
    return [{ term, types: [...(types ?? '').matchAll(/`(\w+)`/g)].map(([, name]) => name) }]
  })
}

function glossary(): readonly string[] {
  return readFileSync(join(REPOSITORY, 'GLOSSARY.md'), 'utf8').split('\n')
}

function exportedTypes(): readonly { readonly name: string; readonly path: string }[] {
  return sourceFiles(['src/terms/**/*.ts'])
    .filter((path) => !/\.(?:test|contract|bench)\.ts$/.test(path))
    .flatMap((path) => {
      const { code } = splitSource(readFileSync(join(REPOSITORY, path), 'utf8'))
      return [...code.matchAll(EXPORTED_TYPE)].map((match) => ({ path, name: match.groups?.['name'] ?? '' }))
    })
}
