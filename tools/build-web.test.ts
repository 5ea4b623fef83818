import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { buildWebIfStale } from './build-web.ts'
import { PAGE_BUILT } from './web/page-sizes.ts'

test('what was built is not built again while nothing of it changes', () => {
  assert.notEqual(buildWebIfStale().kind, 'failed')
  assert.deepEqual(buildWebIfStale(), { kind: 'fresh' })
})

test('scripts and styles lie there packed, and unpacked they are the same', () => {
  assert.notEqual(buildWebIfStale().kind, 'failed')
  const files = globSync('{index.html,assets/*.{js,css}}', { cwd: PAGE_BUILT })
  assert.ok(files.length > 20)
  let packed = 0
  for (const file of files) {
    const path = join(PAGE_BUILT, file)
    const bytes = readFileSync(path)
    for (const [ending, unpack] of [
      ['br', brotliDecompressSync],
      ['gz', gunzipSync],
    ] as const) {
      const form = `${path}.${ending}`
      if (!existsSync(form)) continue
      packed++
      assert.deepEqual(unpack(readFileSync(form)), bytes, form)
      assert.ok(readFileSync(form).length < bytes.length, form)
    }
  }
  // But for the shortest, which get longer.
  assert.ok(packed >= files.length, `${packed} of ${files.length} files, in two forms`)
})
