import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileRunes } from '../../tools/web/runes.ts'

compileRunes()
const { PLACES } = await import('./lib/router.svelte.ts')
const { pageOf, titleOf } = await import('./pages.ts')

test('every place but the sign-in is a page, and each has a title of its own', () => {
  assert.deepEqual(
    PLACES.filter((place) => pageOf(place) === undefined),
    ['sign-in'],
  )
  const titles = PLACES.map((place) => titleOf({ place }))
  assert.equal(new Set(titles).size, PLACES.length)
  assert.ok(titles.every((title) => title.endsWith(' – Ethos') && !title.startsWith('No such page')))
})

test('a title begins with the name that the page is about', () => {
  assert.equal(titleOf({ place: 'host', name: 'kvm-1' }), 'kvm-1 – Host – Ethos')
  assert.equal(titleOf({ place: 'cluster' }), 'Cluster – Ethos')
  assert.equal(titleOf(undefined), 'No such page – Ethos')
})

test('a name that would turn the title around does not', () => {
  assert.equal(titleOf({ place: 'vm', name: '\u202Eevil\n' }), '\uFFFDevil\uFFFD – VM – Ethos')
})
