import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { VmView } from '../server/views/vms.ts'
import { factsText } from './vm-text.ts'

/** The line that says whom it is kept apart from. */
function line(mates: Pick<VmView, 'groupMates' | 'groupMatesLeftOut'>): string | undefined {
  return /^never with .*$/m.exec(factsText({ vm: 'db-1', state: 'good', antiAffinityGroup: 'db', ...mates }))?.[0]
}

test('whom a VM never shares a host with stands beside it, with the name of the group and who says so', () => {
  assert.equal(line({ groupMates: ['db-2', 'db-3'] }), 'never with   db-2, db-3 (group db, its host says)')
  assert.equal(
    line({ groupMates: ['db-2'], groupMatesLeftOut: 1200 }),
    'never with   db-2 and 1200 more (group db, its host says)',
  )
  assert.equal(line({ groupMates: [] }), 'never with   nobody: it is alone (group db, its host says)')
})

test('a VM that is bound by nothing has no line that says so; one that is pinned has', () => {
  const free = { vm: 'web-1', state: 'good' } as const
  assert.doesNotMatch(factsText(free), /never with|pinned/)
  assert.match(factsText({ ...free, isPinned: true }), /^pinned +it stays where it is, its host says$/m)
})
