import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ApiFailure } from './api.ts'
import { failureTexts, type Heard, shortText, Together } from './heard.ts'

let asked: string[] = []

function aHeard<T>(name: string, parts: Partial<Heard<T>>): Heard<T> {
  const { value, failure } = parts
  return {
    value: undefined,
    failure: undefined,
    isStale: value !== undefined && failure !== undefined,
    isLoading: false,
    heardAt: undefined,
    again: () => asked.push(name),
    ...parts,
  }
}

const down = new ApiFailure(503, { message: 'Not ready.' })

test('of several nothing is told until all of them are known', () => {
  const first = aHeard<number>('first', { value: 0 })
  assert.equal(new Together(() => [first, aHeard<string>('second', {})]).value, undefined)
  assert.deepEqual(new Together(() => [first, aHeard('second', { value: '' })]).value, [0, ''])
})

test('of several that can not all be had, the failure is told, and only what failed is asked again', () => {
  asked = []
  const both = new Together(() => [
    aHeard<number>('first', { value: 1, heardAt: 10 }),
    aHeard<number>('second', { failure: down, isLoading: true }),
  ])
  assert.deepEqual([both.value, both.failure, both.isStale, both.isLoading], [undefined, down, false, true])
  both.again()
  assert.deepEqual(asked, ['second'])
})

test('several that were told are as old as the oldest that can not be asked since', () => {
  const both = new Together(() => [
    aHeard<number>('first', { value: 1, heardAt: 10 }),
    aHeard<number>('second', { value: 2, heardAt: 30, failure: down }),
  ])
  assert.deepEqual([both.value, both.isStale, both.heardAt], [[1, 2], true, 30])
})

test('a figure that is not known yet, one that can not be had, and zero are three things', () => {
  assert.equal(shortText(undefined, String), '…')
  assert.equal(shortText(aHeard<number>('a', {}), String), '…')
  assert.equal(shortText(aHeard<number>('a', { failure: down }), String), 'not known')
  assert.equal(shortText(aHeard('a', { value: 0, failure: down }), String), '0')
})

test('what can not be asked is told once a reason, and what is shown of it is old', () => {
  const gone = new ApiFailure(0, { message: 'The server does not answer.' })
  const texts = failureTexts({
    'how the server is': aHeard('a', { value: 1, failure: gone }),
    'the alerts': aHeard('b', { failure: gone }),
    'the level of automation': aHeard('c', { failure: down }),
    'the plan': aHeard('d', { value: 1 }),
    'the rest': undefined,
  })
  assert.deepEqual(texts, [
    'Can’t be asked now: how the server is (old), the alerts. The server does not answer.',
    'Can’t be asked now: the level of automation. Not ready.',
  ])
})
