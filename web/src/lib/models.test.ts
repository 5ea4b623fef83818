import assert from 'node:assert/strict'
import { test } from 'node:test'
import { contentionModelText, outlookModelsText, planModelsText } from './models.ts'

test('each figure of a plan names the model that it comes from', () => {
  assert.equal(
    planModelsText({ forecast: 'a', suitability: 'b', cost: 'c' }),
    'Models: demand ahead a; gain and confidence b; what a migration takes c.',
  )
})

test('what is ahead of hosts names its models, and none before it was told', () => {
  const outlook = { models: { demand: 'd', contention: 'e' } }
  assert.equal(outlookModelsText(outlook), 'Models: demand ahead d; contention e.')
  assert.equal(contentionModelText(outlook), 'Model of contention: e.')
  assert.deepEqual([outlookModelsText(undefined), contentionModelText(undefined)], ['', ''])
})
